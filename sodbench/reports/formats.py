"""Comparison tables as text, LaTeX, Markdown, HTML and CSV: pure functions from a `Table` to a string.

What the formats have in common (caption, footnotes, which cells are marked) is worked out here; the
markup is in ``templates/``.
"""

import csv
import io
import re
import textwrap
import unicodedata
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, NamedTuple

from sodbench.protocol import split_signature
from sodbench.reports.table import MEAN_OF_ALL, MEAN_RANK, Cell, Table, TableRow
from sodbench.utils.text import aligned, printable

if TYPE_CHECKING:
    from jinja2 import Environment


class Format(NamedTuple):
    """A format: its files' suffix, how many columns of metrics fit side by side, and its words for marks."""

    suffix: str
    widest: int
    marks: str


TABLE_FORMATS: Mapping[str, Format] = {
    "text": Format(".txt", 5, "marked (1), (2) and (3)"),
    "latex": Format(".tex", 15, "bold red, underlined green and italic blue"),
    "markdown": Format(".md", 15, "bold, underlined and italic"),
    "html": Format(".html", 15, "bold red, underlined green and italic blue"),
    "csv": Format(".csv", 15, ""),
}

MARKS: Mapping[str, tuple[str, ...]] = {
    "best3": ("first", "second", "third"),
    "bold": ("best",),
    "none": (),
}
"""What ranks are marked with, by the name of the style."""


class Footnotes:
    """Letters for texts, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def letter(self, text: str) -> str:
        """Return the letter of a text; none for no text.

        >>> notes = Footnotes()
        >>> notes.letter("one"), notes.letter(""), notes.letter("two"), notes.letter("one")
        ('a', '', 'b', 'a')
        """
        if text and text not in self.letters:
            width = 1 + (len(self.letters) >= 26)
            letters = ["".join(pair) for pair in product(ascii_lowercase, repeat=width)]
            self.letters[text] = letters[len(self.letters) - 26 * (width - 1)]
        return self.letters[text] if text else ""


class ShownCell(NamedTuple):
    """A cell ready for markup: text, which mark, which footnote."""

    text: str
    mark: str
    note: str


def render_table(table: Table, style: str = "text", *, mark: str = "best3", caption: str = "") -> str:
    """Write a table.

    Parameters
    ----------
    table
        See `sodbench.reports.leaderboard_table.build_table`.
    style
        One of `TABLE_FORMATS`. All but CSV are cut into several tables where datasets do not fit.
    mark
        One of `MARKS`: the best three of each column, the best one, or none. CSV has no marks.
    caption
        Opening of the caption, in place of the datasets' names. What marks mean, which rows are
        published and the signatures of measured rows follow.
    """
    if style == "csv":
        return _csv(table)
    parts = table.split(TABLE_FORMATS[style].widest)
    views = [_view(part, style, mark, caption) for part in parts]
    if style == "text":
        under = _view(table, style, mark, caption)
        said = [textwrap.fill(printable(" ".join(under["caption"])), 100)]
        said += [f"signature of measured rows: {line}" for line in under["signatures"]]
        blocks = [*(_text(view) for view in views), "\n".join(said)]
        return "\n\n".join(blocks) + "\n"
    template = _environment(style).get_template(f"table{TABLE_FORMATS[style].suffix}.jinja")
    return template.render(tables=views, title=caption or views[0]["caption"][0])


def style_of(file: Path | None) -> str:
    """Return the format that a file's suffix asks for, else ``text``.

    >>> style_of(Path("table.tex")), style_of(None)
    ('latex', 'text')
    """
    return next((name for name, f in TABLE_FORMATS.items() if file and f.suffix == file.suffix), "text")


def caption_signatures(table: Table) -> list[str]:
    """Return the signatures of measured rows; those that differ only in the dataset as one.

    A signature that is alone is returned as it is.
    """
    rows = [row for section in table.sections for row in section.rows]
    heads: dict[str, list[str]] = {}
    for signature in dict.fromkeys(text for row in rows for _, text in row.signatures):
        parts = [f"{key}:{value}" for key, value in split_signature(signature).items()]
        own = [part for part in parts if part.startswith(("data:", "n:"))]
        rest = "|".join(part for part in parts if part not in own)
        heads.setdefault(rest, []).append("|".join(own))
    return [
        f"{found[0]}|{rest}" if len(found) == 1 else f"{rest} with {', '.join(found)}"
        for rest, found in heads.items()
    ]


def tex(text: str) -> str:
    r"""Escape text for LaTeX; what pdflatex has no letter for becomes ``?`` there, and itself elsewhere.

    Examples
    --------
    >>> print(tex("A_b & U2-Net†"))
    A\_b \& U2-Net\textsuperscript{\textdagger}
    """
    return "".join(_tex_letter(letter) for letter in text)


def markdown(text: str) -> str:
    r"""Escape text for Markdown, inside and outside of tables.

    Examples
    --------
    >>> print(markdown("A_b | <script>"))
    A\_b \| &lt;script&gt;
    """
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", text).replace("$", "&#36;")


def spreadsheet(text: str) -> str:
    """Keep a spreadsheet from taking text for a formula.

    >>> spreadsheet("=cmd()"), spreadsheet("DSS+")
    ("'=cmd()", 'DSS+')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


