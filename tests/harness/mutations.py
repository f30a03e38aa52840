"""Whether the harness would notice: the product broken in one way at a time, in a copy of the tree.

    python -m tests.harness.mutations                 # all of them
    python -m tests.harness.mutations "no ledger lock"

Each must turn the harness red. Prints after how many seeds it did.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.environment import ROOT
from tests.harness.mutation import PACKAGE, Mutation
from tests.harness.plan_mutations import OF_PLANS

SEEDS = 300
_PROBLEM = re.compile("[A-Z]+: ")


MUTATIONS = (
    Mutation(
        "no ledger lock",
        f"{PACKAGE}/loading.py",
        'session.run(self._render_ledger("lock_table", table=ledger_of(self.event)))',
        "pass",
        # A serializable database itself undoes one of two loads that have read the ledger before the other wrote.
        levels=("snapshot",),
    ),
    Mutation(
        "no count check",
        f"{PACKAGE}/loading.py",
        "if copy_id == before or count != self.manifest.rows:",
        "if copy_id == before:",
    ),
    Mutation(
        "settled before its loads have committed",
        f"{PACKAGE}/settling.py",
        "parted[not report.rows.keys() | named <= loaded_events]",
        "parted[False]",
    ),
    Mutation(
        "the ETag is not of the identity",
        f"{PACKAGE}/core/batches.py",
        "[self.bucket, self.key, self.etag, self.size]",
        "[self.bucket, self.key, self.size]",
        reference=(
            "identity = [bucket, key, etag, size]",
            "identity = [bucket, key, size]",
        ),
    ),
    Mutation(
        "the ledger in a transaction of its own",
        f"{PACKAGE}/loading.py",
        "        for some in slices(entries):",
        "        session.commit()\n        for some in slices(entries):",
    ),
    Mutation(
        "the ledger is not asked",
        f"{PACKAGE}/loading.py",
        "loaded = self.entries(session)",
        "loaded: dict[str, LedgerEntry] = {}",
    ),
    Mutation(
        "a broken object's rows are kept",
        f"{PACKAGE}/splitting.py",
        "                return _noted(raw, error)",
        "                _noted(raw, error)",
    ),
    Mutation(
        "parts are not told apart by chunk",
        f"{PACKAGE}/parts.py",
        'f"{self._chunk}-{number:05d}.json.{suffix}"',
        'f"{number:05d}.json.{suffix}"',
    ),
    Mutation(
        "whatever lies under the key is read",
        f"{PACKAGE}/store.py",
        """            client_kwargs={"S3.Client.get_object": {"IfMatch": f'"{raw.etag}"'}},\n""",
        "",
    ),
    Mutation(
        "a truncated object ends like a whole one",
        f"{PACKAGE}/core/decompress.py",
        "        if isinstance(error, EOFError):",
        "        if isinstance(error, EOFError):\n            return\n        if isinstance(error, EOFError):",
    ),
    Mutation(
        "a reload deletes nothing",
        f"{PACKAGE}/loading.py",
        """deleted += session.run(
                self._render("delete_rows", object_ids=object_ids, spared=self.manifest.spared)
            )""",
        "deleted += 0",
    ),
    Mutation(
        "a reload deletes in a transaction of its own",
        f"{PACKAGE}/loading.py",
        "        loaded = self.entries(session)\n",
        "        session.commit()\n        loaded = self.entries(session)\n",
    ),
    Mutation(
        "an adopted event's objects stay settled",
        "include/sql/settled_objects.sql",
        '"unrouted" > 0',
        '"unrouted" < 0',
    ),
    Mutation(
        "a commit that is not heard of is taken for done",
        f"{PACKAGE}/warehouse.py",
        '        with _errors("COMMIT"):\n            self._connection.commit()',
        "        try:\n            self._connection.commit()\n        except Exception:\n            pass",
    ),
    Mutation(
        "objects loaded before are loaded with the new ones",
        f"{PACKAGE}/loading.py",
        "        if self.event.unique is None and sum(rows.values()) == self.manifest.rows:",
        "        if self.event.unique is None:",
    ),
    Mutation(
        "records of before stay",
        f"{PACKAGE}/settling.py",
        'session.run(self._render(f"delete_{table}", object_ids=some))',
        "pass",
    ),
    Mutation(
        "results of a cleared run's former batch count",
        f"{PACKAGE}/runs.py",
        'if result and result["batch"] == batch.batch_id]',
        "if result]",
    ),
    Mutation(
        "a late try's report replaces what was read",
        f"{PACKAGE}/store.py",
        'f"{chunk:05d}-{digest}.json"',
        'f"{chunk:05d}.json"',
    ),
    Mutation(
        "messages are acknowledged before the record is committed",
        f"{PACKAGE}/operators.py",
        "        settlement = settler.settle(",
        """        if "deliveries" in plan:
            from log_router.core.deliveries import Deliveries
            entries = Deliveries.from_json(site.store.get(plan["deliveries"])).entries
            site.queue.acknowledge([entry.receipt for entry in entries if not entry.problems])
        settlement = settler.settle(""",
    ),
    Mutation(
        "all messages that were received are acknowledged",
        f"{PACKAGE}/deliveries.py",
        "done = [entry for entry in deliveries.entries if entry.is_done(settled)]",
        "done = list(deliveries.entries)",
    ),
    Mutation(
        "messages are acknowledged whatever the record says",
        f"{PACKAGE}/deliveries.py",
        "settled = planner.settled(deliveries.object_ids)",
        "settled = frozenset(deliveries.object_ids)",
    ),
    Mutation(
        "a message is acknowledged when one of its raw objects is settled",
        f"{PACKAGE}/core/deliveries.py",
        "settled.issuperset(self.object_ids)",
        "(not self.object_ids or not settled.isdisjoint(self.object_ids))",
    ),
    Mutation(
        "the size is the notice's",
        f"{PACKAGE}/deliveries.py",
        "    age = store.settings.stream_max_age_seconds\n",
        """    sizes = {notice.key: notice.size or 0 for notice in told}
    found = {
        key: RawObject(raw.bucket, key, raw.etag, sizes[key]) if isinstance(raw, RawObject) else raw
        for key, raw in found.items()
    }
    age = store.settings.stream_max_age_seconds
""",
    ),
    Mutation(
        "foreign bodies are acknowledged",
        f"{PACKAGE}/deliveries.py",
        "return Delivery(message.message_id, message.receipt, problems=(str(notices),))",
        "return Delivery(message.message_id, message.receipt)",
    ),
    Mutation(
        "notices of objects that vanished are acknowledged",
        f"{PACKAGE}/deliveries.py",
        "tuple(str(raw) for raw in raws if isinstance(raw, Refused))",
        "()",
    ),
    Mutation(
        "objects left to the hourly runs are acknowledged",
        f"{PACKAGE}/deliveries.py",
        "tuple(raw.object_id for raw in raws if isinstance(raw, RawObject))",
        "tuple(raw.object_id for raw in raws if isinstance(raw, RawObject) and raw.key in fresh)",
    ),
    Mutation(
        "the first record of a message stands for all",
        f"{PACKAGE}/core/notices.py",
        "return _from_records(found.records)",
        "return _from_records(found.records[:1])",
    ),
    Mutation(
        "the key in a notice is not decoded",
        f"{PACKAGE}/core/notices.py",
        'unquote_plus(place.object.key, errors="strict")',
        "place.object.key",
    ),
    Mutation(
        "a redrive deletes what it has not sent",
        f"{PACKAGE}/redriving.py",
        "self.queue.send(message.body)",
        "pass",
    ),
    *OF_PLANS,
)


def mutated(mutation: Mutation, folder: Path) -> None:
    """Copy the tree into a folder, and break it there.

    Raises:
        ValueError: the text to replace does not stand there exactly once.
    """
    linked = shutil.ignore_patterns(".git", ".venv", ".local", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=linked, dirs_exist_ok=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / ".local").mkdir()
    (folder / ".local" / "s3-venv").symlink_to(ROOT / ".local" / "s3-venv")
    for name, old, new in mutation.changes:
        file = folder / name
        text = file.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{mutation.name}: `{old}` stands {text.count(old)} times in {file}")
        file.write_text(text.replace(old, new))


def survives(mutation: Mutation, level: str) -> str:
    """Return what the harness says of a mutation at an isolation level, or nothing where it turned red."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        mutated(mutation, Path(folder))
        command = [
            sys.executable,
            "-m",
            "tests.harness",
            "--seeds",
            str(SEEDS),
            "--isolation",
            level,
            "--stop",
        ]
        done = subprocess.run(
            command, cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
        )
    stopped = [line for line in done.stdout.splitlines() if line.startswith("stopped after")]
    problems = [line for line in done.stdout.splitlines() if _PROBLEM.match(line)]
    print(
        f"{mutation.name}, {level}: {stopped[0] if stopped else 'SURVIVED'}",
        *problems[:1],
        sep="; ",
        flush=True,
    )
    return "" if stopped else done.stdout + done.stderr


def main() -> int:
    """Try the mutations that were named, or all; return 1 where the harness stayed green with one."""
    chosen = [mutation for mutation in MUTATIONS if not sys.argv[1:] or mutation.name in sys.argv[1:]]
    left = [said for mutation in chosen for level in mutation.levels if (said := survives(mutation, level))]
    print("\n".join(left))
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
