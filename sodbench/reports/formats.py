"""Tables as text, LaTeX, Markdown, HTML and CSV: pure functions from a `Table` or `Grid` to a string.

What the formats have in common (caption, footnotes, which cells are marked) comes from
`sodbench.reports.views`; what each escapes is here, and the markup is in ``templates/``.
"""

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sodbench.errors import FileError
from sodbench.reports.table import MEAN_RANK, Grid, Table
from sodbench.reports.views import TABLE_FORMATS, ShownCell, ShownRow, TableView, grid_view, table_view
from sodbench.utils.text import aligned, printable, sheet_text

if TYPE_CHECKING:
    from jinja2 import Environment


def render_table(table: Table, style: str = "text", *, mark: str = "best3", caption: str = "") -> str:
    """Write a table.

    Parameters
    ----------
    table
        See `sodbench.reports.leaderboard_table.build_table`.
    style
        One of `TABLE_FORMATS`. All but CSV are cut into several tables where datasets do not fit.
    mark
        One of `sodbench.reports.views.MARKS`: the best three of each column, the best one, or none. CSV
        has no marks.
    caption
        Opening of the caption, in place of the datasets' names. What marks mean, which rows are
        published and the signatures of measured rows follow.
    """
    if style == "csv":
        return sheet_text(_long_rows(table))
    views = [table_view(part, style, mark, caption) for part in table.split(TABLE_FORMATS[style].widest)]
    title = caption or views[0].caption[0]
    if style == "text":  # one caption under all parts
        whole = table_view(table, style, mark, caption)
        views = [replace(view, caption=(), signatures=()) for view in views]
        views[-1] = replace(views[-1], caption=whole.caption, signatures=whole.signatures)
    return _render(views, style, title)


def notebook_html(table: Table) -> str:
    """Write a table as the fragment of HTML that a notebook shows."""
    views = [table_view(part, "html", "best3", "") for part in table.split(TABLE_FORMATS["html"].widest)]
    return _render(views, "html", "", page=False)


def render_grids(grids: Sequence[Grid], style: str = "text", *, title: str, mark: str = "best3") -> str:
    """Write grids one after the other; in CSV with an empty line between them, without marks and notes.

    Parameters
    ----------
    grids
        See `sodbench.reports.table.Grid`.
    style
        One of `TABLE_FORMATS`.
    title
        The title of the page, if it becomes one.
    mark
        One of `sodbench.reports.views.MARKS`.
    """
    if style == "csv":
        return "\n".join(sheet_text(_plain_rows(grid)) for grid in grids)
    return _render([grid_view(grid, style, mark) for grid in grids], style, title)


def style_of(file: Path | None) -> str:
    """Return the format that a file's suffix asks for, else ``text``.

    Raises
    ------
    FileError
        The suffix is none of theirs.

    Examples
    --------
    >>> style_of(Path("table.tex")), style_of(None)
    ('latex', 'text')
    """
    if file is None or not file.suffix:
        return "text"
    by_suffix = {format.suffix: name for name, format in TABLE_FORMATS.items()}
    if file.suffix.lower() not in by_suffix:
        raise FileError(
            f"{file}: unknown kind of table {file.suffix!r}; pass --out with {', '.join(by_suffix)}, or pass "
            "--format."
        )
    return by_suffix[file.suffix.lower()]


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
    """Escape a cell for LaTeX; give a negative number a minus sign, not a hyphen, and ± room."""
    sign, rest = ("$-$", text[1:]) if re.match(r"-\d", text) else ("", text)
    return sign + tex(rest).replace(r" $\pm$", r"\,$\pm$\,")


def _render(views: Sequence[TableView], style: str, title: str, page: bool = True) -> str:
    if style == "text":
        return "\n\n".join(map(_text, views)) + "\n"
    template = _environment(style).get_template(f"table{TABLE_FORMATS[style].suffix}.jinja")
    return template.render(tables=views, title=title, page=page)


def _text(view: TableView) -> str:
    blocks = [[*section.rows, *filter(None, [section.means])] for section in view.sections]
    every = [row for block in blocks for row in block]
    tails = [max((len(_after(row.cells[k])) for row in every), default=0) for k in range(len(view.columns))]

    def line(row: ShownRow) -> list[str]:
        cells = (printable(c.text) + _after(c).ljust(tail) for c, tail in zip(row.cells, tails, strict=True))
        return [printable(row.name.text) + _after(row.name), *map(printable, row.facts), *cells]

    groups = [c.group if k == 0 or view.starts[k] else "" for k, c in enumerate(view.columns)]
    over, labels = (
        [text + " " * tail for text, tail in zip(texts, tails, strict=True)]
        for texts in (groups, [c.label for c in view.columns])
    )
    head = [[""] * len(view.left) + over] if view.groups else []
    head.append([*view.left, *labels])
    lines = iter(aligned([*head, *map(line, every)], left=range(len(view.left))).splitlines())
    out = [next(lines) for _ in head]
    for section, block in zip(view.sections, blocks, strict=True):
        out += [f"-- {section.title}"] if len(blocks) > 1 else []
        out += [next(lines) for _ in block]
    out += [textwrap.fill(f"[{letter}] {printable(text)}", 100) for letter, text in view.footnotes]
    if view.caption:
        out += ["", textwrap.fill(printable(" ".join(view.caption)), 100)]
    return "\n".join([*out, *(f"signature of measured rows: {text}" for text in view.signatures)])


def _after(cell: ShownCell) -> str:
    """Return what follows a number in a terminal: rank and footnote."""
    ranks = {"first": "(1)", "best": "(1)", "second": "(2)", "third": "(3)"}
    return ranks.get(cell.mark, "") + (f"[{cell.note}]" if cell.note else "")


def _long_rows(table: Table) -> Iterator[list[str]]:
    """Yield the head and the values as shown, whatever the width; a missing value is an empty cell."""
    names = [
        " ".join(
            filter(None, ("" if c.group == MEAN_RANK else c.group, _id(c.metric), "delta" if c.delta else ""))
        )
        for c in table.columns
    ]
    yield ["method", "source", "venue", "backbone", *names, "note", "signature"]
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
            yield [*before, *numbers, *after]


def _plain_rows(grid: Grid) -> Iterator[list[str]]:
    """Yield the head, with what stands above it, and the cells."""
    yield [f"{group} {label}".strip() for group, label in grid.columns]
    for row in grid.rows:
        yield [cell.text for cell in row]


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
    environment = Environment(
        loader=PackageLoader("sodbench.reports"),
        autoescape=style == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **signs,  # type: ignore[arg-type]
    )
    environment.filters.update(tex=tex, md=markdown, number=_number, printable=printable)
    return environment
