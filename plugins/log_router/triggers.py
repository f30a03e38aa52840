"""What waits for the stream in the triggerer: one long poll after the other, and no slot."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from typing import Any

from airflow.providers.amazon.aws.triggers.sqs import SqsSensorTrigger
from airflow.triggers.base import TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError

from log_router.queue import SYSTEM_ATTRIBUTES

STATUS = "status"
MESSAGES = "messages"
IDLE = "idle"
ERROR = "error"

# As long as SQS can wait for a message in one request.
_POLL_SECONDS = 20
# How long the message that wakes a run is kept for it, until its sensor holds it: should the triggerer be killed
# between, so late it comes again.
_HOLD_SECONDS = 60
# A task that is woken while the process that has deferred it still ends is taken for dead and killed
# (airflow/jobs/scheduler_job_runner.py, process_executor_events: `ti_requeued` knows SCHEDULED, but not RUNNING).
_PATIENCE_SECONDS = 5
# An error that stays must not wake the sensor time and again.
_PAUSE_SECONDS = 10


class NoticesTrigger(SqsSensorTrigger):
    """Ends with the first message of a queue, when nothing came for `idle_seconds`, or when SQS answers an error.

    A message is a wake-up: one is received and handed over whole, which keeps the event small. The others stay in the
    queue for the sensor, and nothing is deleted here.
    """

    def __init__(self, sqs_queue: str, *, idle_seconds: int, **kwargs: Any) -> None:
        # As they come back from `serialize`.
        kwargs |= {
            "max_messages": 1,
            "wait_time_seconds": min(_POLL_SECONDS, idle_seconds),
            "visibility_timeout": _HOLD_SECONDS,
            "delete_message_on_reception": False,
        }
        super().__init__(sqs_queue, **kwargs)
        self.idle_seconds = idle_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes this trigger anew, in whichever triggerer."""
        name, kwargs = super().serialize()
        return name, {**kwargs, "idle_seconds": self.idle_seconds}

    async def poll_sqs(self, client: Any) -> Collection[Any]:
        """Return what SQS answers to one long poll, with what the provider leaves out: age and count of receives."""
        answer: Collection[Any] = await client.receive_message(
            QueueUrl=self.sqs_queue,
            MaxNumberOfMessages=self.max_messages,
            WaitTimeSeconds=self.wait_time_seconds,
            VisibilityTimeout=self.visibility_timeout,
            MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
        )
        return answer

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event."""
        await asyncio.sleep(min(_PATIENCE_SECONDS, self.idle_seconds))
        try:
            messages = await self._first()
        except (BotoCoreError, ClientError, OSError) as error:
            self.log.warning("waiting for messages of %s: %s", self.sqs_queue, error)
            await asyncio.sleep(min(_PAUSE_SECONDS, self.idle_seconds))
            payload: dict[str, Any] = {STATUS: ERROR, ERROR: str(error)}
        else:
            payload = {STATUS: MESSAGES, MESSAGES: messages} if messages else {STATUS: IDLE}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]

    async def _first(self) -> list[Any]:
        """Return the first message, or none after `idle_seconds`."""
        async with await self.hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
            ends = time.monotonic() + self.idle_seconds
            while time.monotonic() < ends:
                messages: list[Any] = await self.poke(client)
                if messages:
                    return messages
        return []
