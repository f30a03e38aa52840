"""What a client hears when a statement fails, in Redshift's words.

TwinError               one ErrorResponse: SQLSTATE, message, detail
  syntax_error()        42601, as Redshift's parser says it
  not_supported()       0A000, Redshift knows no such thing
  not_in_twin()         0A000, Redshift knows it, this test double does not
  failed_transaction()  25P02, nothing but the transaction's end is taken now
  cancelled()           57014, the client has cancelled, or its statement_timeout is over
"""

from __future__ import annotations

import re

INTERNAL = "XX000"
SYNTAX = "42601"
UNSUPPORTED = "0A000"
FAILED_TRANSACTION = "25P02"
ACTIVE_TRANSACTION = "25001"
TOO_LONG = "22001"
CHECK_VIOLATION = "23514"
CANCELLED = "57014"
UNDEFINED_FUNCTION = "42883"
# MERGE would change a row twice
SECOND_CHANGE = "21000"
GENERATED_ALWAYS = "428C9"

# Redshift's text and SQLSTATE for what PostgreSQL reports by these.
_OTHERWISE = {
    CANCELLED: ("Query cancelled on user's request", CANCELLED),
    GENERATED_ALWAYS: ("cannot set an identity column to a value", UNSUPPORTED),
    SECOND_CHANGE: ("Found multiple matches to update the same tuple.", INTERNAL),
}
# Redshift's number for a transaction that is not isolated from others any more, which is the whole message.
CONFLICT = "1023"
_LOST_RACE = "40001"
_TOO_BIG = "54000"

# Redshift has more of them than the twin; of a user's own table the same words would be true.
_SYSTEM_TABLE = re.compile(
    r'relation "(?:pg_catalog\.)?((?:stl|stv|svcs|svl|svv|sys)_\w+'
    r'|pg_(?:\w+_info|external_schema|library|statistic_indicator))" does not exist'
)
_MEDIAN_OF_TIMES = re.compile(r"function twin\.percentile_(cont|disc)\((date|time)")


class TwinError(Exception):
    """One refusal or failure, with the fields the wire protocol carries."""

    def __init__(self, message: str, *, code: str = INTERNAL, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.detail = detail


def syntax_error(near: str) -> TwinError:
    """Return Redshift's syntax error at the given text."""
    return TwinError(f'syntax error at or near "{near}"', code=SYNTAX)


def not_supported(what: str) -> TwinError:
    """Return the refusal of something which PostgreSQL has and Redshift has not."""
    return TwinError(f"{what} is not supported by Amazon Redshift", code=UNSUPPORTED)


def not_in_twin(what: str) -> TwinError:
    """Return the refusal of something which Redshift has and this twin has not."""
    return TwinError(
        f"{what} is not supported by the local Redshift twin",
        code=UNSUPPORTED,
        detail="Redshift itself may accept it; see local/twin/README.md for what the twin does not do.",
    )


def failed_transaction() -> TwinError:
    """Return the refusal of everything but the end of a transaction in which a statement has failed."""
    return TwinError(
        "current transaction is aborted, commands ignored until end of transaction block",
        code=FAILED_TRANSACTION,
    )


def cancelled() -> TwinError:
    """Return the end of a statement that was cancelled, by the client or by its statement_timeout."""
    said, code = _OTHERWISE[CANCELLED]
    return TwinError(said, code=code)


_SKIPPED = re.compile(r'(?P<what>\w+) (?P<name>".*") (?P<state>already exists|does not exist), skipping')
_DOMAIN = re.compile(r"twin\.(?P<kind>varchar|char)_[0-9]+")
_BYTES = {"varchar": "character varying", "char": "character"}
_ROLE = re.compile(r'role "(?P<kind>group:|role:)?(?P<name>.*)" (?P<state>already exists|does not exist)')


def in_redshift_notice(message: str) -> str:
    """Return PostgreSQL's remark on a thing that is there, or is not, as Redshift puts it."""
    if found := _SKIPPED.fullmatch(message):
        return f"{found['what'].capitalize()} {found['name']} {found['state']} and will be skipped"
    return _named(message)


def _named(message: str) -> str:
    """Return a message with Redshift's names of things."""
    if found := _ROLE.fullmatch(message):
        kind = (found["kind"] or "user:").removesuffix(":")
        return f'{kind} "{found["name"]}" {found["state"]}'
    # functions that stand in for Redshift's are in the twin's own schema
    message = re.sub(r"^function twin\.(lacking_)?", "function ", message)
    message = _DOMAIN.sub(lambda found: _BYTES[found["kind"]], message)
    return re.sub("^permission denied for (table|view|sequence) ", "permission denied for relation ", message)


def _lacking(code: str, message: str) -> str:
    """Return what of Redshift's the twin lacks, if that is why PostgreSQL refused."""
    if found := _SYSTEM_TABLE.match(message):
        return f"The system table {found[1]}"
    if code == _TOO_BIG and message.startswith("row is too big"):
        return "A row of more than 8,160 bytes, a long value counted as 18,"
    return "MEDIAN or a percentile of dates and times" if _MEDIAN_OF_TIMES.match(message) else ""


def in_redshift_words(fields: dict[str, str]) -> TwinError:
    """Return PostgreSQL's error as Redshift would report it."""
    code, message = fields.get("C", INTERNAL), fields.get("M", "")
    if code == _LOST_RACE:
        # which table and which transactions, the session's isolation knows
        return TwinError(CONFLICT)
    if lacking := _lacking(code, message):
        return not_in_twin(lacking)
    domain = fields.get("d", "")
    if code == CHECK_VIOLATION and fields.get("s") == "twin" and domain:
        kind, _, size = domain.partition("_")
        if kind == "char" and message:
            return TwinError(f"value too long or not single-byte for type character({size})", code=TOO_LONG)
        return TwinError(f"value too long for type character varying({size})", code=TOO_LONG)
    if code in _OTHERWISE:
        said, code = _OTHERWISE[code]
        return TwinError(said, code=code)
    wants_cast = code == UNDEFINED_FUNCTION and "super" in message
    detail = "Redshift may take a SUPER here; the twin wants a cast." if wants_cast else fields.get("D", "")
    return TwinError(_named(message), code=code, detail=detail)
