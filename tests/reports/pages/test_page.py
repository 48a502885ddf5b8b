"""The frame of a page: what a name cannot do, and what the page lets run."""

import base64
import json
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from sodbench.reports.pages.page import asset, environment, json_for_script, policy, rendered

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "\u202eright to left\u200f",
    "{{ 7 * 7 }}",
    "javascript:alert(1)",
    "\ud800",
]


class Elements(HTMLParser):
    """What a page holds: its scripts, and the attributes of its elements."""

    def __init__(self, page):
        super().__init__()
        self.scripts, self.elements, self._open = [], [], None
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = dict(attrs) if tag == "script" else None
        if tag == "script":
            self.scripts.append([self._open, ""])

    def handle_data(self, data):
        if self._open is not None:
            self.scripts[-1][1] += data

    def handle_endtag(self, tag):
        if tag == "script":
            self._open = None


def test_a_page_runs_exactly_the_scripts_that_its_policy_names():
    page = Elements(rendered("base.html.jinja", title="T", data={"a": 1}))
    [allowed] = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    run = [text for attributes, text in page.scripts if attributes.get("type") != "application/json"]
    digests = {f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'" for text in run}
    [sources] = re.findall(r"script-src ([^;]*)", allowed)
    assert len(run) == 2
    assert set(sources.split()) == digests
    assert "default-src 'none'" in allowed
    assert "unsafe-eval" not in allowed


def test_a_linked_page_holds_no_script_and_names_its_files():
    page = Elements(rendered("base.html.jinja", title="T", assets="../assets"))
    assert [a["src"] for a, text in page.scripts if not text] == ["../assets/page.js", "../assets/tables.js"]
    linked = {a["href"] for tag, a in page.elements if tag == "link"}
    assert linked == {"../assets/page.css", "../assets/charts.css", "data:,"}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_in_templates_and_in_data(name):
    template = environment().from_string('<p title="{{ name }}">{{ name }}</p>')
    text = template.render(name=name)
    assert re.fullmatch(r'<p title="[^"<>]*">[^<>]*</p>', text)
    assert not re.search(r"[\x00-\x1f\x7f\u200f\u202e]", text)
    assert not {*"<>&\u2028\u2029"} & {*json_for_script([name])}
    page = Elements(rendered("base.html.jinja", title=name, data={"names": [name]}))
    assert [json.loads(text) for a, text in page.scripts if a.get("id") == "names"] == [[name]]
    assert len(page.scripts) == 3


def test_long_data_is_whole():
    long = ["\u2191é<" + "0123456789" * 20_000]
    [text] = [
        text
        for a, text in Elements(rendered("base.html.jinja", title="T", data={"d": long})).scripts
        if a.get("id") == "d"
    ]
    assert json.loads(text) == long


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_for_script([float("nan")])


def test_what_could_end_its_element_is_refused(monkeypatch):
    assert "</script" not in asset("tables.js").lower()
    assert policy([]) != policy([asset("tables.js")])
