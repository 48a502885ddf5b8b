"""Figures: what is drawn, what is refused, and the bytes and pictures that come out."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from workspace import NO_SCORES, good, listing, plant, plant_maps, process, refused, save

from sodbench.errors import FileError, LeaderboardError, ScoresError
from sodbench.leaderboard.boards import Board, BoardRow, board_csv
from sodbench.reports.figures.curves import f_curves, pr_curves
from sodbench.reports.figures.label_placement import place_labels
from sodbench.reports.figures.panels import Curves, panel_signatures, select_curves
from sodbench.reports.figures.size import size_plot, sized
from sodbench.reports.figures.style import (
    DASHES,
    FIGURE_FORMATS,
    GREEN,
    LINES,
    PINK,
    RED,
    add_legend,
    check_figure_target,
    figure_style,
    fitted_name,
    is_highlighted,
    label_outer,
    line_styles,
    new_figure,
    save_figure,
    text_width,
    unknown_glyphs,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER = (
    *("MDF", "UCF", "Amulet", "NLDF+", "DSS+", "RAS", "PAGRN", "BMPM", "PiCANet", "MLMS", "AFNet"),
    *("MSWS", "R3Net+", "CapSal", "SRM", "DGRL", "PiCANetR", "CPD", "PoolNet", "BASNet", "U2-Net", "U2-Net†"),
)
SIX = ("DUT-OMRON", "DUTS-TE", "HKU-IS", "ECSSD", "PASCAL-S", "SOD")
NASTY = ("_hidden", "$x^2$", "a & <b>", r"\alpha_1", "50%", "=cmd|'x'", "{}")
SIGNATURE = "data:X@1|n:9/9|norm:max|sodbench:0"

# Every FreeType rasterises text a little differently; a curve in another place or colour differs by more.
picture = pytest.mark.mpl_image_compare(tolerance=3, style="default", savefig_kwargs={"dpi": 60})


def curves_of(quality: float, signature: str = SIGNATURE) -> Curves:
    """Smooth curves; a higher quality lies above a lower one."""
    t = np.linspace(0, 1, 256)
    recall = 1 - 0.7 * t ** (6 * quality - 2.4)
    precision = 0.25 + (quality - 0.25) * t**0.2
    return Curves(signature, precision, recall, 1.3 * precision * recall / (0.3 * precision + recall))


def panel(methods: Sequence[str]) -> dict[str, Curves]:
    return {method: curves_of(0.7 + 0.25 * k / len(methods)) for k, method in enumerate(methods)}


def drawn(
    methods: Sequence[str] = PAPER,
    datasets: Sequence[str] = SIX,
    width: str = "double",
    draw: Callable[..., object] = pr_curves,
    **options: object,
) -> "Figure":
    """A whole figure of curves, as the commands make it; call this within `figure_style`."""
    styles = line_styles(methods)
    fig, axes = new_figure(datasets, width)
    for ax in axes:
        draw(ax, panel(methods), styles, **options)
    label_outer(axes)
    add_legend(fig, styles)
    fig.draw_without_rendering()
    return fig


def board_of(*rows: tuple[str, str, float, float], dataset: str = "own") -> Board:
    entries = [
        BoardRow(m, source, {"max_f": Decimal(str(v))}, size_mb=Decimal(str(size)))
        for m, source, size, v in rows
    ]
    return Board(dataset, tuple(entries))


def texts_of(file: Path) -> list[str]:
    """The text elements of an SVG."""
    return ["".join(e.itertext()) for e in ElementTree.parse(file).iter() if e.tag.endswith("}text")]


@pytest.fixture(autouse=True)
def style():
    with figure_style():
        yield


@pytest.fixture
def demo(here: Path) -> Path:
    """Scores of the demo's three methods."""
    good("score", "--dataset", "demo")
    return Path("scores")


# Pictures


def test_plain_pytest_compares_pictures(request):
    assert request.config.getoption("--mpl")


@picture
def test_six_panels_with_22_methods():
    return drawn()


@picture
def test_f_in_a_single_column():
    return drawn(PAPER[-6:], SIX[:3], "single", f_curves, zoom="full", mark_best=True)


@picture
def test_one_method():
    return drawn(["mine"], ["SOD"], "single", mark_best=True)


