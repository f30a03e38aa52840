"""A visit to the marketplace: one person on one device, the events in their order, as lines of JSON."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from random import Random
from typing import NamedTuple, TypeVar

from local.generate.market import Listing, Market, User, as_json, money

HOUR_MS = 3_600_000
EVEN, SELDOM = 0.5, 0.2
_Item = TypeVar("_Item")


class Line(NamedTuple):
    """One event: the second of the hour it happens in, its event type, its JSON."""

    second: int
    event: str
    text: str


class Hour:
    """An hour of the calendar, and its moments as events write them. Moments are milliseconds of the hour."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.epoch_ms = int(start.timestamp() * 1000)
        self._seconds = [f"{start:%Y-%m-%dT%H}:{s // 60:02d}:{s % 60:02d}" for s in range(3600)]

    def iso(self, moment: int) -> str:
        """Return the moment in UTC, to the millisecond."""
        return f"{self._seconds[moment // 1000]}.{moment % 1000:03d}Z"

    def local(self, moment: int, utc_offset: float) -> str:
        """Return the moment by a clock that is `utc_offset` hours ahead."""
        zone = timezone(timedelta(hours=utc_offset))
        return (
            (self.start + timedelta(milliseconds=moment)).astimezone(zone).isoformat(timespec="milliseconds")
        )

    def day(self, after: int) -> str:
        """Return the date so many days after the hour's."""
        return f"{self.start + timedelta(days=after):%Y-%m-%d}"


class Visit:
    """What every kind of visit is made of. Properties are JSON objects, put together from JSON texts."""

    def __init__(self, hour: Hour, start: int, market: Market, dice: Random) -> None:
        self.lines: list[Line] = []
        self._hour, self._now, self._market, self._dice = hour, start, market, dice
        self._odds = dice.random
        self._session = f'"session_id":"{dice.getrandbits(64):016x}",'
        self._device = f'"device":{self._one_of(market.devices)},'
        self._user: User | None = None
        self._who = self._session + self._device

    def happen(self) -> None:
        """Let the visit take its course: fill `lines`."""
        raise NotImplementedError

    # What anybody may do.

    def _page(self) -> None:
        page = self._one_of(self._market.pages)
        self._add("page_viewed", f'{page},"load_ms":{80 + self._odds() * 1500:.1f}}}', 8_000)

    def _sign_in(self) -> None:
        ip = (
            f'"ip":"203.0.113.{self._number(7)}"'
            if self._odds() < EVEN
            else f'"ip":"2001:db8::{self._number(16):x}"'
        )
        second = ',"second_factor":true' if self._odds() < SELDOM else ',"failed_attempts":1'
        clock = self._hour.epoch_ms + self._now + self._number(10)
        self._add("user_signed_in", f'{{"method":"password",{ip}{second},"client_ms":{clock}}}', 15_000)

    def _message(self, listing: Listing) -> None:
        extra = ""
        if self._odds() < SELDOM:
            price = f'"amount":{money(listing.cents * 8 // 10)},"currency":"{self._market.currency}"'
            extra = f',"offer":{{{price}}}'
        if self._odds() < SELDOM:
            extra += ',"attachments":[{"kind":"photo","bytes":184223}]'
        properties = (
            f'{{"recipient_id":{self._account().id},"thread_id":{self._number(40)},"listing_id":{listing.id},'
            f'"body":"{self._text()}"{extra}}}'
        )
        self._add("message_sent", properties, 45_000)

    def _cancel(self, order: int) -> None:
        note = f',"note":"{self._text()}"' if self._odds() < EVEN else ""
        by = "buyer" if self._odds() < EVEN else "seller"
        refund = f'"refund":{money(self._number(17))},"currency":"{self._market.currency}"'
        properties = f'{{"order_id":{order},"cancelled_by":"{by}","reason":"not needed",{refund}{note}}}'
        self._add("order_cancelled", properties, 60_000)

    # What it is made of.

    def _add(self, event: str, properties: str, pause: int) -> None:
        """Write one event; the next is up to twice `pause` milliseconds later."""
        now = self._now
        if now >= HOUR_MS:
            return
        digits = f"{self._dice.getrandbits(128):032x}"
        uuid = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
        text = (
            f'{{"event":"{event}","id":"{uuid}","occurred_at":"{self._hour.iso(now)}",{self._who}'
            f'"properties":{properties}}}'
        )
        self.lines.append(Line(now // 1000, event, text))
        self._now = now + 1 + int(pause * 2 * self._odds())

    def _become(self, user: User) -> None:
        self._user = user
        self._who = f'{self._session}"user":{user.facts},{self._device}'

    def _account(self) -> User:
        users = self._market.users
        return users[int(len(users) * self._odds() ** 2)]

    def _listing(self) -> Listing:
        return self._one_of(self._one_of(self._market.products).listings)

    def _one_of(self, items: Sequence[_Item]) -> _Item:
        return items[int(self._odds() * len(items))]

    def _number(self, bits: int) -> int:
        return self._dice.getrandbits(bits)

    def _text(self) -> str:
        return self._one_of(self._market.phrases)

    def _location(self) -> str:
        return as_json({"lat": round(self._odds() * 140 - 70, 6), "lon": round(self._odds() * 360 - 180, 6)})
