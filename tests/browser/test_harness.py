"""The checks find what they look for, and leave alone what is as it should be."""

import hashlib
import tomllib
from pathlib import Path

import pytest

from browser.pages import (
    HERE,
    all_links_resolve,
    dark_and_light,
    link_faults,
    links_resolve,
    no_overflow,
    no_serious_fault,
    views,
)

HEAD = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>'
HEAD += '<meta name="viewport" content="width=device-width, initial-scale=1">'
HEAD += '<link rel="icon" href="data:,"></head>'
LONG = "word" * 40


def written(folder: Path, body: str, name: str = "page.html") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{HEAD}<body>{body}</body></html>", "utf-8")
    return file


def test_vendored_files_are_those_of_the_packages():
    vendor = HERE / "vendor"
    listed = tomllib.loads((vendor / "vendored.toml").read_text("utf-8"))
    for name, package in listed.items():
        assert {*package} == {"version", "licence", "source", "sha256"}
        assert package["source"].endswith(f"/{name}-{package['version']}.tgz")
        assert f"v{package['version']}" in (vendor / name / "axe.min.js").read_text("utf-8")[:100]
        sums = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (vendor / name).iterdir()
        }
        assert sums == package["sha256"]
    assert {file.name for file in vendor.iterdir()} == {*listed, "vendored.toml"}


def test_a_quiet_page_passes_every_check(opened, tmp_path):
    style = "<style>:root { color-scheme: light dark; background: Canvas }</style>"
    page_file = written(tmp_path, f'{style}<main><h1 id="x">A</h1><p><a href="#x">up</a></p></main>')
    with opened(page_file, 360, "dark") as page:
        assert page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]") == [
            360,
            True,
        ]
        no_serious_fault(page)
        links_resolve(page, tmp_path)
        dark_and_light(page)
        seen = []
        for _ in views(page):
            no_overflow(page)
            seen.append(page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]"))
        assert sorted(seen) == [[width, dark] for width in (360, 800, 1600) for dark in (False, True)]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<script>console.error('first')</script>", "console error: first"),
        ("<script>console.warn('second')</script>", "console warning: second"),
        ("<script>setTimeout(() => { throw Error('third') })</script>", "page error: .*third"),
        ("<script>Promise.reject(Error('fourth'))</script>", "page error: .*fourth"),
        ('<img src="beside.png" alt="">', "request: file://.*beside.png"),
        ('<img src="https://example.org/x.png" alt="">', "request: https://example.org/x.png"),
        ("<script>fetch('http://192.0.2.1/')</script>", "request: http://192.0.2.1/"),
        ("<script>open('https://example.org/')</script>", "request: https://example.org/"),
        (
            "<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\"><script>1</script>",
            "console error: .*Content Security Policy",
        ),
    ],
)
def test_a_page_that_is_not_quiet_fails(opened, tmp_path, body, fault):
    file = written(tmp_path, body)
    with pytest.raises(AssertionError, match=fault), opened(file):
        pass


def test_what_is_in_the_page_may_be_loaded(opened, tmp_path):
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    script = "r.blob()).then(b => { document.images[0].src = URL.createObjectURL(b) })"
    script = f"fetch('{pixel}').then(r => {script}"
    with opened(written(tmp_path, f'<img src="{pixel}" alt=""><script>{script}</script>')) as page:
        page.wait_for_function("document.images[0].src.startsWith('blob:')")


def test_a_page_is_read_without_scripts(opened, tmp_path):
    body = "<script>document.write('no')</script><noscript>yes</noscript>"
    with opened(written(tmp_path, body), java_script_enabled=False) as page:
        assert page.inner_text("body") == "yes"
        no_overflow(page)


def test_a_folder_may_load_its_own_files(opened, tmp_path):
    body = '<link rel="stylesheet" href="../page.css"><a href="../">home</a>'
    (tmp_path / "page.css").write_text("body { color: rgb(1, 2, 3) }")
    written(tmp_path, body, "in/deep.html")
    written(tmp_path, "<h1>Home</h1>", "index.html")
    with opened(tmp_path, at="in/deep.html") as page:
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(1, 2, 3)"
        links_resolve(page, tmp_path)
        page.get_by_text("home").click()
        assert page.inner_text("h1") == "Home"
        links_resolve(page, tmp_path)
    written(tmp_path, '<img src="nothing.png" alt="">', "index.html")
    with pytest.raises(AssertionError, match="404"), opened(tmp_path):
        pass