@picture
def test_sizes():
    rows = [("U2-Net", "published", 176, 0.95), ("U2-Net†", "published", 4.7, 0.94)]
    rows += [(f"net {k}", "published", 100 + 13 * k % 90, 0.9 + 0.002 * k) for k in range(12)]
    rows += [("U2-Net", "measured", 176, 0.951), ("mine", "measured", 20, 0.93)]
    fig, (ax,) = new_figure([""], "single")
    size_plot(ax, board_of(*rows), log=True)
    return fig


# What is drawn


def test_curves_are_drawn_as_they_are():
    """No segment leads from the last threshold to the axis, nor from the first one."""
    one = curves_of(0.8)
    _, (ax,) = new_figure(["SOD"])
    assert pr_curves(ax, {"mine": one}) is ax
    assert len(ax.lines) == 1
    assert np.array_equal(ax.lines[0].get_xdata(), one.recall)
    assert np.array_equal(ax.lines[0].get_ydata(), one.precision)


def test_f_is_drawn_over_the_levels_of_a_map():
    one = curves_of(0.8)
    _, (ax,) = new_figure(["SOD"])
    f_curves(ax, {"mine": one})
    assert np.array_equal(ax.lines[0].get_xdata(), np.arange(256.0))
    assert np.array_equal(ax.lines[0].get_ydata(), one.f)


@pytest.mark.parametrize(
    ("draw", "limits"),
    [
        (pr_curves, {"paper": (0.2, 1, 0.4, 1), "full": (0, 1, 0, 1)}),
        (f_curves, {"paper": (0, 255, 0.4, 1), "full": (0, 255, 0, 1)}),
    ],
)
def test_zoom(draw, limits):
    for zoom, box in limits.items():
        _, (ax,) = new_figure(["SOD"])
        draw(ax, panel(["mine"]), zoom=zoom)
        assert (*ax.get_xlim(), *ax.get_ylim()) == box


@pytest.mark.parametrize("draw", [pr_curves, f_curves])
def test_best_point_is_where_f_is_highest(draw):
    one = curves_of(0.8)
    best = int(one.f.argmax())
    _, (ax,) = new_figure(["SOD"])
    draw(ax, {"mine": one}, mark_best=True)
    line, dot = ax.lines
    assert dot.get_xydata().tolist() == [line.get_xydata()[best].tolist()]
    assert dot.get_markerfacecolor() == line.get_color()


def test_styles_tell_22_methods_apart():
    styles = line_styles(PAPER)
    assert list(styles) == list(PAPER)
    assert len({(s["color"], str(s["linestyle"])) for s in styles.values()}) == 22
    red = {method for method, s in styles.items() if s["color"] == RED}
    assert red == {"U2-Net", "U2-Net†"}
    others = [s for method, s in styles.items() if method not in red]
    for method in red:
        assert styles[method]["linewidth"] > max(s["linewidth"] for s in others)
        assert styles[method]["zorder"] > max(s["zorder"] for s in others)


@pytest.mark.parametrize("seed", range(5))
def test_a_method_keeps_its_line_whatever_else_is_shown(seed):
    shown = np.random.default_rng(seed).permutation(PAPER)[: 3 + 4 * seed].tolist()
    assert line_styles(shown).items() <= line_styles(PAPER).items()
    plain = {method: style for method, style in line_styles(PAPER).items() if style["color"] != RED}
    highlighted = line_styles(shown, ["none", shown[0]])
    assert highlighted[shown[0]]["color"] == RED
    assert all(highlighted[method] == plain[method] for method in shown[1:] if method in plain)


def test_of_two_names_with_one_line_the_first_by_alphabet_has_it():
    alone = {name: line_styles([name])[name] for name in ("blurred", "centre")}
    assert alone["blurred"] == alone["centre"]
    both = line_styles(["centre", "blurred"])
    assert both["blurred"] == alone["blurred"]
    assert both["centre"] != alone["centre"]
    assert line_styles(["centre"], among=["blurred", "centre"]) == {"centre": both["centre"]}


def test_any_choice_out_of_a_folder_has_the_same_lines():
    names = [f"exp{k}" for k in range(len(LINES))]
    every = line_styles(names)
    assert len({(style["color"], style["linestyle"]) for style in every.values()}) == len(LINES)
    for k in range(0, len(LINES), 7):
        assert line_styles(names[k : k + 3], among=names).items() <= every.items()
    assert set(line_styles(names[:3], among=[*names, "more"])) == set(names[:3])


