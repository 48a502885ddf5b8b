"""Boards: what may stand on them, how rows are added, and the shipped ones against the paper."""

import csv
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from workspace import good, listing, plant_maps, plant_masks, process, refused

from sodbench.errors import LeaderboardError, ScoresError
from sodbench.leaderboard import curves as curves_module
from sodbench.leaderboard import submission
from sodbench.leaderboard.boards import (
    Board,
    BoardRow,
    board_columns,
    board_csv,
    read_board,
    read_boards,
)
from sodbench.leaderboard.curves import board_with_curves, read_curves, with_digest
from sodbench.leaderboard.folder import board_file_text, board_files, boards_folder, shipped_boards
from sodbench.leaderboard.submission import add_rows, check_boards, remove_rows
from sodbench.metrics import PAPER_METRICS
from sodbench.scoring.pipeline import score_folder
from sodbench.scoring.scores import Scores
from sodbench.scoring.selection import load_scores
from sodbench.utils.files import Shipped

REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
SHIPPED = Path(__file__).parents[2] / "leaderboards"
COLUMNS = board_columns()
SIX = ("DUT-OMRON", "DUTS-TE", "HKU-IS", "ECSSD", "PASCAL-S", "SOD")


@pytest.fixture(autouse=True)
def tiny(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registered data set of four images, and an empty folder for boards."""
    Path("sets.toml").write_text('[TINY]\nversion = 1\ncount = 4\nmasks = ["masks"]\n', encoding="utf-8")
    monkeypatch.setenv("SODBENCH_DATASETS", "sets.toml")
    monkeypatch.setenv("SODBENCH_DATA", str(here / "data"))
    plant_masks("data/TINY/masks")
    Path("none").mkdir()
    monkeypatch.setattr("sodbench.leaderboard.folder.shipped_boards", lambda: Shipped(Path("none"), False))
    return here


def scored(name: str = "mine", seed: int = 0, *options: object) -> str:
    """Score a folder of maps through the command line; where the scores lie."""
    plant_maps(f"maps/{name}/TINY", seed=seed)
    good("score", f"maps/{name}/TINY", "--dataset", "TINY", "--out", "scores", *options)
    return f"scores/{name}/TINY"


def row(**cells: object) -> dict[str, object]:
    """A published row that is valid."""
    return {"method": "A", "source": "published", "max_f": "0.900", "mae": "0.050", "year": 2019, **cells}


def board(*rows: dict[str, object], columns: tuple[str, ...] = COLUMNS) -> Path:
    """Write a board by hand."""
    path = Path("boards/TINY.csv")
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


# ------------------------------------------------------------------------------------------ adding


def test_added_row_is_the_scores(tiny):
    folder = scored()
    result = good("leaderboard", "add", folder, "--boards", "boards", "--venue", "CVPR", "--year", 2026)
    assert result.stderr == "boards/TINY.csv: added mine and its curves.\n"
    entry = read_board(Path("boards/TINY.csv")).find("mine", "measured")
    scores = Scores.load(Path(folder))
    assert entry.signature == scores.signature
    assert {name: float(value) for name, value in entry.values.items()} == {
        name: scores.summary()[name] for name in PAPER_METRICS
    }
    assert (entry.n, entry.venue, entry.year, entry.size_mb) == (4, "CVPR", 2026, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry.date)


def record(folder: str, text: str = '{"configuration": {"precision": "bf16"}}') -> None:
    """Write what `sodbench run` leaves beside its maps."""
    Path(folder, "run.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("zipped", [False, True])
def test_maps_in_half_precision_make_no_row(tiny, zipped):
    plant_maps("maps/mine/TINY")
    record("maps/mine/TINY")
    if zipped:
        shutil.make_archive("mine", "zip", "maps/mine")
    good("score", "mine.zip" if zipped else "maps/mine", "-d", "TINY", "--method", "mine")
    match = r"mine on TINY: the maps were made in bf16, expected fp32: half precision moves scores\. Make"
    refused("leaderboard", "add", "scores/mine/TINY", "--boards", "boards", match=match)
    assert not Path("boards/TINY.csv").exists()


def test_precision_is_noted_again_though_the_maps_are_the_same(tiny):
    home = scored()
    record("maps/mine/TINY", '{"configuration": {"precision": "fp32"}}')
    assert Scores.load(home).precision == "fp32"
    good("leaderboard", "add", home, "--boards", "boards")
    record("maps/mine/TINY")
    scored()
    assert Scores.load(home).precision == "bf16"
    refused("leaderboard", "add", home, "--boards", "boards", match="made in bf16")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"configuration": [1]}', '{"configuration": {"precision": 16}}']
)
def test_records_of_other_programs_say_nothing(tiny, text):
    plant_maps("maps/mine/TINY")
    record("maps/mine/TINY", text)
    assert "precision" not in score_folder("maps/mine/TINY", "TINY").provenance


def test_scores_of_two_precisions_are_not_merged(tiny):
    plant_maps("maps/mine/TINY")
    full = score_folder("maps/mine/TINY", "TINY")
    record("maps/mine/TINY")
    half = score_folder("maps/mine/TINY", "TINY")
    assert half.provenance["precision"] == "bf16"
    with pytest.raises(ScoresError, match="cannot merge scores that differ in precision: fp32 and bf16"):
        full.merge(half)


def test_curves_of_an_added_row(tiny):
    folder = scored()
    good("leaderboard", "add", folder, "--boards", "boards", "--method", "Better")
    found = read_curves(
        Path("boards"), "TINY", read_board(Path("boards/TINY.csv")).find("Better", "measured")
    )
    assert found.has_digest
    for name, curve in found.curves.items():
        np.testing.assert_allclose(curve, Scores.load(Path(folder)).curves()[name], atol=5.1e-6, rtol=0)
    assert set(found.curves) == {"precision", "recall", "f"}
    assert Path("boards/curves/TINY/Better.csv").stat().st_size < 8000


def test_adding_again_replaces_and_says_so(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    before = Path("boards/TINY.csv").read_bytes()
    said = good("leaderboard", "add", "scores/mine/TINY", "--boards", "boards").stderr
    assert re.fullmatch(
        r"boards/TINY\.csv: mine of \d{4}-\d\d-\d\d is there already, with the same values as printed; "
        r"nothing is changed\.\n",
        said,
    )
    assert Path("boards/TINY.csv").read_bytes() == before
    shutil.rmtree("maps")
    said = good("leaderboard", "add", scored(seed=1), "--boards", "boards").stderr
    assert re.search(r"boards/TINY\.csv: replaced mine of .* \(mae 0\.\d{4} -> 0\.\d{4}, weighted_f ", said)
    assert len(read_board(Path("boards/TINY.csv")).entries) == 1


def test_rows_are_sorted_whatever_the_order_of_adding(tiny):
    folders = [scored(name, seed) for seed, name in enumerate(("beta", "Alpha", "gamma"))]
    board(row(method="Z"), row(method="B"))
    good("leaderboard", "add", *folders, "--boards", "boards")
    together = Path("boards/TINY.csv").read_bytes()
    board(row(method="Z"), row(method="B"))
    for folder in reversed(folders):
        good("leaderboard", "add", folder, "--boards", "boards")
    assert Path("boards/TINY.csv").read_bytes() == together
    methods = [entry.method for entry in read_board(Path("boards/TINY.csv")).entries]
    assert methods == ["Z", "B", "Alpha", "beta", "gamma"]


def test_published_rows_stay_as_they_are_written(tiny):
    path = board(row(max_f="0.900", size_mb="81.0", note="mae: a misprint", reference="X, Y, and Z"))
    before = path.read_text().splitlines()
    good("leaderboard", "add", scored(), "--boards", "boards")
    assert path.read_text().splitlines()[: len(before)] == before


def test_empty_folder_begins_as_a_copy_of_the_shipped_boards(tiny, monkeypatch):
    good("leaderboard", "add", scored("old"), "--boards", "shipped")
    shutil.copy(SHIPPED / "SOD.csv", "shipped/SOD.csv")
    for folder in ("curves/SOD", "conventions"):
        shutil.copytree(SHIPPED / folder, f"shipped/{folder}")
    monkeypatch.setattr("sodbench.leaderboard.folder.shipped_boards", lambda: Shipped(Path("shipped"), False))
    good("leaderboard", "add", scored("new", 1), "--boards", "boards")
    assert good("leaderboard", "check", "--boards", "boards").stdout.splitlines() == [
        "SOD: 22 published, 4 measured, 4 with curves, 3 by convention: ok",
        "TINY: 0 published, 2 measured, 2 with curves: ok",
    ]
    assert Path("boards/SOD.csv").read_bytes() == Path("shipped/SOD.csv").read_bytes()


class Killed(BaseException):
    """What ends a process at a system call."""


CALLS = [
    *((os, name) for name in ("rename", "replace", "unlink", "mkdir", "rmdir", "chmod")),
    *((Path, "write_text"), (shutil, "copyfile")),
]


def killed_at(n: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> bool:
    """Do work that is killed at its n-th call that writes, after which nothing is written; say if it was."""
    done = 0

    def counted(call):
        def counting(*args, **kwargs):
            nonlocal done
            done += 1
            if done > n:
                raise Killed
            return call(*args, **kwargs)

        return counting

    with monkeypatch.context() as patch:
        for owner, name in CALLS:
            patch.setattr(owner, name, counted(getattr(owner, name)))
        try:
            work()
        except Killed:
            return True
    return False


def snapshot(folder: Path) -> dict[str, str | None]:
    """Every board and file of curves, as readers see them."""
    names = [name for pattern in ("*.csv", "curves/*/*.csv") for name in board_files(folder, pattern)]
    return {name: board_file_text(folder, name, "a file") for name in names}


@pytest.mark.parametrize("task", ["first", "again", "remove"])
def test_writers_killed_at_any_call(tiny, monkeypatch, task):
    """Readers see all of it or nothing, and the next run leaves what an undisturbed one does."""
    good("leaderboard", "add", scored("old"), "--boards", "shipped")
    text = board_csv(Board("SOD", (BoardRow("A", "published", {}, reference="P", note="none printed"),)))
    Path("shipped/SOD.csv").write_text(text, encoding="utf-8")
    monkeypatch.setattr("sodbench.leaderboard.folder.shipped_boards", lambda: Shipped(Path("shipped"), False))
    (scores,) = load_scores([Path(scored("new", 1))])
    boards, start, whole = Path("boards"), Path("start"), Path("whole")
    if task == "first":
        start.mkdir()
    else:
        add_rows(start, [scores])
        shutil.rmtree("maps")
        (scores,) = load_scores([Path(scored("new", 2))])

    def work(folder: Path) -> object:
        return remove_rows(folder, "new") if task == "remove" else add_rows(folder, [scores])

    shutil.copytree(start, whole)
    work(whole)
    before, after = snapshot(start), snapshot(whole)
    assert before != after
    n = 0
    seen = set()
    while True:
        shutil.rmtree(boards, ignore_errors=True)
        shutil.copytree(start, boards)
        if not killed_at(n, monkeypatch, partial(work, boards)):
            break
        state = snapshot(boards)
        assert state in (before, after), n
        seen.add(state == after)
        check_boards(boards_folder(boards))
        if not (task == "remove" and state == after):
            work(boards)
        else:
            add_rows(boards, [scores]), work(boards)
        assert snapshot(boards) == after, n
        assert listing(boards) == listing(whole), n
        n += 1
    assert n > 5
    assert seen == {True, False}


def test_a_reader_while_another_process_writes(tiny, monkeypatch):
    """Between the reading of a board and of its curves both change: they are read again."""
    good("leaderboard", "add", scored(), "--boards", "boards")
    shutil.rmtree("maps")
    (scores,) = load_scores([Path(scored("mine", 1))])
    original = curves_module.read_board
    reads = []

    def read(path):
        board = original(path)
        if not reads:
            add_rows(Path("boards"), [scores])
        reads.append(path)
        return board

    monkeypatch.setattr(curves_module, "read_board", read)
    board, stored = board_with_curves(Path("boards"), "TINY")
    assert len(reads) == 4
    assert board == original(Path("boards/TINY.csv"))
    np.testing.assert_allclose(stored["mine"].curves["recall"], scores.curves()["recall"], atol=6e-6)


@pytest.mark.parametrize("command", [("show",), ("check",), ("table",)])
def test_an_empty_folder_reads_as_the_shipped_boards(tiny, monkeypatch, command):
    monkeypatch.setattr("sodbench.leaderboard.folder.shipped_boards", lambda: Shipped(SHIPPED, False))
    Path("boards/curves").mkdir(parents=True)
    Path("boards/.lock").touch()
    command = command if command == ("table",) else ("leaderboard", *command)
    expected = good(*command, "--boards", SHIPPED)
    found = good(*command, "--boards", "boards")
    assert found.stdout == expected.stdout
    assert found.stderr == (
        "boards: empty, so these are the boards that come with sodbench. `sodbench leaderboard add` begins "
        "the folder as a copy of them.\n" + expected.stderr
    )
    Path("boards/notes.txt").touch()
    refused(*command, "--boards", "boards", match="boards: found no boards, expected DATASET.csv files")


@pytest.mark.parametrize("command", [("show",), ("check",), ("add", "scores"), ("remove", "A")])
def test_a_file_is_no_folder_of_boards(tiny, command):
    scored()
    path = board(row())
    refused(
        *("leaderboard", *command, "--boards", path),
        match=r"boards/TINY\.csv: is a file, expected a folder of boards, DATASET\.csv",
    )


def test_a_board_that_begins_as_the_shipped_one_has_its_curves(tiny, monkeypatch):
    good("leaderboard", "add", scored("old"), "--boards", "shipped")
    monkeypatch.setattr("sodbench.leaderboard.folder.shipped_boards", lambda: Shipped(Path("shipped"), False))
    Path("boards").mkdir()
    shutil.copy(SHIPPED / "ECSSD.csv", "boards")
    good("leaderboard", "add", scored("new", 1), "--boards", "boards")
    assert good("leaderboard", "check", "--boards", "boards").stdout.splitlines() == [
        "ECSSD: 22 published, 0 measured, 0 with curves: ok",
        "TINY: 0 published, 2 measured, 2 with curves: ok",
    ]


@pytest.mark.parametrize("decimal", [4, 5, 16])
def test_values_that_agree_as_printed_are_the_same_row(tiny, decimal):
    """Other bits than before, as on another machine: the row, its date and its curves stay."""
    good("leaderboard", "add", scored(), "--boards", "boards")
    path = Path("boards/TINY.csv")
    old = read_board(path).find("mine", "measured")
    mae = old.values["mae"]
    other = mae + (Decimal(1).scaleb(-decimal) if decimal < 5 else Decimal(0)) + Decimal(1).scaleb(-16)
    assert (f"{other:.4f}" == f"{mae:.4f}") == (decimal > 4)
    text = path.read_text(encoding="utf-8").replace(str(mae), str(other)).replace(old.date, "2020-02-02")
    path.write_text(text, encoding="utf-8")
    curves = Path("boards/curves/TINY/mine.csv")
    before = curves.read_bytes()
    said = good("leaderboard", "add", "scores/mine/TINY", "--boards", "boards").stderr
    if decimal == 4:
        assert said == f"boards/TINY.csv: replaced mine of 2020-02-02 (mae {other:.4f} -> {mae:.4f}).\n"
        assert read_board(path).entries[0].date == old.date
    else:
        assert "mine of 2020-02-02 is there already, with the same values as printed; nothing is ch" in said
        assert path.read_text(encoding="utf-8") == text
    assert curves.read_bytes() == before


def test_a_row_of_an_older_revision_is_replaced_though_its_values_are_the_same(tiny):
    folder = scored()
    good("leaderboard", "add", folder, "--boards", "boards")
    board, curves = Path("boards/TINY.csv"), Path("boards/curves/TINY/mine.csv")
    new = board.read_bytes(), curves.read_bytes()
    board.write_text(board.read_text(encoding="utf-8").replace("rev:f1.", "rev:f0."), encoding="utf-8")
    lines = curves.read_text(encoding="utf-8").replace("rev:f1.", "rev:f0.").splitlines()
    curves.write_text(with_digest(lines), encoding="utf-8")
    match = r"mine scored before a metric was revised .* Score again and add the scores"
    refused("leaderboard", "check", "--boards", "boards", match=match)
    date = read_board(board).entries[0].date
    said = good("leaderboard", "add", folder, "--boards", "boards").stderr
    assert said == f"boards/TINY.csv: replaced mine of {date} (the same values; rev f0 -> f1).\n"
    assert (board.read_bytes(), curves.read_bytes()) == new
    good("leaderboard", "check", "--boards", "boards")


def test_facts_of_a_row_that_is_there_are_changed(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards", "--venue", "CVPR")
    said = good(
        *("leaderboard", "add", "scores/mine/TINY", "--boards", "boards"),
        *("--venue", "CVPR", "--year", 2026, "--size-mb", 2.5),
    ).stderr
    assert said.endswith("with the same values as printed; changed year, size_mb.\n")
    entry = read_board(Path("boards/TINY.csv")).find("mine", "measured")
    assert (entry.venue, entry.year, entry.size_mb) == ("CVPR", 2026, Decimal("2.5"))


def test_lost_curves_come_back(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    path = Path("boards/curves/TINY/mine.csv")
    before = path.read_bytes()
    path.unlink()
    said = good("leaderboard", "add", "scores/mine/TINY", "--boards", "boards").stderr
    assert said.endswith("(the same values; its curves were missing or damaged).\n")
    assert path.read_bytes() == before


def test_facts_of_a_method_are_asked_once(tiny):
    """On a second board, or beside a published row, they are taken from what is known."""
    with Path("sets.toml").open("a", encoding="utf-8") as file:
        file.write('[SMALL]\nversion = 1\ncount = 4\nmasks = ["masks"]\n')
    plant_masks("data/SMALL/masks")
    plant_maps("maps/mine/SMALL")
    good("score", "maps/mine/SMALL", "--dataset", "SMALL", "--out", "scores")
    board(row(method="other", venue="PR", size_mb="4.7", note="mae: a misprint"))
    good("leaderboard", "add", scored(), "--boards", "boards", "--venue", "CVPR", "--note", "mae: x")
    said = good("leaderboard", "add", "scores/mine/SMALL", "--boards", "boards").stderr
    assert said == "boards/SMALL.csv: added mine and its curves; venue as in its row on TINY.\n"
    entry = read_board(Path("boards/SMALL.csv")).find("mine", "measured")
    assert (entry.venue, entry.note) == ("CVPR", "")
    said = good("leaderboard", "add", scored("other", 1), "--boards", "boards", "--venue", "PRL").stderr
    assert said == "boards/TINY.csv: added other and its curves; year, size_mb as in its published row.\n"
    entry = read_board(Path("boards/TINY.csv")).find("other", "measured")
    assert (entry.venue, entry.year, entry.size_mb, entry.note) == ("PRL", 2019, Decimal("4.7"), "")


# ---------------------------------------------------------------------------------------- removing


def test_remove(tiny):
    board(row(method="mine"), row(method="B"))
    before = Path("boards/TINY.csv").read_bytes()
    folders = scored(), scored("two", 1)
    good("leaderboard", "add", *folders, "--boards", "boards")
    value = read_board(Path("boards/TINY.csv")).find("two", "measured").values["max_f"]
    said = good("leaderboard", "remove", "two", "--boards", "boards").stderr
    assert re.fullmatch(
        rf"boards/TINY\.csv: removed two of [-0-9]{{10}} and its curves \(max_f {value:.4f}, mae .*\)\.\n",
        said,
    )
    assert listing("boards") == [".lock", "TINY.csv", "curves/TINY/mine.csv"]
    good("leaderboard", "remove", "mine", "-d", "tiny", "--boards", "boards")
    assert Path("boards/TINY.csv").read_bytes() == before
    assert listing("boards") == [".lock", "TINY.csv", "curves"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("A",), r"boards: no measured row of 'A' on TINY\. Its published rows are .* not removed; edit"),
        (("mind",), "boards: no measured row of 'mind' on TINY; did you mean mine"),
        (("PiCANett",), "boards: no measured row of 'PiCANett' on TINY; valid: mine"),
        (("mine", "-d", "SOD"), "boards: no board of 'SOD'"),
        (("mine", "--boards", "nowhere"), "nowhere: found no boards"),
    ],
)
def test_what_cannot_be_removed(tiny, arguments, match):
    board(row())
    good("leaderboard", "add", scored(), "--boards", "boards")
    before = Path("boards/TINY.csv").read_bytes()
    refused("leaderboard", "remove", "--boards", "boards", *arguments, match=match)
    assert Path("boards/TINY.csv").read_bytes() == before
    assert not Path("nowhere").exists()


def test_remove_from_boards_of_which_one_has_no_such_row(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    shutil.copy(SHIPPED / "SOD.csv", "boards")
    refused(
        "leaderboard",
        "remove",
        "mine",
        "-d",
        "SOD,TINY",
        "--boards",
        "boards",
        match="'mine' on SOD; valid: DSS, PiCANet, U2-Net, U2-Net†$",
    )
    assert good("leaderboard", "remove", "mine", "--boards", "boards").stderr.startswith("boards/TINY.csv: ")


def test_replaced_row_keeps_the_facts_that_are_not_given_anew(tiny):
    facts = ("--venue", "CVPR", "--year", 2026, "--size-mb", 12.5, "--note", "mae: x")
    good("leaderboard", "add", scored(), "--boards", "boards", *facts)
    good("leaderboard", "add", "scores/mine/TINY", "--boards", "boards", "--venue", "ICCV")
    entry = read_board(Path("boards/TINY.csv")).find("mine", "measured")
    assert (entry.venue, entry.year, entry.size_mb, entry.note) == ("ICCV", 2026, Decimal("12.5"), "mae: x")


def test_facts_concern_one_method(tiny):
    scored("one"), scored("two", 1)
    refused(
        "leaderboard", "add", "scores", "--boards", "boards", "--venue", "X", match="facts about one method"
    )


def test_curve_that_cannot_be_written_leaves_the_board(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    before = Path("boards/TINY.csv").read_bytes()
    shutil.rmtree("boards/curves")
    Path("boards/curves").write_text("in the way", encoding="utf-8")
    refused("leaderboard", "add", scored("two", 1), "--boards", "boards", match="curves.*: cannot write here")
    assert Path("boards/TINY.csv").read_bytes() == before


def test_curves_of_another_row_are_found(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    path = Path("boards/TINY.csv")
    best = str(read_board(path).find("mine", "measured").values["max_f"])
    path.write_text(path.read_text(encoding="utf-8").replace(f",{best},", ",0.75,", 1), encoding="utf-8")
    refused(
        *("leaderboard", "check", "--boards", "boards"),
        match=r"its highest F is \d\.\d{5}, the row of mine says 0\.75000",
    )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--protocol", "fan"), r"mine on TINY: scored in another way .*norm minmax \(expected max\)"),
        (("--metrics", "mae"), "max_f, weighted_f, s_measure, relax_f were not computed.*--metrics paper"),
        (("--rho", "2"), r"rho 2 \(expected 3\)"),
        (("--degenerate", "skip"), r"degen skip \(expected kept\)"),
        (("--group-average", "groups"), r"groups groups \(expected images\)"),
    ],
)
def test_scores_made_otherwise_are_refused(tiny, options, match):
    refused("leaderboard", "add", scored("mine", 0, *options), "--boards", "boards", match=match)
    assert listing("boards") == []


def test_scores_of_a_part_are_refused(tiny):
    plant_maps("maps/part/TINY", ids=("im0", "im1", "im2"))
    for missing in ("zero", "skip"):
        good("score", "maps/part/TINY", "--dataset", "TINY", "--out", "scores", "--missing", missing)
        refused(
            *("leaderboard", "add", "scores/part/TINY", "--boards", "boards"),
            match=r"part on TINY: 3 of 4 images were scored, expected all",
        )
    assert listing("boards") == []


def test_scores_of_another_version_are_refused(tiny):
    folder = scored()
    text = Path("sets.toml").read_text(encoding="utf-8").replace("version = 1", "version = 2")
    Path("sets.toml").write_text(text, encoding="utf-8")
    refused("leaderboard", "add", folder, "--boards", "boards", match=r"data TINY@1 \(expected TINY@2\)")


def test_scores_of_an_unregistered_data_set_are_refused(tiny, monkeypatch):
    folder = scored()
    monkeypatch.delenv("SODBENCH_DATASETS")
    refused("leaderboard", "add", folder, "--boards", "boards", match="TINY: not a registered dataset")


def test_none_is_added_if_one_is_refused(tiny):
    folders = scored("one"), scored("two", 1, "--protocol", "pysodmetrics")
    refused("leaderboard", "add", *folders, "--boards", "boards", match="two on TINY: scored in another way")
    assert listing("boards") == []
    shutil.copytree("scores", "again")
    refused(
        *("leaderboard", "add", folders[0], "again/one", "--boards", "boards"),
        match="one on TINY: given twice",
    )
    assert listing("boards") == []


@pytest.mark.parametrize("name", ["=cmd|'/C calc'!A1", "../up", "-x", "a/b", "+1", "@a", "a\nb", "a "])
def test_names_that_would_do_harm_are_refused(tiny, name):
    refused(
        *("leaderboard", "add", scored(), "--boards", "boards", "--method", name),
        match=r"method .*, expected a name that begins with a letter or digit",
    )
    assert listing("boards") == []


def test_names_with_signs_survive(tiny):
    name = "A_b & <script> 100% $x$ {y} ~^# †"
    good("leaderboard", "add", scored(), "--boards", "boards", "--method", name)
    assert read_board(Path("boards/TINY.csv")).entries[0].method == name
    assert name in good("leaderboard", "show", "--boards", "boards").stdout


def test_installed_boards_are_not_written_to(tiny, monkeypatch):
    site = Path("site/sodbench")
    shutil.copytree(SHIPPED, site / "leaderboard/shipped")
    (site / "data").mkdir()
    shutil.copy(SHIPPED.parent / "datasets.toml", site / "data")
    monkeypatch.setattr("sodbench.utils.files.PACKAGE", site)
    monkeypatch.setattr("sodbench.leaderboard.folder.shipped_boards", shipped_boards)
    monkeypatch.delenv("SODBENCH_LEADERBOARDS", raising=False)
    refused("leaderboard", "add", scored(), match="part of the installed package.*Pass --boards DIR")


def test_two_processes_add_at_once(tiny):
    folders = [scored(f"m{k}", k) for k in range(6)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        codes = pool.map(add_one, folders)
    assert codes == [0] * 6
    entries = read_board(Path("boards/TINY.csv")).entries
    assert [entry.method for entry in entries] == [f"m{k}" for k in range(6)]


def add_one(folder: str) -> int:
    return process("leaderboard", "add", folder, "--boards", "boards").returncode


def test_locked_folder(tiny, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr("sodbench.leaderboard.folder.LOCK_SECONDS", 0.05)
    folder = scored()
    Path("boards").mkdir()
    with FileLock("boards/.lock"):
        refused("leaderboard", "add", folder, "--boards", "boards", match="another process has been writing")
    assert listing("boards") in ([], [".lock"])


# ------------------------------------------------------------------------------- boards as they are


SIGNATURE = (
    "data:TINY@1|n:4/4|gt:>128|gtmae:binary|norm:max|normmae:same|size:exact|levels:256|avg:mean-pr|beta2:0.3|"
    "eps:0|alpha:0.5|centroid:half-up|ecmp:>=|wbeta2:1|wempty:skip|rho:3|rthr:0.5|relem:cross|"
    "rborder:background|rdist:euclidean|rev:f1.m1.w1.s1.r1.e1|sodbench:0.1.0"
)


def measured(**cells: object) -> dict[str, object]:
    """A measured row that is valid."""
    values = dict.fromkeys(PAPER_METRICS, "0.5")
    return {"method": "M", "source": "measured", **values, "n": 4, "signature": SIGNATURE, **cells}


def test_valid_rows_are_read(tiny):
    found = read_board(board(row(), measured()))
    assert found.dataset == "TINY"
    assert found.entries[0] == BoardRow(
        "A", "published", {"max_f": Decimal("0.900"), "mae": Decimal("0.050")}, year=2019
    )
    assert str(found.entries[0].values["max_f"]) == "0.900"
    assert found.entries[1].signature == SIGNATURE


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([row(), row()], r"A \(published\) occurs twice"),
        ([row(max_f="1.2")], "line 2: max_f is 1.2, expected a number from 0 to 1"),
        ([row(mae="-0.1")], "mae is -0.1, expected a number from 0 to 1"),
        ([row(mae="nan")], "mae is 'nan', expected a number"),
        ([row(mae=".o5")], r"mae is '\.o5', expected a number"),
        ([row(year="19")], "year is '19', expected a whole number from 1950"),
        ([row(size_mb="-1")], "size_mb is -1"),
        ([row(source="guessed")], "source 'guessed', expected published or measured"),
        ([row(method="=1+1")], "line 2: method '=1.1'"),
        ([row(note="=HYPERLINK(1)")], "note .* spreadsheets take for a formula"),
        ([row(), row(method="B", venue="@x")], "line 3: venue '@x'"),
        ([measured(), row()], "out of order"),
        ([measured(method="b"), measured(method="A")], "out of order"),
        ([measured(signature="")], "M: a measured row without a signature"),
        ([measured(signature="norm:max")], "M: signature lacks .*gt"),
        ([measured(signature=SIGNATURE.replace("data:TINY@1|", ""))], "the signature lacks data"),
        ([measured(n=3)], r"n is 3 and the signature says n:4/4"),
        ([measured(n="")], r"n is None and the signature says n:4/4"),
        ([measured(signature=SIGNATURE.replace("n:4/4", "n:3/4"), n=3)], "expected all images"),
        (
            [measured(signature=SIGNATURE.replace("n:4/4", "n:3/3"), n=3)],
            r"M was scored in another way .*: n 3/3 \(expected 4/4\)",
        ),
        (
            [measured(signature=SIGNATURE.replace("avg:mean-pr", "avg:mean-f"))],
            r"M was scored in another way .*: avg mean-f \(expected mean-pr\)",
        ),
        ([row(max_f="0_1")], "max_f is '0_1', expected a number"),
        ([row(max_f="0E1")], "max_f is '0E1', expected a number"),
        ([row(size_mb="0")], "size_mb is 0, expected a number from 0.001"),
        ([row(method="a" * 101)], "at most 100 bytes"),
        ([measured(relax_f="")], "a measured row lacks relax_f"),
        ([measured(signature=SIGNATURE.replace("TINY", "SOD"))], "scored on SOD@1, expected TINY"),
        (
            [measured(), measured(method="N", signature=SIGNATURE.replace("norm:max", "norm:none"))],
            r"N was scored in another way than a board's rows are: norm none \(expected max\)",
        ),
    ],
)
def test_malformed_boards_are_refused(tiny, rows, match):
    board(*rows)
    refused("leaderboard", "show", "--boards", "boards", match=match)
    refused("leaderboard", "check", "--boards", "boards", match=r"boards/TINY\.csv: ")


def test_columns_must_be_known_and_whole(tiny):
    board(columns=(*COLUMNS, "fps"))
    refused("leaderboard", "check", "--boards", "boards", match="unknown columns fps. Expected method, ")
    board(columns=COLUMNS[1:])
    refused("leaderboard", "check", "--boards", "boards", match="missing columns method")
    board(columns=COLUMNS[::-1])
    refused("leaderboard", "check", "--boards", "boards", match="repeated or in another order")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "missing columns method"),
        (b"\xff\xfe", "not valid UTF-8"),
        ((",".join(COLUMNS) + '\n"a').encode(), "line 2: not valid CSV"),
        ((",".join(COLUMNS) + "\na,b\n").encode(), "line 2: 2 cells, expected 16"),
    ],
)
def test_files_that_are_no_boards(tiny, content, match):
    board().write_bytes(content)
    refused("leaderboard", "check", "--boards", "boards", match=match)


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("pipe", r"boards/TINY\.csv: is a named pipe \(FIFO\), expected a board"),
        ("folder", r"boards/TINY\.csv: is a directory, expected a board"),
        ("dangling", r"boards/TINY\.csv: cannot read this file \(No such file or directory\)"),
        ("huge", r"boards/TINY\.csv: has 17000000 bytes, expected at most 16777216"),
    ],
)
@pytest.mark.parametrize("command", [("check",), ("add", "scores"), ("remove", "A")])
def test_boards_that_are_no_files(tiny, kind, match, command):
    scored()
    path = Path("boards/TINY.csv")
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to("nowhere")
    else:
        path.touch()
        os.truncate(path, 17_000_000)
    refused("leaderboard", *command, "--boards", "boards", match=match)


def test_a_pipe_among_the_curves(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    Path("boards/curves/TINY/mine.csv").unlink()
    os.mkfifo("boards/curves/TINY/mine.csv")
    before = Path("boards/TINY.csv").read_bytes()
    for command in (("check",), ("add", "scores"), ("remove", "mine")):
        refused("leaderboard", *command, "--boards", "boards", match=r"mine\.csv: is a named pipe \(FIFO\)")
    assert Path("boards/TINY.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        ({"method": "M\x7f"}, "method 'M.x7f', expected a name"),
        ({"note": "a\x9b31m"}, "note .* holds a control character"),
        ({"max_f": "1e-" + "9" * 300}, r"max_f is '1e-9+\.\.\. \(303 characters\), expected a number"),
        ({"max_f": "0." + "1" * 10**5}, r"max_f is '0.1+\.\.\. \(100002 characters\), expected a number"),
        ({"year": "1" * 5000}, r"year is '1+\.\.\. \(5000 characters\), expected a whole number"),
        ({"signature": "[" * 3000}, r"M: signature part '\[+\.\.\. \(3000 characters\) is not of the form"),
        ({"signature": SIGNATURE.replace("f1.", f"f{'1' * 5000}.")}, "M: signature part rev:'f1+"),
    ],
)
def test_cells_that_no_one_writes(tiny, cells, match):
    board(measured(**cells))
    assert len(refused("leaderboard", "check", "--boards", "boards", match=match).stderr) < 600


def test_edited_boards_are_read_or_refused(tiny):
    """Bytes changed, cut, doubled and put in anywhere: a board or one line, never another exception."""
    board(row(), measured(method="N", note="mae: a, b"))
    whole = Path("boards/TINY.csv").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 4))):
            start = int(rng.integers(len(data)))
            end = start + int(rng.integers(1, 30))
            piece = bytes(rng.integers(0, 256, int(rng.integers(0, 9)), np.uint8))
            data[start:end] = [piece, data[start:end] * 3, b'"', b",", b"\n", b"\0"][int(rng.integers(6))]
        Path("boards/TINY.csv").write_bytes(data)
        with suppress(LeaderboardError):
            check_boards(Path("boards"))


def test_empty_board_is_valid(tiny):
    board()
    assert good("leaderboard", "check", "--boards", "boards").stdout == (
        "TINY: 0 published, 0 measured, 0 with curves: ok\n"
    )


def test_folders_without_boards(tiny):
    refused("leaderboard", "show", "--boards", "nowhere", match="nowhere: no such folder")
    Path("other").mkdir()
    Path("other/notes.txt").touch()
    refused("leaderboard", "show", "--boards", "other", match="other: found no boards")
    board()
    assert good("leaderboard", "show", "tiny", "--boards", "boards").stdout.startswith("TINY\n")
    refused(
        "leaderboard", "show", "TINI", "--boards", "boards", match="no board of 'TINI'; did you mean TINY?"
    )


def test_rows_that_share_a_column_are_of_one_revision(tiny):
    """Whichever row is the first on the board."""
    later = {"max_iou": "0.5", "signature": SIGNATURE.replace(".e1", ".e1.o1")}
    other = {"max_iou": "0.5", "signature": SIGNATURE.replace(".e1", ".e1.o0")}
    columns = (*COLUMNS[:10], "max_iou", *COLUMNS[10:])
    board(measured(method="A"), measured(method="B", **later), measured(method="C", **later), columns=columns)
    assert [len(each.values) for each in read_board(Path("boards/TINY.csv")).entries] == [5, 6, 6]
    board(measured(method="A"), measured(method="B", **later), measured(method="C", **other), columns=columns)
    with pytest.raises(LeaderboardError, match="B and C were scored differently: rev o1 .*o0|rev o0 .*o1"):
        read_board(Path("boards/TINY.csv"))


def test_a_row_of_another_convention_of_a_metric_is_refused_with_it_alone(tiny):
    good("leaderboard", "add", scored("plain", 0), "--boards", "boards", "--metrics", "max_iou")
    other = scored("other", 1, "--metrics", "paper,max_iou", "--overlap-zero", "one")
    refused("leaderboard", "add", other, "--boards", "boards", match=r"ozero one \(expected zero\)")
    good("leaderboard", "add", other, "--boards", "boards", "--metrics", "paper")
    (row,) = (each for each in read_board(Path("boards/TINY.csv")).entries if each.method == "other")
    assert (len(row.values), "ozero" in row.signature) == (5, False)


def test_rows_of_an_older_revision_are_found(tiny):
    board(measured(signature=SIGNATURE.replace("f1.", "f0.")))
    refused("leaderboard", "check", "--boards", "boards", match="M scored before a metric was revised")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda text: text.replace("# data", "# other", 1), "belongs to other scores of mine"),
        (lambda text: text.replace("precision,", "p,"), "expected lines of precision, recall, f"),
        (lambda text: text.rpartition(",")[0], r"damaged at threshold 255, expected precision"),
        (lambda text: text.rpartition(",")[0] + ",1.5", r"in \[0, 1\] with 5 decimals"),
        (lambda text: text.rpartition(",")[0] + ",1.00001", r"damaged at threshold 255"),
        (lambda text: text.rpartition(",")[0] + ",\u0660.00000", r"damaged at threshold 255"),
        (lambda text: text.rpartition(",")[0] + "," + "1" * 10**6, r"damaged at threshold 255"),
        (lambda text: "", "damaged"),
        (lambda text: "# a", "damaged"),
        (lambda text: "\n".join(text.splitlines()[:98]), "95 thresholds, expected 256"),
        (lambda text: text.replace(" thresholds,", ","), "was edited, its digest is another"),
        (lambda text: text.replace("256 thresholds", "257 thresholds"), "was edited, its digest is another"),
    ],
)
def test_damaged_curves_are_found(tiny, change, match):
    good("leaderboard", "add", scored(), "--boards", "boards")
    path = Path("boards/curves/TINY/mine.csv")
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    refused("leaderboard", "check", "--boards", "boards", match=match)


def test_one_digit_changed_in_curves_is_found(tiny):
    """Any by the digest; without one, all but the last digits by what follows from row and protocol."""
    good("leaderboard", "add", scored(), "--boards", "boards")
    entry = read_board(Path("boards/TINY.csv")).entries[0]
    path = Path("boards/curves/TINY/mine.csv")
    signature, digest, *lines = path.read_text(encoding="utf-8").splitlines()
    rng = np.random.default_rng(0)
    for _ in range(150):
        k, column = int(rng.integers(1, len(lines))), int(rng.integers(3))
        cells = lines[k].split(",")
        place = int(rng.integers(2, 7))
        digit = (int(cells[column][place]) + int(rng.integers(1, 10))) % 10
        cells[column] = f"{cells[column][:place]}{digit}{cells[column][place + 1 :]}"
        edited = [*lines[:k], ",".join(cells), *lines[k + 1 :]]
        path.write_text("\n".join([signature, digest, *edited, ""]), encoding="utf-8")
        with pytest.raises(LeaderboardError, match="mine.csv: "):
            read_curves(Path("boards"), "TINY", entry)
        if place < 5:
            path.write_text("\n".join([signature, *edited, ""]), encoding="utf-8")
            with pytest.raises(LeaderboardError, match="at threshold|its highest F is"):
                read_curves(Path("boards"), "TINY", entry)


def test_digests_are_added(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    path = Path("boards/curves/TINY/mine.csv")
    before = path.read_text(encoding="utf-8")
    first, _, *lines = before.splitlines()
    path.write_text("\n".join([first, *lines, ""]), encoding="utf-8")
    assert good("leaderboard", "check", "--boards", "boards").stdout == (
        "TINY: 0 published, 1 measured, 1 with curves (1 without a digest: add it by check --add-digests): "
        "ok\n"
    )
    done = good("leaderboard", "check", "--boards", "boards", "--add-digests").stdout
    assert done == "TINY: 0 published, 1 measured, 1 with curves: ok\n"
    assert path.read_text(encoding="utf-8") == before
    assert good("leaderboard", "check", "--boards", "boards", "--add-digests").stdout == done


def test_digests_are_those_of_the_curves_that_are_there_when_they_are_written(tiny, monkeypatch):
    """Another process replaces a row while this one waits for the lock."""
    good("leaderboard", "add", scored(), "--boards", "boards")
    path = Path("boards/curves/TINY/mine.csv")
    first, _, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([first, *lines, ""]), encoding="utf-8")
    newer = Scores.load(Path(scored("mine", 1, "--force")))

    def locked_late(folder, locked=submission.locked_boards):
        monkeypatch.setattr(submission, "locked_boards", locked)
        add_rows(folder, [newer])
        return locked(folder)

    monkeypatch.setattr(submission, "locked_boards", locked_late)
    assert check_boards(Path("boards"), add_digests=True) == [
        "TINY: 0 published, 1 measured, 1 with curves: ok"
    ]
    (entry,) = read_board(Path("boards/TINY.csv")).entries
    assert entry.values["mae"] == Decimal(repr(newer.summary()["mae"]))
    assert path.read_text(encoding="utf-8") == curves_module.curves_text(entry, newer.curves())


def test_digests_make_no_folder(tiny):
    refused("leaderboard", "check", "--boards", "typo", "--add-digests", match="typo: ")
    assert not Path("typo").exists()


def test_digests_hold_where_lines_end_as_on_windows(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    for path in (Path("boards/curves/TINY/mine.csv"), Path("boards/TINY.csv")):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    Path("boards/TINY.csv").write_bytes(b"\xef\xbb\xbf" + Path("boards/TINY.csv").read_bytes())
    assert good("leaderboard", "check", "--boards", "boards").stdout.endswith("1 with curves: ok\n")


def test_curves_that_miss_their_row_by_little_are_found(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    path = Path("boards/TINY.csv")
    best = read_board(path).entries[0].values["max_f"]
    text = path.read_text(encoding="utf-8").replace(f",{best},", f",{best - Decimal('6e-6')},")
    path.write_text(text, encoding="utf-8")
    refused(
        "leaderboard",
        "check",
        "--boards",
        "boards",
        match="its highest F is 1.00000, the row of mine says 0.99999",
    )


def test_curves_of_no_row_are_found(tiny):
    good("leaderboard", "add", scored(), "--boards", "boards")
    shutil.copy("boards/curves/TINY/mine.csv", "boards/curves/TINY/other.csv")
    refused("leaderboard", "check", "--boards", "boards", match="other: curves of no measured row")


def test_interrupted_write_leaves_the_old_board(tiny, monkeypatch):
    path = board(row())
    before = path.read_bytes()
    scores = score_folder(plant_maps("maps/mine/TINY"), "TINY")
    monkeypatch.setattr("sodbench.leaderboard.boards.row_cells", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        add_rows(Path("boards"), [scores])
    assert path.read_bytes() == before
    assert [name for name in listing("boards") if name != ".lock"] == ["TINY.csv"]


def test_putting_a_published_row_keeps_its_place():
    entries = [BoardRow(name, "published", {}) for name in "CAB"]
    found = Board("X", tuple(entries)).put(replace(entries[1], note="new"))
    assert [(entry.method, entry.note) for entry in found.entries] == [("C", ""), ("A", "new"), ("B", "")]


# -------------------------------------------------------------------------------- the shipped boards


def test_shipped_boards_are_whole():
    lines = check_boards(SHIPPED)
    assert [line.split(": ")[0] for line in lines] == list(SIX)
    assert all(line.split(": ")[1].startswith("22 published") for line in lines)
    assert not any("without a digest" in line for line in lines)


def test_methods_stand_alike_on_every_shipped_board():
    boards = read_boards(SHIPPED)
    facts = {
        name: [(e.method, e.venue, e.year, e.backbone, e.size_mb, e.reference) for e in one.of("published")]
        for name, one in boards.items()
    }
    assert all(found == facts["SOD"] for found in facts.values())
    assert all(entry.reference and entry.year for entry in boards["SOD"].of("published"))


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_published_values_are_those_printed():
    boards = read_boards(SHIPPED)
    names = dict(zip(("maxF", "MAE", "wF", "Sm", "relaxF"), PAPER_METRICS, strict=True))
    cells = 0
    for file in ("table3.csv", "table4.csv"):
        with (REFERENCE / "paper" / file).open(encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                entry = boards[line["dataset"]].find(line["method"], "published")
                value = entry.values.get(names[line["metric"]])
                assert ("" if value is None else str(value)) == line["value"], line
                assert ("" if entry.size_mb is None else str(entry.size_mb)) == line["size_mb"]
                assert f"{entry.venue}{entry.year % 100}" == (line["venue"] or "PR20")
                assert entry.backbone == line["backbone"].strip()
                cells += 1
    assert cells >= 654


class TestMoreMetrics:
    """A board has columns of the paper's metrics, and of others that some of its rows have."""

    def test_a_row_with_more_metrics(self):
        add_rows(Path("boards"), load_scores(scored("plain")))
        assert Path("boards/TINY.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
        scores = scored("mine", 1)
        good("leaderboard", "add", scores, "--boards", "boards", "--metrics", "E,mae")
        board = read_board(Path("boards/TINY.csv"))
        (stored,) = load_scores(scores)
        names = (*PAPER_METRICS, "max_e", "mean_e", "adp_e")
        assert board_columns(board.entries) == (*COLUMNS[:10], *names[5:], *COLUMNS[10:])
        row = board.find("mine", "measured")
        assert tuple(row.values) == names
        assert [float(row.values[name]) for name in names] == [stored.summary()[name] for name in names]
        assert [*board.find("plain", "measured").values] == [*PAPER_METRICS]
        assert board_csv(board) == Path("boards/TINY.csv").read_text()
        shown = good("leaderboard", "show", "TINY", "--boards", "boards").stdout.splitlines()
        assert shown[1].split()[4:12] == ["maxF", "MAE", "wF", "Sm", "relaxF", "maxE", "meanE", "adpE"]
        assert shown[2].split()[9:12] == [f"{stored.summary()[name]:.4f}" for name in names[5:]]
        assert shown[3].split()[9:12] == ["-", "-", "-"]
        table = good("table", "--boards", "boards", "--metrics", "maxE,mae", "--decimals", "4").stdout
        assert f"{stored.summary()['max_e']:.4f}" in table
        good("leaderboard", "check", "--boards", "boards")

    def test_a_table_is_signed_for_the_metrics_it_shows(self):
        plant_maps("maps/mine/TINY")
        good("score", "maps/mine/TINY", "-d", "TINY", "--metrics", "paper,hce,biou")
        good("leaderboard", "add", "scores/mine", "--boards", "boards", "--metrics", "hce,biou")
        (stored,) = load_scores(Path("scores/mine"))
        for metrics in (["max_f"], ["max_f", "hce"]):
            table = good("table", "--boards", "boards", "--metrics", ",".join(metrics)).stdout
            assert table.splitlines()[-1] == f"signature of measured rows: {stored.sign(metrics)}"

    def test_a_row_that_is_replaced_keeps_the_columns(self):
        scores = scored()
        good("leaderboard", "add", scores, "--boards", "boards", "--metrics", "max_e")
        assert "nothing is changed" in good("leaderboard", "add", scores, "--boards", "boards").stderr
        good("score", "maps/mine/TINY", "-d", "TINY", "--metrics", "paper", "--scores", "other")
        said = good("leaderboard", "add", "other", "--boards", "boards").stderr
        assert re.search(r"replaced mine of .*\(max_e [.0-9]+ is gone\)\.", said)
        assert Path("boards/TINY.csv").read_text().splitlines()[0] == ",".join(COLUMNS)

    def test_metrics_that_follow_from_the_histograms(self):
        plant_maps("maps/mine/TINY")
        good("score", "maps/mine/TINY", "-d", "TINY", "--metrics", "paper")
        good("leaderboard", "add", "scores", "--boards", "boards", "--metrics", "max_e")
        (stored,) = load_scores("scores", metrics=["max_e"])
        value = read_board(Path("boards/TINY.csv")).find("mine", "measured").values["max_e"]
        assert float(value) == stored.summary()["max_e"]

    def test_numbers_out_of_bounds(self):
        columns = (*COLUMNS[:10], "max_e", *COLUMNS[10:])
        board(row(max_e="1.2"), columns=columns)
        assert float(read_board(Path("boards/TINY.csv")).find("A", "published").values["max_e"]) == 1.2
        board(row(max_e="2.2"), columns=columns)
        with pytest.raises(LeaderboardError, match="max_e is 2.2, expected a number from 0 to 2"):
            read_board(Path("boards/TINY.csv"))
        board(row(max_e="1"), columns=(*COLUMNS, "max_e"))
        with pytest.raises(LeaderboardError, match="columns repeated or in another order"):
            read_board(Path("boards/TINY.csv"))

    def test_another_convention_of_a_further_metric(self):
        good("leaderboard", "add", scored("first"), "--boards", "boards", "--metrics", "bin_iou")
        plant_maps("maps/mine/TINY", seed=1)
        good("score", "maps/mine/TINY", "-d", "TINY", "--metrics", "paper,bin_iou", "--overlap-zero", "one")
        words = ("leaderboard", "add", "scores/mine", "--boards", "boards")
        refused(*words, match=r"ozero one \(expected zero\)\. .* protocol, or pass --metrics paper\.")
        assert "added mine" in good(*words, "--metrics", "paper").stderr
