"""Rows by columns: the same as one by one, in little memory; histograms are read where they are needed."""

import os
import pickle
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stored import made, store

from sodbench.protocol import Protocol
from sodbench.scoring import levels
from sodbench.scoring.collected import FRESH, Collected
from sodbench.scoring.levels import AT_ONCE, Levels, PutAside
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores
from sodbench.scoring.spool import Aside, _Spool
from sodbench.scoring.table import RowTable
from sodbench.scoring.texts import Texts

ROWS_MANY = 2000


def row(image: str, seed: int, digest: str = "", notes: tuple[str, ...] = (), **numbers: float) -> Row:
    fg, bg = np.random.default_rng(seed).integers(0, 9, (2, 256), dtype=np.uint32)
    return Row(image, (1, int(fg.sum() + bg.sum())), fg, bg, numbers, notes, digest)


ROWS = {
    "b": row("b", 1, "m-b", ("resized", "empty-mask"), s_object=0.5, s_region=float("nan")),
    "a": row("a", 2, "m-a", s_object=0.25),
    "c": row("c", 3, "é\0", ("resized",))._replace(unknown={"other": "x"}),
}


def same(found: Row, expected: Row) -> None:
    assert [*found.numbers] == [*expected.numbers]
    np.testing.assert_equal(found._asdict(), expected._asdict())


@pytest.mark.parametrize("aside", [False, True])
def test_rows_come_back_as_they_were(aside: bool) -> None:
    table = RowTable.of(ROWS, aside)
    assert [*table] == ["a", "b", "c"]
    assert "d" not in table
    for image, expected in ROWS.items():
        same(table[image], expected)
        bare = table.bare(image)
        assert bare.fg.size == bare.bg.size == 0
        same(bare._replace(fg=expected.fg, bg=expected.bg), expected)
    assert table == RowTable.of(ROWS) == ROWS
    with pytest.raises(KeyError):
        table["d"]
    np.testing.assert_array_equal(table.pixels, [[ROWS[i].fg.sum(), ROWS[i].bg.sum()] for i in "abc"])


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (2, 1)},
        {"numbers": {"s_object": 0.25, "s_region": float("nan")}},
        {"numbers": {}},
        {"numbers": {"s_object": 0.5}},
        {"notes": ("missing",)},
        {"digest": "m-x"},
        {"unknown": {"other": ""}},
    ],
    ids=str,
)
def test_tables_differ_in_any_cell(change: dict[str, object]) -> None:
    table, other = RowTable.of(ROWS), RowTable.of({**ROWS, "a": ROWS["a"]._replace(**change)})
    assert table != other
    assert not table.is_as(other)
    assert table.only("bc") == other.only("bc")
    assert table.only("bc").is_as(other)
    assert not table.is_as(other.only("bc"))


def test_tables_of_other_histograms_differ_but_are_of_the_same_files() -> None:
    other = RowTable.of({**ROWS, "a": ROWS["a"]._replace(fg=ROWS["a"].bg, bg=ROWS["a"].fg)})
    assert RowTable.of(ROWS) != other
    assert RowTable.of(ROWS).is_as(other)


def test_the_last_table_counts_where_two_have_an_image() -> None:
    other = {"b": row("b", 7, "m-B", max_x=1.0), "d": row("d", 8)}
    joined = RowTable.joined([RowTable.of(ROWS, aside=True), RowTable.of(other)])
    assert joined == {**ROWS, **other}
    assert RowTable.joined([]) == {}
    assert RowTable.joined([joined, RowTable.of(ROWS)]) == {**other, **ROWS}
    unknown = RowTable.joined([RowTable.of(ROWS), RowTable.of({"c": row("c", 3)})])["c"].unknown
    assert unknown == {}


def test_rows_of_the_same_files_share_numbers() -> None:
    more = {
        "a": row("a", 2, "m-a", s_object=9.0, extra=1.0),
        "b": row("b", 5, "other", extra=2.0),
        "d": row("d", 6, extra=3.0),
    }
    shared = RowTable.of(ROWS).with_more(RowTable.of(more))
    same(shared["a"], ROWS["a"]._replace(numbers={"s_object": 0.25, "extra": 1.0}))
    same(shared["b"], more["b"])
    same(shared["c"], ROWS["c"])
    same(shared["d"], more["d"])


def test_rows_are_told_apart_by_any_of_many_numbers() -> None:
    numbers = dict.fromkeys(map(str, range(20)), 0.5)
    rows = {"all": row("all", 1, **numbers)}
    for name in numbers:
        rows[f"not {name}"] = row("", 1, **{other: 0.5 for other in numbers if other != name})
    table = RowTable.of(rows)
    told = dict(zip(table.ids, table.told(lambda notes, names: names), strict=True))
    assert told == {image: {*one.numbers} for image, one in rows.items()}


