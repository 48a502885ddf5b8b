"""The report: its numbers are those of the scores, and what it is given stays text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from stored import made as stored_scores

import sodbench
from sodbench.analysis.compare import compare
from sodbench.analysis.statistics.measured import measured
from sodbench.analysis.statistics.resampling import bootstrap, percentile_interval
from sodbench.errors import FileError, MetricError, ScoresError
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.protocol import Protocol
from sodbench.reports.pages.report.report import ReportPage

VOID = {"meta", "link", "input", "img", "br", "col"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "\u202eright to left\u200f",
    "{{ 7 * 7 }} {% raw %}",
    "a`b`c",
    "' onmouseover='alert(1)",
]


def made(method, dataset="own", images=24, seed=0, skill=0.7, protocol=None, notes=(), ids=None):
    """Scores of random images; `notes` are those of every image."""
    own = {"skill": skill, "dataset": f"{dataset}@0", "protocol": protocol, "metrics": PAPER_METRICS}
    scores = stored_scores(method, images, seed, **own)
    rows = [row._replace(notes=notes) for row in scores.rows.values()]
    rows = [row._replace(id=name) for row, name in zip(rows, ids or scores.ids, strict=True)]
    return replace(scores, rows={row.id: row for row in rows})


@pytest.fixture(scope="module")
def three():
    """Three methods on two datasets."""
    return [
        made(method, dataset, seed=k, skill=skill)
        for dataset in ("one", "two")
        for k, (method, skill) in enumerate([("A", 0.9), ("B", 0.6), ("C", 0.65)])
    ]


class Element:
    """An element and what is in it: elements and text."""

    def __init__(self, tag, attributes, parent=None):
        self.tag, self.attributes, self.parent, self.inside = tag, attributes, parent, []

    def all(self, tag=None, **attributes):
        """All elements below that have a tag, and attributes."""
        for child in self.inside:
            if isinstance(child, Element):
                given = {name.replace("_", "-"): value for name, value in attributes.items()}
                if tag in (None, child.tag) and all(child.attributes.get(n) == v for n, v in given.items()):
                    yield child
                yield from child.all(tag, **attributes)

    def one(self, tag=None, **attributes):
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def text(self):
        """All text below."""
        return "".join(child if isinstance(child, str) else child.text for child in self.inside)


class Parsed(HTMLParser):
    """A page as a tree; elements that do not close are an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self.open = Element("", {})
        self.feed(text)
        self.close()
        assert self.open is self.root, f"{self.open.tag} {self.open.attributes} is not closed"

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), self.open)
        self.open.inside.append(element)
        if tag not in VOID:
            self.open = element

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open.tag == tag, f"</{tag}> closes {self.open.tag} {self.open.attributes}"
        self.open = self.open.parent

    def handle_data(self, data):
        self.open.inside.append(data)


def page(report):
    """The tree of a report's page."""
    return Parsed(report.html).root


def cells(root, table="scores"):
    """What a table shows: row's name -> column's id -> cell."""
    figure = root.one("figure", id=table)
    heads = [th.attributes["data-id"] for th in figure.one("tr", **{"class": "labels"}).all("th")]
    rows = [tr for tr in figure.one("tbody").all("tr")]
    found = {}
    for tr in rows:
        own = [cell for cell in tr.inside if isinstance(cell, Element)]
        found[own[0].text] = dict(zip(heads, own, strict=True))
    return found


def number(cell):
    """What a cell shows beside what it shows on request."""
    return next(e.text for e in cell.all() if e.tag in ("span", "b"))


