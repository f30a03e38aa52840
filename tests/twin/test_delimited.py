"""How COPY splits CSV, delimited and fixed-width files, by AWS's documentation of its parameters."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.twin.load.delimited import RecordReader
from local.twin.load.documents import MAX_DOCUMENT
from local.twin.load.records import Layout, Record, RecordError

CSV = Layout("csv", delimiter=b",")
TEXT = Layout("delimited")
ESCAPED = Layout("delimited", escape=True)
UNQUOTED = Layout("delimited", remove_quotes=True)
BOTH = Layout("delimited", escape=True, remove_quotes=True)
FIXED = Layout("fixedwidth", widths=(("a", 3), ("b", 2), ("c", 4)))


def split(layout: Layout, data: bytes, step: int = 0) -> list[Record | RecordError]:
    chunks = [data[at : at + step] for at in range(0, len(data), step)] if step else [data]
    return list(RecordReader(layout).records(chunks))


def told(found: Record | RecordError) -> Any:
    """A record as its fields, those in quotes marked; an error as its code and text."""
    if isinstance(found, RecordError):
        return found.code, found.reason
    return [
        f"<{field.decode()}>" if n in found.quoted else field.decode() for n, field in enumerate(found.fields)
    ]


QUOTE = (1214, "Invalid quote formatting for CSV")
OPEN = (1214, "Delimited value missing end quote")
DANGLING = (1216, "Invalid input line: ends with an escape character")


def newline(character: str, at: int) -> tuple[int, str]:
    return 1216, f"Missing newline: Unexpected character 0x{character} found at location {at}"


CASES: list[tuple[str, Layout, bytes, list[Any]]] = [
    ("delimited", TEXT, b"1|a\n2|b\n", [["1", "a"], ["2", "b"]]),
    ("no_newline_at_the_end", TEXT, b"1|a\n2|b", [["1", "a"], ["2", "b"]]),
    ("no_delimiter", TEXT, b"1,a\n", [["1,a"]]),
    ("empty_fields", TEXT, b"||\n|\n", [["", "", ""], ["", ""]]),
    ("crlf", TEXT, b"1|a\r\n2|b\r\n3|c\r", [["1", "a"], ["2", "b"], ["3", "c"]]),
    ("lone_cr", TEXT, b"1|a\rb|2\n3|c\n", [newline("62", 4), ["3", "c"]]),
    ("quotes_are_data", TEXT, b"\"a\"|'b'\n", [['"a"', "'b'"]]),
    ("backslash_is_data", TEXT, b"a\\|b\n", [["a\\", "b"]]),
    ("blank_lines_are_records", TEXT, b"a\n\n\r\nb\n", [["a"], [""], [""], ["b"]]),
    ("blank_lines_ignored", Layout("delimited", ignore_blank_lines=True), b"a\n\n\r\n \nb\n", [["a"], [" "], ["b"]]),
    ("header", Layout("delimited", ignore_header=2), b"x|y\n\n1|2\n", [["1", "2"]]),
    ("header_longer_than_file", Layout("delimited", ignore_header=9), b"x|y\n1|2\n", []),
    ("delimiter_of_many_bytes", Layout("delimited", delimiter=b"|~|"), b"a|~|b|c~|~|\n", [["a", "b|c~", ""]]),
    ("many_bytes_and_cr", Layout("delimited", delimiter=b"|~|"), b"a|~|b|~c\r\n", [["a", "b|~c"]]),
    ("tab", Layout("delimited", delimiter=b"\t"), b"a\t b\n", [["a", " b"]]),
    ("delimiter_that_patterns_know", Layout("delimited", delimiter=b"^"), b"a^b\r\n^\r\n", [["a", "b"], ["", ""]]),
    ("nul_ends_the_record", TEXT, b"a|b\0\nc|d\0\r\n", [["a", "b"], ["c", "d"]]),
    ("nul_ends_open_quotes", CSV, b'1,"a\0\nb"\n2,c\n', [OPEN, QUOTE, ["2", "c"]]),
    ("nul_before_more", CSV, b"15,NUL next,\0,MFGR#47\n1,a\n", [newline("2c", 13), ["1", "a"]]),
    ("nul_cuts_text", TEXT, b"a|b\0c|d\n\0\ne|f\n", [["a", "b"], [""], ["e", "f"]]),
    ("nul_kept", Layout("delimited", keep_nul=True), b"a|\0|b\n", [["a", "\0", "b"]]),
    ("utf8", TEXT, "é|日本\n".encode(), [["é", "日本"]]),
    # AWS's own examples of ESCAPE
    ("escaped_newline", ESCAPED, b"1|The fox\\\njumped.\n", [["1", "The fox\njumped."]]),
    ("escaped_backslash", ESCAPED, b"2| A\\\\B\\\\C\n", [["2", " A\\B\\C"]]),
    ("escaped_delimiter", ESCAPED, b"3| A \\| B \\| C\n", [["3", " A | B | C"]]),
    (
        "escaped_quote", BOTH,
        b"4| x\n4|'A Midsummer Night\\'s Dream'\n", [["4", " x"], ["4", "<A Midsummer Night's Dream>"]],
    ),
    ("escaped_letters_are_letters", ESCAPED, b"\\012|\\n\n", [["012", "n"]]),
    ("null_escaped_or_not", ESCAPED, b"\\N|\\\\N|x\\N\n", [["\\N", "\\N", "xN"]]),
    ("two_backslashes_end_the_line", ESCAPED, b"a\\\\\nb\n", [["a\\"], ["b"]]),
    ("escaped_crlf", ESCAPED, b"a\\\r\\\nb|c\r\n", [["a\r\nb", "c"]]),
    ("escaped_cr_alone", ESCAPED, b"a\\\r\nb\n", [["a\r"], ["b"]]),
    ("escaped_end", ESCAPED, b"a\\\nb\\", [DANGLING]),
    (
        "escaped_many_bytes", Layout("delimited", delimiter=b"||", escape=True),
        b"a\\||b||c\\|||d\n", [["a||b", "c|", "d"]],
    ),
    # AWS's table of REMOVEQUOTES
    (
        "double_quotes", UNQUOTED,
        b'"The delimiter is a pipe (|) character"|2\n', [["<The delimiter is a pipe (|) character>", "2"]],
    ),
    ("single_quotes", UNQUOTED, b"'Black'|\"White\"\n", [["<Black>", "<White>"]]),
    ("quote_at_the_end_only", UNQUOTED, b"Blue'|x\n", [["Blue'", "x"]]),
    ("single_quote_not_closed", UNQUOTED, b"'Blue|x\n1|2\n", [OPEN, ["1", "2"]]),
    ("double_quote_not_closed", UNQUOTED, b'"Blue\n1|2\n', [OPEN, ["1", "2"]]),
    ("outer_quotes_only", UNQUOTED, b"' ' 'Black' ' '|x\n", [["< ' 'Black' ' >", "x"]]),
    ("quoted_blank_and_nothing", UNQUOTED, b"' '|''|\n", [["< >", "<>", ""]]),
    ("other_quote_inside", UNQUOTED, b"\"it's\"|'say \"a\"'\r\n", [["<it's>", '<say "a">']]),
    ("newline_in_quotes_ends_the_line", UNQUOTED, b'"a\nb"|c\n', [OPEN, ['b"', "c"]]),
    ("blank_before_quote", UNQUOTED, b' "a"|b\n', [[' "a"', "b"]]),
    ("escaped_newline_in_quotes", BOTH, b'"a\\\nb"|c\n', [["<a\nb>", "c"]]),
    ("escaped_quote_does_not_close", BOTH, b'"a\\"|b"|c\n', [['<a"|b>', "c"]]),
    # CSV
    ("csv", CSV, b'15,dark sky,"LARGE BRASS",\n', [["15", "dark sky", "<LARGE BRASS>", ""]]),
    ("delimiter_in_quotes", CSV, b'22,"PROMO, POLISHED"\n', [["22", "<PROMO, POLISHED>"]]),
    ("doubled_quotes", CSV, b'23,"MEDIUM ""BURNISHED"" TIN",""""\n', [["23", '<MEDIUM "BURNISHED" TIN>', '<">']]),
    (
        "newline_in_quotes", CSV,
        b'1,"a\nb",c\n2,"d\r\n\r\ne"\r\n3,f\n', [["1", "<a\nb>", "c"], ["2", "<d\r\n\r\ne>"], ["3", "f"]],
    ),
    ("doubled_quotes_over_lines", CSV, b'"a""\n""b","\n"\n', [['<a"\n"b>', "<\n>"]]),
    ("two_long_fields", CSV, b'"a\nb","c\nd"\n', [["<a\nb>", "<c\nd>"]]),
    ("cr_in_quotes", CSV, b'"a\rb",c\n', [["<a\rb>", "c"]]),
    ("blank_around_quotes", CSV, b' "a" ,\t"b"\t, c \n', [["<a>", "<b>", " c "]]),
    ("blank_delimiter", Layout("csv", delimiter=b"\t"), b'"a"\t\t "b" \n', [["<a>", "", "<b>"]]),
    ("quote_in_the_middle", CSV, b'x,aaaa"zzzz,1\n2,b\n', [QUOTE, ["2", "b"]]),
    ("text_after_quote", CSV, b'1,"for """@related",2\n3,b\n', [QUOTE, ["3", "b"]]),
    ("text_after_quote_on_next_line", CSV, b'1,"a\nb"c,2\n3,b\n', [QUOTE, ["3", "b"]]),
    ("quote_not_closed", CSV, b'1,a\n2,"b\n3,c\n', [["1", "a"], OPEN]),
    ("empty_and_quoted_empty", CSV, b',""\n', [["", "<>"]]),
    ("csv_backslash", CSV, b'"a\\",b\\,c\n', [["<a\\>", "b\\", "c"]]),
    ("csv_other_quote", Layout("csv", delimiter=b",", quote=b"'"), b"'a,''b''',\"c\"\n", [["<a,'b'>", '"c"']]),
    ("csv_quote_that_patterns_know", Layout("csv", delimiter=b",", quote=b"^"), b"^a,^,b\r\n", [["<a,>", "b"]]),
    ("csv_pipe", Layout("csv", delimiter=b"|"), b'"a|b"|c,d\n', [["<a|b>", "c,d"]]),
    ("csv_many_bytes", Layout("csv", delimiter=b"|~|"), b'"a|~|b"|~|c|~\n', [["<a|~|b>", "c|~"]]),
    ("csv_lone_cr", CSV, b"1,a\r2,b\n", [newline("32", 4)]),
    (
        "csv_blank_lines", Layout("csv", delimiter=b",", ignore_blank_lines=True),
        b'\n"\n\n"\n\r\na\n', [["<\n\n>"], ["a"]],
    ),
    ("csv_nul_in_quotes", CSV, b'"a\0b"\n', [newline("62", 3)]),
    # fixed width
    ("fixed", FIXED, b"abcdefghi\n1  2 3   \n", [["abc", "de", "fghi"], ["1  ", "2 ", "3   "]]),
    ("fixed_short", FIXED, b"abcd\nab\n\n", [["abc", "d"], ["ab"], [""]]),
    ("fixed_long", FIXED, b"abcdefghiX\n1  2 3\r\n", [newline("58", 9), ["1  ", "2 ", "3"]]),
    ("fixed_counts_characters", FIXED, "äöüéß日本x\nab\n".encode(), [["äöü", "éß", "日本x"], ["ab"]]),
    ("fixed_long_characters", FIXED, "äöüéß日本語xX\n".encode(), [newline("58", 20)]),
    ("fixed_quotes_and_pipes", FIXED, b"'|'\"|ab\\N\n", [["'|'", '"|', "ab\\N"]]),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "data", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_file_is_split_as_documented(layout: Layout, data: bytes, expected: list[Any]) -> None:
    """The same however the file arrives: in one piece or byte by byte."""
    for step in (0, 1, 3):
        assert [told(found) for found in split(layout, data, step)] == expected


