"""A real browser that is signed in to a stack's Airflow, and Airflow's trigger form in it."""

import contextlib
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from local.airflow_services import ADMIN
from local.stack import Stack
from tests.e2e.airflow import start

_FETCHED = Path(__file__).resolve().parents[2] / ".local" / "browser"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def is_there() -> bool:
    """Tell whether there is a browser."""
    return bool(_on_path()) or (_FETCHED / ".installed").exists()


def _on_path() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextlib.contextmanager
def signed_in(stack: Stack) -> Iterator[Page]:
    """Give a page of Airflow's UI; skip the test on a machine that has no browser and can't get one."""
    if not is_there():
        pytest.skip(
            "there is no Chromium on the PATH, nor one for this processor that `make test` could fetch"
        )
    on_path = _on_path()
    libraries = {
        "LD_LIBRARY_PATH": str(_FETCHED / "al2023" / "lib"),
        "FONTCONFIG_PATH": str(_FETCHED / "fonts"),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=on_path or _FETCHED / "chromium",
            args=["--no-zygote"],
            env=None if on_path else {**libraries, "HOME": str(stack.state_dir)},
        )
        page = browser.new_page(base_url=stack.api.url, viewport={"width": 1400, "height": 1000})
        page.goto("/")
        page.get_by_label("Username").fill(ADMIN)
        page.get_by_label("Password").fill(stack.credentials.airflow_admin)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Dags").first.wait_for()
        yield page
        browser.close()


def opened(page: Page, dag: str, tab: str = "Single Run") -> Locator:
    """Open the trigger form of a DAG at one of its tabs."""
    page.goto(f"/dags/{dag}")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    form.get_by_text(tab, exact=True).click()
    return form


def picker(page: Page, label: str) -> Locator:
    """Return the pickers of times with a label: one, or that of a backfill's range and that of its runs' parameter."""
    return page.get_by_role("group").filter(has=page.locator("label", has_text=label))


def pick(page: Page, field: Locator, time: datetime) -> None:
    """Choose a time in a picker."""
    field.get_by_test_id("datetime-input").click()
    for place, text in (("YYYY/MM/DD", f"{time:%Y/%m/%d}"), ("HH:mm", f"{time:%H:%M}")):
        shown = page.get_by_placeholder(place).filter(visible=True)
        shown.fill(text)
    page.keyboard.press("Escape")
    shown.wait_for(state="hidden")


def triggered(stack: Stack, dag: str, first: datetime, end: datetime) -> str:
    """Have a range loaded by a DAG's form, or by Airflow's API where there is no browser; return the run's id."""
    if not is_there():
        return start(stack, dag, {"from": f"{first:%Y-%m-%dT%H:%M:%SZ}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"})
    with signed_in(stack) as page:
        form = opened(page, dag)
        pick(page, picker(page, "From").last, first)
        pick(page, picker(page, "To").last, end)
        with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            form.get_by_test_id("trigger-dag-submit").click()
        return str(answer.value.json()["dag_run_id"])
