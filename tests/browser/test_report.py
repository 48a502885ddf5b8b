"""The report in a browser: its table, charts and folds, at all widths, and with the keyboard."""

import csv
from io import StringIO

import pytest
from stored import made

import sodbench
from browser.pages import SCHEMES, dark_and_light, links_resolve, no_overflow, no_serious_fault, views
from sodbench.metrics import PAPER_METRICS

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
VISIBLE = "#scores tbody tr:not([hidden])"
ONE_OF_A_KIND = "details:not(details:has(> .charts) ~ details, .explained:not(:last-of-type))"
"""Charts of a section by other metrics, and explanations of other methods, would take most of the time."""


@pytest.fixture(scope="module")
def scores():
    """Four methods on two datasets, one of a long name."""
    names = ("A", "BASNet", "C & D <script>", "a_method_of_a_rather_long_name_that_does_not_break")
    return [
        made(name, 24, k, skill=0.9 - k / 10, dataset=dataset, metrics=PAPER_METRICS)
        for dataset in ("one@0", "two@0")
        for k, name in enumerate(names)
    ]


@pytest.fixture(scope="module")
def file(scores, tmp_path_factory):
    """Its report."""
    made_of = sodbench.report(scores, baseline="BASNet", resamples=200)
    return made_of.save(tmp_path_factory.mktemp("report") / "report.html")


def names(page):
    """The methods in the order shown."""
    return page.locator(f"{VISIBLE} th").all_inner_texts()


def by_value(scores, metric, dataset="one"):
    """The methods from the lowest value to the highest."""
    values = {s.method: s.summary()[metric] for s in scores if s.dataset_name == dataset}
    return sorted(values, key=values.__getitem__)


def copied(page, button):
    """What a button of the table copies."""
    page.evaluate("navigator.clipboard.writeText('')")
    page.locator("#scores").get_by_role("button", name=button).click()
    return page.wait_for_function("navigator.clipboard.readText()").json_value()


def test_columns_sort_with_pointer_and_keyboard(opened, file, scores):
    with opened(file, 1600) as page:
        before = names(page)
        head = page.locator('#scores th[data-id="one mae"] button')
        head.click()
        assert names(page) == by_value(scores, "mae")
        head.press("Enter")
        assert names(page) == by_value(scores, "mae")[::-1]
        head.press("Space")
        assert names(page) == before
        page.locator('#scores th[data-id="one max_f"] button').click()
        assert names(page) == by_value(scores, "max_f")[::-1]
        page.locator('#scores th[data-id="method"] button').click()
        assert names(page) == sorted(before, key=str.casefold)


def test_rows_are_filtered_and_columns_hidden(opened, file):
    with opened(file, 1600) as page:
        table = page.locator("#scores")
        table.locator("[data-filter]").fill("basnet")
        assert names(page) == ["BASNet"]
        assert table.locator(".count").inner_text() == "1 of 4 rows"
        table.locator("[data-filter]").fill("")
        assert len(names(page)) == 4
        table.get_by_text("Columns").click()
        table.get_by_label("one MAE↓").uncheck()
        assert table.locator('th[data-id="one mae"]').is_hidden()
        assert table.locator("th[scope=colgroup]").first.get_attribute("colspan") == "4"
        assert table.locator("tbody tr").first.locator("td:visible").count() == 9


def test_intervals_and_differences_are_shown_on_request(opened, file):
    with opened(file, 1600) as page:
        table = page.locator("#scores")
        for switch, name in (("ci", "95 % intervals"), ("versus", "Difference to BASNet")):
            cell = table.locator(f"small[data-extra={switch}]").first
            assert cell.is_hidden()
            table.get_by_label(name).check()
            assert cell.is_visible()
            no_overflow(page)
            table.get_by_label(name).uncheck()
            assert cell.is_hidden()


