"""Tables in every format: escaping, marks, footnotes, captions; LaTeX is compiled where there is one."""

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sodbench.leaderboard.boards import Board, BoardRow
from sodbench.reports.formats import markdown, notebook_html, render_grids, render_table, tex
from sodbench.reports.leaderboard_table import build_table
from sodbench.reports.table import Cell, Grid
from sodbench.reports.views import TABLE_FORMATS, Footnotes, caption_signatures

EVIL = r"A_b & <script>alert('1')</script> $x$ 5% #1 ~^{}\|*`[z] †²éΔ中"
HEAD = "data:{}@1|n:{}|gt:>128|sodbench:0.1.0"


def row(method, source="published", signature="", note="", **values):
    return BoardRow(
        method, source, {name: Decimal(v) for name, v in values.items()}, signature=signature, note=note
    )


def table(*rows, names=("X",), **options):
    boards = {name: Board(name, rows or ROWS) for name in names}
    return build_table(boards, metrics=["max_f", "mae"], **options)


ROWS = (
    row("A", max_f="0.900", mae="0.050"),
    row("B", max_f="0.800", mae="0.040", note="mae: printed wrong"),
    row("C", max_f="0.800", note="whole row"),
    row("D", max_f="0.700", mae="0.060"),
)
MEASURED = (
    row("A", "measured", HEAD.format("X", "4/4"), max_f="0.89961", mae="0.0521"),
    row("B", "measured", HEAD.format("X", "4/4"), max_f="0.91", mae="0.0521"),
)


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("text", ("0.900(1)", "0.800(2)", "0.700(3)", "0.040(1)[a]")),
        ("latex", (r"\sodfirst{0.900}", r"\sodsecond{0.800}", r"\sodthird{0.700}", r"\sodfirst{0.040}\rlap")),
        ("markdown", ("**0.900**", "<ins>0.800</ins>", "*0.700*", "**0.040**<sup>a</sup>")),
        (
            "html",
            (
                '"first"><b title="best">0.900',
                '"second"><b title="second best">0.800',
                '"third"><b title="third best">0.700',
                "0.040</b><sup>a</sup>",
            ),
        ),
    ],
)
def test_marks_of_the_best_three(style, shown):
    text = render_table(table(), style)
    for piece in shown:
        assert piece in text.replace(" start", ""), piece
    best = render_table(table(), style, mark="bold")
    assert best.count("0.800") == 2
    assert "second" not in best.partition("</style>")[2].replace("\\providecommand{\\sodsecond}", "")
    for piece in shown[1:3]:
        assert piece not in best


def test_no_marks():
    for style in TABLE_FORMATS:
        text = render_table(table(), style, mark="none").partition("</style>")
        assert not re.search(r"\(1\)|\*\*|<b |\\sod\w+\{0|of each column", text[2] or text[0])


@pytest.mark.parametrize("style", ["text", "latex", "markdown", "html"])
def test_footnotes_follow_in_order_and_say_which_dataset(style):
    text = render_table(table(), style)
    assert text.index("printed wrong") < text.index("whole row")
    assert "X: whole row" not in text
    assert "X, Y: whole row" in render_table(table(names=("X", "Y")), "html")


def test_letters_go_on_after_z():
    notes = Footnotes()
    letters = [notes.letter(str(k)) for k in range(54)]
    assert letters[24:29] == ["y", "z", "aa", "ab", "ac"]
    assert len(set(letters)) == 54


def test_caption_says_what_is_published_and_how_the_rest_was_measured():
    for style in ("text", "latex", "markdown", "html"):
        flat = " ".join(render_table(table(*ROWS, *MEASURED, delta=True), style).split())
        assert "Published values as printed in papers. Measured values computed with sodbench." in flat
        assert "Published and measured rows are ranked separately." in flat
        assert ("$\\Delta$: " if style == "latex" else "Δ: ") + "measured minus published." in flat
        own = " ".join(render_table(table(*ROWS, *MEASURED), style, caption="My own words.").split())
        assert "My own words. Best, second" in own
        assert "Measured values computed with sodbench." in own
        assert "4/4" in own


def test_signatures():
    assert caption_signatures(table(*MEASURED)) == [HEAD.format("X", "4/4")]
    boards = {
        name: Board(name, (row("A", "measured", HEAD.format(name, n), max_f="0.9"),))
        for name, n in (("X", "4/4"), ("Y", "9/9"))
    }
    assert caption_signatures(build_table(boards)) == [
        "gt:>128|sodbench:0.1.0 with data:X@1|n:4/4, data:Y@1|n:9/9"
    ]
    assert caption_signatures(table()) == []


