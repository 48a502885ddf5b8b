"""``table --ci --significance`` and ``plot-pr --band`` against plain resampling."""

import csv
import io
import re
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from stored import made as made_of
from stored import store
from workspace import good, refused

from sodbench.analysis.compare import compare
from sodbench.analysis.statistics.bands import pr_band
from sodbench.errors import ScoresError
from sodbench.leaderboard.boards import Board, BoardRow
from sodbench.protocol import Protocol
from sodbench.reports.confidence import marks
from sodbench.reports.figures.curves import pr_curves
from sodbench.reports.figures.panels import scores_curves
from sodbench.reports.figures.style import figure_style
from sodbench.reports.leaderboard_table import build_table
from sodbench.reports.table import Marks
from sodbench.scoring.scores import Scores

made = partial(made_of, dataset="TINY@1")

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def three(here: Path) -> list[Scores]:
    """A far ahead of B and C, which are alike; two datasets, C on one of them only."""
    return [
        made("A", 60, 1, skill=0.85),
        made("B", 60, 2, skill=0.6),
        made("C", 60, 3, skill=0.61),
        made("A", 40, 4, skill=0.85, dataset="TWO@1"),
        made("B", 40, 5, skill=0.6, dataset="TWO@1"),
    ]


def boards() -> str:
    """A folder of one board without rows."""
    Path("boards").mkdir(exist_ok=True)
    header = (Path(__file__).parents[2] / "leaderboards/SOD.csv").read_text(encoding="utf-8").splitlines()[0]
    Path("boards/OWN.csv").write_text(header + "\n", encoding="utf-8")
    return "boards"


def test_half_widths_are_those_of_a_plain_bootstrap(three: list[Scores]) -> None:
    found = marks(three[:1], ["mae", "max_f"], spreads=True)
    values = three[0].per_image()["mae"].to_numpy()
    rng = np.random.default_rng(5)
    means = [values[rng.integers(0, 60, 60)].mean() for _ in range(10_000)]
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.spreads["A", "TINY", "mae"] == pytest.approx((high - low) / 2, rel=0.05)
    assert set(found.spreads) == {("A", "TINY", "mae"), ("A", "TINY", "max_f")}
    assert found.said == (
        "±: half the 95 % percentile interval of a bootstrap over images (10,000 resamples, seed 0).",
    )


def test_better_methods_are_those_that_compare_finds(three: list[Scores]) -> None:
    found = marks(three, ["mae", "weighted_f"], better=True)
    assert found.compared == ("A", "B", "C")
    one = compare(three[:3], metrics=["mae", "weighted_f"])
    two = compare(three[3:], metrics=["mae", "weighted_f"])
    p = sorted(d.p for d in (*one.differences, *two.differences))
    assert "Holm's adjustment for 8 tests" in found.said[0]
    assert found.better["A", "TINY", "mae"] == ("B", "C")
    assert found.better["A", "TWO", "weighted_f"] == ("B",)
    assert not [key for key in found.better if key[0] != "A"]
    assert p[0] * 8 < 0.05 < p[-1]