def test_what_is_unknown_may_not_hold_under_another_protocol() -> None:
    table = RowTable.of(ROWS)
    assert table.held(Protocol(), Protocol()) == ROWS
    assert table.held(Protocol(), Protocol(beta2=1)) == {**ROWS, "c": ROWS["c"]._replace(unknown={})}


def test_columns_in_any_order_make_a_sorted_table() -> None:
    ids = ["c", "a", "b"]
    each = [ROWS[image] for image in ids]
    names = ("s_object", "s_region")
    table = RowTable.made(
        ids,
        np.array([one.shape for one in each], np.int64),
        {name: np.array([one.numbers.get(name, np.nan) for one in each]) for name in names},
        {name: np.array([name in one.numbers for one in each]) for name in names},
        [one.notes for one in each],
        [one.digest for one in each],
        {"c": ROWS["c"].unknown},
        Levels.of([np.array([(one.fg, one.bg) for one in each])]),
    )
    assert [*table] == ["a", "b", "c"]
    assert table == ROWS


def test_blocks_of_which_no_row_is_left_are_let_go() -> None:
    table = RowTable.joined([RowTable.of({image: r}, aside=True) for image, r in ROWS.items()])
    assert len(table.levels.blocks) == 3
    assert len(table.only("ac").levels.blocks) == 2


def test_a_table_is_pickled_with_its_histograms() -> None:
    assert pickle.loads(pickle.dumps(RowTable.of(ROWS, aside=True))) == ROWS


def test_texts() -> None:
    listed = ["", "é\0", "ab", ""]
    texts = Texts(listed)
    assert [*texts] == [texts[k] for k in range(4)] == texts[:] == listed
    assert texts[1:3] == listed[1:3]


def test_rows_of_a_run_are_those_of_the_last_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sodbench.scoring.collected.FRESH", 2)
    rows = Collected(RowTable.of(ROWS))
    rows["a"] = row("a", 2, "m-a", s_object=0.25)
    assert not rows.made
    rows["a"] = row("a", 2, "m-a", notes=("jpeg-map",), extra=1.0)
    rows["d"] = row("d", 4, "m-d")
    rows["e"] = row("e", 5, "m-e")
    rows["a"] = again = row("a", 9, "new", max_x=0.5)
    rows["d"] = again_d = row("d", 10, "new-d")
    rows["f"] = row("f", 11, "m-f")
    assert rows.made.keys() == {"a", "d", "e", "f"}
    same(rows["a"], again)
    assert rows.bare("d").digest == "new-d"
    expected = {**ROWS, "a": again, "d": again_d, "e": row("e", 5, "m-e"), "f": row("f", 11, "m-f")}
    assert rows.table(rows) == expected
    assert rows.table("ad") == {"a": again, "d": again_d}
    assert sorted(rows) == sorted(expected)
    assert len(rows) == len(expected)


def test_a_row_of_the_same_files_adds_numbers_and_keeps_notes() -> None:
    rows = Collected(RowTable.of(ROWS))
    rows["b"] = row("b", 1, "m-b", ("later",), extra=1.0)
    same(rows["b"], ROWS["b"]._replace(numbers={**ROWS["b"].numbers, "extra": 1.0}))
    rows["c"] = row("c", 3, ROWS["c"].digest, extra=1.0)
    same(rows["c"], ROWS["c"]._replace(numbers={"extra": 1.0}))
    with pytest.raises(TypeError, match="b: finished rows stay"):
        del rows["b"]


def _count_reads(patch: pytest.MonkeyPatch) -> list[int]:
    reads: list[int] = []
    read = PutAside.read

    def counted(block: PutAside) -> levels.Pairs:
        reads.append(1)
        return read(block)

    patch.setattr(PutAside, "read", counted)
    levels._read.cache_clear()
    return reads


def test_stored_histograms_are_read_only_where_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = made("A", 40)
    store(scores, tmp_path)
    loaded = Scores.load(tmp_path / "A/SOD")
    reads = _count_reads(monkeypatch)
    assert loaded.n == 40
    assert loaded.ids == scores.ids
    assert loaded.signature == scores.signature
    assert loaded.noted() == scores.noted()
    assert loaded.table.bare("im0003").numbers == scores.rows["im0003"].numbers
    assert loaded.merge(replace(loaded, rows={})).table.only(["im0001"]).ids == ("im0001",)
    assert reads == []
    assert loaded.summary() == scores.summary()
    for metric in loaded.metrics:
        np.testing.assert_array_equal(loaded.values(metric), scores.values(metric))
    assert reads == [1]


