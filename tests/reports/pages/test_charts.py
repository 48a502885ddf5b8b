"""Specifications of charts: the numbers they hold, names as data, colours, and the scripts that draw them."""

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from importlib.resources import files
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from sodbench.analysis.breakdown import Breakdown, ImageGroup
from sodbench.analysis.explain.explain import Effect, Explanation
from sodbench.analysis.statistics.ranks import friedman
from sodbench.leaderboard.boards import Board, BoardRow
from sodbench.reports.figures.panels import Curves
from sodbench.reports.figures.style import DASHES, LINES, line_styles
from sodbench.reports.pages.charts.attributes import attribute_chart
from sodbench.reports.pages.charts.conventions import effects_chart, gap_chart
from sodbench.reports.pages.charts.curves import f_chart, pr_chart
from sodbench.reports.pages.charts.distribution import density_outline, distribution_chart
from sodbench.reports.pages.charts.ranks import ranks_chart
from sodbench.reports.pages.charts.size import size_chart
from sodbench.reports.pages.charts.theme import PAGES, SCREEN, THEMES, legend_entries
from sodbench.reports.pages.page import json_for_script

NASTY = (
    "a.b[0]['c']",
    '"><script>alert(1)</script>',
    "$x^2$ & {}",
    "a\nb",
    "a\u202eb",
    "مرحبا",
    "a?b",
    "#0072B2",
)
SHOWN = (*NASTY[:3], "a?b", "a?b (2)", "مرحبا", "a?b (3)", "#0072B2")


def curves_of(quality: float, bumps: float = 0.0) -> Curves:
    t = np.linspace(0, 1, 256)
    recall = 1 - 0.7 * t ** (6 * quality - 2.4)
    precision = 0.3 + (quality - 0.3) * t**0.15 + bumps * np.sin(40 * t)
    return Curves("", precision, recall, 1.3 * precision * recall / (0.3 * precision + recall))


def nasty_curves() -> dict[str, Curves]:
    return {name: curves_of(0.7 + 0.02 * k, 0.002) for k, name in enumerate(NASTY)}


def lines_of(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in spec["data"]["values"]}


@pytest.mark.parametrize("make", [pr_chart, f_chart])
def test_a_curve_without_the_points_left_out_is_the_full_curve(make):
    curves = nasty_curves()
    lines = lines_of(make(curves, "SOD"))
    for name, curve in zip(SHOWN, curves.values(), strict=True):
        line = lines[name]
        assert 10 < len(line["threshold"]) < 160
        for field in ("precision", "recall", "f"):
            full = getattr(curve, field)
            assert np.abs(np.interp(np.arange(256), line["threshold"], line[field]) - full).max() < 1e-4
            assert [line[field][0], line[field][-1]] == pytest.approx([full[0], full[-1]], abs=5e-6)
        top = int(curve.f.argmax())
        assert line["f"][line["threshold"].index(top)] == pytest.approx(curve.f[top], abs=5e-6)


def test_a_curve_that_jumps_keeps_both_sides_of_the_jump():
    f = np.where(np.arange(256) < 100, 0.8, 0.5)
    (line,) = lines_of(f_chart({"A": Curves("", f, f, f)}, "SOD")).values()
    assert line["threshold"] == [0, 99, 100, 255]
    assert line["f"] == [0.8, 0.8, 0.5, 0.5]


def test_curves_of_21_thresholds_lie_on_the_scale_of_grey_levels():
    f = np.linspace(0.5, 0.8, 21) ** 2
    (line,) = lines_of(f_chart({"A": Curves("", f, f, f)}, "SOD")).values()
    assert set(line["threshold"]) <= {12.75 * k for k in range(21)}


def test_curves_of_22_methods_on_six_datasets_stay_small():
    curves = {f"method {k}": curves_of(0.7 + 0.01 * k, 0.001) for k in range(22)}
    both = len(json_for_script(pr_chart(curves, "SOD"))) + len(json_for_script(f_chart(curves, "SOD")))
    assert 6 * both < 1_500_000


def test_hovering_names_method_threshold_precision_recall_and_f():
    spec = pr_chart({"A": curves_of(0.8), "B": curves_of(0.9)}, "SOD")
    tooltip = spec["layer"][1]["encoding"]["tooltip"]
    assert [line["field"] for line in tooltip] == ["name", "threshold", "precision", "recall", "f"]
    best = curves_of(0.9).f
    assert spec["description"] == (
        "Precision-recall curves of 2 methods on SOD; highest F: "
        f"B {best.max():.3f} at threshold {best.argmax()}.".replace(" 0.", " .")
    )
    assert spec["usermeta"]["zoom"] == ["recall", "precision"]
    assert json.loads(json_for_script(spec)) == spec


