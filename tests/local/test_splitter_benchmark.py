"""The benchmark of the split: its inputs are what they say, and who is measured does the work."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from benchmarks.splitter import contenders, inputs
from benchmarks.splitter.__main__ import Cost, run, table

SIZE = 300_000


@pytest.mark.parametrize("name", inputs.INPUTS)
def test_ours_takes_every_input(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is lost; nothing is quarantined but of the bad lines, and nothing unrouted."""
    monkeypatch.setattr(inputs, "OBJECT_BYTES", SIZE // 2)
    given = inputs.made(name, tmp_path, SIZE)
    if given is None:
        pytest.skip("the hours of GitHub's events are not on this machine: ../shared/data/gharchive")
    assert sum(given.sizes) >= SIZE
    (ours,) = (one for one in contenders.contenders(tmp_path / "go") if one.name == "ours")
    cost = run(given, ours, SIZE)
    assert cost["cpu"] > 0


def test_the_others_do_the_same_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that need nothing but what the tests have; the benchmark checks the rest in the same way."""
    monkeypatch.setattr(contenders, "PEERS", Path(sys.executable))
    given = inputs.made("bad lines", tmp_path, SIZE)
    assert given is not None
    known = {one.name: one for one in contenders.contenders(tmp_path / "go")}
    for name in ("limit", "orjson", "json"):
        assert run(given, known[name], SIZE)["peak_mb"] > 0


def test_another_work_is_refused(tmp_path: Path) -> None:
    """A contender that loses a line is not measured."""
    given = inputs.made("tiny", tmp_path, SIZE)
    assert given is not None
    lossy = contenders.Contender("lossy", "", lambda _, __, out: ["sh", "-c", f"echo | gzip > {out}/a.gz"])
    with pytest.raises(SystemExit, match="lossy made 1 lines of"):
        run(given, lossy, SIZE)


def test_inputs_are_the_same_each_time(tmp_path: Path) -> None:
    """By their seeds; one that is there is not made again."""
    first, second = (inputs.made("wide", tmp_path / place, SIZE) for place in "ab")
    assert first is not None
    assert second is not None
    bodies = [gzip.decompress(given.objects(SIZE)[0].read_bytes()) for given in (first, second)]
    assert bodies[0] == bodies[1]
    assert len(json.loads(bodies[0].splitlines()[0])) == 301
    assert inputs.made("wide", tmp_path / "a", SIZE) == first


def test_the_table_has_ratios() -> None:
    """Against the limit and against ours."""
    costs = [
        Cost("main", name, 100, seconds, 0, 50, 20)
        for name, seconds in (("ours", 2), ("limit", 1), ("Go", 8))
    ]
    assert table(costs).splitlines()[2:] == [
        "| main | ours | 100 | 50.0 | 0.50 |  | 20 | 50 |",
        "| main | limit | 100 | 100.0 | 1.00 |  | 20 | 50 |",
        "| main | Go | 100 | 12.5 | 0.12 | 4.0 | 20 | 50 |",
    ]
