"""A small client of Airflow's REST API, signed in as the stack's admin."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Any

from local.environment import StackError

FINISHED = ("success", "failed")
_PAGE = 100


class ApiError(StackError):
    """Airflow's API refused a request."""

    def __init__(self, method: str, path: str, status: int, text: str) -> None:
        super().__init__(f"Airflow's API answered {method} {path} with {status}: {text}")
        self.status = status


class AirflowApi:
    """Airflow's REST API at `url`."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._sign_in = {"username": user, "password": password}
        self._token: str | None = None
        # a person's proxy is not asked for loopback
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str, **query: Any) -> Any:
        """Return what the API answers to GET `path`, below /api/v2."""
        text = urllib.parse.urlencode(query, doseq=True)
        return self._call("GET", f"{path}?{text}" if text else path)

    def post(self, path: str, body: Any) -> Any:
        """Return what the API answers to POST `path`."""
        return self._call("POST", path, body)

    def put(self, path: str) -> Any:
        """Return what the API answers to PUT `path`."""
        return self._call("PUT", path)

    def patch(self, path: str, body: Any) -> Any:
        """Return what the API answers to PATCH `path`."""
        return self._call("PATCH", path, body)

    def delete(self, path: str) -> None:
        """DELETE `path`."""
        self._call("DELETE", path)

    def is_healthy(self, since: datetime) -> bool:
        """Tell whether the scheduler, triggerer and DAG processor have all reported in after `since`."""
        try:
            health = self._send("GET", "/api/v2/monitor/health", None, {})
        except (OSError, ApiError):
            return False
        # a status alone may rest on the last report of a process that is gone
        beats = [
            health[part][f"latest_{part}_heartbeat"] for part in ("scheduler", "triggerer", "dag_processor")
        ]
        return all(beat is not None and datetime.fromisoformat(beat) >= since for beat in beats)

    def pages(self, path: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield every entry of a list that the API gives in pages."""
        offset = 0
        while True:
            page = self.get(path, limit=_PAGE, offset=offset, **query)
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 300.0) -> str:
        """Return the state a DAG run ends in; raise StackError when it has not ended in time."""
        deadline = time.monotonic() + seconds
        path = f"/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}"
        while (state := self.get(path)["state"]) not in FINISHED:
            if time.monotonic() > deadline:
                raise StackError(f"run {run_id} of {dag_id} is still {state} after {seconds:.0f} s")
            time.sleep(0.5)
        return str(state)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        for attempt in (1, 2):
            if self._token is None:
                self._token = self._send("POST", "/auth/token", self._sign_in, {})["access_token"]
            try:
                return self._send(method, f"/api/v2{path}", body, {"Authorization": f"Bearer {self._token}"})
            except ApiError as error:
                # a token ends after a day
                if error.status != HTTPStatus.UNAUTHORIZED or attempt > 1:
                    raise
                self._token = None
        raise AssertionError("unreachable")

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own URL
        try:
            with self._opener.open(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(method, path, error.code, error.read().decode(errors="replace")) from None
