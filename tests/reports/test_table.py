"""Comparison tables: which cells, ranks, differences and means; the shipped boards against the paper."""

import csv
import io
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest
from stored import made
from workspace import NO_SCORES, good, plant_maps, plant_masks, refused

from sodbench.errors import LeaderboardError
from sodbench.leaderboard.boards import Board, BoardRow, board_columns, read_boards
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.protocol import Protocol
from sodbench.reports.formats import render_table
from sodbench.reports.leaderboard_table import PAPER_DATASETS, assemble, build_table
from sodbench.reports.table import MEAN_OF_ALL, MEAN_RANK, Column
from sodbench.reports.views import TABLE_FORMATS
from sodbench.scoring.pipeline import score_folder

REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
SHIPPED = Path(__file__).parents[2] / "leaderboards"
COLUMNS = board_columns()
LABELS = {metric.label: name for name, metric in METRICS.items()}

pytestmark = pytest.mark.usefixtures("here")


def entry(method="A", source="published", signature="", **facts):
    """A row; values are given by metric id."""
    values = {name: Decimal(facts.pop(name)) for name in PAPER_METRICS if name in facts}
    if source == "measured" and not signature:
        signature = "data:X@1|n:4/4|norm:max|sodbench:0.1.0"
    return BoardRow(method, source, values, signature=signature, **facts)


def board(*entries, dataset="X"):
    return {dataset: Board(dataset, entries)}


def cells(table, group, metric, *, delta=False, source=None):
    """What a column shows, by method: text and rank."""
    k = table.columns.index(Column(group, metric, delta))
    return {
        row.method: (row.cells[k].text, row.cells[k].rank)
        for section in table.sections
        for row in section.rows
        if source in (None, section.source)
    }


def texts(table, group, metric, **options):
    return {method: text for method, (text, _) in cells(table, group, metric, **options).items()}


def ranks(table, group, metric, **options):
    return {method: rank for method, (_, rank) in cells(table, group, metric, **options).items()}


def written(*rows, dataset="X", folder="boards"):
    """Write a board by hand; return its folder."""
    path = Path(folder) / f"{dataset}.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({"source": "published", **row} for row in rows)
    return folder


TWO = ({"method": "A", "max_f": "0.900", "mae": "0.050"}, {"method": "B", "max_f": "0.800", "mae": "0.040"})


@pytest.fixture
def tiny(here, monkeypatch):
    """A registered dataset of four images."""
    Path("sets.toml").write_text('[TINY]\nversion = 1\ncount = 4\nmasks = ["masks"]\n', encoding="utf-8")
    monkeypatch.setenv("SODBENCH_DATASETS", "sets.toml")
    monkeypatch.setenv("SODBENCH_DATA", str(here / "data"))
    plant_masks("data/TINY/masks")
    return written(
        {"method": "mine", "max_f": "0.900", "mae": "0.100", "size_mb": "4.7"},
        {"method": "other", "max_f": "0.950", "mae": "0.200"},
        dataset="TINY",
    )


def scored(name="mine", seed=0, out="scores", *options):
    plant_maps(f"maps/{name}/TINY", seed=seed)
    good("score", f"maps/{name}/TINY", "--dataset", "TINY", "--out", out, *options)
    return score_folder(f"maps/{name}/TINY", "TINY")


# ------------------------------------------------------------------------------------------- ranks