class TestNumbers:
    @pytest.mark.parametrize("metrics", ["paper", "default", ["mae"]])
    def test_are_those_of_the_scores(self, three, metrics):
        scores = [s.extended(["default"] if metrics == "default" else ()) for s in three]
        shown = cells(page(sodbench.report(scores, metrics=metrics, resamples=100)))
        assert list(shown) == ["A", "B", "C"]
        count = 0
        for s in scores:
            summary = s.summary()
            for column, cell in shown[s.method].items():
                dataset, _, metric = column.partition(" ")
                if dataset == s.dataset_name:
                    assert number(cell) == f"{summary[metric]:.4f}"
                    assert float(cell.attributes["data-value"]) == summary[metric]
                    count += 1
        assert count == 6 * {"paper": 5, "default": 10}.get(str(metrics), 1)

    def test_the_best_three_are_marked_by_the_values_shown(self):
        scores = [made(name, skill=0.5, seed=k) for k, name in enumerate("ABCDE")]
        twin = replace(scores[1], method="F")
        shown = cells(page(sodbench.report([*scores, twin], resamples=100)))
        for metric in PAPER_METRICS:
            values = {name: number(row[metric]) for name, row in shown.items()}
            order = sorted({*values.values()}, key=float, reverse=METRICS[metric].higher_is_better)
            expected = {
                name: dict(zip(order, ("first", "second", "third"), strict=False)).get(value)
                for name, value in values.items()
            }
            assert {name: row[metric].attributes.get("data-mark") for name, row in shown.items()} == expected
            assert expected["B"] == expected["F"]

    def test_intervals_are_those_of_the_bootstrap(self, three):
        shown = cells(page(sodbench.report(three[:3])))
        for s in three[:3]:
            of = measured(s, PAPER_METRICS)
            for metric, samples in zip(of, bootstrap([*of.values()], 10_000, 0), strict=True):
                low, high = percentile_interval(samples)
                extra = shown[s.method][metric].one("small", data_extra="ci")
                assert extra.text.strip() == f"[{low:.4f}, {high:.4f}]"

    def test_differences_are_those_of_compare(self, three):
        """With one other method, the tests are the same, and so is Holm's adjustment."""
        a, b = three[:2]
        comparison = compare([b, a], metrics=PAPER_METRICS)
        shown = cells(page(sodbench.report([a, b], baseline="A")))
        assert any(difference.significant for difference in comparison.differences)
        for difference in comparison.differences:
            text = shown["B"][difference.metric].one("small", data_extra="versus").text.strip()
            gain, p = re.fullmatch(r"([+-]\d\.\d{4}), p (< 0\.0001|\d\.\d{4})(?: [▲▼])?", text).groups()
            assert gain == f"{difference.difference:+.4f}"
            assert p == ("< 0.0001" if difference.holm < 5e-5 else f"{difference.holm:.4f}")
            worse = difference.sign * difference.difference < 0
            assert text[-1] == (("▼" if worse else "▲") if difference.significant else p[-1])
        assert not list(shown["A"]["mae"].all("small", data_extra="versus"))

    def test_few_images_have_no_intervals(self):
        report = sodbench.report([made("A", images=19), made("B", images=19, seed=1)], baseline="A")
        root = page(report)
        assert not list(root.one("figure", id="scores").all("small"))
        assert not list(root.one("figure", id="scores").all("input", type="checkbox"))
        assert "own: fewer than 20 images, too few for intervals and tests." in root.one("footer").text
        assert "Differences are to" not in root.text

    def test_few_groups_are_called_groups(self):
        ids = [f"g{k // 2}/{k}" for k in range(24)]
        by_group = [
            made(m, seed=k, ids=ids, protocol=Protocol(group_average="groups")) for k, m in enumerate("ABC")
        ]
        root = page(sodbench.report(by_group, baseline="A"))
        assert "own: fewer than 20 groups of images, too few for" in root.one("footer").text

    def test_undefined_values_are_said(self):
        lacking = made("A", images=3)
        rows = {k: r._replace(numbers={**r.numbers, "w_precision": np.nan}) for k, r in lacking.rows.items()}
        root = page(sodbench.report([replace(lacking, rows=rows), made("B", images=3)]))
        shown = cells(root)
        assert number(shown["A"]["weighted_f"]) == "-"
        assert "data-value" not in shown["A"]["weighted_f"].attributes
        assert "data-mark" not in shown["B"]["weighted_f"].attributes
        assert "3 of 3 images: wF undefined" in root.one("section", id="overview").text

    @pytest.mark.parametrize("size", [float("nan"), float("inf"), 0.5, -1])
    def test_impossible_sizes(self, size):
        with pytest.raises(ScoresError, match=r"expected 1 or more \(--max-size\)"):
            sodbench.report(made("A"), max_size=size)

    def test_a_page_that_cannot_be_small_enough_says_so(self, three):
        report = sodbench.report(three, max_size=1, resamples=100)
        assert report.size > 1_000_000
        assert report.left_out[-1].startswith("Larger than the limit of 1 MB")

    def test_what_is_undefined_on_every_image_has_no_chart_of_sizes(self):
        empty = [
            stored_scores(name, 24, k, metrics=PAPER_METRICS, empty=range(24)) for k, name in enumerate("AB")
        ]
        report = sodbench.report(empty, resamples=100)
        assert "chart-object-size" not in report.html


