"""What a run waits for, without holding a worker slot."""

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from log_router.site import Site

# So often an idle stream looks at its settings anew.
_IDLE_SECONDS = 600


class NoticesSensor(BaseOperator):
    """Waits for messages of the queue and takes them; returns the key of the staging document that holds them.

    It fails before it takes any where a run could not load them, and never for good: the next run would begin at once.
    So what a person must mend is tried again as the rest is, with delays.
    """

    def execute(self, context: "Context") -> str:
        """Take what is in the queue at once; where nothing is, hand over to the triggerer."""
        return self.resume(context)

    def resume(self, context: "Context", event: dict[str, Any] | None = None) -> str:
        """Take the messages that the trigger has met and those that came with them, or wait on."""
        from log_router import receiving  # noqa: PLC0415 - the DAG file must stay quick to parse
        from log_router.queue import Message  # noqa: PLC0415 - the same
        from log_router.site import Site  # noqa: PLC0415 - the same
        from log_router.triggers import ERROR, IDLE, MESSAGES, STATUS  # noqa: PLC0415 - the same

        site, event = Site(), event or {}
        if ERROR in event:
            self.log.warning("the triggerer could not ask for messages: %s", event[ERROR])
        receiving.see_queue(site)
        if event.get(STATUS) != IDLE:
            # Not when nothing came: a warehouse that sleeps is not woken for it.
            receiving.see_the_rest(site)
            woken = [Message.from_answer(found) for found in event.get(MESSAGES, [])]
            received = receiving.receive(site, woken)
            if received.messages:
                key = receiving.write_down(site.store, received)
                self.log.info("%d messages: %s", len(received.messages), site.store.staging_url(key))
                return key
        return self._wait(site)

    def _wait(self, site: "Site") -> NoReturn:
        from log_router.triggers import NoticesTrigger  # noqa: PLC0415 - see resume

        queue = site.queue
        self.log.info("no messages in %s: waiting in the triggerer", queue.url)
        trigger = NoticesTrigger(
            queue.url,
            idle_seconds=_IDLE_SECONDS,
            aws_conn_id=site.settings.aws_conn_id,
            region_name=queue.client.meta.region_name,
        )
        self.defer(trigger=trigger, method_name="resume")
