"""What the documents promise, kept true."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from log_router.core import column_types, quarantine, samples, yaml_file
from log_router.core.catalog import load_catalog, load_settings
from log_router.core.events import Column, Event, Strict, Unique, When
from log_router.core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "plugins" / "log_router" / "core"
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(file for folder in ("docs", "examples", "local") for file in (ROOT / folder).rglob("*.md")),
]
EVENTS = (ROOT / "docs" / "events.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
README = (ROOT / "README.md").read_text()
NEEDED = "(needed)"


def table(document: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = re.split(rf"^#+ {heading}$", document, flags=re.MULTILINE)[1]
    rows = re.search(r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert rows, f"there is no table below {heading}"
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in rows[1].splitlines()]


def names(document: str, heading: str) -> list[str]:
    """Return what stands in backticks in the first column of a table."""
    return [name for row in table(document, heading) for name in re.findall(r"`([^`]+)`", row[0])]


def blocks(document: str, language: str) -> Iterator[str]:
    """Yield the fenced examples in a language, without the indentation of a list they stand in."""
    for indent, text in re.findall(rf"^( *)```{language}\n(.*?)^ *```", document, re.DOTALL | re.MULTILINE):
        yield re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def reasons(exception: str, folder: Path) -> set[str]:
    """Return every reason that the code in a folder gives an exception of that name."""
    found = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == exception:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


@pytest.mark.parametrize(
    ("heading", "model", "not_written"),
    [
        ("Keys of an event file", Event, {"name"}),
        ("Keys of a column", Column, set()),
        ("Keys of `unique`", Unique, set()),
        ("Keys of `when`", When, set()),
        ("Settings", Settings, set()),
    ],
)
def test_every_key_is_documented_with_its_default(
    heading: str, model: type[Strict], not_written: set[str]
) -> None:
    """The tables of docs/events.md hold the keys of the models, no other ones, and the defaults of the settings."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    assert sorted(names(EVENTS, heading)) == sorted(fields.keys() - not_written)
    for row in table(EVENTS, heading):
        field, default = fields[row[0].strip(" `")], row[2].strip(" `")
        if model is Settings:
            wanted = NEEDED if field.is_required() else str(field.default or "none")
            assert default == wanted, row[0]


def test_every_type_is_documented() -> None:
    """The types in docs/events.md are those that a column may have."""
    written = [name.replace("(n)", "(9)").replace("(p,s)", "(9,2)") for name in names(EVENTS, "Types")]
    documented = {column_types.parse(name).name for name in written}
    assert documented == {*column_types._PLAIN, *column_types._WITH_LENGTH, "numeric"}


def test_every_quarantine_reason_is_documented() -> None:
    """Each reason of the code is in docs/events.md with a remedy, and no other one."""
    known = reasons("BadValue", CORE) | {quarantine.REFUSED_BY_COPY}
    assert sorted(names(EVENTS, "Quarantine reasons")) == sorted(known)
    assert all(row[2].strip() for row in table(EVENTS, "Quarantine reasons"))


def test_every_reason_of_a_broken_object_is_documented() -> None:
    """The reasons in docs/operations.md are the words that the code uses for them."""
    documented = set(names(OPERATIONS, "Broken objects"))
    store = (CORE.parent / "store.py").read_text()
    from_s3 = set(re.findall(r'^ +\("([a-z_]+)", _[A-Z]+, ', store, re.MULTILINE))
    assert documented == from_s3 | reasons("BrokenObject", CORE) | reasons("BrokenObject", CORE.parent)


@pytest.mark.parametrize("document", [README, EVENTS], ids=["README.md", "docs/events.md"])
def test_every_yaml_example_loads(document: str, tmp_path: Path) -> None:
    """What a reader copies is taken by the loader that the tasks use."""
    (tmp_path / "events" / "tests").mkdir(parents=True)
    (tmp_path / "settings.yaml").write_bytes((ROOT / "include" / "settings.yaml").read_bytes())
    examples = list(blocks(document, "yaml"))
    for example in examples:
        name = re.match(r"# (events/(?:tests/)?\w+\.yaml|settings\.yaml)\n", example)
        assert name, f"its first line does not name its file: {example}"
        (tmp_path / name[1]).write_text(example)
    catalog = load_catalog(tmp_path, load_settings(tmp_path, {}))
    assert len(catalog.events) == sum(bool(re.match(r"# events/\w+\.yaml", example)) for example in examples)
    assert samples.check(tmp_path, catalog)[1] == []


def test_two_keys_are_enough_for_an_event(tmp_path: Path) -> None:
    """The README's first example is as small as it says."""
    (tmp_path / "smallest.yaml").write_text(next(blocks(README, "yaml")))
    assert len(yaml_file.read(tmp_path / "smallest.yaml")) == 2


def test_every_json_example_is_json() -> None:
    """Policies and rules can be copied as they are."""
    examples = [text for document in (README, OPERATIONS) for text in blocks(document, "json")]
    assert len(examples) == 3
    assert all(json.loads(text) for text in examples)


def test_every_make_target_exists() -> None:
    """What README.md and CONTRIBUTING.md tell people to type is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"`make ([a-z]+)`", README + (ROOT / "CONTRIBUTING.md").read_text()))
    assert {"demo", "test", "check", "down"} <= told <= targets


def test_every_module_has_its_place_in_the_architecture() -> None:
    """The drawing in docs/architecture.md names each module outside of the core and the command line."""
    modules = {file.name for file in CORE.parent.glob("*.py") if not file.name.startswith("__")}
    drawn = re.findall(r"\w+\.py", (ROOT / "docs" / "architecture.md").read_text())
    assert modules <= set(drawn)


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    """Links between documents lead to files that exist, and to headings that stand in them."""
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", file.read_text()):
        target = (file.parent / link).resolve() if link else file
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in headings}
