"""What Airflow's metrics are told of a batch: they go where `[metrics]` of its configuration says, or nowhere."""

from collections.abc import Iterable
from datetime import timedelta

from log_router.core.freshness import Freshness


def emit(lane: str, fresh: Iterable[Freshness]) -> None:
    """Emit of each event the longest time from S3 write to load, and until when written what is loaded now was."""
    # The SDK's own way for tasks; half a second of CPU is paid by the task runner already.
    from airflow.sdk.observability import stats  # noqa: PLC0415 - see above

    for one in fresh:
        # Two clocks: what is loaded within their difference is no time at all, and StatsD takes no negative one.
        stats.timing(f"log_router.lag.{lane}.{one.event}", max(one.longest, timedelta(0)))
        stats.gauge(f"log_router.written_until.{lane}.{one.event}", one.written_until.timestamp())
