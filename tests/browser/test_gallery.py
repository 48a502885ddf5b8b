"""The gallery and the table of all images, as a reader uses them."""

import re
from pathlib import Path

import numpy as np
import pytest
from workspace import good, save

from browser.pages import SCHEMES, dark_and_light, links_resolve, no_overflow, no_serious_fault, views
from sodbench.reports.pages.page import environment, rendered
from sodbench.reports.pages.report.gallery import gather_gallery
from sodbench.reports.pages.report.per_image import PER_IMAGE, gather_per_image
from sodbench.reports.pages.tables import tables_data
from sodbench.scoring.selection import load_scores

PAGE = """{% extends "pages/base.html.jinja" %}
{% from "pages/gallery.html.jinja" import gallery_section, per_image_table %}
{% block main %}<h1>Report</h1><h2>Images</h2>{{ gallery_section(gallery) }}
<h2>All images</h2>{{ per_image_table(table) }}{% endblock %}"""

METHODS = ("A", "a-method-of-a-name-so-long-that-it-must-be-broken-somewhere", "<i>C")
IMAGES = 230


def name_of(k):
    return {0: "<script>alert(1)", 1: "right\u202eleft", 2: "x" * 90}.get(k, f"image {k}")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page of 230 images of three methods; one photo and one map are gone."""
    home = tmp_path_factory.mktemp("gallery")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        rng = np.random.default_rng(0)
        for k in range(IMAGES):
            tall = k % 3 == 0
            mask = np.zeros((30, 20) if tall else (20, 30), bool)
            mask[4:14, 3 : 10 + k % 8] = True
            save(rng.integers(0, 255, (*mask.shape, 3)).astype(np.uint8), f"data/SOD/images/{name_of(k)}.jpg")
            save(mask * np.uint8(255), f"data/SOD/masks/{name_of(k)}.png")
            for m, method in enumerate(METHODS):
                noise = rng.integers(0, 60 + 70 * m, mask.shape)
                save(np.clip(mask * 150 + noise, 0, 255).astype(np.uint8), f"preds/{method}/{name_of(k)}.png")
        good("score", *sorted(Path("preds").iterdir()), "-d", "SOD", "--data", "data", "--subset")
        scores = load_scores("scores")
        first = gather_gallery(scores, "mae", count=1).items[0].image
        Path(f"data/SOD/images/{first}.jpg").unlink()
        Path(f"preds/A/{first}.png").unlink()
        gallery = gather_gallery(scores, "mae", ["mae", "max_f"], count=12)
        table = gather_per_image(scores, "mae", ["max_f"])
        target = home / "page.html"
        page = environment().from_string(PAGE)
        with pytest.MonkeyPatch.context() as loader:
            loader.setattr(environment(), "get_template", _get(environment().get_template, page))
            made = rendered(
                "try.html.jinja",
                title="Try",
                scripts=["gallery.js", "per_image.js"],
                gallery=gallery,
                table=table,
                data={**tables_data(), PER_IMAGE: table.data},
            )
        target.write_bytes(made)
    return target


def _get(others, page):
    return lambda name, *rest: page if name == "pages/try.html.jinja" else others(name, *rest)


def test_the_page_is_quiet_readable_and_accessible(opened, file):
    with opened(file) as page:
        for _ in views(page):
            no_overflow(page)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            no_serious_fault(page)
        page.locator("[name=gallery-shows][value=errors]").check()
        assert page.locator(".gallery img.maps").first.is_hidden()
        for summary in page.locator(".gallery summary").all()[:2]:
            summary.click()
        for _ in views(page):
            no_overflow(page)
        page.locator("button.picture").nth(1).click()
        page.locator("dialog img").wait_for()
        for _ in views(page):
            no_overflow(page)
        no_serious_fault(page)


def test_links_and_scheme(opened, file):
    with opened(file) as page:
        links_resolve(page, file.parent)
        assert page.locator(".paged a").count() > 5
        dark_and_light(page)


def test_pictures_enlarge_by_keyboard_and_focus_returns(opened, file):
    with opened(file) as page:
        start = page.locator(".pictures").nth(1).locator("button.picture").first
        start.focus()
        page.keyboard.press("Enter")
        dialog = page.locator("dialog")
        title = dialog.locator("h2")
        assert title.text_content().endswith(": Photo")
        page.keyboard.press("Escape")
        assert dialog.is_hidden()
        assert start.evaluate("button => button === document.activeElement")
        page.keyboard.press("Enter")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        assert re.search(r": A \d", title.text_content())
        before = title.text_content()
        assert dialog.locator("[role=status]").text_content().startswith("Map of A on ")
        dialog.locator("[data-flip]").click()
        assert dialog.locator("[role=status]").text_content().startswith("Errors of A on ")
        assert dialog.locator("[data-flip]").get_attribute("aria-pressed") == "true"
        page.keyboard.press("ArrowDown")
        assert title.text_content() != before
        assert dialog.locator("[role=status]").text_content().startswith("Errors of A on ")
        for _ in range(9):
            page.keyboard.press("ArrowRight")
        assert dialog.locator("[role=status]").text_content().endswith("(5 of 5)")
        page.keyboard.press("Escape")
        last = page.locator(".pictures").nth(2).locator("button.picture").last
        assert last.evaluate("button => button === document.activeElement")
        page.keyboard.press("ArrowLeft")
        assert not last.evaluate("button => button === document.activeElement")


def test_one_stop_an_image_and_no_shift(opened, file):
    with opened(file) as page:
        rows = page.locator(".pictures").all()
        assert all(row.locator("button.picture[tabindex='0']").count() == 1 for row in rows)
        before = [row.bounding_box()["height"] for row in rows[:4]]
        page.locator("[name=gallery-shows][value=errors]").check()
        assert [row.bounding_box()["height"] for row in rows[:4]] == before


def test_what_is_gone_is_said_in_its_place(opened, file):
    with opened(file) as page:
        gone = page.locator(".pictures .absent")
        assert any("photo not found" in text for text in gone.all_text_contents())
        assert any("map not found" in text for text in gone.all_text_contents())
        gone.first.click()
        assert "photo not found" in page.locator("dialog .stage").text_content()


def test_without_scripts_both_pictures_can_be_chosen_and_the_worst_are_listed(opened, file):
    with opened(file, java_script_enabled=False) as page:
        assert page.locator(".paged tbody tr").count() == 100
        assert page.locator(".fallback").is_visible()
        page.locator("[name=gallery-shows][value=errors]").check()
        assert page.locator(".gallery img.errors").first.is_visible()
        assert page.locator(".gallery img.maps").first.is_hidden()


def test_all_images_sort_filter_turn_and_change_metric(opened, file):
    with opened(file) as page:
        table = page.locator(".paged")
        count = table.locator(".count")
        column = "tbody tr td:nth-child({})"

        def numbers(k):
            return [
                float(text) for text in table.locator(column.format(k)).all_text_contents() if text != "-"
            ]

        assert count.text_content() == "1–100 of 230 images"
        plain = numbers(3)
        table.locator("th[data-id=A] button").click()
        assert table.locator("th[data-id=A]").get_attribute("aria-sort") == "ascending"
        first = numbers(3)
        assert first == sorted(first)
        table.locator("th[data-id=A] button").click()
        assert numbers(3) == sorted(numbers(3), reverse=True)
        table.locator("th[data-id=A] button").click()
        assert numbers(3) == plain
        table.locator("[data-part='1']").click()
        assert count.text_content() == "101–200 of 230 images"
        table.locator("[data-part='1']").click()
        assert count.text_content() == "201–230 of 230 images"
        assert table.locator("[data-part='1']").is_disabled()
        table.locator("[data-filter]").fill("image 22")
        assert count.text_content() == "1–12 of 12 images"
        mae = dict(zip(table.locator("tbody th").all_text_contents(), numbers(3), strict=True))
        table.locator("[data-metric]").select_option("1")
        assert dict(zip(table.locator("tbody th").all_text_contents(), numbers(3), strict=True)) != mae
        table.locator("[data-filter]").fill("nothing is named so")
        assert count.text_content() == "0 images"


def test_all_images_are_copied_as_shown(opened, file):
    with opened(file, permissions=["clipboard-read", "clipboard-write"]) as page:
        table = page.locator(".paged")
        table.locator("[data-filter]").fill("image 22")
        table.locator("[data-copy=csv]").click()
        page.locator("[data-copy=csv]", has_text="Copied").wait_for()
        signature, head, *lines = page.evaluate("navigator.clipboard.readText()").splitlines()
        assert signature.startswith("# signature: data:SOD@1|n:230/300|")
        assert head.split(",")[:3] == ["image", "<i>C mae", "A mae"]
        assert [line.split(",")[0] for line in lines] == table.locator("tbody th").all_text_contents()


def test_a_row_leads_to_its_pictures(opened, file):
    with opened(file) as page:
        link = page.locator(".paged tbody a").first
        name = link.text_content()
        target = link.get_attribute("href")
        assert page.locator(f"{target} h4 bdi").first.text_content() == name