class TestEscaping:
    TABLE = (row(EVIL, max_f="0.9", note=EVIL), row("=cmd", max_f="0.8"))

    def test_latex(self):
        text = render_table(table(*self.TABLE), "latex", caption=EVIL)
        assert r"A\_b \& \textless{}script\textgreater{}alert('1')\textless{}/script" in text
        assert r"\$x\$ 5\% \#1 \textasciitilde{}\textasciicircum{}\{\}\textbackslash{}\textbar{}*" in text
        assert r"\textsuperscript{\textdagger}\textsuperscript{2}é$\Delta$\sodunicode{中}" in text

    def test_latex_control_characters(self):
        assert tex("a\x1b\u202eb") == "a??b"

    def test_markdown(self):
        text = render_table(table(*self.TABLE), "markdown", caption=EVIL)
        assert r"A\_b &amp; &lt;script&gt;" in text
        assert "<script" not in text
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}
        assert markdown("$a$") == "&#36;a&#36;"

    def test_html(self):
        text = render_table(table(*self.TABLE), "html", caption=EVIL)
        assert "<script" not in text
        assert "A_b &amp; &lt;script&gt;" in text
        quoted = render_table(table(row("\"><img src=x>'", max_f="0.9")), "html", caption="<b>")
        assert "&#34;&gt;&lt;img src=x&gt;&#39;" in quoted
        assert quoted.count("&lt;b&gt;") == 2
        assert not re.search("<img|<b>", quoted)

    def test_csv(self):
        rows = list(csv.reader(io.StringIO(render_table(table(*self.TABLE, row("@x", mae="0.1")), "csv"))))
        assert [line[0] for line in rows] == ["method", EVIL, "'=cmd", "'@x"]
        assert [line[4] for line in rows] == ["X max_f", "0.9", "0.8", ""]
        shown = list(csv.DictReader(io.StringIO(render_table(table(*ROWS, *MEASURED, delta=True), "csv"))))
        assert [line["X max_f delta"] for line in shown] == ["", "", "", "", "0.000", "+0.110"]
        assert shown[4]["X mae delta"] == "+0.002"
        assert shown[5]["signature"] == HEAD.format("X", "4/4")

    def test_text(self):
        assert "a?[31mb" in render_table(table(row("a\x9b[31mb", max_f="0.9")), "text").replace("\x1b", "!")


class TestGrids:
    """Cells of a grid are any text, so all of them are escaped."""

    GRID = Grid(
        title="Table 1",
        caption=f"What {EVIL}.",
        head=(EVIL, "=left", EVIL, "=number", "last"),
        rows=(
            (Cell("name", None, "on the row"), Cell(EVIL), Cell(EVIL, 2, EVIL), Cell("-1", 1), Cell("=x")),
        ),
        left=2,
        groups=("", "", EVIL, EVIL, ""),
        ranked="some columns",
    )

    def text(self, style, mark="best3"):
        return render_grids([self.GRID, self.GRID], style, title=EVIL, mark=mark)

    @pytest.mark.parametrize("style", ["text", "latex", "markdown", "html"])
    def test_notes_and_caption(self, style):
        flat = " ".join(self.text(style).split())
        assert flat.count("on the row") == 2
        assert flat.count("Table 1. What A") == (0 if style == "latex" else 2)
        assert flat.count("Best, second and third of some columns") == 2
        assert flat.index("on the row") < flat.rindex("Best, second and third of some columns")
        assert "Best of some columns" in " ".join(self.text(style, "bold").split())
        assert "some columns" not in self.text(style, "none")

    def test_latex(self):
        text = self.text("latex")
        assert text.count(r"\label{tab:table-1}") == 2
        assert text.count(r"\sodsecond{A\_b \& \textless{}script") == 2
        assert text.count(r"\sodfirst{$-$1}") == 2
        assert text.count(r"\cmidrule(lr){3-4}") == 2
        assert "A_b" not in text
        assert "<script" not in text

    def test_markdown(self):
        text = self.text("markdown")
        assert "<script" not in text
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {6}

    def test_html(self):
        text = self.text("html")
        assert "<script" not in text
        outline = Outline()
        outline.feed(text)
        assert outline.open == []
        assert outline.rows == [5] * 6

    def test_csv(self):
        head, cells = csv.reader(io.StringIO(self.text("csv").partition("\n\n")[0]))
        assert head == [EVIL, "'=left", f"{EVIL} {EVIL}", f"{EVIL} =number", "last"]
        assert cells == ["name", EVIL, EVIL, "-1", "'=x"]

    def test_a_grid_without_groups_has_one_line_of_heads(self):
        grid = replace(self.GRID, groups=())
        outline = Outline()
        outline.feed(render_grids([grid], "html", title=""))
        assert outline.rows == [5, 5]
        assert "multicolumn" not in render_grids([grid], "latex", title="")
        assert render_grids([grid], "text", title="").startswith("A_b &")


