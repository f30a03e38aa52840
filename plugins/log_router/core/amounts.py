"""Amounts as a person reads them: counts, bytes, time spans."""

_STEP = 1024


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 row`, `2,000 rows`; `plural` where it takes more than an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def size(number: int) -> str:
    """Return bytes as a person reads them."""
    amount = float(number)
    for unit in ("B", "KiB", "MiB"):
        if amount < _STEP:
            return f"{amount:,.0f} {unit}"
        amount /= _STEP
    return f"{amount:,.1f} GiB" if amount < _STEP else f"{amount / _STEP:,.1f} TiB"


def duration(seconds: float) -> str:
    """Return a time span as a person reads it: `4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    left = round(abs(seconds))
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, left = divmod(left, length)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return ("-" if round(seconds) < 0 else "") + " ".join(parts[:2])