def all_charts(names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    random = np.random.default_rng(0)
    values = {name: random.random(40) ** 0.5 for name in names}
    ranks = friedman(np.stack(list(values.values()), axis=1), True)
    group = ImageGroup(
        names[1], 30, tuple(random.random(len(names))), ((0.1, 0.9),) * len(names), 0.2, (0.1, 0.3)
    )
    row = {"source": "published", "values": {"max_f": Decimal(".8")}, "size_mb": Decimal(4)}
    effect = Effect("max_f", names[1], names[1], names[1], 0.8, -0.05)
    return {
        "pr": pr_chart({name: curves_of(0.8) for name in names}, names[1]),
        "f": f_chart({name: curves_of(0.8) for name in names}, names[1]),
        "distribution": distribution_chart(values, "max_f", names[1]),
        "ranks": ranks_chart(names, ranks, "max_f", "images"),
        "attribute": attribute_chart(
            Breakdown(names[1], names[1], "max_f", names, group, (group, group), (), 9, 0, "")
        ),
        "gap": gap_chart({name: dict.fromkeys(names, 0.8) for name in names}, "max_f", names[1]),
        "effects": effects_chart(
            Explanation(names[1], "", {"max_f": 0.85}, "u2net", {}, (effect,), ()), "max_f"
        ),
        "size": size_chart(Board(names[1], tuple(BoardRow(name, **row) for name in names)), "max_f"),
    }


def strings_of(part: object) -> set[str]:
    if isinstance(part, str):
        return {part}
    if isinstance(part, Mapping):
        return set().union(*(strings_of(value) for value in part.values())) if part else set()
    return set().union(*map(strings_of, part)) if isinstance(part, list) and part else set()


def keys_of(part: object) -> set[str]:
    if isinstance(part, Mapping):
        return {*part}.union(*map(keys_of, part.values()))
    return set().union(*map(keys_of, part)) if isinstance(part, list) and part else set()


def test_names_are_data_and_never_fields_or_expressions():
    plain = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    for (kind, spec), usual in zip(all_charts(NASTY).items(), all_charts(plain).values(), strict=True):
        assert keys_of(spec) == keys_of(usual), kind
        text = json.dumps(spec, ensure_ascii=False)
        assert "\u202e" not in text
        assert "\\n" not in text.replace("split(rows[datum.value], '\\\\n')", "").replace("\\nn = ", ""), kind
        if kind != "effects":
            assert set(SHOWN) - strings_of(spec) <= ({SHOWN[4], SHOWN[6]} if kind == "size" else set()), kind
        for line in spec["data"]["values"]:
            assert not {"field", "expr"} & {*line}


def test_numbers_that_are_not_there_are_left_out():
    nan, values = float("nan"), np.array([0.5, np.nan, 0.7])
    spec = distribution_chart({"A": values, "B": np.array([nan])}, "max_f", "SOD")
    (row,) = spec["data"]["values"]
    assert (row["images"], row["median"], row["lowest"], row["highest"]) == (2, 0.6, 0.5, 0.7)
    spec = gap_chart({"A": {"u2net": 0.8, "fan": nan, "qin": 0.75}, "B": {"u2net": nan}}, "max_f", "SOD")
    assert [(dot["name"], dot["value"]) for dot in spec["data"]["values"]] == [("u2net", 0.8), ("qin", 0.75)]
    for each in (spec, distribution_chart({"A": np.full(3, 0.5)}, "max_f", "SOD")):
        json.dumps(each, allow_nan=False)


def test_an_outline_is_the_density_of_the_values():
    random = np.random.default_rng(0)
    at, height = density_outline(random.normal(0.5, 0.1, 20_000), (0, 1))
    normal = np.exp(-0.5 * ((at - 0.5) / 0.1) ** 2)
    assert np.abs(height - normal).max() < 0.05
    at, height = density_outline(random.random(20_000), (0, 1))
    assert height.min() > 0.9, "no slope at the bounds"


def test_distributions_are_sorted_by_median_the_better_way_first():
    values = {"low": np.full(9, 0.2), "high": np.full(9, 0.8), "mid": np.linspace(0.4, 0.6, 9)}
    names = [row["name"] for row in distribution_chart(values, "max_f", "SOD")["data"]["values"]]
    assert names == ["high", "mid", "low"]
    spec = distribution_chart(values, "mae", "SOD")
    assert [row["name"] for row in spec["data"]["values"]] == ["low", "mid", "high"]
    assert spec["description"].endswith("medians: low .200, mid .500, high .800.")


def test_ranks_are_those_of_the_test_and_bars_join_its_groups():
    random = np.random.default_rng(1)
    values = random.random((60, 5)) + [0.0, 0.1, 0.4, 0.42, 2.0]
    ranks = friedman(values, True)
    spec = ranks_chart(["e", "d", "c", "b", "a"], ranks, "max_f", "images")
    rows = spec["data"]["values"]
    assert [row["name"] for row in rows] == ["a", "b", "c", "d", "e"]
    assert [row["rank"] for row in rows] == pytest.approx(sorted(ranks.mean), abs=5e-4)
    groups = [{"edcba"[k] for k in group} for group in ranks.groups]
    assert groups == [{"c", "b"}, {"e", "d"}]
    (bars,) = (layer["data"]["values"] for layer in spec["layer"] if layer["mark"].get("style") == "accent")
    joined = [{row["name"] for row in rows if bar["from"] <= row["row"] <= bar["to"]} for bar in bars]
    assert joined == groups
    assert {row["name"]: row["alike"] for row in rows} == {
        "a": "none",
        "b": "c",
        "c": "b",
        "d": "e",
        "e": "d",
    }


def test_a_critical_difference_wider_than_the_axis_is_said():
    random = np.random.default_rng(1)
    text = json.dumps(ranks_chart("abc", friedman(random.random((2, 3)), True), "max_f", "datasets"))
    assert "CD = 2.34, wider than this axis" in text


def test_attributes_keep_values_intervals_and_the_star_of_a_pair():
    groups = (
        ImageGroup("small", 30, (0.8, 0.7), ((0.75, 0.85), (0.6, 0.8)), 0.1, (0.05, 0.15)),
        ImageGroup("large", 3, (0.9, 0.85), (None, None), 0.05, None),
    )
    spec = attribute_chart(Breakdown("size", "SOD", "max_f", ("A", "B"), groups[0], groups, (), 9, 0, ""))
    (rows,) = (param["value"] for param in spec["params"] if param["name"] == "rows")
    assert rows == ["small\nn = 30 ★", "large\nn = 3"]
    values = spec["data"]["values"]
    assert [(v["name"], v["value"], v["low"], v["high"], v["interval"]) for v in values] == [
        ("A", 0.8, 0.75, 0.85, ".750 to .850"),
        ("B", 0.7, 0.6, 0.8, ".600 to .800"),
        ("A", 0.9, 0.9, 0.9, "-"),
        ("B", 0.85, 0.85, 0.85, "-"),
    ]


def test_the_gap_is_the_highest_minus_the_lowest():
    spec = gap_chart({"PiCANet": {"u2net": 0.8534, "fan": 0.8114, "qin": 0.85}}, "max_f", "SOD")
    assert {dot["gap"] for dot in spec["data"]["values"]} == {".042"}
    assert spec["description"] == "maxF of the same maps on SOD under 3 protocols: PiCANet .811 to .853."


def test_presets_with_equal_values_are_named_together():
    first = {"u2net": 0.8534, "fan": 0.8112, "pysodmetrics": 0.8112, "sal_eval": 0.8534, "qin": 0.8535}
    spec = gap_chart({"A": first, "B": dict.fromkeys(first, 0.84)}, "max_f", "SOD")
    dots = [(dot["method"], dot["name"], dot["value"]) for dot in spec["data"]["values"]]
    assert dots == [
        ("A", "u2net, sal_eval", 0.8534),
        ("A", "fan, pysodmetrics", 0.8112),
        ("A", "qin", 0.8535),
        ("B", "u2net, fan, pysodmetrics, sal_eval, qin", 0.84),
    ]
    (texts,) = (
        layer["data"]["values"]
        for layer in spec["layer"]
        if layer["encoding"].get("text", {}).get("field") == "names"
    )
    assert [(text["row"], text["names"], text["align"]) for text in texts] == [
        (0, "fan, pysodmetrics", "left"),
        (0, "u2net, sal_eval,", "right"),
        (0, "qin", "right"),
        (1, "all 5", "right"),
    ]
    at = [text["dy"] for text in texts if text["row"] == 0]
    assert at == sorted({*at}), "each on a line of its own"


def test_effects_that_cannot_be_seen_are_left_out():
    effects = (
        Effect("max_f", "average=pooled", "", "", 0.83, -0.0201),
        Effect("max_f", "eps=1e-08", "", "", 0.85, 0.00004),
        Effect("mae", "normalise=none", "", "", 0.1, 0.02),
    )
    explained = Explanation("A on SOD", "", {"max_f": 0.8501, "mae": 0.08}, "u2net", {}, effects, ())
    (row,) = effects_chart(explained, "max_f")["data"]["values"]
    assert (row["name"], row["difference"]) == ("average=pooled", -0.0201)
    assert effects_chart(Explanation("A", "", {"max_f": 0.8}, "u2net", {}, effects[1:2], ()), "max_f") is None


def test_sizes_stand_at_their_values_and_names_within_the_plot():
    rows = [("U2-Net", 176.3, ".951"), ("U2-Net†", 4.7, ".943"), ("PiCANet", 197.2, ".935")]
    board = Board(
        "ECSSD",
        tuple(
            BoardRow(name, "published", {"max_f": Decimal(value)}, size_mb=Decimal(str(size)))
            for name, size, value in rows
        ),
    )
    spec = size_chart(board, "max_f")
    values = spec["data"]["values"]
    assert [(v["name"], v["size"], v["value"]) for v in values] == [(n, s, float(v)) for n, s, v in rows]
    assert [v["red"] for v in values] == [True, True, False]
    assert spec["encoding"]["x"]["axis"]["values"] == [5, 10, 20, 50, 100, 200]


def luminance(colour: str) -> float:
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return float(
        np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "page"), [("light", "#ffffff"), ("dark", "#16181c")])