class Outline(HTMLParser):
    """Counts cells of each row, and checks that tags close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.rows = [], []

    def handle_starttag(self, tag, attrs):
        if tag == "meta":
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += int(dict(attrs).get("colspan", 1))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_well_formed():
    outline = Outline()
    outline.feed(
        render_table(
            table(*ROWS, *MEASURED, names=("X", "Y"), delta=True, average=True, mean_rank=True), "html"
        )
    )
    assert outline.open == []
    assert len(set(outline.rows)) == 1
    assert len(outline.rows) == 2 + 1 + 5 + 1 + 3


@pytest.fixture(scope="module")
def page() -> str:
    """A table of two datasets as a page."""
    return render_table(table(*ROWS, *MEASURED, names=("X", "Y"), average=True), "html")


def test_the_caption_does_not_scroll_with_the_table(page):
    assert "<caption" not in page
    assert re.search(
        r'<figure>\n<figcaption>.*Signature: .*</figcaption>\n<div class="scroll" tabindex="0">\n<table>',
        page,
    )
    assert ".sodbench .scroll { overflow-x: auto; }" in page
    assert page.count("overflow-x") == 1


def test_the_first_column_stays(page):
    """Every row has one cell there, but those that are a heading over the whole width."""
    assert re.search(r"tr > :first-child:not\(\[scope=rowgroup\]\) { position: sticky; left: 0;", page)
    starts = re.findall(r"<tr[^>]*>(<t[dh][^>]*>)", page)
    assert {re.sub(r'colspan="\d+"', "colspan", start) for start in starts} == {
        "<td>",
        '<th scope="col" class="fact">',
        '<th scope="row">',
        '<th scope="rowgroup" colspan>',
    }


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance of ``#rrggbb`` or ``#rgb``."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * letter for letter in colour[1:])
    parts = (int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_light_and_dark_are_legible(page):
    light, dark = page.split("@media (prefers-color-scheme: dark) {")
    assert "color-scheme: light dark" in light
    for part in (light, dark):
        colours = dict(re.findall(r"--(page|ink|first|second|third): (#\w+);", part))
        assert set(colours) == {"page", "ink", "first", "second", "third"}
        paper = luminance(colours.pop("page"))
        for colour in colours.values():
            bright, dim = sorted((paper, luminance(colour)), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5
    assert luminance("#16181c") < luminance("#fff")


def test_a_notebook_has_colours_of_its_own():
    text = notebook_html(table(*ROWS))
    assert "prefers-color-scheme" not in text
    assert "body {" not in text
    assert "--page: var(--jp-layout-color0, var(--vscode-editor-background, Canvas));" in text
    assert "[data-jp-theme-light=false] .sodbench, .vscode-dark .sodbench { --first: #ff8f85;" in text


def test_markdown_rows_have_equal_cells():
    text = render_table(table(*ROWS, *MEASURED, delta=True, average=True, mean_rank=True), "markdown")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 1 + 5 + 1 + 3
    assert len({line.count("|") for line in lines}) == 1


PREAMBLE = (
    r"\documentclass{article}\usepackage{booktabs,graphicx,xcolor}\begin{document}\input{table}\end{document}"
)

if shutil.which("pdflatex"):  # no skip: a machine without LaTeX has no such test

    @pytest.mark.parametrize("mark", ["best3", "bold"])
    def test_latex_compiles(mark, tmp_path):
        rows = (*ROWS, row(EVIL, max_f="0.9", note=EVIL), *MEASURED)
        many = table(*rows, names=tuple("STUVWXYZ"), delta=True, average=True, mean_rank=True)
        Path(tmp_path, "table.tex").write_text(
            render_table(many, "latex", mark=mark, caption=EVIL), encoding="utf-8"
        )
        with Path(tmp_path, "table.tex").open("a", encoding="utf-8") as file:
            file.write(render_grids([TestGrids.GRID], "latex", title="", mark=mark))
        Path(tmp_path, "main.tex").write_text(PREAMBLE, encoding="utf-8")
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-2000:]
        assert b"Overfull \\hbox" not in done.stdout