def test_the_small_u2net_is_dashed_also_alone():
    both = line_styles(["u2netp", "u2net", "U2-Net†"])
    assert line_styles(["u2net"]) == {"u2net": both["u2net"]}
    assert [both[name]["linestyle"] for name in ("u2net", "U2-Net†")] == list(DASHES[:2])
    assert len({str(style["linestyle"]) for style in both.values()}) == 3


MACHADO = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
"""What is left of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1)."""


SRGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def lab(colour: str, sight: str) -> np.ndarray:
    """CIELAB of a colour as somebody sees it."""
    srgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.072175],
        [0.0193339, 0.119192, 0.9503041],
    ]
    xyz = to_xyz @ np.clip(np.array(MACHADO[sight]) @ linear, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest_colours(styles: Sequence[dict[str, object]], sight: str) -> float:
    """The least distance of two colours that share a dash, and so a marker."""
    pairs = [
        (str(a["color"]), str(b["color"]))
        for a, b in combinations(styles, 2)
        if a["linestyle"] == b["linestyle"]
    ]
    return min(float(np.linalg.norm(lab(a, sight) - lab(b, sight))) for a, b in pairs)


@pytest.mark.parametrize("sight", MACHADO)
def test_lines_and_points_differ_to_the_colour_blind(sight):
    assert nearest_colours([*line_styles(PAPER).values()], sight) > 20
    red = [(RED, dash) for dash in DASHES]
    every = [{"color": colour, "linestyle": dash} for colour, dash in (*LINES, *red)]
    assert nearest_colours(every, sight) > 20


def test_green_and_pink_would_be_confused():
    both = [{"color": colour, "linestyle": "-"} for colour in (GREEN, PINK)]
    assert nearest_colours(both, "deuteranopia") < 20 < nearest_colours(both, "normal")


def test_chosen_methods_are_highlighted_instead():
    styles = line_styles(PAPER, ["CPD"])
    assert [m for m, s in styles.items() if s["color"] == RED] == ["CPD"]


@pytest.mark.parametrize("name", ["U2-Net", "u2net", "u2netp", "U²-Net†", "U2NETP"])
def test_u2net_is_known_by_many_names(name):
    assert is_highlighted(name)
    assert not is_highlighted(f"{name}-mine")


def test_too_many_methods_are_refused():
    line_styles([str(k) for k in range(30)])
    with pytest.raises(ScoresError, match=r"31 methods, 0 of them highlighted: at most 30 and 6 lines"):
        line_styles([str(k) for k in range(31)])
    with pytest.raises(ScoresError, match=r"7 methods, 7 of them highlighted: at most 30 and 6 lines"):
        line_styles([str(k) for k in range(7)], [str(k) for k in range(7)])


@pytest.mark.parametrize(
    ("width", "inches", "grids"),
    [
        ("single", 3.5, [(1, 1), (1, 2), (2, 2), (2, 2), (3, 2), (3, 2)]),
        ("double", 7.16, [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (2, 3)]),
    ],
)
def test_panels(width, inches, grids):
    for n, grid in enumerate(grids, start=1):
        fig, axes = new_figure(SIX[:n], width)
        assert fig.get_figwidth() == inches
        assert [ax.get_title() for ax in axes] == list(SIX[:n])
        assert {ax.get_subplotspec().get_gridspec().get_geometry() for ax in axes} == {grid}


def test_axis_labels_stand_at_the_edge():
    axes = drawn(datasets=SIX[:5]).axes
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, False, False, True, False]
    assert [bool(ax.get_xlabel()) for ax in axes] == [False, False, True, True, True]


@pytest.mark.parametrize("width", ["single", "double"])
@pytest.mark.parametrize("methods", [PAPER, ["one"], ["x" * 300, "y"]], ids=["22", "one", "long"])
def test_the_legend_lies_below_all_panels_and_inside(width, methods):
    fig = drawn(methods, width=width)
    (legend,) = fig.legends
    box = legend.get_window_extent()
    assert len(legend.get_texts()) == len(methods)
    assert box.x0 >= -1
    assert box.x1 <= fig.bbox.x1 + 1
    assert box.y0 >= -1
    assert box.y1 <= min(ax.get_tightbbox().y0 for ax in fig.axes)