class TestRanks:
    def test_equal_values_as_shown_share_a_rank_and_the_next_follows(self):
        rows = [
            entry(m, "measured", mae=v)
            for m, v in zip("ABCDE", ("0.0504", "0.0496", "0.04", "0.06", "0.07"), strict=True)
        ]
        assert cells(build_table(board(*rows)), "X", "mae") == {
            "A": ("0.050", 2),
            "B": ("0.050", 2),
            "C": ("0.040", 1),
            "D": ("0.060", 3),
            "E": ("0.070", 4),
        }
        assert ranks(build_table(board(*rows), decimals=4), "X", "mae") == {
            "A": 3,
            "B": 2,
            "C": 1,
            "D": 4,
            "E": 5,
        }

    def test_each_metric_has_its_own_direction(self):
        table = build_table(board(entry("A", max_f="0.9", mae="0.9"), entry("B", max_f="0.8", mae="0.8")))
        assert ranks(table, "X", "max_f") == {"A": 1, "B": 2}
        assert ranks(table, "X", "mae") == {"A": 2, "B": 1}

    def test_published_and_measured_rows_are_ranked_apart(self):
        rows = [entry("A", max_f="0.8"), entry("B", max_f="0.7")]
        rows += [entry("A", "measured", max_f="0.99"), entry("B", "measured", max_f="0.98")]
        for source in ("published", "measured"):
            assert ranks(build_table(board(*rows)), "X", "max_f", source=source) == {"A": 1, "B": 2}

    def test_rows_of_other_signatures_are_not_ranked_together(self):
        head = "data:X@1|n:4/4|norm:"
        signatures = (
            f"{head}max|sodbench:1",
            f"{head}max|sodbench:2",
            f"{head}none|sodbench:1",
        )
        rows = [entry(m, "measured", s, max_f="0.9") for m, s in zip("ABC", signatures, strict=True)]
        assert ranks(build_table(board(*rows)), "X", "max_f") == {"A": 1, "B": 1, "C": None}

    def test_conventions_of_a_metric_count_where_it_is_shown(self):
        """Those of one's own scores, which may have metrics that boards have no columns for."""
        iou = ("mae", "mean_iou")
        plain = made("A", 4, metrics=METRICS, dataset="X@1")
        one = made("B", 4, 1, metrics=METRICS, protocol=Protocol(overlap_zero="one"), dataset="X@1")
        fewer = made("C", 4, 2, dataset="X@1")
        table = build_table(assemble({}, [plain, one, fewer]), metrics=iou, mean_rank=True)
        assert None not in ranks(table, "X", "mae").values()
        assert ranks(table, "X", "mean_iou") == dict.fromkeys("ABC")
        assert ["ozero:one" in row.signatures[0][1] for row in table.sections[0].rows] == [False, True, False]
        table = build_table(assemble({}, [plain, one, fewer]), metrics=("mae", "max_f"), mean_rank=True)
        assert None not in ranks(table, MEAN_RANK, "rank").values()
        assert {row.signatures for row in table.sections[0].rows} == {(("X", fewer.signature),)}

    def test_a_value_without_rival_has_no_rank(self):
        table = build_table(board(entry("A", max_f="0.9", size_mb=Decimal("4.7"))))
        assert cells(table, "X", "max_f") == {"A": ("0.9", None)}
        assert ranks(table, "", "size") == {"A": None}

    def test_only_rows_shown_are_ranked(self):
        boards = board(entry("A", max_f="0.9"), entry("B", max_f="0.8"), entry("C", max_f="0.7"))
        assert ranks(build_table(assemble(boards, methods=["C", "B"])), "X", "max_f") == {"C": 2, "B": 1}


# ------------------------------------------------------------------------------------------- cells


def test_published_values_never_gain_digits():
    rows = [entry("A", max_f="0.85"), entry("A", "measured", max_f="0.853412")]
    table = build_table(board(*rows), decimals=4)
    assert texts(table, "X", "max_f", source="published") == {"A": "0.85"}
    assert texts(table, "X", "max_f", source="measured") == {"A": "0.8534"}
    assert texts(build_table(board(*rows), decimals=1), "X", "max_f", source="published") == {"A": "0.8"}


def test_missing_values():
    boards = board(entry("A", max_f="0.9"), entry("B"), dataset="X") | board(
        entry("B", max_f="0.8"), dataset="Y"
    )
    table = build_table(boards, metrics=["max_f"])
    assert texts(table, "X", "max_f") == {"A": "0.9", "B": "-"}
    assert texts(table, "Y", "max_f") == {"A": "-", "B": "0.8"}


