"""Shoppers: they search, look, fill a cart, check out and pay, and at each step some leave.

So the events of a session make a funnel from listing viewed to order placed.
"""

from random import Random

from local.generate.market import Listing, Market, Product, money
from local.generate.visit import EVEN, SELDOM, Hour, Visit

# How likely each step is, in the order of a visit.
SIGNED_IN, SIGNS_IN_FIRST, CRASHES = 0.55, 0.12, 0.012
SEARCHES, NEXT_PAGE, LEAVES = 0.62, 0.25, 0.42
FILTERS, SUGGESTED = 0.3, 0.2
FAVORITES, ADDS, REMOVES, SEVERAL = 0.07, 0.09, 0.18, 0.15
CHECKS_OUT, SIGNS_UP, PAYS, FAILS, PAYS_AGAIN = 0.5, 0.3, 0.8, 0.12, 0.6
COUPON, GIFT, BY_CARD, CANCELS = 0.15, 0.08, 0.7, 0.04


class Shopper(Visit):
    """Somebody who may buy."""

    def __init__(self, hour: Hour, start: int, market: Market, dice: Random) -> None:
        super().__init__(hour, start, market, dice)
        self._cart_id = ""
        self._cart: list[tuple[Listing, int]] = []

    def happen(self) -> None:
        """Search, look, fill the cart and perhaps order, until the shopper leaves."""
        if self._odds() < SIGNED_IN:
            self._become(self._account())
            if self._odds() < SIGNS_IN_FIRST:
                self._sign_in()
        self._page()
        while True:
            self._look_for(self._one_of(self._market.products))
            if self._odds() < LEAVES:
                break
            self._page()
        if self._odds() < CRASHES:
            self._crash()
        if self._cart and self._odds() < CHECKS_OUT:
            self._check_out()

    def _look_for(self, product: Product) -> None:
        searched = self._odds() < SEARCHES
        if searched:
            self._search(product, 1)
            if self._odds() < NEXT_PAGE:
                self._search(product, 2)
        for _ in range(int(self._odds() * 4)):
            # The first results get most of the attention.
            position = int(len(product.listings) * self._odds() ** 3)
            listing = product.listings[position]
            origin = f'"source":"search","position":{position + 1}' if searched else '"source":"home"'
            self._add("listing_viewed", f'{{"listing":{listing.facts},{origin}}}', 25_000)
            if self._user and self._odds() < FAVORITES:
                self._favorite(listing)
            if self._odds() < ADDS:
                self._put_into_cart(listing)

    def _search(self, product: Product, page: int) -> None:
        extra = ""
        if self._odds() < FILTERS:
            price = money(product.listings[0].cents * 2)
            filters = (
                f'{{"category":"{product.category}","price":{{"max":{price}}},"condition":["new","used"]}}'
            )
            extra = f',"filters":{filters}'
        if self._odds() < SUGGESTED:
            extra += ',"suggested":true'
        query = self._one_of(product.queries)
        properties = (
            f'{{"query":{query},"results":{self._number(9)},"page":{page},"sort":"relevance"{extra},'
            f'"took_ms":{self._odds() * 90:.3f}}}'
        )
        self._add("search_performed", properties, 12_000)

    def _favorite(self, listing: Listing) -> None:
        name = f',"wish list":{self._one_of(self._market.wish_lists)}' if self._odds() < EVEN else ""
        self._add("listing_favorited", f'{{"listing":{listing.facts}{name}}}', 6_000)

    def _put_into_cart(self, listing: Listing) -> None:
        self._cart_id = self._cart_id or f"{self._dice.getrandbits(48):012x}"
        quantity = 1 if self._odds() > SEVERAL else 2 + int(self._odds() * 4)
        options = (
            f',"options":{{"colour":{self._one_of(self._market.colours)}}}' if self._odds() < EVEN else ""
        )
        item = f'{{"cart_id":"{self._cart_id}","listing":{{"id":{listing.id}}},"quantity":{quantity}'
        price = f'"unit_price":{money(listing.cents)},"currency":"{self._market.currency}"'
        self._add("cart_item_added", f"{item},{price}{options}}}", 9_000)
        if self._odds() < REMOVES:
            reason = ',"reason":"changed my mind"' if self._odds() < EVEN else ""
            self._add("cart_item_removed", f'{item},"seconds_in_cart":{self._number(7)}{reason}}}', 20_000)
        else:
            self._cart.append((listing, quantity))

    def _check_out(self) -> None:
        subtotal = sum(listing.cents * quantity for listing, quantity in self._cart)
        items = ",".join(
            f'{{"listing_id":{listing.id},"quantity":{quantity},"unit_price":{money(listing.cents)}}}'
            for listing, quantity in self._cart
        )
        coupon = ',"coupon":"WELCOME10"' if self._odds() < COUPON else ""
        currency = f'"currency":"{self._market.currency}"'
        count = f'"item_count":{len(self._cart)}'
        self._add(
            "checkout_started",
            f'{{"cart_id":"{self._cart_id}",{count},"subtotal":{money(subtotal)},{currency},"items":[{items}]{coupon}}}',
            15_000,
        )
        if self._user is None:
            self._become(self._account())
            if self._odds() < SIGNS_UP:
                self._sign_up()
            else:
                self._sign_in()
        if self._odds() < PAYS:
            self._pay(subtotal, f'{count},{currency},"items":[{items}]')

    def _sign_up(self) -> None:
        optional = ""
        if self._odds() < EVEN:
            optional = f',"birth_date":"{1950 + self._number(5)}-0{1 + self._number(3)}-17"'
        if self._odds() < SELDOM:
            optional += ',"campaign":{"utm_campaign":"été 2025"},"interests":["art","vélo"]'
            optional += ',"referral_code":"FRIEND-7"'
        properties = (
            f'{{"method":"email","name":{self._one_of(self._market.names)},"email_domain":"mail.example",'
            f'"newsletter":{"true" if self._odds() < SELDOM else "false"}{optional}}}'
        )
        self._add("user_signed_up", properties, 50_000)

    def _pay(self, subtotal: int, goods: str) -> None:
        order, shipping = self._number(40), 490
        amount = f'"amount":{money(subtotal + shipping)},"currency":"{self._market.currency}"'
        for attempt in (1, 2):
            payment = f'"payment_id":"p{self._dice.getrandbits(48):012x}","order_id":{order},{amount}'
            self._submit_payment(payment)
            if self._odds() >= FAILS:
                break
            self._fail_payment(payment, attempt)
            if self._odds() >= PAYS_AGAIN:
                return
        else:
            return
        self._place_order(order, subtotal, shipping, goods)

    def _place_order(self, order: int, subtotal: int, shipping: int, goods: str) -> None:
        gift = ',"gift":true' if self._odds() < GIFT else ""
        address = (
            f'{{"country":"{self._market.country}","city":{self._one_of(self._market.cities)},'
            f'"postal_code":"{self._number(16):05d}"}}'
        )
        amounts = (
            f'"total":{money(subtotal + shipping)},"shipping":{money(shipping)},'
            f'"tax":{money(subtotal * 19 // 119)}'
        )
        properties = (
            f'{{"order_id":{order},"order_number":"M-{order:013d}",{goods},{amounts}{gift},'
            f'"promised_on":"{self._hour.day(4)}","address":{address}}}'
        )
        self._add("order_placed", properties, 3_000)
        if self._odds() < CANCELS:
            self._cancel(order)

    def _submit_payment(self, payment: str) -> None:
        method = '{"kind":"wallet"}'
        if self._odds() < BY_CARD:
            card = f'{{"brand":"visa","last4":"{self._number(13):04d}"}}'
            method = f'{{"kind":"card","card":{card}}}'
        instalments = f',"instalments":{3 + int(self._odds() * 9)}' if self._odds() < SELDOM else ""
        moment = self._hour.local(self._now, self._market.utc_offset)
        properties = (
            f'{{{payment},"method":{method}{instalments},"risk_score":{self._odds():.6f},'
            f'"submitted_at":"{moment}"}}'
        )
        self._add("payment_submitted", properties, 4_000)

    def _fail_payment(self, payment: str, attempt: int) -> None:
        error = '{"code":"insufficient_funds","message":"Refused by the bank","retryable":false}'
        if self._odds() < EVEN:
            error = '{"code":"timeout","message":"No answer within 10 s","retryable":true}'
        gateway = ',"gateway":{"name":"acme","raw":{"rc":"51","trace":[1,2,{"hop":"eu-1"}]}}'
        properties = (
            f'{{{payment},"error":{error},"attempt":{attempt}{gateway if self._odds() < EVEN else ""}}}'
        )
        self._add("payment_failed", properties, 30_000)

    def _crash(self) -> None:
        frames = '[{"function":"Cart.render","line":218},{"function":"View.draw(_:)","file":"View.swift"}]'
        stack = f',"stack":{frames}' if self._odds() > SELDOM else ""
        properties = (
            f'{{"crashed_ms":{self._hour.epoch_ms + self._now},"exception":"IndexOutOfRange",'
            f'"message":"index 3 of 3\\n\\tin cart"{stack},"memory_mb":{self._odds() * 900:.1f},'
            f'"free_disk_bytes":{self._number(38)},"uptime_s":{self._odds() * 5e4:.6f},"foreground":true}}'
        )
        self._add("app_crashed", properties, 500)
