"""What a run waits for, without holding a worker slot."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from log_router.core.errors import NeedsAction

if TYPE_CHECKING:
    from airflow.sdk import Context


class HourCompleteSensor(BaseOperator):
    """Waits until the hour of the run has ended and the grace for late uploads has passed."""

    def execute(self, context: "Context") -> None:
        """Return at once for an hour long past; else hand over to the triggerer until it is complete."""
        from log_router.operators import hour_of  # noqa: PLC0415 - the DAG file must stay quick to parse
        from log_router.site import Site  # noqa: PLC0415

        try:
            hour = hour_of(context)
            grace = timedelta(seconds=Site().settings.grace_seconds)
        except NeedsAction as error:
            raise AirflowFailException(str(error)) from error
        complete = hour.end + grace
        if complete > datetime.now(UTC):
            self.log.info("%s is complete at %s: waiting in the triggerer", hour, complete.isoformat())
            self.defer(trigger=DateTimeTrigger(moment=complete), method_name="resume")

    def resume(self, context: "Context", event: Any = None) -> None:
        """The hour is complete."""
