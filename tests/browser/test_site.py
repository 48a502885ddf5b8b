"""`sodbench site`, of the shipped leaderboards, as its readers see it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from workspace import good

from browser.pages import (
    all_links_resolve,
    dark_and_light,
    links_resolve,
    no_overflow,
    no_serious_fault,
    views,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    Opened = Callable[..., AbstractContextManager[Page]]

PAGES = (
    *("index.html", "conventions.html", "about.html", "datasets/sod.html", "datasets/duts-te.html"),
    *("methods/u2-net-dagger.html", "methods/mdf.html"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, in a folder below the one that is served."""
    root = tmp_path_factory.mktemp("site")
    good("site", "--out", root / "below" / "here")
    return root


def methods(page: "Page", table: str) -> list[str]:
    """Names of the rows that are shown."""
    return page.locator(f"#{table} tbody tr:visible th").all_inner_texts()


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_quiet_readable_and_accessible(opened: "Opened", folder: Path, name: str) -> None:
    with opened(folder, at=f"below/here/{name}") as page:
        for view in views(page):
            no_overflow(page)
            if view in ("360 px, light", "1600 px, dark"):  # axe takes seconds
                no_serious_fault(page)
        links_resolve(page, folder)
        dark_and_light(page)


def test_it_works_from_a_disk(browser: "Browser", folder: Path) -> None:
    """As a file: scripts and styles load under its policy, links lead on, charts are drawn."""
    context = browser.new_context()
    said: list[str] = []
    context.on("console", lambda message: said.append(message.text))
    context.on("request", lambda request: said.append(request.url) if "file://" not in request.url else None)
    page = context.new_page()
    page.goto((folder / "below/here/index.html").as_uri())
    page.get_by_role("link", name="SOD", exact=True).click()
    assert page.locator("h1").inner_text() == "SOD"
    page.locator("#chart-pr-figure").scroll_into_view_if_needed()
    page.locator("#chart-pr-figure svg.marks").wait_for()
    page.get_by_role("link", name="U2-Net†").first.click()
    assert page.url.endswith("/methods/u2-net-dagger.html")
    context.close()
    assert said == []
    all_links_resolve(folder)


def test_rows_are_chosen_by_year_backbone_and_supervision(opened: "Opened", folder: Path) -> None:
    with opened(folder, at="below/here/datasets/ecssd.html") as page:
        assert len(methods(page, "published")) == 22
        published = page.locator("#published")
        published.get_by_role("combobox", name="Supervision").select_option("weak")
        assert methods(page, "published") == ["MSWS"]
        published.get_by_role("combobox", name="Supervision").select_option("all")
        published.get_by_role("combobox", name="Year").select_option("2019")
        published.get_by_role("combobox", name="Backbone").select_option("ResNet-50")
        assert methods(page, "published") == ["CPD", "PoolNet"]
        assert published.get_by_role("status").inner_text() == "2 of 22 rows"


def test_one_metric_is_chosen(opened: "Opened", folder: Path) -> None:
    with opened(folder, at="below/here/datasets/ecssd.html") as page:
        heads = page.locator("#published tr.labels th:visible")
        before = heads.all_inner_texts()
        page.locator("#published").get_by_role("combobox", name="Metric").select_option("MAE")
        assert heads.all_inner_texts() == [
            text for text in before if text[:-1] not in ("maxF", "wF", "Sm", "relaxF")
        ]
        page.get_by_role("button", name="MAE↓").click()
        assert methods(page, "published")[0] == "U2-Net"
        page.locator("#published").get_by_role("combobox", name="Metric").select_option("all")
        assert heads.count() == len(before)
    with opened(folder, at="below/here/index.html") as page:
        page.locator("#datasets").get_by_role("combobox", name="Metric").select_option("Sm")
        shown = page.locator("#datasets tr.labels th:visible").all_inner_texts()
        assert [text for text in shown if text.startswith("Sm")] == ["Sm↑", "Sm↑"]
        assert not [text for text in shown if text.startswith("maxF")]
        page.get_by_label("names of the best").check()
        assert "U2-Net" in page.locator("#datasets tbody tr").first.inner_text()


def test_a_rows_address_shows_the_row(opened: "Opened", folder: Path) -> None:
    with opened(folder, at="below/here/datasets/ecssd.html#poolnet-published") as page:
        row = page.locator("tr:has(:target)")
        assert row.locator("th").inner_text() == "PoolNet"
        assert row.bounding_box() is not None
        assert page.evaluate("document.querySelector(':target').getBoundingClientRect().top < innerHeight")


def test_charts_tell_numbers_under_the_pointer(opened: "Opened", folder: Path) -> None:
    with opened(folder, at="below/here/datasets/sod.html", width=1600) as page:
        plot = page.locator("#chart-pr-figure svg.marks")
        page.locator("#chart-pr-figure").scroll_into_view_if_needed()
        plot.wait_for()
        box = plot.bounding_box()
        assert box is not None
        tip = page.locator("#vg-tooltip-element")
        for share in (0.45, 0.55, 0.65, 0.75):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.3 * box["height"])
            page.wait_for_timeout(100)
            if tip.is_visible():
                break
        assert "Method" in tip.inner_text()
        assert any(name in tip.inner_text() for name in ("PiCANet", "DSS", "U2-Net"))
    with opened(folder, at="below/here/conventions.html", width=1600) as page:
        page.locator("#chart-sod-max_f-figure svg.marks").wait_for()
        assert ".042" in page.locator("#chart-sod-max_f-figure").inner_text()
        page.locator("summary", has_text="relaxF").click()
        page.locator("#sod-relax_f").wait_for()


def test_pages_read_without_scripts(opened: "Opened", folder: Path) -> None:
    with opened(folder, at="below/here/datasets/sod.html", java_script_enabled=False) as page:
        assert page.locator("#published tbody tr").count() == 22