def test_a_name_too_wide_for_its_place_loses_its_middle():
    fig, _ = new_figure([""])
    name = "resnet50-finetune-epoch-100"
    assert fitted_name(fig, name, 6, 2.0) == name
    short = fitted_name(fig, name, 6, 0.7)
    assert re.fullmatch(r"resn\w*…\S*-100", short)
    assert text_width(fig, short, 6) <= 0.7
    assert fitted_name(fig, name, 6, 0) == "…"
    assert not fig.texts


def test_text_has_the_size_of_print():
    fig = drawn()
    fig.canvas.draw()
    texts = [*fig.legends[0].get_texts()]
    for ax in fig.axes:
        texts += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]
    assert {text.get_fontsize() for text in texts} <= {7.0, 8.0}


# Sizes and names


def test_names_do_not_lie_on_each_other_nor_on_points():
    random = np.random.default_rng(1)
    points = random.uniform(40, 200, (25, 2))
    sizes = np.stack([random.uniform(15, 40, 25), np.full(25, 8.0)], axis=-1)
    frame = np.array([[0.0, 0], [240, 240]])
    centres = points + place_labels(points, sizes, frame)
    low, high = centres - sizes / 2, centres + sizes / 2
    assert (low >= 0).all()
    assert (high <= 240).all()
    apart = (low[:, None] >= high) | (high[:, None] <= low)
    assert (apart.any(axis=-1) | np.eye(25, dtype=bool)).all()
    assert not ((points > low[:, None]) & (points < high[:, None])).all(axis=-1).any()
    assert np.array_equal(centres, points + place_labels(points, sizes, frame))


def test_stars_and_hollow_points():
    _, (ax,) = new_figure([""])
    size_plot(ax, board_of(("U2-Net", "published", 176, 0.9), ("mine", "measured", 20, 0.8)))
    star, hollow, *_ = ax.lines
    assert (star.get_marker(), star.get_markerfacecolor()) == ("*", RED)
    assert (hollow.get_marker(), hollow.get_markerfacecolor()) == ("o", "white")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["published", "measured"]
    assert ax.get_ylabel() == "maxF ↑ on own"


def test_rows_of_one_method_in_one_place_share_a_name():
    _, (ax,) = new_figure([""])
    rows = [("a", "published", 20, 0.8), ("b", "published", 90, 0.9), ("a", "measured", 20, 0.8)]
    size_plot(ax, board_of(*rows))
    assert sorted(text.get_text() for text in ax.texts if text.get_text()) == ["a", "b"]


def test_log_axis_has_plain_numbers():
    fig, (ax,) = new_figure([""])
    size_plot(ax, board_of(("a", "published", 4.7, 0.8), ("b", "published", 600, 0.9)), log=True)
    fig.canvas.draw()
    assert {"5", "50", "500"} <= {label.get_text() for label in ax.get_xticklabels()}


def test_an_empty_board_is_refused():
    with pytest.raises(LeaderboardError, match="own: no published or measured row with a size and max_f"):
        sized(Board("own", ()), "max_f")


# Files


@pytest.mark.parametrize("suffix", FIGURE_FORMATS)
def test_same_input_same_bytes(here, suffix):
    files = [Path(f"{name}{suffix}") for name in "ab"]
    for file in files:
        save_figure(drawn(NASTY, SIX[:2]), file, SIGNATURE)
    one, two = (file.read_bytes() for file in files)
    assert one == two
    assert not re.search(rb"CreationDate|ModDate|dc:date|\b20[2-9]\d-\d\d-\d\d", one)
    assert SIGNATURE.encode() in one.replace(b"\\", b"")
    assert listing(".") == [f"a{suffix}", f"b{suffix}"]