class TestScoredDifferently:
    def test_is_shown_and_never_ranked_together(self):
        other = Protocol(average="mean-f")
        scores = [made("A"), made("B", seed=1), made("C", seed=2, protocol=other, skill=0.95)]
        root = page(sodbench.report(scores, baseline="A", resamples=100))
        shown = cells(root)
        assert "data-mark" not in shown["C"]["max_f"].attributes
        assert shown["C"]["max_f"].one("sup").text == "a"
        assert "avg mean-f, not mean-pr" in root.one("ol", **{"class": "notes"}).text
        assert not list(shown["C"]["max_f"].all("small", data_extra="versus"))
        assert len(list(shown["C"]["mae"].all("small", data_extra="versus"))) == 1
        assert shown["C"]["mae"].attributes["data-mark"]
        warning = [li.text for li in root.all("li", **{"class": "warning"})]
        assert any("C: scored otherwise than A (avg mean-f, not mean-pr)" in text for text in warning)

    def test_shared_and_differing_parts_of_the_signature(self):
        other = Protocol(average="mean-f")
        scores = [made("A"), made("B", seed=1, protocol=other), made("A", "two")]
        section = page(sodbench.report(scores, resamples=100)).one("section", id="overview")
        shared = section.one("p", **{"class": "signature"}).text.split("|")
        own = [li.text for li in section.one("ul", **{"class": "signatures"}).all("li")]
        assert "norm:max" in shared
        assert not [part for part in shared if part.startswith(("avg:", "data:"))]
        assert [line.split(": ")[0] for line in own] == ["own, A", "own, B", "two, A"]
        assert [mark.text for mark in section.all("mark")] == ["avg:mean-pr", "avg:mean-f"]
        for s, line in zip(scores, own, strict=True):
            parts = {*shared, *line.split(": ", 1)[1].split("|")}
            assert parts == {*s.signature.split("|")}

    def test_one_signature_is_whole(self, three):
        section = page(sodbench.report(three[:3], resamples=100)).one("section", id="overview")
        assert section.one("p", **{"class": "signature"}).text == three[0].signature
        assert not list(section.all("mark"))

    def test_one_method_under_two_protocols_gets_two_rows(self):
        both = [made("A"), made("A", protocol=Protocol(average="mean-f")), made("B", seed=1)]
        assert list(cells(page(sodbench.report(both, resamples=100)))) == ["A (u2net)", "A (avg mean-f)", "B"]


class TestWarnings:
    def test_notes_missing_and_low_contrast(self):
        noted = made("A", notes=("missing",))
        faint = made("B", seed=1)
        rows = {}
        for image, row in faint.rows.items():
            fg, bg = row.fg.copy(), row.bg.copy()
            for levels in (fg, bg):
                levels[100] += levels[101:].sum()
                levels[101:] = 0
            rows[image] = row._replace(fg=fg, bg=bg)
        part = replace(made("C", images=30, seed=2), missing="skip")
        part = replace(part, rows=dict(list(part.rows.items())[:24]))
        root = page(sodbench.report([noted, replace(faint, rows=rows), part], resamples=100))
        said = [li.text for li in root.all("li", **{"class": "warning"})]
        missing = "own, A: 24 of 24 images: prediction missing, scored as an all-zero map (im0000, im0001"
        assert any(text.startswith(missing) for text in said)
        low = "own, B: 24 of 24 maps never reach level 255 (their highest is 100 in the median"
        assert any(text.startswith(low) for text in said)
        assert "own, C: 6 of 30 images not scored, left out of every mean" in said
        assert "24/30" in root.one("dl", **{"class": "facts"}).text

    def test_what_is_alike_of_all_methods_is_said_once(self, three):
        noted = []
        for s in three[:3]:
            rows = {image: row._replace(notes=("grey-mask",)) for image, row in s.rows.items()}
            noted.append(replace(s, rows=rows))
        root = page(sodbench.report(noted, resamples=100))
        said = [li.text for li in root.all("li", **{"class": "warning"})]
        (line,) = [text for text in said if "mask with levels other than 0 and 255" in text]
        assert line.startswith("one, all methods: 24 of 24 images: mask with levels")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text(name):
    ids = [f"{name} {k:02}" for k in range(24)]
    scores = [
        made(name, dataset=name, ids=ids, notes=("grey-mask",)),
        made("B", dataset=name, ids=ids, seed=1),
    ]
    plain = [made(method, seed=k, notes=("grey-mask",)) for k, method in enumerate("AB")]
    root, other = (page(sodbench.report(s, baseline="B", resamples=100)) for s in (scores, plain))
    scripts = [[e.attributes for e in r.all("script") if "type" not in e.attributes] for r in (root, other)]
    assert scripts[0] == scripts[1]
    assert [e.tag for e in root.all() if e.tag in ("img", "b", "iframe")] == [
        e.tag for e in other.all() if e.tag in ("img", "b", "iframe")
    ]
    assert not [a for e in root.all() for a in e.attributes if a.startswith("on")]
    outside = "".join(e.text for e in root.one("body").inside if isinstance(e, Element) and e.tag != "script")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u200f\u202e]", outside)
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    assert shown in cells(root)
    for script in root.all("script", type="application/json"):
        json.loads(script.text)


