"""The marketplace before anything happens in it: its people, devices, products and listings.

Everything is rendered to JSON here, once, so that an event is a few pieces put together.
"""

import functools
import json
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml

VOCABULARY = Path(__file__).with_name("vocabulary.yaml")
USERS_PER_SHARE = 200
LISTINGS_PER_PRODUCT = 60
DEVICES_PER_MARKET = 120
PAGES_PER_MARKET = 80
REFERRERS = (
    "https://www.example.org/search?q=",
    "https://news.example.net/",
    "android-app://com.example.chat/",
)
CAMPAIGNS = (
    {"utm_source": "newsletter", "utm_campaign": "spring sale 🌷"},
    {"utm_source": "ads", "utm_id": 4711},
)
SUFFIXES = ("", "", "", "", " used", " xl", " cheap", "!")


class Listing(NamedTuple):
    """Something for sale. `facts` is its JSON object, `cents` its price in hundredths of the currency."""

    id: int
    cents: int
    facts: str


class Product(NamedTuple):
    """What is searched for, and the listings that answer. The queries are JSON texts."""

    queries: list[str]
    category: str
    listings: list[Listing]


class User(NamedTuple):
    """A person with an account. `facts` is the JSON object."""

    id: int
    facts: str


class Market(NamedTuple):
    """A language's share of the marketplace. Texts are JSON; a product stands as often as it is wanted."""

    locale: str
    country: str
    currency: str
    utc_offset: float
    products: list[Product]
    users: list[User]
    devices: list[str]
    pages: list[str]
    cities: list[str]
    names: list[str]
    wish_lists: list[str]
    phrases: list[str]
    colours: list[str]


def as_json(value: object) -> str:
    """Return `value` as compact JSON in UTF-8, not escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def money(cents: int) -> str:
    """Return an amount as a JSON number with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}"


@functools.lru_cache(maxsize=2)
def markets(seed: int) -> list[Market]:
    """Return the markets, each as often as its share of a hundred says; equal seeds give equal markets."""
    vocabulary = yaml.safe_load(VOCABULARY.read_text(encoding="utf-8"))
    dice = Random(f"{seed}/market")  # noqa: S311 - made up, not secret
    shares: list[Market] = []
    for words in vocabulary["markets"]:
        shares.extend([_market({**vocabulary["everywhere"], **words}, vocabulary, dice)] * words["share"])
    return shares


def _market(words: dict[str, Any], vocabulary: dict[str, Any], dice: Random) -> Market:
    everywhere = vocabulary["everywhere"]["searches"]
    # The first of the market's own searches comes before what everybody wants.
    wanted = [words["searches"][0], *everywhere, *words["searches"][1:]]
    return Market(
        locale=words["locale"],
        country=words["countries"][0],
        currency=words["currency"],
        utc_offset=words["utc_offset"],
        products=_by_demand([_product(search, words, dice) for search in wanted]),
        users=[_user(words, dice) for _ in range(words["share"] * USERS_PER_SHARE)],
        devices=[_device(words, dice) for _ in range(DEVICES_PER_MARKET)],
        pages=[_page(words, dice) for _ in range(PAGES_PER_MARKET)],
        cities=[as_json(city) for city in words["cities"]],
        names=[as_json(name) for name in words["names"]],
        wish_lists=[as_json(name) for name in words["wish_lists"]],
        phrases=[as_json(phrase)[1:-1] for phrase in words["phrases"]],
        colours=[as_json(colour) for colour in words["colours"]],
    )


def _by_demand(products: list[Product]) -> list[Product]:
    """Return each product as often as Zipf's law says: the second half as often as the first."""
    return [product for rank, product in enumerate(products, start=1) for _ in range(round(60 / rank))]


def _product(search: list[Any], words: dict[str, Any], dice: Random) -> Product:
    query, category, title, euros = search
    spellings = [query, query, query, query.title(), query.upper(), f" {query}"]
    queries = [dice.choice(spellings) + dice.choice(SUFFIXES) for _ in range(40)]
    cents = euros * words["per_euro"] * 100
    return Product(
        # Producers escape or don't; both are JSON.
        queries=[json.dumps(text, ensure_ascii=dice.random() < 1 / 4) for text in queries],
        category=category,
        listings=[_listing(title, category, cents, words, dice) for _ in range(LISTINGS_PER_PRODUCT)],
    )


def _listing(title: str, category: str, cents: float, words: dict[str, Any], dice: Random) -> Listing:
    number = dice.randrange(10**9, 10**10)
    price = max(100, int(cents * dice.uniform(0.5, 1.4)) // 10 * 10 - 1)
    facts: dict[str, Any] = {
        "id": number,
        "seller_id": dice.randrange(10**6, 10**7),
        "title": f"{title} {dice.choice(['', '', '· ' + dice.choice(words['colours']), '✨'])}".strip(),
        "category": category,
        "price": 0,
        "currency": words["currency"],
    }
    if dice.random() < 3 / 4:
        facts["tags"] = dice.sample(words["tags"], k=dice.randrange(1, 4))
    text = json.dumps(facts, ensure_ascii=dice.random() < 1 / 4, separators=(",", ":"))
    return Listing(number, price, text.replace('"price":0', f'"price":{money(price)}', 1))


def _user(words: dict[str, Any], dice: Random) -> User:
    number = dice.randrange(10**6, 10**8)
    facts: dict[str, Any] = {"id": number, "country": dice.choice(words["countries"])}
    if dice.random() < 1 / 2:
        facts["plan"] = {"name": dice.choice(["plus", "pro"]), "since": f"20{dice.randrange(18, 26)}-03-01"}
    if dice.random() < 2 / 3:
        facts["display_name"] = dice.choice(words["names"])
    if dice.random() < 1 / 3:
        facts["segments"] = dice.sample(["b2b", "lapsed", "new", "whale", "test/β"], k=2)
    return User(number, as_json(facts))


def _device(words: dict[str, Any], dice: Random) -> str:
    kind = dice.choice(words["platforms"])
    device: dict[str, Any] = {
        "id": f"{dice.getrandbits(64):016x}",
        "platform": kind["platform"],
        "os.version": kind["os"],
        "locale": words["locale"],
        "screen": kind["screen"],
    }
    version = f"{dice.randrange(5, 8)}.{dice.randrange(0, 30)}.{dice.randrange(0, 4)}"
    if kind["platform"] == "web":
        device["browser"] = {"name": kind["browser"], "version": f"{dice.randrange(118, 140)}.0"}
        device["user agent"] = f"Mozilla/5.0 ({kind['browser']}; {words['locale']}) Gecko/20100101"
    else:
        device |= {
            "model": kind["model"],
            "app_version": version,
            "network": dice.choice(["wifi", "5g", None]),
        }
    return as_json(device)


def _page(words: dict[str, Any], dice: Random) -> str:
    """Return the beginning of a page's JSON object; its load time is still to be added."""
    page = dice.choice(["home", "home", "home", "category", "category", "help", "seller", "account"])
    facts: dict[str, Any] = {"page": page, "url": f"https://market.example/{words['locale']}/{page}"}
    if dice.random() < 1 / 3:
        facts["referrer"] = dice.choice(REFERRERS) + dice.choice(words["searches"])[0].replace(" ", "+")
    if dice.random() < 1 / 5:
        facts["campaign"] = dice.choice(CAMPAIGNS)
    if dice.random() < 1 / 2:
        facts["experiments"] = {"new checkout": dice.choice(["a", "b"]), "nav.v2": True}
    return as_json(facts)[:-1]