def test_lines_stand_out_from_the_page(theme, page):
    assert PAGES[theme] == THEMES[theme]["background"] == page
    colours = [pair[theme == "dark"] for pair in SCREEN.values()]
    assert len(set(colours)) == len(colours) == 7
    assert min(contrast(colour, page) for colour in colours) >= 3
    text = THEMES[theme]["axis"]["labelColor"], THEMES[theme]["style"]["muted"]["color"]
    assert min(contrast(colour, page) for colour in text) >= 4.5


# Viénot, Brettel and Mollon (1999), linear RGB: how a reader without red or green cones sees a colour.
BLINDNESS = {
    "none": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
}


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_that_share_a_dash_can_be_told_apart(theme, blindness):
    def seen(colour: str) -> np.ndarray:
        parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = BLINDNESS[blindness] @ np.where(
            parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4
        )
        xyz = (
            np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
        )
        x, y, z = np.cbrt(np.clip(xyz / [0.9505, 1, 1.089], 0.008856, 1))
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    for dash in DASHES:
        colours = [SCREEN[colour][theme == "dark"] for colour, other in LINES if other == dash]
        assert len(colours) == 5
        for one, other in combinations(colours, 2):
            assert np.linalg.norm(seen(one) - seen(other)) > 15, (one, other)


