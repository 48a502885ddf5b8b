"""Figures of what a metric sees: its value, what is drawn, and that all of it can be read."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from workspace import good, map_of, mask_of, refused, save

from sodbench.data.demo import demo_pair
from sodbench.metrics import METRICS, PARTS, family_of
from sodbench.metrics.emeasure import adaptive_e_from_levels, alignments
from sodbench.metrics.hce import efforts, mask_work
from sodbench.metrics.histogram import adaptive_counts, level_counts, normalised
from sodbench.metrics.weighted_f import weighted_errors, weighted_mask, weighted_pr_on
from sodbench.protocol import PRESETS, Protocol
from sodbench.reports.figures.metric.figure import DRAWINGS, figure_title, metric_figure
from sodbench.reports.figures.metric.panels import OnePair, highest, part_with_most
from sodbench.reports.figures.style import FIGURE_WIDTHS, figure_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWN = [name for name in METRICS if family_of(name) in DRAWINGS]
ONE_A_MEASURE = [name for name in OWN if family_of(name) != "o" or name.endswith(("kappa", "ber"))]
ONE_A_FAMILY = [PARTS[family].metrics[0].id for family in DRAWINGS]

picture = pytest.mark.mpl_image_compare(tolerance=3, style="default", savefig_kwargs={"dpi": 60})


def texts(fig: "Figure") -> list[str]:
    return [text.get_text() for text in fig.texts]


def drawn(name: str, pred: np.ndarray, gt: np.ndarray, **options: object) -> "Figure":
    """A figure, with all that is drawn only when it is rendered."""
    fig = metric_figure(name, pred, gt, **{"protocol": Protocol(), **options})
    fig.set_dpi(40)
    fig.draw_without_rendering()
    return fig


def draw_panels(name: str, pred: np.ndarray, gt: np.ndarray, protocol: Protocol) -> None:
    """What a metric sees of a pair, on one and the same axes."""
    from matplotlib.figure import Figure

    pair = OnePair(pred, gt, level_counts(pred, gt), METRICS[name], protocol)
    drawing = DRAWINGS[family_of(name)](pair)
    ax = Figure().add_subplot()
    for panel in drawing.panels:
        panel.draw(ax)
    assert drawing.panels[0].title.startswith("Map")
    assert "nan" not in drawing.words


def test_each_family_has_a_drawing() -> None:
    assert list(DRAWINGS) == [family for family in PARTS if family in DRAWINGS]
    left = [part for family, part in PARTS.items() if family not in DRAWINGS]
    assert [
        m.id for part in left for m in part.metrics if m.function.__module__.startswith("sodbench.")
    ] == []


@pytest.mark.parametrize("name", ONE_A_MEASURE)
def test_the_title_has_the_value(name: str) -> None:
    pred, gt = demo_pair(0.5)
    protocol = Protocol.of("pysodmetrics")
    value = METRICS[name].function(pred, gt, protocol=protocol)
    with figure_style():
        fig = drawn(name, pred, gt, protocol=protocol, source="a pair")
    digits = 0 if name == "hce" else 4
    assert f" = {value:.{digits}f} (" in fig.texts[0].get_text()
    assert any(text.startswith("Pair: a pair. Options: ") for text in texts(fig))


@pytest.mark.parametrize("width", FIGURE_WIDTHS)
@pytest.mark.parametrize("name", ONE_A_FAMILY)
def test_no_text_is_clipped_or_lies_on_another(name: str, width: str) -> None:
    with figure_style():
        fig = metric_figure(name, *demo_pair(0.5), protocol=Protocol(), width=width)
        fig.draw_without_rendering()
        shown = [*fig.texts]
        for ax in fig.axes:
            shown += [ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]
        boxes = [(text.get_text(), text.get_window_extent()) for text in shown if text.get_text()]
    assert fig.get_figwidth() == FIGURE_WIDTHS[width]
    for k, (text, box) in enumerate(boxes):
        assert min(box.x0, box.y0) >= 0, text
        assert box.x1 <= fig.bbox.x1, text
        assert box.y1 <= fig.bbox.y1, text
        for other_text, other in boxes[:k]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            down = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(across, down) < 0.02 * fig.dpi, (text, other_text)


@pytest.mark.parametrize("name", ONE_A_FAMILY)
def test_degenerate_pairs(name: str) -> None:
    ramp = np.arange(60, dtype=np.uint8).reshape(6, 10) * np.uint8(4)
    square = np.zeros((6, 10), bool)
    square[2:5, 2:8] = True
    pairs = [
        (ramp, np.zeros_like(square)),
        (ramp, np.ones_like(square)),
        (np.zeros_like(ramp), square),
        (np.full_like(ramp, 255), square),
        (np.zeros_like(ramp), np.zeros_like(square)),
        (ramp[:1], square[2:3]),
        (ramp[:1, :1], square[:1, :1]),
    ]
    for pred, gt in pairs:
        draw_panels(name, pred, gt, Protocol())


def test_a_family_without_a_drawing_shows_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(DRAWINGS, "m")
    with figure_style():
        fig = drawn("mae", *demo_pair(0.5))
    assert {"Map", "Mask", "Errors at level 128"} < set(texts(fig))


def test_large_pictures_show_a_part() -> None:
    with figure_style():
        fig = drawn("relax_f", *demo_pair(3))
    across = [int(abs(np.diff(ax.get_xlim())[0])) for ax in fig.axes[:4]]
    assert across == [480, 480, 200, 200]
    assert "part that is enlarged" in texts(fig)
    marks = np.zeros((300, 600), bool)
    marks[:20, :20] = True
    assert part_with_most(marks) == (0, 100, 0, 200)
    assert part_with_most(marks[:100, :200]) is None


def test_what_is_drawn_is_what_is_counted() -> None:
    pred, gt = demo_pair()
    counts, protocol = level_counts(pred, gt), Protocol()
    p, mask = normalised(counts, protocol), weighted_mask(gt)
    errors = weighted_errors(mask, pred, gt, p)
    precision, recall = weighted_pr_on(mask, pred, gt, p)
    np.testing.assert_allclose(1 - errors[gt].mean(), recall, rtol=1e-12)
    np.testing.assert_allclose(
        (gt.sum() - errors[gt].sum()) / (gt.sum() - errors[gt].sum() + errors[~gt].sum()),
        precision,
        rtol=1e-12,
    )
    tp, fp = (int(n) for n in adaptive_counts(counts, protocol))
    found = highest(pred, tp + fp)
    assert ((found & gt).sum(), (found & ~gt).sum()) == (tp, fp)
    kinds = alignments(*(np.array(n) for n in (tp, fp, gt.sum(), (~gt).sum())))
    sides = [side & on for side in (found, ~found) for on in (gt, ~gt)]
    total = sum(float(kind) * side.sum() for kind, side in zip(kinds, sides, strict=True))
    np.testing.assert_allclose(total / (gt.size - 1), adaptive_e_from_levels(counts, protocol), rtol=1e-12)
    with figure_style():
        fig = drawn("hce", pred, gt)
    counted = efforts(mask_work(gt, protocol), pred, 129, protocol)
    marked = [len(line.get_xdata()) for ax in fig.axes[4:6] for line in ax.lines]
    assert marked == list(counted)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(preset: str) -> None:
    for name in ONE_A_FAMILY:
        draw_panels(name, *demo_pair(0.5), Protocol.of(preset))


@picture
def test_corrections() -> "Figure":
    with figure_style():
        return metric_figure("hce", *demo_pair(), protocol=Protocol())


@pytest.mark.usefixtures("here")
class TestCommand:
    @pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
    def test_the_built_in_pair(self, suffix: str) -> None:
        result = good("metrics", "MAE", "--out", f"mae.{suffix}")
        assert (result.stdout, result.stderr) == (f"mae.{suffix}\n", "")
        assert Path(f"mae.{suffix}").stat().st_size > 10_000

    def test_ones_own_pair(self) -> None:
        pred = save(map_of(1), "map.png")
        mask = save(mask_of(1) // np.uint8(255), "mask.png")
        result = good(
            *("metrics", "max_f", "--map", pred, "--mask", mask, "--protocol", "fan", "--out", "f.svg"),
            *("--width", "single"),
        )
        assert result.stderr == "mask.png: mask with maximum 1, read as 0 and 255\n"
        value = METRICS["max_f"].function(map_of(1), mask_of(1) > 0, protocol="fan")
        text = Path("f.svg").read_text("utf-8")
        assert figure_title(METRICS["max_f"], value) in text
        assert "Pair: map.png." in text
        save(map_of(1)[:, :-1], "map.png")
        refused("metrics", "max_f", "--map", pred, "--mask", mask, "--out", "f.svg", match="the map is 29x20")
        own = ("--map", "map.png", "--mask", "mask.png", "--out", "f.svg", "--resize")
        good("metrics", "max_f", *own, "bilinear")
        good("metrics", "max_f", *own, "32x24")

    def test_refused(self) -> None:
        refused("metrics", "e", "--out", "e.png", match="found 3; name one of max_e, mean_e, adp_e", code=2)
        refused("metrics", "--out", "e.png", match="--out shows one METRIC, found 0", code=2)
        refused("metrics", "mae", "--map", "a.png", match="pass --out FILE", code=2)
        refused("metrics", "mae", "--rho", "2", match="pass --out FILE", code=2)
        refused("metrics", "mae", "--map", "a.png", "--out", "e.png", match="both --map and --mask", code=2)
        refused("metrics", "mae", "--out", "e.txt", match="unknown kind of figure '.txt'")
        save(mask_of(0), "mask.png")
        gone = ("metrics", "mae", "--map", "a.png", "--mask", "mask.png", "--out", "e.png")
        refused(*gone, match=r"a\.png: cannot read this file \(No such file")
