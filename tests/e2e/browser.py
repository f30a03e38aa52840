"""A real browser that is signed in to a stack's Airflow."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from local.airflow_services import ADMIN
from local.stack import Stack

_FETCHED = Path(__file__).resolve().parents[2] / ".local" / "browser"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextlib.contextmanager
def signed_in(stack: Stack) -> Iterator[Page]:
    """Give a page of Airflow's UI; skip the test on a machine that has no browser and can't get one."""
    on_path = next(filter(None, map(shutil.which, _NAMES)), None)
    if on_path is None and not (_FETCHED / ".installed").exists():
        pytest.skip(
            "there is no Chromium on the PATH, nor one for this processor that `make test` could fetch"
        )
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
