"""Examples that do not hold are found, whatever is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from documents import PageRun, blocks_of, check_names, commands_of, difference, inline_calls

Run = Callable[..., list[str]]


@pytest.fixture
def run(here: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Write a page, run it and return what is wrong, without the folder's name."""

    def run(text: str, reference: Path | None = None) -> list[str]:
        page = here.parent / "page.md"
        page.write_text(text)
        return [line.replace(f"{page}", "page") for line in PageRun(page, monkeypatch, reference).run()]

    return run


def test_blocks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n    sodbench score\n\n    sodbench table\n\n- a list\n  ```sh\n  sodbench run\n  ```\n"
        "<!-- file: a.toml -->\n```toml\nx = 1\n```\n"
        "````{tab-set}\n:::{tab-item} A\n```{code-block} console\n:caption: x\n"
        "$ a \\\n  b\nc\n$ d\n```\n:::\n````\n"
        "````text\n```python\nnot python\n```\n````\n~~~python\nlast\n~~~\n"
    )
    found = [(b.line, b.language, b.text, b.kind, b.value) for b in blocks_of(page)]
    assert found == [
        (3, "indented", "sodbench score\n\nsodbench table\n\n", "", ""),
        (9, "sh", "sodbench run\n", "", ""),
        (13, "toml", "x = 1\n", "file", "a.toml"),
        (19, "console", "$ a \\\n  b\nc\n$ d\n", "", ""),
        (27, "text", "```python\nnot python\n```\n", "", ""),
        (32, "python", "last\n", "", ""),
    ]
    commands = [(c.line, c.text, c.shown) for c in commands_of(blocks_of(page)[3])]
    assert commands == [(19, "a \\\n  b", ["c"]), (22, "d", [])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- need: x -->\n```sh\n```", None),
        ("<!-- not-run: x -->\n```sh\n```", "marks nothing"),
        ("<!-- needs: a GPU -->\n```sh\n```", "Only 'reference'"),
        ("```sh\n", "page.md:1: this block is not closed"),
    ],
)
def test_marks_that_are_none(tmp_path: Path, text: str, message: str | None) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    if message is None:
        assert len(blocks_of(page)) == 1
    else:
        with pytest.raises(AssertionError, match=message):
            blocks_of(page)


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        ("a b|c", True),
        ("a b", False),
        ("a b|c|", False),
        ("...", True),
        ("...|c", True),
        ("a b|...", True),
        ("a b|...|c", True),
        ("...|b", False),
        ("a ...|c", True),
        ("a...c", False),
        (".*|c", False),
        ("c|a b", False),
    ],
)
def test_difference(shown: str, same: bool) -> None:
    found = difference(shown.split("|"), ["a b", "c"])
    assert (found == "") is same
    assert same or found.startswith("--- shown\n+++ printed\n")


def test_a_page_that_holds(run: Run) -> None:
    assert run(
        "```console\n$ export PLACE=here\n$ mkdir sub\n$ cd sub\n$ echo $PLACE\nhere\n"
        "$ sodbench --version\nsodbench, version ...\n$ sodbench --version | cut -d, -f1\nsodbench\n"
        "$ cat > a.txt <<END\n> one\n> END\n$ cat a.txt\none\n"
        "$ sodbench rescore nowhere\nError: nowhere: no such folder...\n```\n"
        "<!-- file: new/b.txt -->\n```text\ntwo\n```\n"
        "```python\nfrom pathlib import Path\nx = Path('new/b.txt').read_text()\n```\n"
        "```python\n>>> x\n'two\\n'\n>>> Path('a.txt').exists()\nTrue\n```\n"
        "```sh\nsodbench score preds --dataset SOD > table.txt   # don't\n```\n"
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```console\n$ echo a\nb\n```", "page:2: $ echo a\n--- shown\n+++ printed\n-b\n+a"),
        ("```console\n$ echo a\n```", "page:2: $ echo a\n--- shown\n+++ printed\n+a"),
        ("```console\n$ sodbench --version\nx\n```", "page:2: $ sodbench --version\n--- shown"),
        ("```console\n$ false\n```", "page:2: $ false\nexit code 1"),
        ("```console\n$ echo Error: x\nError: x\n```", "page:2: $ echo Error: x\nexit code 0"),
        (
            "```console\n$ sodbench rescore nowhere\n...\n```",
            "page:2: $ sodbench rescore nowhere\nexit code 1",
        ),
        ("```console\n$ sodbench score --nope\n...\n```", "page:2: sodbench score --nope: No such option"),
        ("```sh\necho a\nsodbench nope\n```", "page:3: sodbench nope: No such command"),
        ("```bash\n$ true && sodbench score -x | cat\n```", "page:2: sodbench score -x: No such option"),
        ("    python -m sodbench table --nope\n", "page:1: sodbench table --nope: No such option"),
        ("<!-- not run: x -->\n```console\n$ sodbench nope\n```", "page:3: sodbench nope: No such"),
        ("<!-- not run: x -->\n```python\na = 1\nif x\n```", "page:4: expected ':'"),
        ("<!-- needs: reference -->\n```python\n>>> 1 +\n```", "page:3: invalid syntax"),
        ("```python\na = 1\n1 / 0\n```", "page:3: ZeroDivisionError: division by zero"),
    ],
)
def test_what_does_not_hold(run: Run, text: str, message: str) -> None:
    (found,) = run(text)
    assert found.startswith(message)


def test_a_doctest_that_does_not_hold(run: Run) -> None:
    (found,) = run("\n```python\n>>> a = 1\n>>> a + 1\n3\n```")
    assert 'page", line 4, in' in found
    assert "Expected:\n    3\nGot:\n    2" in found


def test_the_first_line_is_a_command(run: Run) -> None:
    with pytest.raises(AssertionError, match="begins with"):
        run("```console\nsodbench score\n```")


def test_reference_material_is_linked_and_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    for name in ("preds/A/SOD/a.png", "data/SOD/masks/a.png", "weights/w.onnx"):
        (reference / name).parent.mkdir(parents=True)
        (reference / name).write_text("as it was")
    page = (
        "<!-- needs: reference -->\n```console\n$ cat preds/A/SOD/a.png data/SOD/masks/a.png\n"
        "as it wasas it was\n$ echo x > preds/A/SOD/b.png; rm preds/A/SOD/a.png\n```"
    )
    assert run(page, reference) == []
    assert [file.name for file in (reference / "preds/A/SOD").iterdir()] == ["a.png"]


def test_without_reference_material_the_commands_are_checked(run: Run) -> None:
    assert run("<!-- needs: reference -->\n```console\n$ false\n```") == []


def test_calls_inside_sentences(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`sodbench score\n--beta2 1`\n\n```sh\n`sodbench nope`\n```\n`sodbench leaderboard check`\n"
    )
    calls = list(inline_calls(page))
    assert calls == [(1, ["score", "--beta2", "1"]), (7, ["leaderboard", "check"])]
    assert [check_names(words) for _, words in calls] == ["", ""]
    assert check_names(["score", "PREDS", "--nope=1"]) == "no option '--nope'"
    assert check_names(["nope"]) == "no command 'nope'"
    assert check_names(["COMMAND", "--help"]) == ""
