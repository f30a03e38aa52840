"""What a client hears when a statement fails, in Redshift's words.

TwinError            one ErrorResponse: SQLSTATE, message, detail
  syntax_error()     42601, as Redshift's parser says it
  not_supported()    0A000, Redshift knows no such thing
  not_in_twin()      0A000, Redshift knows it, this test double does not
"""

from __future__ import annotations

INTERNAL = "XX000"
SYNTAX = "42601"
UNSUPPORTED = "0A000"
FAILED_TRANSACTION = "25P02"
ACTIVE_TRANSACTION = "25001"
TOO_LONG = "22001"
CHECK_VIOLATION = "23514"

# Redshift reports both of PostgreSQL's ways to lose a race as its one error 1023.
_LOST_RACES = ("40001", "40P01")


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


def in_redshift_words(fields: dict[str, str]) -> TwinError:
    """Return PostgreSQL's error as Redshift would report it."""
    code, message = fields.get("C", INTERNAL), fields.get("M", "")
    if code in _LOST_RACES:
        table = fields.get("t", "") or "in the twin"
        return TwinError(
            "1023",
            detail=f"Serializable isolation violation on table - {table}, "
            f"transactions forming the cycle are not known to the twin ({message})",
        )
    domain = fields.get("d", "")
    if code == CHECK_VIOLATION and fields.get("s") == "twin" and domain:
        kind, _, size = domain.partition("_")
        if kind == "char" and message:
            return TwinError(f"value too long or not single-byte for type character({size})", code=TOO_LONG)
        return TwinError(f"value too long for type character varying({size})", code=TOO_LONG)
    return TwinError(message, code=code, detail=fields.get("D", ""))
