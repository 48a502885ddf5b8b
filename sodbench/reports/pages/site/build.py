"""The files of the site, by path. The same boards give the same bytes: nothing here knows the time."""

from collections.abc import Mapping

from sodbench.leaderboard.curves import curves_text
from sodbench.reports.pages.charts.chart import CHART_SCRIPTS
from sodbench.reports.pages.page import SCRIPTS, STYLES, asset
from sodbench.reports.pages.site import pages, records
from sodbench.reports.pages.site.content import Content

LICENCES = tuple(f"vendor/{name}.LICENSE" for name in ("vega", "vega-lite", "vega-embed"))
ASSETS = (*STYLES, "site.css", *SCRIPTS, "site.js", *CHART_SCRIPTS, *LICENCES, "vendor/BUNDLED.LICENSES")
"""What all pages share, and the licences of what others wrote."""


def site_files(content: Content) -> Mapping[str, bytes]:
    """Return the content of each file of the site, by its path, in UTF-8."""
    texts: dict[str, str | bytes] = {
        "index.html": pages.index_page(content),
        "index.json": records.index_json(content),
        "conventions.html": pages.conventions_page(content),
        "about.html": pages.about_page(content),
    }
    if content.conventions:
        texts["conventions.json"] = records.conventions_json(content)
        texts["conventions.csv"] = records.conventions_csv(content)
    for dataset in content.boards:
        texts[content.dataset_page(dataset)] = pages.dataset_page(content, dataset)
        texts[content.dataset_page(dataset, "json")] = records.dataset_json(content, dataset)
        texts[content.dataset_page(dataset, "csv")] = records.dataset_csv(content, dataset)
    for method in content.methods:
        texts[content.method_page(method)] = pages.method_page(content, method)
        texts[content.method_page(method, "json")] = records.method_json(content, method)
        texts[content.method_page(method, "csv")] = records.method_csv(content, method)
    for dataset, stored in content.curves.items():
        for method, curves in stored.items():
            if entry := content.boards[dataset].find(method, "measured"):
                texts[content.curve_file(dataset, method)] = curves_text(entry, curves.curves)
    texts |= {f"assets/{name}": asset(name) for name in ASSETS}
    return {
        path: text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")
        for path, text in texts.items()
    }
