"""The table of all images: its numbers, its order, and what is left out where there is no room."""

import base64
import json
import re

import numpy as np
import pytest
from stored import made

from sodbench.metrics import METRICS
from sodbench.protocol import Protocol
from sodbench.reports.pages.page import json_for_script
from sodbench.reports.pages.report.per_image import FALLBACK, gather_per_image, packed_column

BOARD = [made(name, 150, k, empty=[7]) for k, name in enumerate(("A", "B", "C"), start=1)]


def unpacked(column, decimals):
    numbers = np.frombuffer(base64.b64decode(column["data"]), f"<{column['type']}")
    nothing = np.iinfo(numbers.dtype).min
    return ["-" if n == nothing else f"{n / 10**decimals:.{decimals}f}" for n in numbers.tolist()]


def test_numbers_are_those_of_each_image_as_shown():
    table = gather_per_image(BOARD, "max_f", ["mae", "weighted_f"])
    data = json.loads(json_for_script(table.data))
    assert [metric["id"] for metric in data["metrics"]] == ["max_f", "mae", "weighted_f"]
    frames = [s.per_image() for s in BOARD]
    for metric in data["metrics"]:
        columns = [frame.loc[data["images"], metric["id"]] for frame in frames]
        for stored, column in zip(metric["values"], columns, strict=True):
            assert unpacked(stored, metric["decimals"]) == [
                "-" if np.isnan(value) else f"{value:.4f}" for value in column
            ]
        high, low = np.max(columns, axis=0), np.min(columns, axis=0)
        assert unpacked(metric["spread"], 4) == [
            "-" if np.isnan(value) else f"{value:.4f}" for value in high - low
        ]
    mean = sum(frame["max_f"] for frame in frames)
    assert data["images"] == list(mean.sort_values(kind="stable").index)


def test_without_scripts_the_page_has_the_worst_images():
    table = gather_per_image(BOARD, "weighted_f", ["mae"])
    rows = re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", table.html)
    cells = [[re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]
    frames = [s.per_image()["weighted_f"] for s in BOARD]
    worst = sum(frames).sort_values(kind="stable").index[:FALLBACK]
    assert [[row[0], *row[1:4]] for row in cells] == [
        [image, *(f"{frame[image]:.4f}" for frame in frames)] for image in worst
    ]
    assert "The 100 worst of 150 images" in table.html
    marked = [
        [cell for cell in re.findall(r"<td.*?</td>", row) if 'data-mark="first"' in cell] for row in rows
    ]
    best = [max(f"{frame[image]:.4f}" for frame in frames) for image in worst]
    assert [{re.sub("<[^>]*>", "", cell) for cell in row} for row in marked] == [{value} for value in best]


def test_of_methods_scored_in_different_ways_none_is_best():
    board = [BOARD[0], made("D", 150, 4, empty=[7], protocol=Protocol(normalise="none"))]
    table = gather_per_image(board, "mae")
    data = json.loads(json_for_script(table.data))
    assert set(unpacked(data["metrics"][0]["spread"], 4)) == {"-"}
    assert 'data-mark="first"' not in table.html
    assert any("spreads are not shown" in line for line in table.said)


@pytest.mark.parametrize("budget", [60_000, 38_000, 34_000, 20_000, 9_000])
def test_what_has_no_room_is_left_out_and_said(budget):
    table = gather_per_image(BOARD, "max_f", ["mae", "s_measure"], budget=budget)
    assert table.size <= budget
    assert len(table.html.encode()) + len(json_for_script(table.data).encode()) == table.size
    kept = {metric.id for metric in table.metrics}
    assert "max_f" in kept
    said = " ".join(table.said)
    for metric in {"mae", "s_measure"} - kept:
        assert METRICS[metric].label in said
    if table.images < 150:
        assert f"all but the {table.images} images that are worst" in said
        whole = gather_per_image(BOARD, "max_f")
        assert table.data["images"] == whole.data["images"][: table.images]
    assert bool(said) == (kept != {"max_f", "mae", "s_measure"} or table.images < 150)
    assert all("--max-size" in line for line in table.said)


def test_where_there_is_no_room_no_row_is_left():
    table = gather_per_image(BOARD, "max_f", budget=-30_000)
    assert table.images == 0


def test_every_number_is_rounded_as_text_is():
    rng = np.random.default_rng(0)
    values = np.array([0.00005, 0.12345, 0.5, -0.00005, 1.0, 0.99995, *rng.integers(0, 20001, 5000) / 20000])
    for metric in ("mae", "hce"):
        decimals = METRICS[metric].decimals(4)
        scaled = values * (1000 if metric == "hce" else 1)
        expected = [f"{value:.{decimals}f}".replace("-0.0000", "0.0000") for value in scaled]
        assert [
            text.replace("-0.0", "0.0") for text in unpacked(packed_column(scaled, METRICS[metric]), decimals)
        ] == [text.replace("-0.0", "0.0") for text in expected]


def test_datasets_and_methods_that_lack_each_other():
    scores = [made("A", 4), made("B", 3, 1), made("B", 5, 2, dataset="HKU-IS@1")]
    table = gather_per_image(scores, "mae")
    assert table.datasets == ("SOD", "HKU-IS")
    assert [column.id for column in table.columns] == ["image", "dataset", "A", "B", "spread", "notes"]
    data = table.data
    a, b = (unpacked(column, 4) for column in data["metrics"][0]["values"])
    for image, dataset, of_a, of_b, spread in zip(
        data["images"], data["dataset"], a, b, unpacked(data["metrics"][0]["spread"], 4), strict=True
    ):
        assert (of_a == "-") == (dataset == 1)
        assert (of_b == "-") == (dataset == 0 and image == "im0003")
        assert (spread == "-") == ("-" in (of_a, of_b))


def test_names_and_notes_are_text():
    hostile = made("</script><b>", 3, 1)
    rows = {f"<i>{k}\u202e": row._replace(notes=("missing",)) for k, row in enumerate(hostile.rows.values())}
    hostile = type(hostile)("</script><b>", "SOD@1", 3, Protocol(), ("mae",), rows)
    table = gather_per_image([hostile, made("B", 3)], "mae")
    assert "<i>" not in table.html
    assert "</script" not in table.html
    text = json_for_script(table.data)
    assert "<" not in text
    assert "\u202e" not in text + table.html
    noted = dict(zip(table.data["notes"]["rows"], table.data["notes"]["of"], strict=True))
    assert table.data["notes"]["texts"] == ["missing"]
    assert sorted(table.data["images"][row] for row in noted) == ["<i>0?", "<i>1?", "<i>2?"]