def test_copies_are_the_numbers_and_how_they_were_made(opened, file, scores):
    with opened(file, 1600, **CLIPBOARD) as page:
        text = copied(page, "Copy CSV")
        signed = [line for line in text.splitlines() if line.startswith("#")]
        assert signed == [f"# signature: {line}" for line in dict.fromkeys(s.signature for s in scores)]
        rows = list(csv.DictReader(StringIO("\n".join(text.splitlines()[len(signed) :]))))
        assert [row["method"] for row in rows] == names(page)
        for s in scores:
            (row,) = (row for row in rows if row["method"] == s.method)
            for metric, value in s.summary().items():
                assert row[f"{s.dataset_name} {metric}"] == f"{value:.4f}"
        page.locator("#scores").get_by_label("95 % intervals").check()
        page.locator('#scores th[data-id="two mae"] button').click()
        text = copied(page, "Copy CSV")
        rows = list(csv.DictReader(StringIO("\n".join(text.splitlines()[len(signed) :]))))
        assert [row["method"] for row in rows] == by_value(scores, "mae", "two")
        low, high = rows[0]["two mae ci"].strip("[]").split(", ")
        assert float(low) < float(rows[0]["two mae"]) < float(high)
        latex = copied(page, "Copy LaTeX")
        assert latex.splitlines()[: len(signed)] == [f"% {line[2:]}" for line in signed]
        assert r"C \& D \textless{}script\textgreater{}" in latex
        best = min(s.summary()["mae"] for s in scores if s.dataset_name == "two")
        assert rf"\textbf{{{best:.4f}}}" in latex


def test_the_theme_is_chosen(opened, file):
    with opened(file) as page:
        theme = page.get_by_role("button", name="Theme")
        seen = []
        for _ in range(3):
            theme.click()
            seen.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert seen == ["rgb(255, 255, 255)", "rgb(22, 24, 28)", "rgb(255, 255, 255)"]
        theme.click()
        theme.click()
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_sections_are_reached_and_charts_drawn(opened, file):
    with opened(file, 1600) as page:
        for link in page.locator("header nav a").all()[:-1]:
            link.click()
            section = page.locator(link.get_attribute("href"))
            assert abs(section.bounding_box()["y"]) < 800
            for chart in section.locator("figure[data-chart]:visible").all()[:2]:
                chart.scroll_into_view_if_needed()
                chart.locator(".plot svg").wait_for()
        fold = page.locator("details.explained").first
        fold.locator("summary").first.press("Enter")
        assert fold.locator("table").first.is_visible()


def test_is_quiet_readable_and_accessible(opened, file):
    with opened(file) as page:
        page.evaluate(f"document.querySelectorAll('main {ONE_OF_A_KIND}').forEach(fold => fold.open = true)")
        page.evaluate("document.querySelectorAll('[data-switch]').forEach(box => box.click())")
        for _ in views(page):
            no_overflow(page)
        links_resolve(page, file.parent)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            no_serious_fault(page)
    with opened(file) as page:
        dark_and_light(page)


def test_paper_is_white(opened, file):
    with opened(file, scheme="dark") as page:
        page.get_by_role("button", name="Theme").click()
        for theme in ("light", "dark", "system"):
            assert page.locator("button.theme").get_attribute("data-now") == theme
            page.emulate_media(media="print", color_scheme="dark")
            colours = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
            assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
            page.emulate_media(media="screen", color_scheme="dark")
            page.get_by_role("button", name="Theme").click()


def test_paper_has_charts_of_its_width_and_all_rows(opened, file):
    with opened(file, 1600) as page:
        chart = page.locator("#chart-size-0-figure, #chart-object-size-0-figure").first
        chart.scroll_into_view_if_needed()
        chart.locator(".plot svg").wait_for()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        chart.locator(".plot svg[width='672']").wait_for()
        region = page.locator(".paged .scroll")
        assert region.evaluate("box => box.scrollHeight === box.clientHeight")
        assert page.get_by_role("button", name="Hide all").count() == 0


def test_works_in_the_frame_of_a_notebook(opened, scores, tmp_path):
    notebook = tmp_path / "notebook.html"
    shown = sodbench.report(scores[:3], metrics="mae", resamples=100)
    notebook.write_text(f"<!doctype html><title>notebook</title>{shown._repr_html_()}", encoding="utf-8")
    with opened(notebook, 1000) as page:
        frame = page.frame_locator("iframe")
        frame.locator("#scores").get_by_role("button", name="Copy CSV").click()
        frame.locator("#scores").get_by_role("button", name="Copied").wait_for()
        frame.get_by_role("link", name="Ranks").click()
        frame.locator("#ranks:focus").wait_for()
        frame.locator("#ranks .plot svg").wait_for()
        page.wait_for_timeout(1300)  # the button has its own label again, and the reader is where she was
        assert frame.locator("#ranks:focus").count() == 1


def test_reads_without_scripts(opened, file):
    with opened(file, java_script_enabled=False) as page:
        assert page.locator("#scores tbody tr").count() == 4
        assert page.locator("#scores .tools").is_hidden()
        assert page.locator(".described").first.is_visible()