class TestDelta:
    ROWS = (
        entry("A", max_f="0.854", mae="0.103"),
        entry("B", max_f="0.8"),
        entry("A", "measured", max_f="0.85341", mae="0.10304"),
        entry("C", "measured", max_f="0.9"),
    )

    def test_from_full_precision_with_sign(self):
        table = build_table(board(*self.ROWS), delta=True)
        found = texts(table, "X", "max_f", delta=True, source="measured")
        assert found == {"A": "-0.001", "C": "-"}
        assert texts(table, "X", "mae", delta=True, source="measured") == {"A": "0.000", "C": "-"}
        assert texts(table, "X", "max_f", delta=True, source="published") == {"A": "", "B": ""}
        assert (
            texts(
                build_table(board(*self.ROWS), delta=True, decimals=5),
                "X",
                "mae",
                delta=True,
                source="measured",
            )["A"]
            == "+0.00004"
        )

    def test_only_columns_that_have_one(self):
        table = build_table(board(*self.ROWS), delta=True)
        assert [c.metric for c in table.columns if c.delta] == ["max_f", "mae"]

    def test_nothing_has_both(self):
        with pytest.raises(
            LeaderboardError, match="both a published and a measured value.*leave --delta out"
        ):
            build_table(board(entry("A", max_f="0.9")), delta=True)


class TestMeans:
    BOARDS = board(
        entry("A", max_f="0.9", mae="0.1"), entry("B", max_f="0.8", mae="0.2"), dataset="X"
    ) | board(entry("A", max_f="0.7", mae="0.3"), entry("B", max_f="0.75"), dataset="Y")

    def test_over_datasets_only_for_methods_with_all_values(self):
        table = build_table(self.BOARDS, metrics=["max_f", "mae"], average=True)
        assert texts(table, MEAN_OF_ALL, "max_f") == {"A": "0.800", "B": "0.775"}
        assert texts(table, MEAN_OF_ALL, "mae") == {"A": "0.200", "B": "-"}

    def test_over_a_misprint_carries_its_note(self):
        table = build_table(
            board(entry("A", mae="0.9", note="mae: misprint")) | board(entry("A", mae="0.1"), dataset="Y"),
            metrics=["mae"],
            average=True,
        )
        assert [cell.note for cell in table.sections[0].rows[0].cells] == ["misprint", "", "X: misprint"]

    def test_caption_of_a_table_of_means_alone(self):
        text = good("table", "--paper", "--average", "--format", "markdown").stdout
        assert "All means made of values as printed in papers." in text
        assert "DUTS-TE: a misprint: .092 in the SOD survey" in text

    def test_over_methods(self):
        table = build_table(self.BOARDS, metrics=["max_f", "mae"], average=True)
        means = table.sections[0].means
        assert [cell.text for cell in means.cells] == ["0.850", "0.150", "0.725", "0.300", "0.788", "0.200"]
        assert {cell.rank for cell in means.cells} == {None}

    def test_not_over_methods_measured_in_different_ways(self):
        rows = [entry(m, "measured", f"data:X@1|norm:{m}", max_f="0.9") for m in "AB"]
        means = build_table(board(*rows), metrics=["max_f"], average=True).sections[0].means
        assert [cell.text for cell in means.cells] == ["-"]

    def test_rank(self):
        table = build_table(self.BOARDS, metrics=["max_f"], mean_rank=True)
        assert cells(table, MEAN_RANK, "rank") == {"A": ("1.50", 1), "B": ("1.50", 1)}
        assert texts(build_table(self.BOARDS, mean_rank=True, metrics=["mae"]), MEAN_RANK, "rank") == {
            "A": "-",
            "B": "-",
        }


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("", "BCA"),
        ("method", "ABC"),
        ("year", "CAB"),
        ("size", "CBA"),
        ("rank", "ABC"),
        ("max_f", "ABC"),
        ("mae", "BAC"),
    ],
)
def test_sort(by, expected):
    rows = (
        entry("B", max_f="0.8", mae="0.1", year=2018, size_mb=Decimal(5)),
        entry("C", max_f="0.7", year=2020, size_mb=Decimal(4)),
        entry("A", max_f="0.9", mae="0.2", year=2019),
    )
    boards = board(*rows)
    table = build_table(boards, metrics=["max_f"] if by == "rank" else [], sort=by)
    assert "".join(row.method for row in table.sections[0].rows) == expected


def test_split_never_cuts_a_dataset():
    boards = {name: Board(name, (entry(max_f="0.9"), entry("B", max_f="0.8"))) for name in "UVWXYZ"}
    table = build_table(boards, mean_rank=True, average=True)
    assert [part.groups for part in table.split(15)] == [tuple("UVW"), tuple("XYZ"), (MEAN_OF_ALL, MEAN_RANK)]
    assert [part.groups for part in table.split(1)][0] == ("U",)
    table = build_table({"X": boards["X"]}, mean_rank=True)
    assert [part.groups for part in table.split(5)] == [("X", MEAN_RANK)]


