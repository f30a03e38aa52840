"""One seed from its raw objects to the verdict."""

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import redshift_connector

from local.twin.faults import Faults
from tests.harness import story
from tests.harness.events import EVENT_KEY
from tests.harness.executor import Executor
from tests.harness.judge import Found, Judge
from tests.harness.run import Name, Place, Run
from tests.harness.story import Act, Asked
from tests.harness.watch import Watch
from tests.harness.work import audited, client, session
from tests.harness.world import RAW_PREFIX, Version, World


@dataclass
class Seed:
    """A seed, played on a stack of servers by an executor; `problems` is empty where all is well."""

    number: int
    executor: Executor
    isolation: str
    problems: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.number)  # noqa: S311 - it must be the same each time
        self.address = self.executor.address
        self.executor.story = self.told.append
        self.executor.went_wrong = lambda task_id: self.wrong.update([task_id])
        name = f"{self.number}-{uuid.uuid4().hex[:8]}"
        self.hours = story.HOURS[: self.rng.choice([1, 1, 2])]
        self.world = World(client(session(), self.address.s3), f"raw-{name}", self.hours, self.rng)
        self.place = self._place(name)
        self.runs: dict[str, Run] = {}
        self.promised: dict[str, int] = {}

    def play(self) -> None:
        """Play it: acts with faults, then each hour once in quiet; then judge."""
        self.world.begin()
        self.world.client.create_bucket(Bucket=self.place.settings["staging_bucket"])
        for number, act in enumerate(story.acts(self.rng, self.hours)):
            if number:
                self._change()  # so that there is something to load
            self._act(act)
        self.executor.wait_for_zombies()
        Faults(self.address.faults).clear()
        if self.rng.random() < 0.7:
            self.world.mend()
        for hour in self.hours:
            self._quiet(Asked("hourly", hour, f"quiet-{hour}", tries=2))
        self._judge()

    def _place(self, name: str) -> Place:
        schema = f"h{name.replace('-', '_')}"
        settings = {
            "raw_bucket": f"raw-{name}",
            "raw_prefix": RAW_PREFIX,
            "event_key": EVENT_KEY,
            "staging_bucket": f"staging-{name}",
            "schema": f"events_{schema}",
            "ledger_schema": f"ledger_{schema}",
            "compression": self.rng.choice(["gzip", "zstd"]),
            # Bad lines are meant here: a run that has loaded all the others is green.
            "max_quarantined_share": 1.0,
            "chunk_bytes": 1024 * 1024,
            "max_chunks": self.rng.choice([1, 2, 8]),
        }
        # A gzip part of one byte is full with its first row.
        part_bytes = self.rng.choice([1, *[1024 * 1024] * 4])
        return Place(settings, 0, part_bytes, opening_bytes=self.rng.choice([256, 600, 1024]) * 1024)

    def _act(self, act: Act) -> None:
        if act.adopts and not self.place.catalog:
            self.place = Place(**{**vars(self.place), "catalog": 1})
            self.told.append("an event is adopted")
        runs = [self._run(asked) for asked in act.runs]
        before = [self._concerned(run) for run in runs]
        schema = self.place.settings["schema"]
        watch = Watch.begun(self.address.warehouse, schema) if act.watched else None
        at = dict.fromkeys(act.changes, self._change)
        self.executor.do(runs, self.rng, at)
        if watch is not None:
            self.problems += watch.seen()
        for run, concerned in zip(runs, before, strict=True):
            self._promise(run, [one for one in concerned if self.world.current.get(one.key) == one])

    def _change(self) -> None:
        self.told.append(self.world.change())

    def _run(self, asked: Asked) -> Run:
        run = self.runs.get(asked.run_id)
        if run is not None:
            run.clear()
            run.place = self.place
            return run
        named: tuple[Name, ...] | None = None
        if asked.kind == "notices":
            known = list(self.world.everything.values())
            chosen = self.rng.choices(known, k=self.rng.randrange(1, 6))
            named = tuple(_name(one) for one in dict.fromkeys(chosen))
        run = self.runs[asked.run_id] = Run(asked, self.number, self.place, named)
        return run

    def _concerned(self, run: Run) -> list[Version]:
        if run.named is None:
            return self.world.of_hour(run.asked.hour)
        return [one for one in self.world.everything.values() if _name(one) in run.named]

    def _promise(self, run: Run, concerned: list[Version]) -> None:
        """Hold a run that ended green to what that means."""
        if not run.succeeded or run.asked.events:
            return
        for version in concerned:
            if version.readable:
                self.promised[version.object_id] = self.place.catalog
            else:
                self.problems.append(f"GREEN: run {run.asked.run_id} says nothing of {version.key}, broken")

    def _quiet(self, asked: Asked) -> None:
        run = Run(asked, self.number, self.place, quiet=True)
        self.executor.do([run], self.rng, {})
        concerned = self._concerned(run)
        broken = [version for version in concerned if not version.readable]
        if not broken and not run.succeeded:
            self.problems.append(f"RED: a quiet run failed: {run.states} {run.failure}")
        for version in broken:
            if f"s3://{version.bucket}/{version.key}" not in run.failure:
                self.problems.append(f"GREEN: the last run says nothing of {version.key}: {run.failure}")
        for version in concerned:
            if version.readable:
                self.promised[version.object_id] = self.place.catalog

    def _audited(self) -> list[str]:
        """Return what the audit finds wrong with raw objects that are there, and whole."""
        wanted = {one.object_id for one in self.world.current.values() if one.readable}
        return [
            f"AUDIT: {said}"
            for object_id, said in audited(self.address, self.place, self.hours)
            if object_id in wanted
        ]

    def _judge(self) -> None:
        settings = self.place.settings
        schemas = settings["schema"], settings["ledger_schema"]
        connection = redshift_connector.connect(**self.address.warehouse)
        try:
            connection.autocommit = True
            found = Found(connection, *schemas)
            self.problems += Judge(found, self.world.everything, self.promised).problems()
            self.problems += self._audited()
            if not self.problems:
                run = partial(connection.cursor().execute)
                for schema in schemas:
                    run(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        finally:
            connection.close()


def _name(version: Version) -> Name:
    return version.bucket, version.key, version.etag, len(version.stored)