def test_a_method_keeps_the_line_that_it_has_in_print():
    names = {name: name for name in ("PiCANet", "U2-Net", "DSS")}
    for entry, style in zip(legend_entries(names), line_styles(list(names)).values(), strict=True):
        assert (entry["light"], entry["dark"]) == SCREEN[style["color"]]
        assert (entry["dash"] == []) == (style["linestyle"] == "-")


def test_more_methods_than_lines_are_drawn_all_the_same():
    assert len(legend_entries({f"m{k}": f"m{k}" for k in range(70)})) == 70
    assert len(legend_entries({f"U2{'-' * (k % 2)}Net{k}": "x" for k in range(9)})) == 9
    red = ("u2net", "U2net", "u2Net", "U2Net", "U2-Net", "u2-net", "U2-NET")
    assert len(legend_entries({name: name for name in red})) == 7


def test_scripts_of_others_are_unchanged_and_have_their_licences():
    folder = files("sodbench.reports").joinpath("pages", "assets", "vendor")
    listed = tomllib.loads(folder.joinpath("vendored.toml").read_text("utf-8"))["script"]
    assert [entry["name"] for entry in listed] == ["vega", "vega-lite", "vega-embed"]
    for entry in listed:
        assert sha256(folder.joinpath(entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["npm"].endswith(f"/{entry['name']}-{entry['version']}.tgz")
        assert entry["version"] in folder.joinpath(entry["file"]).read_text("utf-8")
        assert "Redistribution and use" in folder.joinpath(f"{entry['name']}.LICENSE").read_text("utf-8")
    expected = {"vendored.toml", "BUNDLED.LICENSES", *(entry["file"] for entry in listed)}
    expected |= {f"{entry['name']}.LICENSE" for entry in listed}
    assert {path.name for path in folder.iterdir()} == expected
    bundled = folder.joinpath("BUNDLED.LICENSES").read_text("utf-8")
    assert "vega-interpreter 2" in bundled
    assert "d3-array 3" in bundled
