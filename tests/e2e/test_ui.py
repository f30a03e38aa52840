"""Airflow's UI as a person uses it: forms that refuse nonsense, and pages that say what a run did."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from local.airflow_api import FINISHED, ApiError
from local.stack import RAW_BUCKET, STAGING_BUCKET, Stack
from tests.e2e.airflow import BULK, catalog, contents, runs, start, until
from tests.e2e.browser import opened, pick, picker, signed_in

DAY = datetime(2025, 5, 1, tzinfo=UTC)
RANGE = {"from": "2025-05-01T00:00:00Z", "to": "2025-05-01T03:00:00Z"}
LINES: list[dict[str, Any]] = [
    *({"event": "page_viewed", "id": number} for number in range(5)),
    {"event": "page_viewed", "id": "<script>alert(1)</script>"},
    {"event": "order_placed", "id": 7},
    {"event": "<b>nobody</b>"},
]

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def config(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a catalog of two events, and one raw object that holds both, a bad line and an unknown event."""
    folder = tmp_path_factory.mktemp("ui")
    (folder / "events").mkdir()
    for event in ("page_viewed", "order_placed"):
        (folder / "events" / f"{event}.yaml").write_text("columns: [{name: id, type: bigint}]\n")
    settings = {
        "raw_bucket": RAW_BUCKET,
        "raw_prefix": "ui/%Y/%m/%d/%H/",
        "event_key": "event",
        "staging_bucket": STAGING_BUCKET,
        "schema": "ui",
        "ledger_schema": "ui_ledger",
        "grace_seconds": 0,
        "max_quarantined_share": 1,
    }
    (folder / "settings.yaml").write_text(json.dumps(settings))
    body = gzip.compress(b"\n".join(json.dumps(line).encode() for line in LINES))
    stack.s3().put_object(Bucket=RAW_BUCKET, Key="ui/2025/05/01/01/events.json.gz", Body=body)
    with catalog(stack, folder) as config:
        stack.api.patch(f"/dags/{BULK}", {"is_paused": False})
        yield config
        stack.api.patch(f"/dags/{BULK}", {"is_paused": True})


def address(run_id: str, page: str = "") -> str:
    """Return the path of a page of a run."""
    return f"/log-router/dags/{BULK}/runs/{quote(run_id, safe='')}{page}"


def token(stack: Stack) -> str:
    """Return what a client signs in with."""
    return str(stack.api._send("POST", "/auth/token", stack.api._sign_in, {})["access_token"])


def text_of(stack: Stack, path: str, token: str | None = None) -> str:
    """Return a page's HTML, or the status that came in its place."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = httpx.get(stack.api.url + path, headers=headers, timeout=30, trust_env=False)
    return answer.text if answer.status_code == 200 else str(answer.status_code)


def test_the_form_leads_to_a_run_and_its_page(stack: Stack) -> None:
    """In a browser: hours that are not whole are refused with the remedy; the same form then makes a dry run.

    The run's tab shows its estimate. The tab for a backfill asks for the same.
    """
    with signed_in(stack) as page:
        form = opened(page, BULK, "Backfill")
        expect(form.get_by_text("The first hour to load, in UTC: a whole hour.")).to_be_visible()
        form.get_by_text("Single Run", exact=True).click()
        pick(page, picker(page, "From").last, DAY.replace(minute=7))
        pick(page, picker(page, "To").last, DAY.replace(hour=3))
        form.get_by_text("Dry run").click()
        submit = form.get_by_test_id("trigger-dag-submit")
        submit.click()
        expect(form.get_by_text("Give a whole hour, such as 2026-01-31T13:00:00Z")).to_be_visible()
        pick(page, picker(page, "From").last, DAY)
        form.get_by_text("What to load").click()
        form.get_by_label("Select one or multiple values").click()
        page.get_by_role("option", name="page_viewed").click()
        with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            submit.click()
        run_id = answer.value.json()["dag_run_id"]
        asked = answer.value.json()["conf"]
        assert (asked["events"], asked["mode"], asked["dry_run"]) == (["page_viewed"], "missing", True)
        assert stack.wait_for_run(BULK, run_id) == "success"
        page.goto(f"/dags/{BULK}/runs/{run_id}")
        page.get_by_role("link", name="Log Router").click()
        shown = page.frame_locator("iframe")
        expect(shown.get_by_text("Dry run: nothing was changed.")).to_be_visible()
        expect(shown.get_by_text("found: 1 raw object")).to_be_visible()


@pytest.mark.parametrize(
    ("conf", "remedy"),
    [
        ({"from": "2025-05-01T00:30:00Z"}, "Give a whole hour"),
        ({"from": "yesterday"}, "Give a whole hour"),
        ({"events": ["page_veiwed"]}, "airflow dags reserialize"),
        ({"mode": "anew"}, "'anew' is not one of ['missing', 'reload']"),
        ({"dry_run": "yes"}, "'yes' is not of type 'boolean'"),
    ],
)
def test_nonsense_is_refused_before_a_run_is_made(stack: Stack, conf: dict[str, Any], remedy: str) -> None:
    """Airflow's API refuses what the form would, and quotes the remedy."""
    with pytest.raises(ApiError) as refused:
        start(stack, BULK, {**RANGE, **conf})
    assert refused.value.status == 400
    assert remedy in str(refused.value)


