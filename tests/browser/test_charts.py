"""Charts as a browser draws them: numbers under the pointer, buttons, colours, widths, and what is saved."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest

from browser.pages import dark_and_light, no_overflow, no_serious_fault, views
from sodbench.analysis.breakdown import Breakdown, ImageGroup
from sodbench.analysis.explain.explain import Effect, Explanation
from sodbench.analysis.statistics.ranks import friedman
from sodbench.leaderboard.boards import Board, BoardRow
from sodbench.reports.figures.panels import Curves
from sodbench.reports.pages.charts.attributes import attribute_chart
from sodbench.reports.pages.charts.chart import CHART_SCRIPTS
from sodbench.reports.pages.charts.conventions import effects_chart, gap_chart
from sodbench.reports.pages.charts.curves import f_chart, pr_chart
from sodbench.reports.pages.charts.distribution import distribution_chart
from sodbench.reports.pages.charts.ranks import ranks_chart
from sodbench.reports.pages.charts.size import size_chart
from sodbench.reports.pages.charts.theme import THEMES, legend_entries
from sodbench.reports.pages.page import environment, rendered

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Opened = Callable[..., AbstractContextManager[Page]]

METHODS = (
    "PiCANet",
    "a.b[0]['c']",
    '"><img src=x onerror=alert(1)>',
    "a\nb\u202ec",
    "a method of a very long name " * 3,
)

TEMPLATE = """{% extends "pages/base.html.jinja" %}{% from "pages/chart.html.jinja" import chart_figure %}
{% block main %}<h1>Charts</h1>
{% for id, spec in specs.items() %}{{ chart_figure(id, spec, "Chart " ~ id) }}{% endfor %}
{% endblock %}"""


def curves() -> dict[str, Curves]:
    t = np.linspace(0, 1, 256)
    made = {}
    for k, name in enumerate(METHODS):
        recall, precision = 1 - 0.7 * t ** (2 + 0.2 * k), 0.3 + (0.6 - 0.02 * k) * t**0.15
        made[name] = Curves("", precision, recall, 1.3 * precision * recall / (0.3 * precision + recall))
    return made


@pytest.fixture(scope="module")
def specs() -> dict[str, Any]:
    random = np.random.default_rng(0)
    values = {name: random.beta(5, 2, 80) for name in METHODS}
    ranks = friedman(np.stack(list(values.values()), axis=1), True)
    groups = tuple(
        ImageGroup(label, 30, tuple(random.random(5)), ((0.1, 0.9),) * 5, 0.2, (0.1, 0.3))
        for label in ("small", "of <b>medium</b> size, which is between small and large", "large")
    )
    rows = [
        BoardRow(name, source, {"max_f": Decimal(f".8{k}{len(source)}")}, size_mb=Decimal(4 + 40 * k))
        for k, name in enumerate(METHODS)
        for source in ("published", "measured")
    ]
    presets = ("u2net", "fan", "qin")
    effects = tuple(
        Effect("max_f", f"average={k}", "<i>what</i> it does", "tools", 0.8 + d, d)
        for k, d in enumerate((-0.06, 0.03, 0.0002))
    )
    return {
        "pr": pr_chart(curves(), "SOD"),
        "f": f_chart(curves(), "SOD"),
        "distribution": distribution_chart(values, "s_measure", "SOD"),
        "ranks": ranks_chart(METHODS, ranks, "max_f", "images"),
        "attribute": attribute_chart(
            Breakdown("size", "SOD", "max_f", METHODS, groups[0], groups, (), 9, 0, "")
        ),
        "gap": gap_chart(
            {n: dict(zip(presets, random.random(3), strict=True)) for n in METHODS}, "max_f", "SOD"
        ),
        "effects": effects_chart(Explanation("A", "", {"max_f": 0.8}, "u2net", {}, effects, ()), "max_f"),
        "size": size_chart(Board("SOD", tuple(rows)), "max_f"),
    }


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Any]], Path]]:
    """Write a page of charts."""
    from jinja2 import ChoiceLoader, DictLoader

    loaders = [environment().loader, DictLoader({"pages/charts.html": TEMPLATE})]
    monkeypatch.setattr(environment(), "loader", ChoiceLoader(loaders))

    def written(specs: dict[str, Any]) -> Path:
        page = tmp_path / "charts.html"
        data = {**specs, "chart-themes": THEMES}
        page.write_bytes(
            rendered("charts.html", title="Charts", scripts=CHART_SCRIPTS, data=data, specs=specs)
        )
        return page

    return written


def drawn(page: "Page", chart: str) -> "Locator":
    """Scroll to a chart and wait until it is there."""
    figure = page.locator(f"figure[data-chart={chart}]")
    figure.scroll_into_view_if_needed()
    figure.locator(".plot svg").wait_for()
    return figure


def test_all_kinds_fit_all_widths_and_are_accessible(opened: "Opened", write, specs):
    with opened(write(specs)) as page:
        for _ in views(page):
            for chart in specs:
                figure = drawn(page, chart)
                page.wait_for_timeout(50)
                assert figure.locator(".plot").get_attribute("aria-label") == specs[chart]["description"]
                assert figure.locator("svg.marks").bounding_box()["width"] <= page.viewport_size["width"]
            no_overflow(page)
        no_serious_fault(page)
        page.set_viewport_size({"width": 800, "height": 800})
        drawn(page, "pr")
        dark_and_light(page)


def test_charts_are_drawn_when_they_come_near_and_all_of_them_for_print(opened: "Opened", write, specs):
    with opened(write(specs), scheme="dark") as page:
        page.locator("figure[data-chart=pr] .plot svg").wait_for()
        assert page.locator(".plot svg").count() < len(specs)
        assert page.locator("figure[data-chart=size] svg.marks").count() == 0
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.wait_for_function("n => document.querySelectorAll('.plot svg').length === n", arg=len(specs))
        bright = "c => getComputedStyle(document.querySelector('svg.marks')).backgroundColor === c"
        page.wait_for_function(bright, arg="rgb(255, 255, 255)")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.wait_for_function(bright, arg="rgb(22, 24, 28)")


def strokes(figure: "Locator") -> list[str]:
    return [line.get_attribute("stroke") for line in figure.locator(".mark-line path").all()]


def test_a_legend_button_hides_a_method_by_click_and_by_key(opened: "Opened", write, specs):
    entries = legend_entries({name: name for name in METHODS})
    with opened(write({"pr": specs["pr"]})) as page:
        figure = drawn(page, "pr")
        assert strokes(figure) == [entry["light"] for entry in entries]
        buttons = figure.locator(".keys button")
        assert buttons.all_inner_texts()[1] == METHODS[1]
        assert buttons.all_inner_texts()[3] == "a?b?c"
        buttons.nth(1).click()
        assert buttons.nth(1).get_attribute("aria-pressed") == "false"
        page.wait_for_function("document.querySelectorAll('.mark-line path').length === 4")
        assert strokes(figure) == [entry["light"] for k, entry in enumerate(entries) if k != 1]
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        dark = entries[0]["dark"]
        page.wait_for_function(
            "c => document.querySelector('.mark-line path')?.getAttribute('stroke') === c", arg=dark
        )
        page.wait_for_function("document.querySelectorAll('.mark-line path').length === 4")
        buttons.nth(1).focus()
        page.keyboard.press("Space")
        page.wait_for_function("document.querySelectorAll('.mark-line path').length === 5")
        assert sorted(strokes(figure)) == sorted(entry["dark"] for entry in entries)
        figure.get_by_role("button", name="Hide all").click()
        page.wait_for_function("document.querySelectorAll('.mark-line path').length === 0")
        figure.get_by_role("button", name="Show all").click()
        page.wait_for_function("document.querySelectorAll('.mark-line path').length === 5")


def hovered(page: "Page", mark: "Locator") -> dict[str, str]:
    """Put the pointer on the middle of a mark; return what the tooltip says."""
    box = mark.bounding_box()
    page.mouse.move(0, 0)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    cells = tooltip.locator("td").all_inner_texts()
    return dict(zip(cells[::2], cells[1::2], strict=True))


def test_the_pointer_shows_the_numbers_of_a_curve(opened: "Opened", write, specs):
    with opened(write({"pr": specs["pr"]})) as page:
        figure = drawn(page, "pr")
        marks = figure.locator(".mark-symbol path")
        lines = [line for line in specs["pr"]["data"]["values"]]
        place = 0
        for (name, curve), line in zip(curves().items(), lines, strict=True):
            k = len(line["threshold"]) // 2
            level = int(line["threshold"][k])
            said = hovered(page, marks.nth(place + k))
            assert {key.rstrip(":"): value for key, value in said.items()} == {
                "Method": "".join(c if c.isprintable() else "?" for c in name).strip(),
                "Threshold": str(level),
                "Precision": f"{curve.precision[level]:.3f}",
                "Recall": f"{curve.recall[level]:.3f}",
                "F": f"{curve.f[level]:.3f}",
            }
            place += len(line["threshold"])
            assert figure.locator(".mark-symbol path[opacity='1']").count() == 1


def test_names_in_tooltips_are_text(opened: "Opened", write, specs):
    with opened(write({key: specs[key] for key in ("effects", "gap")})) as page:
        said = hovered(page, drawn(page, "effects").locator(".mark-rect path").first)
        assert "<i>what</i> it does" in said.values()
        said = hovered(page, drawn(page, "gap").locator(".mark-symbol path").nth(6))
        assert METHODS[2] in said.values()
        assert page.locator("img, i").count() == 0


TICKS = (
    "[...document.querySelectorAll('.role-axis-label text')].map((text) => text.textContent).sort().join()"
)


def test_buttons_and_wheel_zoom_and_a_double_click_resets(opened: "Opened", write, specs):
    with opened(write({"f": specs["f"]})) as page:
        figure = drawn(page, "f")
        plot = figure.locator(".plot")
        whole = page.evaluate(TICKS)

        def button() -> None:
            figure.get_by_role("button", name="Zoom in").click()

        def wheel() -> None:
            plot.hover()
            page.keyboard.down("Control")
            page.mouse.wheel(0, -200)
            page.keyboard.up("Control")

        for act in (button, wheel):
            act()
            page.wait_for_function(f"old => {TICKS} !== old", arg=whole)
            plot.dblclick()
            page.wait_for_function(f"old => {TICKS} === old", arg=whole)


def test_a_chart_is_saved_as_a_picture(opened: "Opened", write, specs):
    with opened(write({"size": specs["size"]})) as page:
        figure = drawn(page, "size")
        for kind in ("svg", "png"):
            with page.expect_download() as download:
                figure.get_by_role("button", name=f"Save {kind.upper()}").click()
            assert download.value.suggested_filename == f"size.{kind}"
            saved = Path(download.value.path()).read_bytes()
            assert saved.startswith(b"\x89PNG") if kind == "png" else ElementTree.fromstring(saved)


def test_a_chart_that_fails_says_so_and_the_others_are_drawn(opened: "Opened", write, specs):
    broken = {
        **specs["f"],
        "layer": [{"mark": {"type": "line"}, "encoding": {"x": {"datum": 1, "type": "odd"}}}],
    }
    broken["transform"] = [{"filter": "no ( expression"}]
    with opened(write({"broken": broken, "pr": specs["pr"]})) as page:
        drawn(page, "pr")
        text = page.locator("figure[data-chart=broken] .failed").inner_text()
        assert text.startswith("This chart could not be drawn (")
        assert specs["f"]["description"] in text