def test_a_failure_leaves_a_picture_and_what_the_page_said(opened, tmp_path):
    file = written(tmp_path, "<script>console.error('said')</script>")
    with pytest.raises(ZeroDivisionError) as failure, opened(file, 360, "dark"):
        _ = 1 / 0
    where, said = failure.value.__notes__
    assert said == f"console error: said ({file.as_uri()})"
    assert Path(where.split("picture in ")[1]).read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def blank(browser):
    """A page to be filled."""
    with browser.new_context(viewport={"width": 360, "height": 800}) as context:
        yield context.new_page()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (f"<p>{LONG}</p>", "the page is .* in a window of 360 px(.|\\n)*in p leaves the window"),
        ('<div class="wide" style="width: 500px">a</div>', "in a window of 360 px: div.wide"),
        (
            '<div style="width: 90px; overflow: hidden; white-space: nowrap">one two three four</div>',
            "cut off by div",
        ),
        (
            '<div style="width: 60px; height: 20px; overflow: hidden">one two three four</div>',
            "cut off by div",
        ),
        (
            '<p style="width: 9px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap">one</p>',
            '"one" in p is cut off by p',
        ),
        ('<div id="box" style="width: 60px">abcdefghijklmnopqrstuvw</div>', "leaves div#box"),
        ('<div style="width: 60px; height: 20px">one two three four five</div>', "leaves div"),
        ('<button style="width: 40px; white-space: nowrap">Copy as LaTeX</button>', "leaves button"),
        ('<p style="margin-left: -40px">one two</p>', "leaves the window"),
        (
            '<p style="position: fixed; left: 300px; margin: 0; width: 200px">one two three four</p>',
            "leaves the window",
        ),
        (
            '<svg width="40" height="20"><g><text x="5" y="12">one two three</text></g></svg>',
            "in text is cut off by svg",
        ),
    ],
)
def test_text_that_overflows_is_found(blank, body, fault):
    blank.set_content(f"{HEAD}<body>{body}</body></html>")
    with pytest.raises(AssertionError, match=fault):
        no_overflow(blank)


@pytest.mark.parametrize(
    "body",
    [
        f'<div style="overflow-x: auto" tabindex="0"><p>{LONG}</p></div>',
        f'<p style="position: absolute; width: 1px; height: 1px; overflow: hidden">{LONG}</p>',
        f'<p style="position: absolute; clip-path: inset(50%); width: 9px; overflow: hidden">{LONG}</p>',
        '<a href="#" style="position: absolute; left: -999px">Skip to the table</a>',
        '<p style="line-height: .8">tight <small><sup>2</sup></small><br>lines</p>',
        '<p>x<sup style="display: inline-block; width: 0">abc</sup></p>',
        f"<details><summary>more</summary><p>{LONG}</p></details>",
        f'<p hidden>{LONG}</p><p style="visibility: hidden; width: 9px; position: absolute">word</p>',
        '<div style="width: 20px"><div style="position: absolute; width: 200px">one two</div></div>',
        '<svg width="200" height="20"><g><text x="5" y="12">one two three</text></g></svg>',
        "<select><option>one</option></select>",
    ],
)
def test_text_that_is_where_it_should_be_passes(blank, body):
    blank.set_content(f"{HEAD}<body>{body}</body></html>")
    no_overflow(blank)


def test_axe_says_which_rule_and_where(blank):
    blank.set_content(
        f'{HEAD}<body><main><h1>A</h1><p style="color: #aaa">pale</p><img src="data:,x"></main></body>'
    )
    with pytest.raises(AssertionError) as failure:
        no_serious_fault(blank)
    said = str(failure.value)
    assert "color-contrast (serious)" in said
    assert "image-alt (critical)" in said
    assert "    p: <p style=" in said
    assert "dequeuniversity.com" in said


def test_a_page_of_one_scheme_is_found(blank):
    blank.set_content(f'{HEAD}<body style="background: #fff">always bright</body>')
    with pytest.raises(AssertionError, match="brightness 1.00 where dark is preferred"):
        dark_and_light(blank)


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("other.html#there", ""),
        ("other.html?x=1#there", ""),
        ("na%20me.txt", ""),
        ("#here", ""),
        ("in/", ""),
        ("https://example.org/#x", ""),
        ("data:,x", ""),
        ("other.html#nowhere", "no element has the id 'nowhere'"),
        ("#nowhere", "no element has the id 'nowhere'"),
        ("none.html", "no such file"),
        ("Other.html", "no such file"),
        ("../up.html", "leads out of the folder"),
        ("/other.html", "begins with a slash"),
        ("http://example.org/", "neither https nor a file"),
        ("//example.org/", "neither https nor a file"),
        ("javascript:void(0)", "neither https nor a file"),
        ("file:///etc/hostname", "neither https nor a file"),
    ],
)
def test_links(tmp_path, link, fault):
    folder = tmp_path / "site"
    written(tmp_path, "", "up.html")
    written(folder, '<p id="there"></p>', "other.html")
    written(folder, "", "in/index.html")
    (folder / "na me.txt").touch()
    text = f'<p id="here"></p><a href="{link}">x</a><img srcset="other.html 2x, in/ 3x">'
    faults = link_faults(text, written(folder, text), folder)
    assert faults == ([] if not fault else faults[:1])
    if fault:
        assert faults[0].startswith(f"page.html: {link}: {fault}")
        with pytest.raises(AssertionError, match="page.html"):
            all_links_resolve(folder)
    else:
        all_links_resolve(folder)


def test_ids_are_given_once(tmp_path):
    text = '<p id="a"></p><p id="a"></p>'
    assert link_faults(text, written(tmp_path, text), tmp_path) == ["page.html: id 'a' is there 2 times"]


def test_a_folder_without_pages_is_no_site(tmp_path):
    with pytest.raises(AssertionError, match="has no page"):
        all_links_resolve(tmp_path)