def test_the_page_of_a_run_says_what_it_did(stack: Stack) -> None:
    """Rows by event and quarantined lines; manifest and lines are one link from the load.

    Whatever stands in the lines is text there. The same range again is skipped. Nobody reads it without signing in.
    """
    run_id = start(stack, BULK, RANGE)
    assert stack.wait_for_run(BULK, run_id) == "success"
    signed = token(stack)
    shown = text_of(stack, address(run_id), signed)
    assert "1 raw object found." in shown
    (loads,) = [part for part in shown.split("<h2>") if part.startswith("Loads")]
    assert [cells(row)[:3] for row in loads.split("<tr>")[2:]] == [
        ["order_placed", "success", "1"],
        ["page_viewed", "success", "5"],
    ]
    links = stack.api.get(f"/dags/{BULK}/dagRuns/{run_id}/taskInstances/load.copy/links", map_index=1)
    pages = links["extra_links"]
    assert pages == {
        "Manifest": address(run_id, "/loads/1/manifest")[1:],
        "Quarantined lines": address(run_id, "/loads/1/quarantined")[1:],
    }
    manifest = text_of(stack, "/" + pages["Manifest"], signed)
    assert "5 rows in 1 part, of 1 raw object" in " ".join(manifest.split())
    lines = text_of(stack, "/" + pages["Quarantined lines"], signed)
    assert "<script>alert" not in lines
    assert '"id": "<script>alert(1)</script>"' in unescape(lines)
    for path in (address(run_id), "/" + pages["Manifest"], "/" + pages["Quarantined lines"]):
        assert text_of(stack, path) == "401"
    assert text_of(stack, address("manual__nobody"), signed) == "404"
    again = start(stack, BULK, RANGE)
    assert stack.wait_for_run(BULK, again) == "success"
    assert "Nothing to load." in text_of(stack, address(again), signed)


def cells(row: str) -> list[str]:
    """Return what stands in the cells of a table's row."""
    return [cell.partition(">")[2].split("<")[0].strip() for cell in row.split("<td")[1:]]


def test_a_range_the_wrong_way_round_shows_on_the_page(stack: Stack) -> None:
    """What no form can refuse the first task does; the page says which and that nothing is planned."""
    run_id = start(stack, BULK, {"from": RANGE["to"], "to": RANGE["from"]})
    assert stack.wait_for_run(BULK, run_id) == "failed"
    shown = text_of(stack, address(run_id), token(stack))
    assert "</b> failed: its log says why, and what to do." in shown
    assert "Nothing is planned: see the log of <b>plan</b>." in shown


def test_the_tab_backfill_makes_one(stack: Stack) -> None:
    """In a browser: two days by a run each, of the one event that is chosen, which Airflow passes on where told to."""
    first, last = DAY + timedelta(days=2), DAY + timedelta(days=3)
    for day in (first, last):
        line = json.dumps(LINES[0]).encode() + b"\n" + json.dumps(LINES[-2]).encode()
        stack.s3().put_object(Bucket=RAW_BUCKET, Key=f"ui/{day:%Y/%m/%d}/23/events.json", Body=line)
    before = contents(stack, "ui", ["page_viewed", "order_placed"])
    with signed_in(stack) as page:
        form = opened(page, BULK, "Backfill")
        pick(page, picker(page, "From").first, first)
        pick(page, picker(page, "To").first, last)
        expect(form.get_by_text("2 runs will be triggered.")).to_be_visible()
        form.get_by_text("Override parameters on existing runs", exact=True).click()
        form.get_by_text("What to load").click()
        form.get_by_label("Select one or multiple values").click()
        page.get_by_role("option", name="page_viewed").click()
        with page.expect_response(lambda answer: answer.url.endswith("/backfills")) as answer:
            form.get_by_role("button", name="Run Backfill").click()
        assert answer.value.ok
    made = {f"backfill__{day + timedelta(days=1):%Y-%m-%dT%H:%M:%S}+00:00" for day in (first, last)}

    def ended() -> list[str]:
        states = [run["state"] for run in runs(stack, BULK) if run["dag_run_id"] in made]
        return states if len(states) == len(made) and set(states) <= {*FINISHED} else []

    assert until(ended, 240) == ["success", "success"]
    after = contents(stack, "ui", ["page_viewed", "order_placed"])
    assert len(after["page_viewed"]) == len(before["page_viewed"]) + 2
    assert after["order_placed"] == before["order_placed"]
