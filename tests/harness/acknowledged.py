"""Whether every message that was acknowledged was done with, and every message that is left has a reason to be."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.harness.post import Letter, Post
from tests.harness.world import Version


@dataclass(frozen=True)
class Acknowledged:
    """Judges the queue of a seed once nothing is under way any more.

    Attributes:
        post: the queue and what was sent to it.
        current: the raw objects that are there, by key.
        late: whether messages may be left to the hourly runs because of their age.
    """

    post: Post
    current: Mapping[str, Version]
    late: bool

    def problems(self) -> list[str]:
        """Return one line for each message that was acknowledged too early, or is where it must not be."""
        queue, dead = self.post.left()
        return [*self._too_early(), *self._left(queue, dead), *self._gone(queue | dead)]

    def _too_early(self) -> Iterator[str]:
        """Judge each request to delete messages by what was recorded at that moment."""
        of_receipt: dict[str, str] = {}
        written = 0
        for entry in self.post.journal.entries():
            written = max(written, entry.get("put", 0) + 1)
            of_receipt |= {receipt: message for message, receipt in entry.get("received", {}).items()}
            for receipt in entry.get("deleting", ()):
                letter = self.post.letters[of_receipt[receipt]]
                if letter.foreign:
                    yield f"ACKNOWLEDGED: {entry['by']} deletes what is not S3's: {letter.body[:80]}"
                if missing := self._missing(letter, written, set(entry["settled"])):
                    yield f"ACKNOWLEDGED: {entry['by']} deletes the notice of what is not recorded: {missing}"

    def _missing(self, letter: Letter, written: int, settled: set[str]) -> list[str]:
        """Return the keys of a message of which no version is recorded that is as late as the notice, or later."""
        missing = []
        for put in letter.puts:
            later = [
                one.version
                for one in self.post.puts[put.number : written]
                if one.version.key == put.version.key
            ]
            if not any(version.object_id in settled for version in later):
                missing.append(put.version.key)
        return missing

    def _left(self, queue: set[str], dead: set[str]) -> Iterator[str]:
        if hidden := self.post.hidden() - len(queue):
            yield f"HIDDEN: {hidden} messages are held by nobody knows whom"
        for message_id, letter in self.post.letters.items():
            where = f"{message_id}: {[put.version.key for put in letter.puts]} {letter.body[:80]}"
            if letter.foreign and message_id not in queue | dead:
                yield f"ACKNOWLEDGED: what is not S3's is gone: {where}"
            if message_id in queue | dead and self._can_go(letter):
                yield f"LEFT: a message that is done with is still there: {where}"

    def _gone(self, left: set[str]) -> Iterator[str]:
        """Count what became of messages, by what they say: one that is redriven is another message from then on."""
        receipts: dict[str, str] = {}
        found = set(left)
        for entry in self.post.journal.entries():
            receipts |= {receipt: message for message, receipt in entry.get("received", {}).items()}
            found |= {receipts[receipt] for receipt in entry.get("deleting", ())}
        sent = Counter(self.post.letters[one].body for one in self.post.letters.keys() - self.post.forwarded)
        kept = Counter(self.post.letters[one].body for one in found)
        for body in sent - kept:
            yield f"GONE: nobody has acknowledged {body[:80]}"

    def _can_go(self, letter: Letter) -> bool:
        found = [self.current.get(put.version.key) for put in letter.puts]
        there = all(version is not None and version.readable for version in found)
        return there and not letter.foreign and not (self.late and any(put.old for put in letter.puts))
