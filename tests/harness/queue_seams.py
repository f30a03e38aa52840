"""Where a task touches the queue: what it is given and what it deletes is written down, and some of it goes wrong."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError

from tests.harness.journal import Journal
from tests.harness.seams import Seams, answered

# Seconds in which the next try of a task goes on.
_PAUSE = 0.1
_FAILURES = {
    "500": (500, "InternalError"),
    "503": (503, "ServiceUnavailable"),
    "denied": (403, "AccessDeniedException"),
}


@dataclass
class QueueRequests:
    """SQS requests with a seam before and after each, some of which go wrong; a handler of botocore's `before-send`.

    `journal` gives the seed's, `run` the run that asks, and `settled` the raw objects that are recorded at the moment.
    """

    send: Callable[[AWSPreparedRequest], AWSResponse]
    seams: Seams
    journal: Callable[[], Journal]
    run: Callable[[], str]
    settled: Callable[[], list[str]]

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Send a request; return its answer, or another one."""
        self.seams.touch()
        self.seams.messages += 1
        deed = self.seams.deeds.sqs.get(self.seams.messages, "")
        if deed == "killed before":
            self.seams.kill()
        if deed == "zombie before":
            self.seams.give_up()
            time.sleep(_PAUSE)
        answer = self._answer(request, deed)
        if deed == "killed after":
            self.seams.kill()
        self.seams.touch()
        return answer

    def _answer(self, request: AWSPreparedRequest, deed: str) -> AWSResponse:
        if deed in _FAILURES:
            status, code = _FAILURES[deed]
            return _said(
                request,
                status,
                {"__type": f"com.amazonaws.sqs#{code}", "message": "As the harness wants it."},
            )
        if deed == "reset":
            raise ConnectionClosedError(endpoint_url=request.url)
        target, body = request.headers["X-Amz-Target"], request.body
        assert isinstance(target, bytes)
        assert isinstance(body, bytes)
        action, asked = target.decode().removeprefix("AmazonSQS."), json.loads(body)
        refused: list[dict[str, str]] = []
        if deed == "part" and "Entries" in asked:
            asked["Entries"], refused = asked["Entries"][1::2], asked["Entries"][::2]
        answer = self._sent(request, action, asked) if asked.get("Entries", True) else _said(request, 200, {})
        if deed == "lost":
            raise ConnectionClosedError(endpoint_url=request.url)
        if refused:
            failed = [{"Id": one["Id"], "Code": "InternalError", "SenderFault": False} for one in refused]
            said = json.loads(answer.content)
            return _said(request, 200, {**said, "Failed": [*said.get("Failed", []), *failed]})
        return answer

    def _sent(self, request: AWSPreparedRequest, action: str, asked: dict[str, Any]) -> AWSResponse:
        if "WaitTimeSeconds" in asked:
            # Nothing comes while it waits, and no seed has a second for that.
            asked["WaitTimeSeconds"] = 0
        if action == "DeleteMessageBatch":
            receipts = [entry["ReceiptHandle"] for entry in asked["Entries"]]
            self.journal().note(by=self.run(), deleting=receipts, settled=self.settled())
        request.body = json.dumps(asked).encode()
        request.headers["Content-Length"] = str(len(request.body))
        if action != "ReceiveMessage":
            return self.send(request)
        with _no_alarm():
            # Killed in here, nobody would know of the messages, and none could be made to come again.
            answer = self.send(request)
            found = json.loads(answer.content).get("Messages", [])
            self.journal().note(
                by=self.run(), received={one["MessageId"]: one["ReceiptHandle"] for one in found}
            )
        return answer


@contextmanager
def _no_alarm() -> Iterator[None]:
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)


def _said(request: AWSPreparedRequest, status: int, document: dict[str, Any]) -> AWSResponse:
    return answered(request, status, json.dumps(document), "application/x-amz-json-1.0")
