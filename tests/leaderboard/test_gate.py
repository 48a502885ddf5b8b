"""What `sodbench leaderboard check` asks of rows that are contributed."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sodbench.errors import LeaderboardError
from sodbench.leaderboard.boards import Board, BoardRow, board_columns, board_csv, read_board
from sodbench.leaderboard.curves import with_digest
from sodbench.leaderboard.submission import check_boards, remove_rows

SHIPPED = Path(__file__).parents[2] / "leaderboards"
BOARDS = Path("boards")
TOMORROW = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()


@pytest.fixture(autouse=True)
def boards(here: Path) -> None:
    """A copy of the shipped boards."""
    shutil.copytree(SHIPPED, BOARDS, ignore=shutil.ignore_patterns("figures"))


def edited(dataset: str, change: Callable[[list[BoardRow]], object]) -> None:
    """Change the rows of a board."""
    path = BOARDS / f"{dataset}.csv"
    rows = list(read_board(path).entries)
    change(rows)
    path.write_text(board_csv(Board(dataset, tuple(rows))), encoding="utf-8")


def with_cells(dataset: str, method: str, source: str = "published", **cells: Any) -> None:
    """Change cells of a row."""

    def change(rows: list[BoardRow]) -> None:
        (k,) = [k for k, row in enumerate(rows) if row.key == (method, source)]
        rows[k] = replace(rows[k], **cells)

    edited(dataset, change)


def new(**cells: Any) -> BoardRow:
    """A published row that may be contributed."""
    values = {name: Decimal(value) for name, value in {"max_f": "0.900", "mae": "0.050"}.items()}
    return replace(BoardRow("New", "published", values, year=2020, reference="A paper"), **cells)


def test_the_shipped_boards_and_a_new_row_pass() -> None:
    edited("ECSSD", lambda rows: rows.append(new()))
    assert check_boards(BOARDS)[3] == "ECSSD: 23 published, 0 measured, 0 with curves: ok"


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        ({"reference": ""}, r"ECSSD\.csv: New \(published\): no reference"),
        ({"signature": "norm:max"}, "signature is given, which measured rows have"),
        ({"n": 1000}, "n is given"),
        ({"date": "2020-01-01"}, "date is given"),
        ({"values": {}}, "no value; give those that are printed"),
        (
            {"values": {"max_f": Decimal("0.9"), "mae": Decimal("0.050")}},
            "max_f is 0.9, 1 digit where others have 3",
        ),
        ({"year": 2099}, "year is 2099, expected at most"),
        ({"note": "a\u202eb"}, "note 'a.*b' holds letters that do not show"),
        ({"reference": "A paper "}, "reference 'A paper ' holds .* spaces around it"),
        ({"method": "u2net"}, r"'u2net', but 'U2-Net' on .*: one method has one name"),
        ({"method": "U²-Net"}, "'U²-Net', but 'U2-Net' on"),
        ({"method": "U2\N{NON-BREAKING HYPHEN}Net"}, "'U2.Net', but 'U2-Net' on"),
        ({"method": "BASNet".replace("A", "\u0410")}, r"'B\\u0410SNet' mixes Latin and Cyrillic"),
        ({"method": "New\u3164"}, "method 'New.' holds letters that do not show"),
        ({"venue": "x" * 501}, "venue has 501 letters, expected at most 500"),
    ],
)
def test_what_a_published_row_lacks(cells: dict[str, Any], match: str) -> None:
    edited("ECSSD", lambda rows: rows.append(new(**cells)))
    with pytest.raises(LeaderboardError, match=match):
        check_boards(BOARDS)


def test_a_note_explains_other_digits_and_copied_values() -> None:
    few = {"max_f": Decimal("0.9"), "mae": Decimal("0.050")}
    edited("ECSSD", lambda rows: rows.append(new(values=few, note="max_f: one digit is printed")))
    check_boards(BOARDS)
    copied = read_board(BOARDS / "ECSSD.csv").entries[1].values
    edited("ECSSD", lambda rows: rows.append(new(method="Copy", values=copied)))
    with pytest.raises(LeaderboardError, match=r"Copy \(published\): every value equals UCF's"):
        check_boards(BOARDS)
    with_cells("ECSSD", "Copy", note="printed so")
    check_boards(BOARDS)


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        ({"date": ""}, r"SOD\.csv: DSS \(measured\): date is '', expected a day"),
        ({"date": "2026-02-30"}, "date is '2026-02-30'"),
        ({"date": "22.11.2026"}, "date is"),
        ({"date": TOMORROW}, "date is"),
        ({"printed_in": "a paper"}, "printed_in is given"),
        ({"year": 2016}, r"SOD\.csv: DSS \(measured\): year '2016', but '2017' on ECSSD"),
        ({"supervision": "weak"}, "supervision 'weak', but 'full' on"),
    ],
)
def test_what_a_measured_row_lacks(cells: dict[str, Any], match: str) -> None:
    edited(
        "ECSSD", lambda rows: rows.append(new(method="DSS", year=2017, supervision="full", reference=dss()))
    )
    check_boards(BOARDS)
    with_cells("SOD", "DSS", "measured", **cells)
    with pytest.raises(LeaderboardError, match=match):
        check_boards(BOARDS)


def renamed(name: str) -> None:
    """Give the measured row of DSS another name, with its curves."""
    for file in (BOARDS / "SOD.csv", BOARDS / "conventions/SOD.csv"):
        lines = [line.split(",") for line in file.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            if line[0] == "DSS":
                line[0] = name
        file.write_text("\n".join([*map(",".join, lines), ""]), encoding="utf-8")
    (BOARDS / "curves/SOD/DSS.csv").rename(BOARDS / f"curves/SOD/{name}.csv")


@pytest.mark.parametrize("name", ["DSS*", "con", "COM1.net", "DSS.", "D:SS"])
def test_a_measured_row_has_a_name_of_which_any_system_makes_a_file(name: str) -> None:
    renamed(name)
    with pytest.raises(LeaderboardError, match=r"\(measured\): its curves could not be stored on Windows"):
        check_boards(BOARDS)


def test_maps_of_another_method_are_found() -> None:
    row = read_board(BOARDS / "SOD.csv").find("DSS", "measured")
    assert row is not None
    edited("SOD", lambda rows: rows.insert(-3, replace(row, method="New", note="ours")))
    shutil.copy(BOARDS / "curves/SOD/DSS.csv", BOARDS / "curves/SOD/New.csv")
    with pytest.raises(LeaderboardError, match=r"New \(measured\): every value equals DSS's; .* same maps"):
        check_boards(BOARDS)
    with_cells("SOD", "New", "measured", note="the maps of DSS, renamed")
    check_boards(BOARDS)


def dss() -> str:
    """The reference of DSS."""
    row = read_board(SHIPPED / "SOD.csv").find("DSS", "measured")
    assert row is not None
    return row.reference


def test_a_measured_row_needs_its_curves() -> None:
    (BOARDS / "curves/SOD/DSS.csv").unlink()
    with pytest.raises(
        LeaderboardError, match=r"SOD\.csv: DSS: no curves, expected boards/curves/SOD/DSS\.csv"
    ):
        check_boards(BOARDS)


def test_files_of_no_board_are_found() -> None:
    shutil.copytree(BOARDS / "curves/SOD", BOARDS / "curves/ECSD")
    with pytest.raises(LeaderboardError, match=r"curves/ECSD/DSS\.csv, .*: of no board here"):
        check_boards(BOARDS)
    shutil.rmtree(BOARDS / "curves/ECSD")
    shutil.copy(BOARDS / "conventions/SOD.csv", BOARDS / "conventions/other.csv")
    with pytest.raises(LeaderboardError, match=r"conventions/other\.csv: of no board here"):
        check_boards(BOARDS)


def test_boards_of_unknown_datasets_are_found() -> None:
    (BOARDS / "ECSSD.csv").rename(BOARDS / "ECSD.csv")
    with pytest.raises(
        LeaderboardError, match=r"ECSD\.csv: not the name of a registered dataset; did you mean"
    ):
        check_boards(BOARDS)


def test_all_faults_are_told_at_once() -> None:
    edited("ECSSD", lambda rows: rows.extend(new(method=f"M{k}", reference="") for k in range(7)))
    with pytest.raises(LeaderboardError, match=r"boards: 7 faults\.\n(.*\n){5}and 2 more"):
        check_boards(BOARDS)


def test_supervision_is_one_of_a_few_and_boards_may_lack_the_column() -> None:
    path = BOARDS / "ECSSD.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(",weak,", ",some,"), encoding="utf-8")
    with pytest.raises(
        LeaderboardError, match="line 13: supervision 'some', expected full, semi, weak, unsuper"
    ):
        check_boards(BOARDS)
    rows = [replace(row, supervision="", printed_in="") for row in read_board(SHIPPED / "ECSSD.csv").entries]
    path.write_text(board_csv(Board("ECSSD", tuple(rows))), encoding="utf-8")
    assert path.read_text(encoding="utf-8").splitlines()[0] == ",".join(board_columns())
    assert list(read_board(path).entries) == rows


# ------------------------------------------------------------------------------- rows by convention


def lines_of(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


@pytest.mark.parametrize(
    ("column", "old", "value", "match"),
    [
        (0, "DSS", "Nobody", "Nobody has no measured row"),
        (1, "fan", "fen", "did you mean fan"),
        (2, "mae", "mea", "metric 'mea'; did you mean mae"),
        (3, None, "1.5", "expected a number from 0 to 1"),
        (3, None, "x", "is 'x', expected a number"),
        (3, None, "0.7", "0.7, but the board's row, made in the same way, says"),
        (4, None, "norm:max", "lacks"),
        (4, "avg:mean-f", "avg:pooled", r"its signature is another: avg pooled \(expected mean-f\)"),
    ],
)
def test_rows_by_convention_that_are_wrong(column: int, old: str | None, value: str, match: str) -> None:
    file = BOARDS / "conventions/SOD.csv"
    lines = lines_of(file)
    k = next(k for k, line in enumerate(lines) if k and (old is None or old in line[column]))
    lines[k][column] = value if old is None else lines[k][column].replace(old, value)
    with file.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, lineterminator="\n").writerows(lines)
    with pytest.raises(LeaderboardError, match=match):
        check_boards(BOARDS)


def test_a_row_by_convention_stands_once_and_goes_with_its_method() -> None:
    file = BOARDS / "conventions/SOD.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + text.splitlines()[5] + "\n", encoding="utf-8")
    with pytest.raises(LeaderboardError, match="PiCANet u2net relax_f occurs twice"):
        check_boards(BOARDS)
    file.write_text(text, encoding="utf-8")
    remove_rows(BOARDS, "PiCANet")
    assert {line[0] for line in lines_of(file)[1:]} == {"DSS", "U2-Net†"}
    check_boards(BOARDS)
    for method in ("DSS", "U2-Net†"):
        remove_rows(BOARDS, method)
    assert not file.exists()
    check_boards(BOARDS)


def test_curves_edited_with_a_new_digest_are_found() -> None:
    file = BOARDS / "curves/SOD/DSS.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[40] = lines[41]
    lines[41] = lines[40].replace("0.", "1.", 1)
    file.write_text(with_digest(lines), encoding="utf-8")
    with pytest.raises(LeaderboardError, match=r"DSS\.csv: damaged at threshold"):
        check_boards(BOARDS)
