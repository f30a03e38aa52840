"""Sellers, buyers after the sale, and couriers."""

from local.generate.market import Listing, money
from local.generate.visit import EVEN, SELDOM, Visit


class Seller(Visit):
    """Somebody who has something to sell."""

    def happen(self) -> None:
        """Put up and change listings, and answer."""
        self._become(self._account())
        self._sign_in()
        self._create_listing()
        for revision in range(1, int(self._odds() * 4)):
            self._update_listing(revision)
        self._message(self._listing())

    def _create_listing(self) -> None:
        listing = self._listing()
        photos = ",".join(f'{{"key":"p/{self._number(48):x}.jpg","size":[1200,900]}}' for _ in range(3))
        abroad = "true" if self._odds() < EVEN else "false"
        facts = (
            f'{listing.facts[:-1]},"description":"{self._text()} {self._text()}",'
            f'"quantity":{self._number(4)},"condition":"used","available_from":"{self._hour.day(1)}",'
            f'"shipping":{{"abroad":{abroad}}},"location":{self._location()},"photos":[{photos}]}}'
        )
        self._add("listing_created", f'{{"listing":{facts}}}', 240_000)

    def _update_listing(self, revision: int) -> None:
        listing = self._listing()
        prices = f'{{"old":{money(listing.cents)},"new":{money(listing.cents * 9 // 10)}}}'
        change = (
            f'"fields":["price"],"price":{prices}' if self._odds() < EVEN else '"fields":["title","photos"]'
        )
        bulk = ',"bulk":true' if self._odds() < SELDOM else ""
        properties = f'{{"listing":{{"id":{listing.id}}},"revision":{revision},{change}{bulk}}}'
        self._add("listing_updated", properties, 40_000)


class Owner(Visit):
    """Somebody who has bought something."""

    def happen(self) -> None:
        """Review what was bought, write to its seller, or give it back."""
        self._become(self._account())
        self._page()
        listing = self._listing()
        if self._odds() < EVEN:
            self._review(listing)
        else:
            self._message(listing)
        if self._odds() < SELDOM:
            self._cancel(self._number(40))

    def _review(self, listing: Listing) -> None:
        title = f',"title":"{self._text()}"' if self._odds() < EVEN else ""
        aspects = ',"aspects":{"as described":5,"shipping":4.5}' if self._odds() < EVEN else ""
        properties = (
            f'{{"review_id":{self._number(40)},"listing":{{"id":{listing.id}}},"order_id":{self._number(40)},'
            f'"rating":{5 - int(5 * self._odds() ** 3)}{title},"body":"{self._text()} {self._text()}",'
            f'"language":"{self._market.locale[:2]}","verified":true,"photo_count":{self._number(2)}{aspects}}}'
        )
        self._add("review_posted", properties, 90_000)


class Courier(Visit):
    """A courier's system: it has neither session nor device."""

    def happen(self) -> None:
        """Ship and deliver orders. No session and no device: couriers' systems report it."""
        for _ in range(1 + int(self._odds() * 4)):
            self._user = self._account()
            self._who = f'"user":{self._user.facts},'
            if self._odds() < EVEN:
                self._ship()
            else:
                self._deliver()

    def _ship(self) -> None:
        weight = self._odds() * 12
        picked_up = self._hour.epoch_ms + self._now - 90_000
        tracking = (
            f'{{"number":"{self._number(60):018d}","picked_up_ms":{picked_up},'
            f'"due_on":"{self._hour.day(3)}"}}'
        )
        properties = (
            f'{{"order_id":{self._number(40)},"carrier":"Pošta & Söhne","tracking":{tracking},'
            f'"weight_kg":{weight:.2f},"parcels":[{{"kg":{weight:.2f},"cm":[30,20,12.5]}}]}}'
        )
        self._add("order_shipped", properties, 1_000)

    def _deliver(self) -> None:
        name = f',"received_by":{self._one_of(self._market.names)}' if self._odds() < EVEN else ""
        clock = self._hour.local(self._now, self._market.utc_offset)
        on_time = "true" if self._odds() > SELDOM else "false"
        properties = (
            f'{{"order_id":{self._number(40)},"delivered_at":"{clock}","on_time":{on_time},'
            f'"days_in_transit":{self._odds() * 6:.2f}{name},"location":{self._location()}}}'
        )
        self._add("order_delivered", properties, 1_000)