def test_rows_stand_only_where_they_have_a_place():
    boards = board(entry("A", max_f="0.9"), dataset="X") | board(entry("B", max_f="0.8"), dataset="Y")
    parts = build_table(boards, metrics=["max_f"]).split(1)
    assert [[row.method for s in part.sections for row in s.rows] for part in parts] == [["A"], ["B"]]


# --------------------------------------------------------------------------------- the paper's tables


def paper_table():
    return build_table(assemble(read_boards(SHIPPED), paper=True))


def test_paper_table_is_whole():
    table = paper_table()
    first, second = table.split(15)
    assert first.datasets + second.datasets == PAPER_DATASETS
    for part in (first, second):
        assert len(part.sections) == 1
        assert len(part.sections[0].rows) == 22
    everything = [texts(table, d, m) for d in PAPER_DATASETS for m in PAPER_METRICS]
    assert sum(len(column) for column in everything) == 660
    assert [(d, m) for d in PAPER_DATASETS for m in PAPER_METRICS if "-" in texts(table, d, m).values()] == [
        ("SOD", metric) for metric in PAPER_METRICS
    ]
    assert sum(list(column.values()).count("-") for column in everything) == 6
    assert {m for m, rank in ranks(table, "", "size").items() if rank in (1, 2, 3)} == {
        "U2-Net†",
        "MSWS",
        "RAS",
    }


def test_measured_rows_beside_the_printed_ones():
    boards = assemble(read_boards(SHIPPED), datasets=["SOD"], methods=["PiCANet"])
    table = build_table(boards, delta=True)
    shown = [texts(table, "SOD", m, source="measured")["PiCANet"] for m in PAPER_METRICS]
    assert shown == ["0.853", "0.102", "0.722", "0.790", "0.572"]
    delta = [texts(table, "SOD", m, delta=True, source="measured")["PiCANet"] for m in PAPER_METRICS]
    assert delta == ["-0.001", "-0.001", "0.000", "+0.001", "0.000"]


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("PASCAL-S", {"AFNet": "2.60", "CPD": "2.60", "U2-Net": "3.60", "PoolNet": "4.20"}),
        ("DUTS-TE", {"PoolNet": "1.00", "U2-Net": "2.00"}),
        ("SOD", {"PoolNet": "1.20", "U2-Net": "2.80"}),
    ],
)
def test_mean_ranks_of_a_dataset(dataset, expected):
    table = build_table(assemble(read_boards(SHIPPED), paper=True, datasets=[dataset]), mean_rank=True)
    found = texts(table, MEAN_RANK, "rank")
    assert {method: found[method] for method in expected} == expected