def test_holm_is_over_all_datasets(three: list[Scores], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("sodbench.reports.confidence.adjusted", lambda found: seen.append(len(found)) or ())
    assert marks(three, ["mae", "weighted_f"], better=True).better == {}
    assert seen == [8]


def test_many_tests_get_as_many_resamples_as_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 100 resamples no p of six tests could be below 5 % after Holm, and no letter would stand."""
    monkeypatch.setattr("sodbench.reports.confidence.TABLE_RESAMPLES", 100)
    scores = [made(name, 40, k, skill=0.3 + 0.2 * k) for k, name in enumerate("ABC")]
    found = marks(scores, ["mae", "s_measure"], spreads=True, better=True)
    assert found.better["C", "TINY", "s_measure"] == ("A", "B")
    assert [line.partition("(")[2] for line in found.said] == [
        "100 resamples, seed 0).",
        "240 resamples, seed 0).",
    ]


def test_more_methods_than_letters_are_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sodbench.reports.confidence.bootstrap", lambda *_: 1 / 0)
    scores = [made(f"m{k}", 20, k, metrics=["mae"]) for k in range(27)]
    with pytest.raises(ScoresError, match=r"27 methods, expected at most 26\. Choose with --methods\."):
        marks(scores, ["mae"], spreads=True, better=True)


def test_values_defined_on_few_images_have_no_interval() -> None:
    few = made("A", 30, 1, empty=range(12))
    assert set(marks([few], ["mae", "weighted_f"], spreads=True).spreads) == {("A", "TINY", "mae")}


def test_published_values_bear_no_marks() -> None:
    value = {"mae": Decimal("0.1")}
    board = Board("TINY", tuple(BoardRow("A", source, value) for source in ("published", "measured")))
    key = ("A", "TINY", "mae")
    table = build_table({"TINY": board}, metrics=["mae"], marks=Marks({key: 0.01}, {key: ("A",)}, ("A",)))
    published, measured = (section.rows[0] for section in table.sections)
    assert (published.letter, published.cells[0].spread, published.cells[0].better) == ("", "", ())
    assert (measured.letter, measured.cells[0].spread, measured.cells[0].better) == ("A", "0.010", ("A",))


def test_marks_in_a_table(three: list[Scores]) -> None:
    folders = [store(one) for one in three]
    options = [word for folder in dict.fromkeys(folders) for word in ("--with", folder)]
    shown = good(
        *("table", "--boards", boards(), *options, "--metrics", "mae", "--methods", "C,A,B"),
        *("--ci", "--significance", "--mark", "none"),
    ).stdout
    lines = {line.split()[0]: line for line in shown.splitlines() if re.match(r"[ABC]\[", line)}
    assert set(lines) == {"A[B]", "B[C]", "C[A]"}
    assert re.search(r"0\.\d{3} ±0\.\d{3}\[AC\]", lines["A[B]"])
    assert not re.search(r"±0\.\d{3}\[", lines["B[C]"])
    assert "Capital letters: better than these methods by a paired permutation, p < .05" in " ".join(
        shown.split()
    )
    latex = good(
        *("table", "--boards", boards(), *options, "--metrics", "mae", "--format", "latex"),
        *("--ci", "--significance", "--mark", "none"),
    ).stdout
    assert re.search(r"0\.\d{3}\\,\$\\pm\$\\,0\.\d{3}\\rlap\{\\textsuperscript\{BC\}\}", latex)
    assert r"\setlength{\tabcolsep}{7pt}" in latex
    text = good(
        *("table", "--boards", boards(), *options, "--metrics", "mae", "--format", "csv"),
        *("--ci", "--significance"),
    ).stdout
    (row,) = [row for row in csv.DictReader(io.StringIO(text)) if row["method"] == "A"]
    assert re.match(r"TINY mae: ±0\.\d{3}; TINY mae: better than B, C; TWO mae: ±", row["note"]) or re.match(
        r"TWO mae: ±0\.\d{3}; TWO mae: better than B; TINY mae: ±", row["note"]
    )
    assert re.fullmatch(r"0\.\d{3}", row["TINY mae"])


@pytest.mark.parametrize("option", ["--ci", "--significance"])
def test_what_cannot_be_resampled(option: str) -> None:
    store(made("A", 19, 1))
    store(made("B", 30, 1), "other")
    refused(
        "table", "--datasets", "SOD", option, match="resample images, which boards do not have. Give --with"
    )
    refused(
        *("table", "--boards", boards(), "--with", "scores", option),
        match="A on TINY: fewer than 20 images, too few to resample",
    )
    if option == "--significance":
        refused(
            *("table", "--boards", boards(), "--with", "other", option),
            match="no dataset has scores of two. Give more with --with",
        )


@pytest.mark.parametrize("chosen", [("--datasets", "TINY"), ("--methods", "A,B")])
def test_scores_that_are_not_shown_are_not_resampled(chosen: tuple[str, ...]) -> None:
    for method, seed in (("A", 1), ("B", 2)):
        store(made(method, 30, seed))
    store(made("C", 8, 3, dataset="TWO@1"))
    table = good("table", "--boards", boards(), "--with", "scores", *chosen, "--ci", "--significance")
    assert "C on TWO: left out" in table.stderr
    assert "±" in table.stdout
    good("plot-pr", "scores", *chosen, "--band", "--out", "band.svg")
    refused("plot-pr", "scores", "--band", match="C on TWO: 8 images are too few for a band, expected 20")


def test_significance_refuses_what_is_not_comparable(three: list[Scores]) -> None:
    store(three[0])
    store(made("B", 60, 2, first=5))
    refused(
        *("table", "--boards", boards(), "--with", "scores", "--significance"),
        match=r"A and B are not comparable on TINY: only of A: im0000, .*Score both in the same way",
    )


# ------------------------------------------------------------------------------------------------ bands


@pytest.mark.parametrize("average", ["mean-pr", "pooled"])
def test_band_is_that_of_a_plain_bootstrap(average: str) -> None:
    scores = made("A", 60, 1, protocol=Protocol(average=average))
    band = pr_band(scores)
    rng = np.random.default_rng(11)
    levels = scores.levels(scores.ids)
    high = np.array([max(np.flatnonzero(f + b)) for f, b in zip(levels.fg, levels.bg, strict=True)])
    reach = 255 * np.arange(256)[None, :, None] >= np.arange(256)[None, None, :] * high[:, None, None]
    tp, fp = np.einsum("nl,nlk->nk", levels.fg, reach), np.einsum("nl,nlk->nk", levels.bg, reach)
    positives = levels.fg.sum(axis=1)
    found = []
    for _ in range(1_000):
        drawn = rng.integers(0, 60, 60)
        if average == "pooled":
            r, p = (
                tp[drawn].sum(axis=0) / positives[drawn].sum(),
                tp[drawn].sum(axis=0) / (tp + fp)[drawn].sum(axis=0),
            )
        else:
            p = (tp[drawn] / np.maximum(tp + fp, 1)[drawn]).mean(axis=0)
            r = (tp[drawn] / positives[drawn, None]).mean(axis=0)
        found.append(np.interp(band.recall, r[::-1], p[::-1]))
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(band.low, low, atol=0.01)
    np.testing.assert_allclose(band.high, high, atol=0.01)
    own = scores.curves()
    at = np.interp(band.recall, own["recall"][::-1], own["precision"][::-1])
    assert ((band.low <= at) & (at <= band.high)).mean() > 0.97
    assert band.recall[0] == own["recall"].min()


def test_band_of_few_images_is_refused() -> None:
    folder = store(made("A", 19, 1))
    refused("plot-pr", folder, "--band", match="A on TINY: 19 images are too few for a band, expected 20")


def test_band_is_drawn_where_there_is_one() -> None:
    from matplotlib.figure import Figure

    scores = [made("A", 30, 1), made("B", 30, 2)]
    with figure_style():
        drawn = Figure().subplots()
        pr_curves(drawn, scores_curves(scores, band=True)["TINY"])
        plain = Figure().subplots()
        pr_curves(plain, scores_curves(scores)["TINY"])
    assert len(drawn.collections) == 2
    assert len(plain.collections) == 0


def test_band_by_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store(made("A", 30, 1))
    good("plot-pr", folder, "--band", "--out", "a.svg")
    good("plot-pr", folder, "--out", "b.svg")
    assert Path("a.svg").stat().st_size > Path("b.svg").stat().st_size + 5_000
    refused(
        "plot-pr",
        "--band",
        "--out",
        "d.svg",
        code=2,
        match="--band resamples images, which boards do not have",
    )
    others = {"TINY": {"onboard": scores_curves([made("A", 30, 2)])["TINY"]["A"]}}
    monkeypatch.setattr("sodbench.reports.figures.panels.board_curves", lambda folder: others)
    shown = good("plot-pr", folder, "--band", "--with-boards", "--out", "c.svg")
    assert "TINY: no band for onboard, drawn from the boards." in shown.stderr
