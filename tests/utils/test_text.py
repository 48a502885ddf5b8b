"""CSV reads back exactly, and where people open it, no cell is a formula."""

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodbench.utils.text import NARROW, aligned, broken, csv_text, finite, sheet_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2)))
def test_any_text_reads_back(lines: list[list[str]]) -> None:
    assert list(csv.reader(io.StringIO(csv_text(lines), newline=""))) == lines


@pytest.mark.parametrize("name", ["a\rb", "\r", "a\r\nb", "\n"])
def test_line_breaks_are_quoted(name: str) -> None:
    assert csv_text([[name, "x"]]) == f'"{name}",x\n'


@pytest.mark.parametrize(
    "cell", ["=cmd|' /C calc'!A0", "+x", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", "-x_sal", "=1"]
)
def test_formulas_get_an_apostrophe(cell: str) -> None:
    assert list(csv.reader(io.StringIO(sheet_text([[cell]]), newline=""))) == [[f"'{cell}"]]


@pytest.mark.parametrize("cell", ["-0.25", "+.5", "-1e-05", "-", "", "a=b", "'x", "1-2", "-inf"])
def test_numbers_and_other_text_stay(cell: str) -> None:
    assert list(csv.reader(io.StringIO(sheet_text([[cell, "x"]]), newline=""))) == [[cell, "x"]]


def test_numbers_that_are_no_text_stay() -> None:
    assert sheet_text([[-1, -0.5, None]]) == "-1,-0.5,\n"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for(value: float) -> None:
    assert finite(value) is None


def test_a_wide_table_is_broken_into_parts() -> None:
    lines = [["method", "n", *(f"metric{k}" for k in range(30))], ["A", "9/9", *map(str, range(30))]]
    text = broken(lines, left=(0,), kept=2)
    parts = text.split("\n\n")
    assert len(parts) > 2
    assert max(map(len, text.splitlines())) <= NARROW
    assert all(part.startswith("method    n") for part in parts)
    rows = [part.splitlines()[1].split() for part in parts]
    assert [cell for row in rows for cell in row[2:]] == lines[1][2:]
    few = [line[:10] for line in lines]
    assert broken(few, left=(0,), kept=2) == aligned(few, left=(0,))