def reference(name):
    with (REFERENCE / "paper" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def latex_cells(text):
    """Read the tables of a LaTeX file: method -> (venue, backbone, size), and (method, dataset) -> cells."""
    facts, found = {}, {}
    for part in text.split("\\begin{table*}")[1:]:
        datasets = re.findall(r"\\multicolumn\{5\}\{c\}\{([^}]*)\}", part)
        for line in part.splitlines():
            line = re.sub(r"(\\rlap\{)?\\textsuperscript\{[a-z,]+\}\}?", "", line)
            line = line.replace(r"\textsuperscript{\textdagger}", "†")
            name, *rest = line.removesuffix(r" \\").split(" & ")
            if len(rest) == 18 and name != "Method":
                facts[name] = [re.sub(r"\\sod\w+\{(.*)\}", r"\1", cell) for cell in rest[:3]]
                for k, dataset in enumerate(datasets):
                    found[name, dataset] = rest[3 + 5 * k : 8 + 5 * k]
    return facts, found


@pytest.mark.skipif("SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE is not set")
def test_latex_is_equal_to_the_paper_cell_by_cell():
    facts, found = latex_cells(good("table", "--paper", "--format", "latex").stdout)
    rows = reference("table3.csv") + reference("table4.csv")
    marks, missing = {}, 0
    for row in rows:
        shown = found[row["method"], row["dataset"]][PAPER_METRICS.index(LABELS[row["metric"]])]
        mark, value = re.fullmatch(r"(?:\\sod(\w+)\{)?([-.0-9]+)\}?", shown).groups()
        assert value == (row["value"] or "-"), row
        missing += value == "-"
        marks[row["dataset"], row["metric"], row["method"]] = mark
        venue, backbone, size = facts[row["method"]]
        assert (backbone, size) == (row["backbone"], row["size_mb"] or "-")
        assert venue == row["venue"] or not row["venue"]
    assert (len(marks), missing) == (660, 6)
    names = ("first", "second", "third")
    expected = {
        (row["dataset"], row["metric"], row["method"]): names[int(row["dense_rank"]) - 1]
        for row in reference("top3.csv")
    }
    assert {key: mark for key, mark in marks.items() if mark} == expected
    colours = {
        (row["dataset"], row["metric"], row["method"]): row["printed_colour"] for row in reference("top3.csv")
    }
    named = dict(zip(names, ("red", "green", "blue"), strict=True))
    wrong = [key for key, mark in expected.items() if colours[key] != named[mark]]
    assert wrong == [("ECSSD", "wF", "R3Net+")]


# ----------------------------------------------------------------------------------- scores of one's own


class TestWith:
    def test_row_stands_in_its_section_with_differences(self, tiny):
        scores = scored()
        text = good("table", "--boards", tiny, "--with", "scores/mine", "--delta").stdout
        assert "-- Measured with sodbench\nmine" in text
        assert f"signature of measured rows: {scores.signature}\n" in text
        assert f"{scores.summary()['max_f'] - 0.9:+.3f}" in text
        assert sorted(path.name for path in Path(tiny).iterdir()) == ["TINY.csv"]

    def test_paper_leaves_the_boards_measured_rows_out_but_not_these(self, tiny):
        scored("mine")
        good("leaderboard", "add", "scores/mine", "--boards", tiny)
        scored("second", 1, "own")
        text = good("table", "--paper", "--datasets", "TINY", "--boards", tiny, "--with", "own").stdout
        assert re.findall(r"^(mine|other|second|-- \w+)", text, re.MULTILINE) == [
            "-- Published",
            "mine",
            "other",
            "-- Measured",
            "second",
        ]

    def test_takes_the_place_of_the_boards_row(self, tiny):
        scored("mine")
        good("leaderboard", "add", "scores/mine", "--boards", tiny)
        plant_maps("new/mine/TINY", seed=7)
        good("score", "new/mine/TINY", "--dataset", "TINY", "--out", "own")
        shown = good("table", "--boards", tiny, "--with", "own", "--format", "csv", "--decimals", 4).stdout
        (row,) = [r for r in csv.DictReader(io.StringIO(shown)) if r["source"] == "measured"]
        expected = score_folder("new/mine/TINY", "TINY").summary()["mae"]
        assert row["TINY mae"] == f"{expected:.4f}"

    def test_what_is_not_shown_or_stands_in_a_rows_place_is_told(self, tiny):
        scored("mine")
        good("leaderboard", "add", "scores/mine", "--boards", tiny)
        said = good("table", "--boards", tiny, "--with", "scores").stderr
        assert said == "mine on TINY: shown from the scores given, not from the board.\n"
        said = good("table", "--boards", tiny, "--with", "scores", "--methods", "other").stderr
        assert said == "mine on TINY: left out, as --dataset or --methods do not name it.\n"

    def test_scores_that_are_not_asked_for_are_not_asked_to_be_whole(self, tiny):
        scored("mine")
        made("mine", 5, dataset="SOD@1").save(Path("scores/mine/SOD"))
        refused("table", "--boards", tiny, "--with", "scores", match="mine on SOD: scored in another way")
        shown = good("table", "--boards", tiny, "--with", "scores", "-d", "tiny")
        assert shown.stderr == "mine on SOD: left out, as --dataset or --methods do not name it.\n"
        assert "mine" in shown.stdout

    def test_facts_about_the_method_come_from_the_board(self, tiny):
        scored("mine")
        text = good("table", "--boards", tiny, "--with", "scores", "--format", "csv").stdout
        (row,) = [r for r in csv.DictReader(io.StringIO(text)) if r["source"] == "measured"]
        assert row["size_mb"] == "4.7"

    def test_paper_shows_ones_own_other_datasets_too(self, tiny):
        scored("mine")
        text = good("table", "--paper", "--with", "scores", "--format", "csv").stdout
        head, *rows = csv.reader(io.StringIO(text))
        assert "TINY max_f" in head
        assert [row[0] for row in rows if row[1] == "measured"] == ["mine"]

    def test_a_dataset_without_board_gets_columns(self, tiny):
        scored()
        folder = written(*TWO, folder="others")
        text = good("table", "--boards", folder, "--with", "scores", "--format", "csv").stdout
        head, *rows = csv.reader(io.StringIO(text))
        assert [name for name in head if name.endswith("max_f")] == ["X max_f", "TINY max_f"]
        assert [row[0] for row in rows] == ["A", "B", "mine"]

    def test_refused(self, tiny):
        scored()
        scored("mine", 3, "again")
        refused(
            "table",
            "--boards",
            tiny,
            "--with",
            "scores",
            "--with",
            "again",
            match="mine on TINY: given twice",
        )
        scored("part", 0, "few", "--metrics", "mae")
        refused("table", "--boards", tiny, "--with", "few", match="part on TINY:.*--metrics paper")
        scored("raw", 0, "other", "--normalise", "none")
        refused("table", "--boards", tiny, "--with", "other", match="raw on TINY: scored in another way")
        refused("table", "--boards", tiny, "--with", "nowhere", match=f"nowhere: {NO_SCORES}")


# --------------------------------------------------------------------------------------- command line


TEXT = """\
            X
Method   MAE↓     maxF↑
A       0.050(2)  0.900(1)
B       0.040(1)  0.800(2)
C           -[a]      -
[a] lost; mine

Salient object detection: X. Best, second and third of each column marked (1), (2) and (3), by the
values shown; equal values share a mark. All values as printed in papers.
"""


def test_text_table():
    folder = written(*TWO, {"method": "C", "note": "mae: lost; mine"})
    assert good("table", "--boards", folder, "--metrics", "mae,max_f").stdout == TEXT


def test_names_are_found_however_they_are_spelt():
    text = good(
        "table", "--boards", SHIPPED, "--datasets", "sod,dut_omron", "--methods", "picanet,u2net"
    ).stdout
    assert [line.split()[0] for line in text.splitlines() if line.startswith(("SOD", "Pi", "U2"))][:2] == [
        "PiCANet",
        "U2-Net",
    ]
    assert text.index("SOD") < text.index("DUT-OMRON")


@pytest.mark.parametrize("style", TABLE_FORMATS)
def test_out_chooses_the_format_by_its_suffix(style):
    folder, file = written(*TWO), f"table{TABLE_FORMATS[style].suffix}"
    result = good("table", "--boards", folder, "--out", file)
    assert result.stdout == ""
    assert Path(file).read_text("utf-8") == good("table", "--boards", folder, "--format", style).stdout
    assert Path(file).read_text("utf-8") == render_table(build_table(read_boards(Path(folder))), style)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--datasets", "Y"), r"unknown dataset 'Y'; valid: X"),
        (("--methods", "AA"), r"unknown method 'AA'; did you mean A\?"),
        (("--metrics", "maxf1"), r"unknown metric 'maxf1'; did you mean max_f or"),
        (("--sort", "sise"), r"unknown sort 'sise'; did you mean size or"),
        (("--delta",), "both a published and a measured value"),
        (("--boards", "nowhere"), "nowhere: no such folder"),
        (("--paper",), "unknown dataset 'DUT-OMRON'; valid: X"),
    ],
)
def test_refused(options, match):
    refused("table", "--boards", written(*TWO), *options, match=match)


def test_empty_boards():
    folder = written()
    refused("table", "--boards", folder, match="X: no rows to show.*--with")
    written(*TWO, dataset="Y")
    for style in TABLE_FORMATS:
        assert (
            "0.900" in good("table", "--boards", folder, "--format", style, "--mean-rank", "--average").stdout
        )


@pytest.mark.parametrize("style", TABLE_FORMATS)
@pytest.mark.parametrize("mark", ["best3", "bold", "none"])
def test_one_method_only(style, mark):
    folder = written(TWO[0])
    text = good(
        "table", "--boards", folder, "--format", style, "--mark", mark, "--mean-rank", "--average"
    ).stdout
    assert "0.900" in text
    assert not re.search(r"\(1\)|\*\*|<b |\\sodfirst\{0|\\sodbest\{0", text)