TEX = {
    **{letter: f"\\{letter}" for letter in "{}$&#%_"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}"},
    **{
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        '"': "{''}",
        "[": "{[}",
        "]": "{]}",
        "`": r"\textasciigrave{}",
    },
    **{"†": r"\textsuperscript{\textdagger}", "‡": r"\textsuperscript{\textdaggerdbl}", "Δ": r"$\Delta$"},
    **{"↑": r"$\uparrow$", "↓": r"$\downarrow$", "×": r"$\times$", "±": r"$\pm$"},
    **{"–": "--", "—": "---", "’": "'"},
    **{letter: f"\\textsuperscript{{{n}}}" for n, letter in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
"""What stands for the letters that LaTeX would misread."""


def _tex_letter(letter: str) -> str:
    if letter in TEX:
        return TEX[letter]
    if letter.isascii():
        return letter if letter.isprintable() else "?"
    base, *accents = list(unicodedata.normalize("NFD", letter))
    if (
        base.isascii()
        and len(accents) == 1
        and accents[0] in "\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327"
    ):
        return letter
    return f"\\sodunicode{{{letter}}}" if letter.isprintable() else "?"


def _number(text: str) -> str:
    """Give a negative number a minus sign, not a hyphen, and ± room."""
    signed = f"$-${text[1:]}" if re.match(r"-\d", text) else text
    return signed.replace(" ±", r"\,$\pm$\,")


def _view(table: Table, style: str, mark: str, opening: str) -> dict[str, Any]:
    """Return what the templates show."""
    notes = Footnotes()
    all_rows = [row for section in table.sections for row in section.rows]
    facts = [name for name in ("venue", "backbone") if any(getattr(row, name) for row in all_rows)]

    def cell(found: Cell) -> ShownCell:
        ranked = found.rank is not None and found.rank <= len(MARKS[mark])
        text = f"{found.text} ±{found.spread}" if found.spread else found.text
        above = ",".join(filter(None, ["".join(found.better), notes.letter(found.note)]))
        return ShownCell(text, MARKS[mark][(found.rank or 1) - 1] if ranked else "", above)

    def line(row: TableRow) -> dict[str, Any]:
        letters = [notes.letter(text) for text in _row_notes(row, several=len(table.datasets) > 1)]
        return {
            "name": ShownCell(row.method, "", ",".join(filter(None, [row.letter, *letters]))),
            "facts": [getattr(row, name) or "-" for name in facts],
            "cells": [cell(found) for found in row.cells],
        }

    sections = [
        {
            "title": section.title,
            "rows": [line(row) for row in section.rows],
            "means": section.means and {**line(section.means), "facts": [""] * len(facts)},
        }
        for section in table.sections
    ]
    return {
        "datasets": table.datasets,
        "label": re.sub(r"[^a-z0-9]+", "-", "-".join(table.groups).casefold()),
        "facts": [name.capitalize() for name in facts],
        "columns": table.columns,
        "letters": max((len(cell.better) for row in all_rows for cell in row.cells), default=0),
        "groups": [(g, sum(c.group == g for c in table.columns)) for g in ("", *table.groups)],
        "starts": [k > 0 and c.group != table.columns[k - 1].group for k, c in enumerate(table.columns)],
        "sections": sections,
        "footnotes": [(letter, text) for text, letter in notes.letters.items()],
        "caption": _caption(table, style, sections, opening),
        "signatures": caption_signatures(table),
    }


def _row_notes(row: TableRow, several: bool) -> list[str]:
    """Return the notes on a row, each with the datasets it is about where there are several."""
    about: dict[str, list[str]] = {}
    for dataset, text in row.notes:
        about.setdefault(text, []).append(dataset)
    return [f"{', '.join(names)}: {text}" if several else text for text, names in about.items()]


def _caption(table: Table, style: str, sections: list[dict[str, Any]], opening: str) -> list[str]:
    """Return the sentences of the caption but for the signatures."""
    sources = [section.source for section in table.sections]
    shown = {cell.mark for section in sections for row in section["rows"] for cell in row["cells"]} - {""}
    said = [opening or f"Salient object detection: {_and(table.groups)}."]
    if "best" in shown:
        how = "marked (1)" if style == "text" else "bold"
        said.append(f"Best of each column {how}, by the values shown.")
    elif shown:
        said.append(
            f"Best, second and third of each column {TABLE_FORMATS[style].marks}, by the values shown; "
            "equal values share a mark."
        )
    if shown and len(sources) > 1:
        said.append("Published and measured rows are ranked apart.")
    if "published" in sources:
        values = (
            "values as printed in papers" if table.datasets else "means made of values as printed in papers"
        )
        said.append(f"{'Published' if len(sources) > 1 else 'All'} {values}.")
    if "measured" in sources:
        said.append(f"{'Measured' if len(sources) > 1 else 'All'} values computed with sodbench.")
    said += table.said
    if any(column.delta for column in table.columns):
        said.append("Δ: measured minus published.")
    if any(section.means for section in table.sections):
        said.append("Row mean: over the methods above that have a value.")
    if MEAN_RANK in table.groups:
        said.append("Mean rank: of a method's ranks in all columns of datasets.")
    if {MEAN_OF_ALL, MEAN_RANK} & {*table.groups}:
        said.append("Methods that lack a value have no such mean.")
    return said


def _and(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _text(view: Mapping[str, Any]) -> str:
    columns, facts = view["columns"], view["facts"]
    blocks = [[*section["rows"], *filter(None, [section["means"]])] for section in view["sections"]]
    every = [row for block in blocks for row in block]
    tails = [max((len(_after(row["cells"][k])) for row in every), default=0) for k in range(len(columns))]

    def line(row: Mapping[str, Any]) -> list[str]:
        cells = (c.text + _after(c).ljust(tail) for c, tail in zip(row["cells"], tails, strict=True))
        return [printable(row["name"].text) + _after(row["name"]), *row["facts"], *cells]

    groups = [c.group if k == 0 or view["starts"][k] else "" for k, c in enumerate(columns)]
    over, labels = (
        [text + " " * tail for text, tail in zip(texts, tails, strict=True)]
        for texts in (groups, [c.label for c in columns])
    )
    head = [[""] * (1 + len(facts)) + over, ["Method", *facts, *labels]]
    lines = iter(aligned([*head, *map(line, every)], left=range(1 + len(facts))).splitlines())
    out = [next(lines) for _ in head]
    for section, block in zip(view["sections"], blocks, strict=True):
        out += [f"-- {section['title']}"] if len(blocks) > 1 else []
        out += [next(lines) for _ in block]
    return "\n".join([*out, *(f"[{letter}] {printable(text)}" for letter, text in view["footnotes"])])


def _after(cell: ShownCell) -> str:
    """Return what follows a number in a terminal: rank and footnote."""
    ranks = {"first": "(1)", "best": "(1)", "second": "(2)", "third": "(3)"}
    return ranks.get(cell.mark, "") + (f"[{cell.note}]" if cell.note else "")


def _csv(table: Table) -> str:
    """Write the values as shown, one table whatever its width; a missing value is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [
        " ".join(
            filter(None, ("" if c.group == MEAN_RANK else c.group, _id(c.metric), "delta" if c.delta else ""))
        )
        for c in table.columns
    ]
    writer.writerow(["method", "source", "venue", "backbone", *map(spreadsheet, names), "note", "signature"])
    named = {row.letter: row.method for section in table.sections for row in section.rows}
    for section in table.sections:
        for row in (*section.rows, *([section.means] if section.means else [])):
            notes = [f"{dataset}: {text}" for dataset, text in row.notes]
            notes += [
                f"{column.group} {column.metric}: {text}"
                for column, cell in zip(table.columns, row.cells, strict=True)
                for text in (
                    cell.spread and f"±{cell.spread}",
                    cell.better and f"better than {', '.join(named[letter] for letter in cell.better)}",
                    cell.note,
                )
                if text
            ]
            signed = " ".join(dict.fromkeys(signature for _, signature in row.signatures))
            before = [row.method, section.source, row.venue, row.backbone]
            numbers = ["" if cell.text == "-" else cell.text for cell in row.cells]
            after = ["; ".join(notes), signed]
            writer.writerow([*map(spreadsheet, before), *numbers, *map(spreadsheet, after)])
    return file.getvalue()


def _id(metric: str) -> str:
    return {"size": "size_mb", "rank": "mean_rank"}.get(metric, metric)


@cache
def _environment(style: str) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    signs: dict[str, str] = {}
    if style == "latex":
        signs = {
            "block_start_string": "<%",
            "block_end_string": "%>",
            "variable_start_string": "<<",
            "variable_end_string": ">>",
            "comment_start_string": "<#",
            "comment_end_string": "#>",
        }
    found = Environment(
        loader=PackageLoader("sodbench.reports"),
        autoescape=style == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **signs,  # type: ignore[arg-type]
    )
    found.filters.update(tex=tex, md=markdown, number=_number, printable=printable)
    return found