def test_each_block_is_read_once_in_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = np.random.default_rng(0).integers(0, 9, (3 * FRESH, 2, 256), dtype=np.uint32)
    several = Levels.of(np.split(pairs, 3))
    reads = _count_reads(monkeypatch)
    order = np.random.default_rng(1).permutation(len(pairs))
    np.testing.assert_array_equal(several.pairs(order), pairs[order])
    assert len(reads) == 3


@pytest.mark.parametrize("folder", ["replaced", "removed"])
def test_scores_are_those_that_were_checked_whatever_becomes_of_the_files(
    tmp_path: Path, folder: str
) -> None:
    first, second = made("A", 30, 1), made("A", 30, 2)
    store(first, tmp_path)
    loaded = Scores.load(tmp_path / "A/SOD")
    if folder == "replaced":
        store(second, tmp_path)
    else:
        for file in (tmp_path / "A/SOD").iterdir():
            file.unlink()
    assert loaded.table == first.table
    assert loaded.summary() == first.summary()
    loaded.save(tmp_path / "again")
    store(first, tmp_path / "first")
    assert (tmp_path / "again/images.csv").read_bytes() == (tmp_path / "first/A/SOD/images.csv").read_bytes()
    assert (tmp_path / "again/levels.npz").read_bytes() == (tmp_path / "first/A/SOD/levels.npz").read_bytes()


def test_a_stored_row_takes_less_than_a_fifth_of_the_memory_of_its_histograms(tmp_path: Path) -> None:
    rows = {
        f"{k:05}": row("", k % 7, f"{k:016x}-{k:016x}", s_object=0.5, s_region=k / ROWS_MANY)
        for k in range(ROWS_MANY)
    }
    replace(made("A", 1), of=ROWS_MANY, rows=rows).save(tmp_path / "A")
    Scores.load(tmp_path / "A")
    levels._read.cache_clear()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        loaded = Scores.load(tmp_path / "A")
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(loaded.rows) == ROWS_MANY
    assert taken / ROWS_MANY < 2 * 256 * 4 / 5


def test_rows_of_a_run_do_not_stay_in_memory() -> None:
    rows = Collected()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for k in range(ROWS_MANY):
            rows[f"{k:05}"] = row("", k % 7, f"{k:016x}-{k:016x}", s_object=0.5)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < (2 * FRESH + 2 * AT_ONCE) * 2048 + ROWS_MANY * 400


def test_room_that_is_given_back_is_used_again() -> None:
    spool = _Spool()
    first, second = spool.write(b"a" * 100), spool.write(b"b" * 50)
    assert (first, second) == (0, 100)
    spool.freed.append((0, 100))
    assert spool.write(b"c" * 60) == 0
    assert spool.write(b"d" * 60) == 150
    assert spool.write(b"e" * 40) == 60
    assert (spool.read(0, 60), spool.read(60, 40), spool.read(100, 50)) == (b"c" * 60, b"e" * 40, b"b" * 50)


def test_blocks_give_their_room_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sodbench.scoring.spool._spools", [_Spool()])
    block, kept = Aside(b"a" * 10), Aside(b"b" * 10)
    del block
    assert (Aside(b"c" * 10)._place, kept.read()) == (0, b"b" * 10)


def test_where_no_file_can_be_written_blocks_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> None:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr("sodbench.scoring.spool._spools", [_Spool()])
    monkeypatch.setattr("sodbench.scoring.spool.tempfile.TemporaryFile", refuse)
    assert Aside(b"abc").read() == b"abc"
    assert RowTable.of(ROWS, aside=True) == ROWS


def test_a_full_disk_leaves_blocks_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    spool = _Spool()
    monkeypatch.setattr("sodbench.scoring.spool._spools", [spool])
    kept = Aside(b"first")

    class Full:
        def __init__(self, file: object) -> None:
            self.file = file

        def seek(self, place: int) -> None: ...

        def write(self, data: bytes) -> int:
            return len(data) // 2

        def fileno(self) -> int:
            return self.file.fileno()

    monkeypatch.setattr(spool, "_file", Full(spool._file))
    assert (Aside(b"second").read(), kept.read()) == (b"second", b"first")


FORKED = """
import os
from sodbench.scoring.spool import Aside

kept = Aside(b"parent")
to_child, to_parent = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    own = Aside(b"child!")
    os.write(to_parent[1], b".")
    os.read(to_child[0], 1)
    os._exit(0 if (own.read(), kept.read()) == (b"child!", b"parent") else 1)
os.close(to_parent[1])
os.read(to_parent[0], 1)
later = Aside(b"later!")
os.write(to_child[1], b".")
assert os.waitpid(child, 0)[1] == 0
assert (kept.read(), later.read()) == (b"parent", b"later!")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_that_was_forked_writes_a_file_of_its_own() -> None:
    found = subprocess.run([sys.executable, "-W", "error", "-c", FORKED], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
