"""The tables of the documentation that follow from the program are those of this program."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sodbench.data.registry import registry
from sodbench.protocol import PRESETS, Protocol

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def script(name: str) -> Any:
    """Import a script of the documentation."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tables, gap = script("tables"), script("gap")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tables_are_those_of_the_program(page: Path) -> None:
    text = page.read_text("utf-8")
    assert tables.filled(text) == text, f"{page.name}: run `python docs/tables.py`"


def test_every_table_stands_somewhere() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert {found[2] for found in tables.BETWEEN.finditer(text)} == set(tables.TABLES)


def test_every_field_and_value_of_a_protocol_has_a_row() -> None:
    text = (DOCS / "protocols.md").read_text("utf-8")
    table = text.partition("<!-- table: protocol -->")[2].partition("<!-- end of table -->")[0]
    rows = [re.split(r" *(?<!\\)\| *", line)[1:-1] for line in table.strip().splitlines()[2:]]
    starts = [k for k, row in enumerate(rows) if row[0]]
    assert [rows[k][0].strip("`-").replace("-", "_") for k in starts] == [f.name for f in fields(Protocol)]
    for spec, start, end in zip(fields(Protocol), starts, [*starts[1:], len(rows)], strict=True):
        assert rows[start][4] == f"`{spec.metadata['key']}`"
        users = {row[1].strip("`"): row[3] for row in rows[start:end]}
        assert next(iter(users)) == f"{getattr(Protocol(), spec.name)}".removesuffix(".0")
        assert set(spec.metadata.get("choices", ())) <= set(users)
        for name, preset in PRESETS.items():
            value = getattr(preset, spec.name)
            who = users[f"{value:g}" if isinstance(value, float) else value]
            assert who == "all" or f"`{name}`" in who


def test_every_dataset_has_its_facts() -> None:
    text = (DOCS / "datasets.md").read_text("utf-8")
    entries = dict(re.findall(r"^### (.*)\n\n((?:- .*\n)+)", text, re.MULTILINE))
    known = {name: dataset for name, dataset in registry().items() if name in entries}
    assert len(known) == len(entries) > 40
    for name, dataset in known.items():
        for trap in dataset.traps:
            assert f"- Trap: {trap}.\n" in entries[name]
        assert f"{dataset.count or 'Number'}" in entries[name] or dataset.builtin


def test_the_picture_of_the_gap_is_drawn_from_the_output_shown() -> None:
    page = gap.PAGE.read_text("utf-8")
    assert gap.PICTURE.read_text("utf-8") == gap.picture(page), "run `python docs/gap.py`"
    presets, conventions = gap.rows(page)
    assert [name for name, _ in presets] == list(PRESETS)
    assert dict(conventions)["average=mean-f"] == dict(presets)["fan"] == 0.8112
    assert "u2net" not in dict(conventions)
