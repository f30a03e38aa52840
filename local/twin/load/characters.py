"""What of a text is not UTF-8: named as Redshift names it, or replaced by ACCEPTINVCHARS."""

from __future__ import annotations

import codecs
import re

from local.twin.load.fields import BAD_UTF8, FieldError

# Code points that UTF-8 can carry but that are no characters; only ACCEPTINVCHARS minds them.
_NO_CHARACTER = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
# What no column takes either, and as long as what it stands for.
LONE_SURROGATE = rb"\u0000"
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
# The first bytes of sequences longer than the four bytes that VARCHAR carries.
_TOO_LONG = range(0xF8, 0xFE)
_LEADING = range(0xC2, 0xF5)
_TRAILING = range(0x80, 0xC0)
_SURROGATE = 0xED


def is_utf8(text: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def bad_utf8(text: bytes) -> FieldError:
    """Return the error for bytes that are not UTF-8, with their first sequence that is none."""
    reason = "String contains invalid or unsupported UTF8 codepoints."
    try:
        text.decode()
    except UnicodeDecodeError as error:
        sequence = " ".join(f"{byte:02x}" for byte in text[error.start : error.end])
        reason += f" Bad UTF8 hex sequence: {sequence} (error {_number(text, error.start)})"
    return FieldError(BAD_UTF8, reason, text)


def mask_lone_surrogates(document: bytes) -> bytes:
    """Return JSON with LONE_SURROGATE in place of each half of a surrogate pair that stands alone."""
    return _ESCAPE.sub(lambda found: LONE_SURROGATE if found["lone"] else found[0], document)


def _number(text: bytes, start: int) -> int:
    """Return the number by which AWS, "Multibyte character load errors", tells the fault."""
    first = text[start]
    if first in _TOO_LONG:
        return 1
    if first not in _LEADING:
        return 3
    needed = 2 if first < 0xE0 else 3 if first < 0xF0 else 4  # noqa: PLR2004 - the lengths that first bytes tell
    following = text[start + 1 : start + needed]
    if not all(byte in _TRAILING for byte in following):
        return 4
    if len(following) < needed - 1:
        return 2
    return 5 if first == _SURROGATE else 8


class Replacer:
    """Replaces what is no character by as many bytes of one that is; `used` tells that it did."""

    def __init__(self, character: bytes) -> None:
        self.used = False
        self._character = character.decode()
        self._errors = f"twin_replace_{character[0]}"
        codecs.register_error(self._errors, self._replace)

    def _replace(self, error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        return self._character * (error.end - error.start), error.end

    def __call__(self, text: bytes) -> bytes:
        """Return the text with the replacements."""
        decoded = text.decode(errors=self._errors)
        found = _NO_CHARACTER.sub(lambda found: self._character * len(found[0].encode()), decoded)
        replaced = found.encode()
        self.used = self.used or replaced != text
        return replaced
