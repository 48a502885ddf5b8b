"""`sodbench table --format html`, of the shipped leaderboards."""

import pytest
from workspace import good

from browser.pages import SCHEMES, dark_and_light, links_resolve, no_overflow, no_serious_fault, views

TABLES = {
    "one dataset": ("--dataset", "ECSSD", "--means", "--mean-rank"),
    "all six": (),
    "the paper's": ("--paper", "--mark", "bold"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_quiet_readable_and_accessible(opened, tmp_path, name):
    file = tmp_path / "table.html"
    good("table", *TABLES[name], "--format", "html", "--out", file)
    with opened(file) as page:
        assert page.locator("tbody tr").count() > 15
        for _ in views(page):
            no_overflow(page)
        links_resolve(page, tmp_path)
        dark_and_light(page)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            no_serious_fault(page)
