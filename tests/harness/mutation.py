"""What a mutation is: one law of the product broken."""

from dataclasses import dataclass

from local.twin.isolation import LEVELS

PACKAGE = "plugins/log_router"
_REFERENCE = "tests/harness/reference.py"


@dataclass(frozen=True)
class Mutation:
    """One law of the product broken: in `file`, `old`, which stands there once, becomes `new`.

    `reference` is such a change of the reference, where it would otherwise differ by the mere names of things.
    `levels` are the isolation levels at which the law is of any weight.
    """

    name: str
    file: str
    old: str
    new: str
    reference: tuple[str, str] | None = None
    levels: tuple[str, ...] = LEVELS

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """The changes: in which file, what, by what."""
        product = (self.file, self.old, self.new)
        return [product, (_REFERENCE, *self.reference)] if self.reference else [product]