class TestPage:
    def test_is_well_formed_and_has_one_h1_and_headings_in_order(self, three):
        root = page(sodbench.report(three, baseline="B", resamples=100))
        levels = [int(e.tag[1]) for e in root.all() if re.fullmatch("h[1-6]", e.tag)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
        ids = [e.attributes["id"] for e in root.all() if "id" in e.attributes]
        assert len(ids) == len({*ids})
        links = [
            a.attributes["href"].removeprefix("#") for a in root.one("nav", aria_label="Sections").all("a")
        ]
        assert {*links} <= {*ids}

    def test_every_chart_has_its_data_and_its_words(self, three):
        root = page(sodbench.report(three, resamples=100))
        charts = [e.attributes["data-chart"] for e in root.all("figure") if "data-chart" in e.attributes]
        data = {e.attributes["id"] for e in root.all("script", type="application/json")}
        assert {*charts} <= data
        assert {"curves", "distributions", "ranks", "object-sizes"} <= {
            e.attributes.get("id") for e in root.all("section")
        }
        assert len(charts) > 20

    def test_same_scores_same_bytes(self, three):
        assert len({sodbench.report(three[:3], baseline="A", resamples=100).html for _ in range(2)}) == 1

    def test_one_method_alone(self, three):
        root = page(sodbench.report(three[0], resamples=100))
        assert list(cells(root)) == ["A"]
        assert not list(root.all(data_mark="first"))

    def test_how_it_was_made(self, three):
        text = (
            page(sodbench.report(three, baseline="A", resamples=200, command="sodbench x")).one("footer").text
        )
        assert "95 % percentile intervals of a bootstrap over images (200 resamples, seed 0)" in text
        assert "adjusted by Holm's method for 20 tests" in text
        assert "(800 permutations, seed 0)" in text
        assert "sodbench x" in text
        assert f"Made with sodbench {sodbench.__version__}" in text

    def test_a_notebook_shows_it_in_a_frame_that_may_do_little(self, three):
        report = sodbench.report(three[0], resamples=100)
        root = Parsed(report._repr_html_()).root
        frame = root.one("iframe")
        assert frame.attributes["srcdoc"] == report.html
        assert frame.attributes["sandbox"] == "allow-scripts allow-downloads"

    def test_saved(self, three, tmp_path):
        report = sodbench.report(three[0], resamples=100)
        assert report.save(tmp_path / "a.html").read_text("utf-8") == report.html
        assert report.size == (tmp_path / "a.html").stat().st_size
        with pytest.raises(FileError, match=r"writes a page, not \.pdf. Pass .*a\.html"):
            report.save(tmp_path / "a.pdf")
        assert [p.name for p in tmp_path.iterdir()] == ["a.html"]


def test_refused(three):
    with pytest.raises(ScoresError, match="no scores to report"):
        sodbench.report([])
    with pytest.raises(ScoresError, match="A: found two scores of this method on one"):
        sodbench.report([three[0], three[0]])
    with pytest.raises(ScoresError, match="baseline D: no scores of this method here"):
        sodbench.report(three, baseline="D")
    with pytest.raises(ScoresError, match="baseline A: no other method"):
        sodbench.report(three[0], baseline="A")
    with pytest.raises(MetricError, match="hce was not computed"):
        sodbench.report(three, metrics="hce")
    with pytest.raises(ScoresError, match="A on one: no images were scored"):
        sodbench.report(replace(three[0], rows={}))
    assert isinstance(sodbench.report(iter(three[:1])), ReportPage)
