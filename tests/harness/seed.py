"""One seed from its raw objects to the verdict."""

import json
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import redshift_connector

from local.twin.faults import Faults
from log_router import triggers
from log_router.core.settings import Settings
from log_router.store import Store
from tests.harness import story
from tests.harness.acknowledged import Acknowledged
from tests.harness.events import EVENT_KEY
from tests.harness.executor import Executor
from tests.harness.journal import Journal
from tests.harness.judge import Found, Judge
from tests.harness.plans import planned, recorded, twice
from tests.harness.post import Letter, Post
from tests.harness.run import WAIT, Event, Place, Run
from tests.harness.servers import audited, client, queue_client, session
from tests.harness.story import ALL, BULK, STREAM, Act, Asked
from tests.harness.watch import Watch
from tests.harness.world import RAW_PREFIX, Version, World, prefix


@dataclass
class Seed:
    """A seed, played on a stack of servers by an executor; `problems` is empty where all is well."""

    number: int
    executor: Executor
    isolation: str
    folder: Path
    problems: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.number)  # noqa: S311 - it must be the same each time
        self.address = self.executor.address
        self.executor.story = self.told.append
        self.executor.went_wrong = lambda task_id: self.wrong.update([task_id])
        name = f"{self.number}-{uuid.uuid4().hex[:8]}"
        self.hours = story.HOURS[: self.rng.choice([1, 1, 2, 3])]
        self.acts = story.acts(self.rng, self.hours)
        self.streams = any(asked.kind == STREAM for act in self.acts for asked in act.runs)
        self.journal = Journal(self.folder / f"{name}.journal")
        queues = queue_client(session(), self.address.s3)
        self.post = Post(queues, f"raw-{name}", self.rng, self.journal, self.rng.choice([1, 2, 100]))
        bucket = client(session(), self.address.s3)
        self.world = World(bucket, f"raw-{name}", self.hours, self.rng, self.post.put)
        self.place = self._place(name)
        self.runs: dict[str, Run] = {}
        self.promised: dict[str, int] = {}
        self.promised_some: defaultdict[str, set[str]] = defaultdict(set)

    def play(self) -> None:
        """Play it: acts with faults, then all that is left in quiet; then judge."""
        self.world.begin()
        self.world.client.create_bucket(Bucket=self.place.settings["staging_bucket"])
        if self.streams:
            self.place.settings["queue_url"] = self.post.begin()
        for number, act in enumerate(self.acts):
            if number:
                self._change()  # so that there is something to load
            self._act(act)
        self.executor.wait_for_zombies()
        Faults(self.address.faults).clear()
        if self.rng.random() < 0.7:
            self.world.mend()
        self._in_quiet()
        self._judge()

    def _in_quiet(self) -> None:
        """Load whatever is left: by the stream and each hour once, and now and then by the bulk DAG."""
        self.stream_first = self.rng.random() < 0.5
        if self.stream_first:
            self._last_of_stream()
        if self.rng.random() < 0.5:
            for number, names in enumerate(self.rng.sample(story.SOME[self.place.catalog], 2)):
                self._quiet_bulk(f"quiet-some-{number}", names)
        for hour in self.hours:
            self._quiet(Asked("hourly", hour, f"quiet-{hour}", tries=2))
        if not self.stream_first:
            self._last_of_stream()
        if self.rng.random() < 0.5:
            self._quiet_bulk("quiet-all", ())

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
            # The least: each chunk is a batch of its own.
            "batch_bytes": self.rng.choice([1024 * 1024, 1024 * 1024, 2**40]),
            "stream_max_messages": self.rng.choice([1, 3, 1000, 1000]),
            "stream_max_age_seconds": self.rng.choice([None, None, 24 * 3600]),
        }
        # A gzip part of one byte is full with its first row.
        part_bytes = self.rng.choice([1, *[1024 * 1024] * 4])
        opening_bytes = self.rng.choice([256, 600, 1024, 1024]) * 1024
        return Place(settings, 0, part_bytes, opening_bytes, self.journal)

    def _act(self, act: Act) -> None:
        if act.adopts and not self.place.catalog:
            self.place = replace(self.place, catalog=1)
            self.told.append("an event is adopted")
        if self.streams:
            self.post.deliver()
        runs = [self._run(asked) for asked in act.runs]
        before = dict(self.world.current)
        schema = self.place.settings["schema"]
        watch = Watch.begun(self.address.warehouse, schema) if act.watched else None
        at = dict.fromkeys(act.changes, self._change)
        if self.streams:
            at |= dict.fromkeys(act.returns, self._return)
        self.executor.do(runs, self.rng, at)
        if watch is not None:
            self.problems += watch.seen()
        for run in runs:
            if again := twice(planned(self.world.client, self.place, run)):
                self.problems.append(f"TWICE: run {run.asked.run_id} has planned {again} twice")
            if run.succeeded:
                concerned = [
                    one for one in self._concerned(run, before) if self.world.current.get(one.key) == one
                ]
                self._promise(run, concerned)

    def _change(self) -> None:
        self.told.append(self.world.change())
        if self.streams:
            self.post.deliver()

    def _return(self) -> None:
        self.told.append(f"{self.post.expire()} messages come again")

    def _wake(self, *, asleep: bool) -> Event | None:
        """Play the triggerer; before a sensor is started at all, it may have been waiting since the run before."""
        if asleep:
            self.post.deliver()
            if self.rng.random() < 0.7:
                self._return()
        elif self.rng.random() < 0.6:
            return None
        if found := self.post.wake():
            return {triggers.STATUS: triggers.MESSAGES, triggers.MESSAGES: found}
        return {triggers.STATUS: triggers.IDLE} if self.rng.random() < 0.2 else None

    def _run(self, asked: Asked) -> Run:
        run = self.runs.get(asked.run_id)
        if run is None:
            run = self.runs[asked.run_id] = Run(asked, self.number, self.place, self._wake)
        else:
            run.clear(kept=self.rng.choice([WAIT, ""]))
            run.place = self.place
        return run

    def _concerned(self, run: Run, of: Mapping[str, Version]) -> list[Version]:
        """Return those raw objects that a run has to load, or to name."""
        if run.asked.kind != STREAM:
            prefixes = tuple(prefix(hour) for hour in self.hours if run.asked.covers(hour))
            return [one for key, one in sorted(of.items()) if key.startswith(prefixes)]
        if self._leaves_old:
            # It depends on what the clock said, too.
            return []
        keys = {put.version.key for letter in self._letters(run) for put in letter.puts}
        return [one for key, one in sorted(of.items()) if key in keys]

    def _letters(self, run: Run) -> list[Letter]:
        """Return the messages that a run of the stream has taken."""
        key = run.values.get((WAIT, -1, "return_value"))
        if key is None:
            return []
        answer = self.world.client.get_object(Bucket=self.place.settings["staging_bucket"], Key=key)
        taken = json.loads(answer["Body"].read())["messages"]
        return [self.post.letters[one["message_id"]] for one in taken]

    def _promise(self, run: Run, concerned: list[Version]) -> None:
        """Hold a run that ended green to what that means."""
        for version in concerned:
            if not version.readable:
                self.problems.append(f"GREEN: run {run.asked.run_id} says nothing of {version.key}, broken")
            elif run.asked.events:
                self.promised_some[version.object_id].update(run.asked.events)
            else:
                self.promised[version.object_id] = self.place.catalog
        for letter in self._letters(run):
            if letter.foreign:
                self.problems.append(f"GREEN: run {run.asked.run_id} says nothing of {letter.body[:80]}")

    def _last_of_stream(self) -> None:
        """Have the queue emptied of what can go, in quiet, and what died on the way to it redriven."""
        if not self.streams:
            return
        self.post.deliver(everything=True)
        self.post.expire()
        self._stream_in_quiet("quiet-stream")
        store = Store(self.world.client, Settings.model_validate(self.place.settings))
        if moved := self.post.redrive(store):
            self.told.append(f"{moved} messages are redriven")
            self._stream_in_quiet("quiet-redriven")

    def _stream_in_quiet(self, run_id: str) -> None:
        settings = {**self.place.settings, "stream_max_messages": 1000}
        run = Run(Asked(STREAM, self.hours[0], run_id, tries=2), self.number, self.place, quiet=True)
        run.place = replace(self.place, settings=settings)
        self.executor.do([run], self.rng, {})
        letters = self._letters(run)
        puts = [put for letter in letters for put in letter.puts]
        bad = {put.version.key for put in puts if self._is_bad(put.version.key)}
        # What is left to the hourly runs is theirs to name.
        named = {put.version.key for put in puts if not (put.old and self._leaves_old)} & bad
        heads = {repr(letter.body[:40])[1:-1] for letter in letters if letter.foreign}
        for one in sorted(one for one in named | heads if one not in run.failure):
            self.problems.append(f"GREEN: the last run of the stream says nothing of {one}: {run.failure}")
        if letters and not bad | heads and not run.succeeded:
            self.problems.append(f"RED: a quiet run of the stream failed: {run.states} {run.failure}")

    @property
    def _leaves_old(self) -> bool:
        return self.place.settings["stream_max_age_seconds"] is not None

    def _is_bad(self, key: str) -> bool:
        version = self.world.current.get(key)
        return version is None or not version.readable

    def _quiet(self, asked: Asked) -> Run:
        run = Run(asked, self.number, self.place, quiet=True)
        self.executor.do([run], self.rng, {})
        concerned = self._concerned(run, self.world.current)
        broken = [version for version in concerned if not version.readable]
        empty = asked.kind == BULK and not concerned
        if not broken and run.succeeded == empty:
            self.problems.append(
                f"RED: a quiet run ended otherwise than it should: {run.states} {run.failure}"
            )
        for version in broken:
            if f"s3://{version.bucket}/{version.key}" not in run.failure:
                self.problems.append(f"GREEN: the last run says nothing of {version.key}: {run.failure}")
        self._promise(run, [version for version in concerned if version.readable])
        return run

    def _quiet_bulk(self, run_id: str, names: tuple[str, ...]) -> None:
        """Run all hours in one, for some events: it reads what is to be read, and changes nothing else."""
        current = {one.object_id: one for one in self.world.current.values()}
        with recorded(self.address, self.place) as record:
            must, before = record.pending(current, names), record.contents(names)
        run = self._quiet(Asked(BULK, ALL[0], run_id, 2, names, ALL[1]))
        found = set(planned(self.world.client, self.place, run))
        if found != must:
            self.problems.append(f"PLANNED: run {run_id} of {names} reads {found}, expected {must}")
        with recorded(self.address, self.place) as record:
            if left := [key for key in record.pending(current, names) if current[key].readable]:
                self.problems.append(f"LEFT: run {run_id} of {names} would read again {left}")
            if names and record.contents(names) != before:
                self.problems.append(f"OTHERS: run {run_id} of {names} has changed what is loaded of others")

    def _audited(self) -> list[str]:
        """Return what the audit finds wrong with raw objects that are there, and whole."""
        wanted = {one.object_id for one in self.world.current.values() if one.readable}
        return [
            f"AUDIT: {said}"
            for object_id, said in audited(self.address, self.place, self.hours)
            if object_id in wanted
        ]

    def _acknowledged(self) -> list[str]:
        late = self.stream_first and self._leaves_old
        found = Acknowledged(self.post, self.world.current, late).problems()
        self.post.end()
        return found

    def _judge(self) -> None:
        settings = self.place.settings
        schemas = settings["schema"], settings["ledger_schema"]
        connection = redshift_connector.connect(**self.address.warehouse)
        try:
            connection.autocommit = True
            found = Found(connection, *schemas)
            self.problems += Judge(found, self.world.everything, self.promised, self.promised_some).problems()
            self.problems += self._audited()
            if self.streams:
                self.problems += self._acknowledged()
            if not self.problems:
                run = partial(connection.cursor().execute)
                for schema in schemas:
                    run(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        finally:
            connection.close()