def test_pdf_has_truetype_fonts(here):
    save_figure(drawn(NASTY, SIX[:2]), Path("a.pdf"))
    pdf = Path("a.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf


def test_svg_has_text_and_names_are_literal(here):
    save_figure(drawn(NASTY, SIX[:2]), Path("a.svg"))
    assert {*NASTY, *SIX[:2], "Recall", "Precision"} <= set(texts_of(Path("a.svg")))
    fig, (ax,) = new_figure([""])
    size_plot(
        ax, board_of(*((m, "published", 20 + 9 * k, 0.8) for k, m in enumerate(NASTY)), dataset="$x$_1")
    )
    save_figure(fig, Path("b.svg"))
    assert {*NASTY, "maxF ↑ on $x$_1"} <= set(texts_of(Path("b.svg")))


def test_names_without_glyphs_or_with_line_breaks(here):
    names = ["漢字", "a\nb\x00"]
    for suffix in FIGURE_FORMATS:
        save_figure(drawn(names, ["SOD"]), Path(f"a{suffix}"))
    assert unknown_glyphs(["漢字", "U2-Net†"]) == "漢字"
    assert {"漢字", "a?b?"} <= set(texts_of(Path("a.svg")))


def test_users_own_settings_do_not_matter(here):
    from matplotlib import rc_context

    save_figure(drawn(datasets=SIX[:2]), Path("a.svg"))
    with rc_context({"font.size": 30, "axes.titlepad": 40, "text.parse_math": False}), figure_style():
        save_figure(drawn(datasets=SIX[:2]), Path("b.svg"))
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()


def test_nothing_is_left_of_a_figure_that_fails(here, monkeypatch):
    Path("a.pdf").write_bytes(b"old")
    fig = drawn(["mine"])
    monkeypatch.setattr(fig, "savefig", lambda part, **_: part.write_bytes(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_figure(fig, Path("a.pdf"))
    assert Path("a.pdf").read_bytes() == b"old"
    assert listing(".") == ["a.pdf"]


# What may share a panel


def test_curves_scored_differently_never_share_a_panel():
    other = curves_of(0.8, SIGNATURE.replace("norm:max", "norm:none").replace("sodbench:0", "sodbench:1"))
    panels = {"X": {"a": curves_of(0.8), "b": other}}
    with pytest.raises(
        LeaderboardError, match=r"X: a and b were scored differently: norm max and none\. Score"
    ):
        select_curves(panels)
    assert select_curves(panels, methods=["b"]) == ({"X": {"b": other}}, [])


def test_versions_may_share_a_panel():
    panels = {"X": {"a": curves_of(0.8), "b": curves_of(0.8, SIGNATURE.replace("sodbench:0", "sodbench:1"))}}
    assert select_curves(panels)[0] == panels
    assert len(panel_signatures(panels)) == 2


def test_missing_curves_are_told():
    panels = {"X": {"a": curves_of(0.8), "b": curves_of(0.7)}, "Y": {"b": curves_of(0.7)}}
    found, said = select_curves(panels, methods=["b", "a"])
    assert [list(panel) for panel in found.values()] == [["b", "a"], ["b"]]
    assert said == ["Y: no curves of a; left out."]
    found, said = select_curves(panels, methods=["a"])
    assert (list(found), said) == (["X"], ["Y: no curves of a; left out."])
    with pytest.raises(ScoresError, match=r"Y: no curves of a\. Leave it out of --dataset"):
        select_curves(panels, ["X", "Y"], ["a"])
    with pytest.raises(ScoresError, match="found no curves"):
        select_curves({})


# Commands


def test_curves_of_scores(demo):
    result = good("plot-pr", demo)
    assert result.stdout == "pr.pdf\n"
    assert re.fullmatch(r"signature: data:demo@1\|n:8/8\|\S+\n", result.stderr)
    assert Path("pr.pdf").read_bytes().startswith(b"%PDF")
    assert good("plot-f", demo, "--out", "f.svg", "--methods", "centre,blurred").stdout == "f.svg\n"
    texts = texts_of(Path("f.svg"))
    assert [text for text in texts if text in ("blurred", "centre", "contrast")] == ["centre", "blurred"]
    assert "demo" in texts


def test_a_choice_of_methods_keeps_their_lines(demo):
    """Alone, "centre" would have the line of "blurred"."""
    _, pink = line_styles(["blurred", "centre"]).values()
    assert pink["color"] != line_styles(["centre"])["centre"]["color"]
    good("plot-pr", demo, "--methods", "centre", "--out", "some.svg")
    assert pink["color"].lower() in Path("some.svg").read_text(encoding="utf-8")


def test_processes_write_the_same_bytes(demo):
    for seed in ("1", "2"):
        done = process("plot-pr", "scores", "--out", f"{seed}.pdf", PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
    assert Path("1.pdf").read_bytes() == Path("2.pdf").read_bytes()


def test_curves_of_boards(demo):
    good("leaderboard", "add", demo / "blurred", demo / "centre", "--boards", "own")
    good("plot-pr", "--boards", "own", "--out", "a.svg")
    assert {"blurred", "centre"} <= set(texts_of(Path("a.svg")))
    both = good(
        "plot-pr",
        demo / "blurred",
        demo / "contrast",
        "--boards",
        "own",
        "--out",
        "b.svg",
        "--highlight",
        "x",
    )
    assert {"blurred", "centre", "contrast"} <= set(texts_of(Path("b.svg")))
    assert "demo: blurred drawn from the scores given, not from the board.\n" in both.stderr
    assert "--highlight x: not in this figure.\n" in both.stderr


def test_dataset_without_curves(demo):
    refused(
        "plot-pr", demo, "-d", "ecssd", match=r"ECSSD: no curves here, only of demo\. `sodbench score` and"
    )
    refused("plot-f", "nothing", match=f"nothing: {NO_SCORES}")


def test_boards_without_curves(here):
    Path("own").mkdir()
    Path("own/own.csv").write_text(board_csv(Board("own", ())), encoding="utf-8")
    refused("plot-pr", "--boards", "own", match="found no curves. Give folders that `sodbench score` wrote")
    refused(
        "plot-size",
        "--boards",
        "own",
        "-d",
        "own",
        match="own: no published or measured row with a size and max_f",
    )


def test_mixed_protocols_are_refused(here):
    maps, masks = plant()
    plant_maps("other", seed=1)
    good("score", maps, "--masks", masks, "--out", "scores")
    good("score", "other", "--masks", masks, "--out", "scores", "--normalise", "none")
    refused("plot-pr", "scores", match="scored differently: norm (max and none|none and max)")
    refused(
        "plot-pr", "scores", "scores", "--methods", "x", match=r"x: no curves here, only of maps, other\."
    )
    good("score", maps, "--masks", masks, "--out", "again")
    refused("plot-f", "scores/maps", "again", match="maps on own@.*: found twice")
    assert not Path("pr.pdf").exists()


def test_curves_outside_the_zoom_are_told(here):
    masks = Path("own/masks")
    plant()
    for mask in masks.iterdir():
        save(255 - np.asarray(Image.open(mask)), Path("inverse", mask.name))
    good("score", "inverse", "maps", "--masks", masks)
    assert "own: inverse lies outside these axes; pass --zoom full.\n" in good("plot-pr", "scores").stderr
    assert "outside" not in good("plot-pr", "scores", "--zoom", "full").stderr


def test_sizes_of_the_shipped_board(here):
    result = good("plot-size", "--out", "size.svg")
    assert result.stdout == "size.svg\n"
    assert "ECSSD: no size or max_f of PAGRN, BMPM, CapSal; left out.\n" in result.stderr
    assert set(PAPER) - {"PAGRN", "BMPM", "CapSal"} <= set(texts_of(Path("size.svg")))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--metric", "maxg"], r"unknown metric 'maxg'; did you mean max_f"),
        (["--dataset", "ECSD"], r"no board of 'ECSD'; did you mean ECSSD or SOD\?"),
        (["--methods", "CPDD"], r"CPDD: not on the board of ECSSD; did you mean CPD"),
        (["--source", "measured"], r"ECSSD: no measured row with a size and max_f"),
        (["--methods", "PAGRN"], r"ECSSD: no published or measured row with a size and max_f"),
        (
            ["--out", "size.jpg"],
            r"size\.jpg: unknown kind of figure '\.jpg'; pass --out with \.pdf, \.svg, \.png",
        ),
        (["--out", "size"], r"size: unknown kind of figure ''"),
        (["--out", "file/size.pdf"], r"file: cannot write here \(Not a directory\)"),
    ],
)
def test_what_plot_size_refuses(here, arguments, match):
    Path("file").touch()
    refused("plot-size", *arguments, match=match)
    assert listing(".") == ["file"]


def test_a_folder_in_the_way(here):
    Path("a.pdf").mkdir()
    refused("plot-size", "--out", "a.pdf", match="is a directory", code=2)
    with pytest.raises(FileError, match=r"a\.pdf: a folder is in the way"):
        check_figure_target(Path("a.pdf"))
