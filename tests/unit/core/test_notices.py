"""Notices: every body that AWS sends is read, and what is no notice is told from it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.errors import ForeignBody, NeedsAction
from log_router.core.notices import Notice, read, sort_out

CASES = Path(__file__).resolve().parents[2] / "cases" / "notices"
BUCKET, PREFIX = "raw-events", "raw/%Y/%m/%d/%H/"
BRIDGED = json.loads((CASES / "eventbridge.json").read_text())[0]["body"]
RECORD = json.loads((CASES / "s3.json").read_text())[0]["body"]


def cases(*, foreign: bool) -> list[Any]:
    """Return the cases of bodies that are foreign, or of those that are not."""
    return [
        pytest.param(case, id=f"{path.stem}-{case['name']}")
        for path in sorted(CASES.glob("*.json"))
        for case in json.loads(path.read_text())
        if ("foreign" in case) == foreign
    ]


def text_of(body: object) -> str:
    """Return a body as it comes: one that is written as JSON, as its text."""
    return body if isinstance(body, str) else json.dumps(body)


@pytest.mark.parametrize("case", cases(foreign=False))
def test_a_body_becomes_notices(case: dict[str, Any]) -> None:
    """Each created object with its key as it is; the rest counted by reason; both sorted out by bucket and prefix."""
    reading = read(text_of(case["body"]))
    wanted = [Notice(**made | {"at": datetime.fromisoformat(made["at"])}) for made in case.get("created", [])]
    assert reading.created == tuple(wanted)
    assert reading.ignored == case.get("ignored", {})
    found = sort_out(reading.created, BUCKET, PREFIX)
    assert found.others == case.get("others", {})
    # in each case, what is not ours comes first
    assert found.ours == tuple(wanted[sum(found.others.values()) :])


@pytest.mark.parametrize("case", cases(foreign=True))
def test_a_foreign_body_is_refused_with_its_head(case: dict[str, Any]) -> None:
    """A person sees how it begins, on one line of printable characters, and why it is none."""
    body = text_of(case["body"])
    with pytest.raises(ForeignBody) as caught:
        read(body)
    assert isinstance(caught.value, NeedsAction)
    assert case["foreign"] in str(caught.value)
    assert str(caught.value).isprintable()
    assert f"begins {body[:200]!r} is no notice" in str(caught.value)


@pytest.mark.parametrize("start", ['{"detail":', '{"Records":', "", '{"Type":"Notification","Message":'])
def test_a_deeply_nested_body_is_foreign(start: str) -> None:
    """It ends no worker."""
    with pytest.raises(ForeignBody):
        read(start + "[" * 500_000)


def test_a_body_of_the_largest_size_is_read() -> None:
    """SQS takes 1 MiB (Amazon SQS Developer Guide, "Message quotas"): some hundred bytes a record, or none at all."""
    number = 1024 * 1024 // len(json.dumps(RECORD))
    assert len(read(json.dumps({"Records": RECORD["Records"] * number})).created) == number
    with pytest.raises(ForeignBody) as caught:
        read("\u2028" * (1024 * 1024))
    assert len(str(caught.value)) < 2000


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_key_comes_out_as_it_is(key: str) -> None:
    """Encoded as S3 does, or told by EventBridge, which does not encode."""
    record = RECORD["Records"][0]
    record["s3"]["object"]["key"] = quote_plus(key, safe="/")
    BRIDGED["detail"]["object"]["key"] = key
    for body in ({"Records": [record]}, BRIDGED):
        (notice,) = read(json.dumps(body)).created
        assert notice.key == key


@pytest.mark.parametrize(
    "template",
    [
        "%y%m%d%H-",
        "%G-W%V-%u/%H/",
        "%Y%j%H",
        "%F/%T",
        "raw/%-d.%-m.%Y/%-H/",
        "dt=%Y-%m-%d/hour=%H/",
        "%B %e, %Y %I%p/",
    ],
)
@pytest.mark.parametrize("hour", ["2024-12-30T23:00Z", "2027-01-01T05:00Z"])
def test_keys_below_any_template_are_ours(template: str, hour: str) -> None:
    """Whatever strftime makes of an hour, its week's year being another or not; with a letter in front they are not."""
    prefix = datetime.fromisoformat(hour).strftime(template)
    for key, ours in ((prefix, 1), (f"{prefix}1999/a.json", 1), (f"x{prefix}a", 0), (prefix[:-1], 0)):
        notice = Notice(BUCKET, key, datetime.fromisoformat(hour), 1)
        assert len(sort_out([notice], BUCKET, template).ours) == ours


def test_keys_of_something_else_are_told_quickly() -> None:
    """Digits that could be years are no reason to try each of a century: these keys took minutes."""
    at = datetime.fromisoformat("2026-01-31T13:00Z")
    many = "".join(f"{number:02}" for number in range(100))
    notices = [Notice(BUCKET, f"raw/other/{many}-{n}", at, 1) for n in range(300)]
    assert sort_out(notices, BUCKET, "raw/%y/%m/%d/%H/").others == {"outside raw_prefix": 300}