def test_a_record_knows_its_first_line_and_its_own_bytes() -> None:
    """Lines are counted from the file's first, its header included."""
    found = split(Layout("csv", delimiter=b",", ignore_header=1), b'h\n1,"a\r\nb"\r\n2,c"d,e\n"x\n')
    assert [(one.number, one.raw) for one in found] == [(2, b'1,"a\r\nb"'), (4, b'2,c"d,e'), (5, b'"x')]


def test_an_error_names_the_field_and_how_it_begins() -> None:
    """As `stl_load_errors` shows them: the field's column and its text up to the quotation mark."""
    (error,) = split(CSV, b'1,aaaa"zzzz,2\n')
    assert isinstance(error, RecordError)
    assert (error.column, error.value) == (1, b"aaaa")


@pytest.mark.parametrize(
    ("layout", "start", "line"),
    [(TEXT, b"", b"x"), (CSV, b'"', b"x" * 1000 + b"\n"), (ESCAPED, b"", b"x" * 1000 + b"\\\n")],
)
def test_a_record_beyond_the_limit_is_an_error(layout: Layout, start: bytes, line: bytes) -> None:
    """One error, at the limit, and what follows is split again; a record at the limit is taken."""
    long = start + line * (MAX_DOCUMENT // len(line) + 1)
    found = split(Layout(layout.kind, b",", escape=layout.escape), b"1,a\n" + long + b"\n2,b\n", 1 << 16)
    assert told(found[0]) == ["1", "a"]
    assert isinstance(found[1], RecordError)
    assert found[1].number == 2
    assert "found at location 4194303" in found[1].reason
    assert told(found[-1]) == ["2", "b"]
    assert [told(one) for one in split(TEXT, b"x" * MAX_DOCUMENT + b"\n")] == [["x" * MAX_DOCUMENT]]


def test_a_file_is_read_as_it_is_asked_for() -> None:
    """Records come out before the next block goes in, so memory does not grow with the file."""
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for taken in range(1, 100):  # noqa: B007 - counts how far the reader went
            yield b'1,"a"\n' * 100

    records = RecordReader(CSV).records(chunks())
    next(records)
    assert taken == 1
