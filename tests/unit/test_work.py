"""What a run's page takes from Airflow's task states and XCom."""

import itertools
from collections import Counter
from types import SimpleNamespace
from typing import Any

import orjson

from log_router.web.quarantine import SHOWN, quarantined
from log_router.web.work import BatchWork, Load, Task, Values, Work, work_of

BEFORE, NOW = "20260131-aaaa", "20260131-bbbb"


def task(task_id: str, index: int = -1, state: str = "success") -> Task:
    """Return a task instance."""
    return Task(task_id, index, str(index), state)


def counts(batch: str, rows: int) -> dict[str, Any]:
    """Return what a split returns."""
    return {"batch": batch, "chunk": 0, "report": f"reports/{batch}/0.json", "rows": rows, "quarantined": 2}


def entry(batch: str, event: str) -> dict[str, Any]:
    """Return what collect returns for a load."""
    return {"event": event, "batch": 0, "load": f"lr/loads/{batch}/{event}.json"}


def planned(batch: str) -> dict[str, Any]:
    """Return what plan notes."""
    return {"batches": [f"lr/batches/{batch}.json"], "found": 3, "pending": 2}


def seen(tasks: list[Task], **returned: Any) -> Work:
    """Return what a run did whose tasks have returned this, by task; a list is of its instances."""
    values: dict[tuple[str, int, str], Any] = {}
    for name, value in returned.items():
        task_id, key = {"plan": ("plan", "planned"), "load": ("load.copy", "return_value")}.get(
            name, (name, "return_value")
        )
        instances = value if name in ("split", "load") else [value]
        first = 0 if name in ("split", "load") else -1
        values |= {(task_id, index, key): one for index, one in enumerate(instances, start=first)}
    found: Values = values
    return work_of(tasks, found)


def test_a_batch_has_the_counts_of_its_own_tasks() -> None:
    """Rows are those that loads returned, by batch and by event; a load still at work has none yet."""
    tasks = [
        task("plan"),
        task("split", 0),
        task("collect"),
        task("load.copy", 0),
        task("load.copy", 1, "running"),
    ]
    work = seen(
        tasks,
        plan=planned(NOW),
        split=[counts(NOW, 9)],
        collect=[entry(NOW, "a"), entry(NOW, "b")],
        load=[{"batch": NOW, "event": "a", "rows": 5, "objects": 1}],
    )
    (batch,) = work.batches
    assert (batch.batch_id, batch.split["rows"], batch.split["chunks"], batch.rows) == (NOW, 9, 1, 5)
    assert [(load.event, load.state) for load in work.loads] == [("a", "success"), ("b", "running")]
    assert [(event, found["rows"]) for event, found in work.by_event()] == [("a", 5), ("b", 0)]
    assert list(work.tasks) == ["plan", "split", "collect", "load.copy"]


def test_a_cleared_run_shows_nothing_of_the_try_before() -> None:
    """What was planned and returned before is still in XCom: it does not count until its task has succeeded again."""
    old = {
        "plan": planned(BEFORE),
        "split": [counts(BEFORE, 9)],
        "collect": [entry(BEFORE, "a"), {}],
        "load": [{"batch": BEFORE, "event": "a", "rows": 5}],
        "settle": [{"batch": BEFORE, "objects": 2}],
    }
    waiting = [task(name, index, "") for name, index in (("plan", -1), ("split", 0), ("collect", -1))]
    work = seen(waiting, **old)
    assert (work.planned, work.batches, work.loads) == (None, [], [])
    again = [task(name) for name in ("plan", "collect", "settle")] + [task("split", 0), task("load.copy", 0)]
    work = seen(again, **{**old, "plan": planned(NOW)})
    (batch,) = work.batches
    assert (batch.batch_id, batch.split["rows"], batch.loads, batch.settled) == (NOW, 0, [], {})


def test_a_settle_that_fails_has_told_what_is_settled() -> None:
    """It is red for one batch or one object; the others are recorded, and the page says so."""
    told = [{"batch": NOW, "objects": 2}]
    red = [task("plan"), task("settle", state="failed")]
    assert seen(red, plan=planned(NOW), settle=told).batches[0].settled == told[0]
    waits = [task("plan"), task("settle", state="")]
    assert seen(waits, plan=planned(NOW), settle=told).batches[0].settled == {}


def test_failed_tasks_are_named_as_airflow_does() -> None:
    """A mapped one by its name, any other by its task."""
    failed = [Task("load.copy", 3, "order_placed 20260131", "failed"), task("settle", state="failed")]
    work = seen([task("plan"), *failed], plan=planned(NOW))
    assert [str(one) for one in work.failed] == ["load.copy [order_placed 20260131]", "settle"]


def test_a_page_of_quarantined_lines_is_bounded_and_says_so() -> None:
    """Of many lines the first are read and shown; of another event none; that there are more is said."""
    read: list[int] = []

    def rows_of(_part: str) -> Any:
        for number in itertools.count():
            read.append(number)
            yield orjson.dumps({"event": "a" if number % 2 else "b", "_lr_line": number})

    store: Any = SimpleNamespace(get_report=lambda _: SimpleNamespace(quarantined=["part"]), rows_of=rows_of)
    load = Load(0, "a", 0, "", "success")
    batch = BatchWork(0, NOW, Counter(), [("empty", 0), ("report", 5)], [load], {})
    found = quarantined(store, batch, "a")
    assert [line["_lr_line"] for line in found.lines] == list(range(1, 2 * SHOWN, 2))
    assert found.rest == "There are more: the first 200 are shown."
    assert len(read) < 2 * SHOWN + 3
    none = quarantined(store, batch, "c")
    assert (none.lines, none.rest) == (
        [],
        "Only the batch's first 50,000 quarantined lines were looked through.",
    )
