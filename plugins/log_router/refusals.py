"""What the warehouse's error tables say of lines that COPY refused."""

from dataclasses import dataclass

from log_router.core.sql import Statements
from log_router.warehouse import Warehouse


@dataclass(frozen=True)
class Refusal:
    """One refused line: where it stands in a part, counted from 1, and the warehouse's column, code and text."""

    file: str
    line: int
    column: str
    code: int
    text: str

    @property
    def why(self) -> str:
        """Column, code and text, as a person reads them."""
        return f"column {self.column or '?'}: {self.code} {self.text}"


def refusals(warehouse: Warehouse, statements: Statements, session_id: int, parts_url: str) -> list[Refusal]:
    """Return what was noted of the last COPY of a session, if that was of parts whose URLs start like this."""
    # In a session of its own: what was noted during a transaction may not be seen in it.
    with warehouse.session() as session:
        rows = session.fetch(statements.render("load_errors", session_id=session_id, parts_url=parts_url))
    return [
        Refusal(str(file).strip(), int(line), str(column).strip(), int(code), str(text).strip())
        for file, line, column, code, text in rows
    ]
