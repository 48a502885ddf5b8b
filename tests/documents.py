"""The pages of the documentation as programs: their blocks are found here, and run.

A page's blocks run from top to bottom, in one folder:

* ``console``: each ``$ `` command is run, and what it prints is compared with what is shown. A line ``...``
  stands for any lines, ``...`` inside a line for any letters. A command that fails has to show its
  ``Error: `` line. Lines that begin with ``> `` continue a command.
* ``python`` with ``>>>`` is a doctest; without, it is run. All of a page share their names.
* ``sh``, ``bash`` and indented blocks: what they call of sodbench has to exist, and is not run.

A comment on the line before a block says otherwise: ``<!-- needs: reference -->`` (it is run only where
SODBENCH_REFERENCE is set; the page then has ``preds/``, ``data/`` and the weights of U2-Net-dagger),
``<!-- not run: REASON -->`` (its commands still have to exist)
or ``<!-- file: NAME -->`` (it is written there).
"""

import ast
import difflib
import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
from workspace import sodbench

from sodbench.cli import main
from sodbench.errors import FileError

ROOT = Path(__file__).parents[1]
SHELL = ("console", "sh", "bash", "indented")
DOCTESTS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
LONGEST = 300
"""Seconds that a command may take in a process of its own."""

_FENCE = re.compile(r"^ *(?P<bars>`{3,}|~{3,}|:{3,})(?P<info>.*)$")
_MARK = re.compile(r"^ *<!-- (?P<kind>needs|not run|file): (?P<value>.*\S) -->$")
_NEARLY_A_MARK = re.compile(r"^ *<!--\s*(needs|not.?run|file|run)\b", re.IGNORECASE)
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\]*\"")
_FOR_A_SHELL = re.compile(r"[|&;<>$`*?~\\(){}\[\]\n]|^\s*\w+=")


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    page: Path
    line: int
    language: str
    lines: tuple[str, ...]
    kind: str = ""
    value: str = ""

    @property
    def text(self) -> str:
        """Its lines as one text."""
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def place(self) -> str:
        """The page and the number of its first line."""
        return place(self.page, self.line)


@dataclass
class Command:
    """A command of a console block, and what is shown below it."""

    line: int
    text: str
    shown: list[str] = field(default_factory=list)


def place(page: Path, line: int) -> str:
    """Name a line of a page."""
    return f"{page.relative_to(ROOT) if page.is_relative_to(ROOT) else page}:{line}"


def pages() -> list[Path]:
    """Every page whose examples are to hold."""
    below = (ROOT / "docs").rglob("*.md")
    return [*sorted(ROOT.glob("README*.md")), *sorted(page for page in below if "_build" not in page.parts)]


def blocks_of(page: Path) -> list[Block]:
    """List the blocks of a page, fenced and indented; those inside admonitions and tabs too."""
    found: list[Block] = []
    lines = page.read_text("utf-8").splitlines()
    around: list[str] = []
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        if fence is None:
            end = number
            if _is_indented(lines, number):
                while end < len(lines) and (not lines[end].strip() or lines[end].startswith("    ")):
                    end += 1
                text = [line[4:] for line in lines[number:end]]
                found.append(_block(page, lines, number, number, "indented", text))
            number = max(end, number + 1)
            continue
        bars, info = fence["bars"], fence["info"].strip()
        language = info.removeprefix("{code-block}").strip()
        if around and not info and bars.startswith(around[-1]):
            around.pop()
        elif language.startswith("{"):
            around.append(bars)
        else:
            start = end = number + 1
            while end < len(lines) and not re.match(rf" *{bars[0]}{{{len(bars)},}} *$", lines[end]):
                end += 1
            assert end < len(lines), f"{place(page, number + 1)}: this block is not closed"
            while info != language and re.match(r" *:[\w-]+:", lines[start]):
                start += 1
            margin = len(lines[number]) - len(lines[number].lstrip())
            text = [line[min(margin, len(line) - len(line.lstrip())) :] for line in lines[start:end]]
            found.append(_block(page, lines, number, start, language.split(" ")[0], text))
            number = end
        number += 1
    return found


def _is_indented(lines: Sequence[str], number: int) -> bool:
    after = number == 0 or not lines[number - 1].strip() or _MARK.match(lines[number - 1]) is not None
    return after and re.match(r" {4}\S", lines[number]) is not None


def _block(page: Path, lines: list[str], opening: int, start: int, language: str, text: list[str]) -> Block:
    before = lines[opening - 1] if opening else ""
    mark = _MARK.match(before)
    where = place(page, opening)
    if mark is None:
        assert not _NEARLY_A_MARK.match(before), (
            f"{where}: {before.strip()!r} marks nothing; write <!-- needs: reference -->, "
            "<!-- not run: REASON --> or <!-- file: NAME -->"
        )
        return Block(page, start + 1, language, tuple(text))
    if mark["kind"] == "needs":
        assert mark["value"] == "reference", f"{where}: needs what? Only 'reference' is known."
    return Block(page, start + 1, language, tuple(text), mark["kind"], mark["value"])


def commands_of(block: Block) -> list[Command]:
    """Split a console block into commands and what each shows."""
    found: list[Command] = []
    for line, text in enumerate(block.lines, block.line):
        last = found[-1] if found else None
        if text.startswith("$ "):
            found.append(Command(line, text[2:]))
        elif last and not last.shown and (last.text.endswith("\\") or text.startswith("> ")):
            last.text += "\n" + text.removeprefix("> ")
        else:
            assert last, f"{place(block.page, line)}: a console block begins with '$ ' and a command"
            last.shown.append(text.rstrip())
    for command in found:
        while command.shown and not command.shown[-1]:
            command.shown.pop()
    return found


def calls_of(block: Block) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of each call of sodbench in a block for a shell, and the call's line."""
    if block.language == "console":
        shown = [(command.line, command.text) for command in commands_of(block)]
    else:
        text = re.sub(r"\\\n", "  ", block.text)
        prompt = "$ " if any(line.startswith("$ ") for line in block.lines) else ""
        shown = [
            (line, words[len(prompt) :])
            for line, words in enumerate(text.splitlines(), block.line)
            if words.startswith(prompt)
        ]
    for line, text in shown:
        if "sodbench" in text:
            for words in _simple_commands(text):
                if words[:3] in (["python", "-m", "sodbench"], ["python3", "-m", "sodbench"]):
                    yield line, words[3:]
                elif words[0] == "sodbench":
                    yield line, words[1:]


def _simple_commands(text: str) -> Iterator[list[str]]:
    """Split a line of shell at its operators; what is redirected is left out."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:  # prose in an indented block: don't
        return
    words: list[str] = []
    for token in [*tokens, ";"]:
        if not set(token) <= set("();<>|&"):
            words.append(token)
        elif words:
            yield words
            words = ["redirected"] if set(token) & set("<>") else []
        elif set(token) & set("<>"):
            words = ["redirected"]


def check_call(words: Sequence[str]) -> None:
    """Check that a call of sodbench has commands and options that exist; it is not run.

    A variable of the shell (``$SLURM_ARRAY_TASK_ID``) stands for a number.

    Raises
    ------
    click.UsageError
        It has not.
    """
    rest = [re.sub(r"\$\w+", "1", word) for word in words]
    context, command = click.Context(main), main
    while isinstance(command, click.Group) and rest and rest[0] in command.list_commands(context):
        inner = command.get_command(context, rest.pop(0))
        assert inner is not None
        command = inner  # type: ignore[assignment]
    with suppress(click.exceptions.Exit, FileError):  # --help; a folder that is not there here
        made = command.make_context("sodbench", rest)
        if isinstance(command, click.Group) and rest:
            command.resolve_command(made, rest)


def inline_calls(page: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of each call of sodbench inside a page's sentences."""
    text = page.read_text("utf-8")
    for block in blocks_of(page):
        if block.language != "indented":
            text = text.replace(block.text, "\n" * len(block.lines))
    for found in re.finditer(r"(?<!`)`sodbench ([^`]+)`(?!`)", text):
        yield text.count("\n", 0, found.start()) + 1, found[1].split()


def check_names(words: Sequence[str]) -> str:
    """Tell which command or option of a call in a sentence does not exist; nothing if all do.

    A sentence may leave out what a call needs: ``sodbench score --resize``.
    """
    context, command = click.Context(main), main
    for word in words:
        if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        inner = command.get_command(context, word)
        if inner is None:
            return f"no command {word!r}"
        command = inner  # type: ignore[assignment]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {name for parameter in command.params for name in getattr(parameter, "aliases", ())}
    options |= {"--help", "-h"}
    used = [match[0] for word in words if (match := re.match(r"--?[a-z][\w-]*", word))]
    unknown = [option for option in used if option not in options]
    return f"no option {unknown[0]!r}" if unknown else ""


def difference(shown: Sequence[str], printed: Sequence[str]) -> str:
    """Tell where what was printed is not what is shown; nothing where it is."""
    patterns = [_pattern(line) for line in shown]
    whole = "".join(
        r"(?:.*\n)*" if line.strip() == "..." else p + r"\n" for line, p in zip(shown, patterns, strict=True)
    )
    if re.fullmatch(whole, "".join(f"{line}\n" for line in printed)):
        return ""
    known = [
        next((line for line in printed if re.fullmatch(pattern, line)), text)
        if text.strip() != "..."
        else text
        for text, pattern in zip(shown, patterns, strict=True)
    ]
    lines = list(difflib.unified_diff(known, printed, "shown", "printed", lineterm="", n=1))
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _pattern(line: str) -> str:
    return r"[^\n]*".join(map(re.escape, line.split("...")))


class PageRun:
    """A page that is run in the current folder.

    Parameters
    ----------
    page
        Its file.
    monkeypatch
        Undoes what the page does to the environment and the current folder.
    reference
        The folder of the reference material, None where there is none.
    """

    def __init__(self, page: Path, monkeypatch: pytest.MonkeyPatch, reference: Path | None = None) -> None:
        self.blocks = blocks_of(page)
        self.names: dict[str, Any] = {"__name__": "page"}
        self.wrong: list[str] = []
        self._patch = monkeypatch
        self._reference = reference
        folder = Path.cwd() / ".bin"
        folder.mkdir()
        program = folder / "sodbench"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sodbench "$@"\n')
        program.chmod(0o755)
        (folder / "python").symlink_to(sys.executable)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        if reference and any(block.kind == "needs" for block in self.blocks):
            for name in ("preds", "data"):
                mirror(reference / name, Path(name))
            weights = Path(os.environ["XDG_CACHE_HOME"], "sodbench", "weights")
            mirror(reference / "weights", weights)
            monkeypatch.setenv("SODBENCH_DATA", "data")

    def run(self) -> list[str]:
        """Run all blocks; return what is wrong, page and line first."""
        for block in self.blocks:
            if not self._can_be_run(block):
                continue
            if block.kind == "file":
                Path(block.value).parent.mkdir(parents=True, exist_ok=True)
                Path(block.value).write_text(block.text, "utf-8")
            elif block.kind != "not run" and (block.kind != "needs" or self._reference):
                if block.language == "console":
                    for command in commands_of(block):
                        self._run_command(block, command)
                elif block.language == "python":
                    self._run_python(block)
        return self.wrong

    def _can_be_run(self, block: Block) -> bool:
        """Check what can be checked without running."""
        before = len(self.wrong)
        if block.language == "python":
            try:
                for source in _sources(block):
                    compile(source, block.place, "exec")
            except (SyntaxError, ValueError) as error:
                line = error.lineno or 1 if isinstance(error, SyntaxError) else 1
                self.wrong.append(f"{place(block.page, block.line + line - 1)}: {error}")
        elif block.language in SHELL:
            for line, words in calls_of(block):
                try:
                    check_call(words)
                except click.UsageError as error:
                    call = f"sodbench {shlex.join(words)}"
                    self.wrong.append(f"{place(block.page, line)}: {call}: {error.format_message()}")
        return len(self.wrong) == before

    def _run_command(self, block: Block, command: Command) -> None:
        printed, code = self._result(command.text)
        lines = [line.rstrip() for line in printed.splitlines()]
        while lines and not lines[-1]:
            lines.pop()
        where = f"{place(block.page, command.line)}: $ {command.text}"
        if difference(command.shown, lines):
            self.wrong.append(f"{where}\n{difference(command.shown, lines)}")
        elif code and not any(line.startswith(("Error: ", "Usage: ")) for line in command.shown):
            self.wrong.append(f"{where}\nexit code {code}, and no 'Error: ' line is shown\n{printed}")
        elif not code and any(line.startswith("Error: ") for line in command.shown):
            self.wrong.append(f"{where}\nexit code 0, though an 'Error: ' line is shown")

    def _result(self, text: str) -> tuple[str, int]:
        """Run one command; return what it prints on both streams, and its exit code."""
        bare = _QUOTED.sub("q", text)
        words = shlex.split(text, comments=True) if not _FOR_A_SHELL.search(bare) else []
        if words[:1] == ["sodbench"]:
            result = sodbench(*words[1:])
            return result.output, result.exit_code
        if words[:1] == ["cd"] and len(words) == 2:
            self._patch.chdir(words[1])
            return "", 0
        if exported := re.fullmatch(r"export (\w+)=(\S+)", text):
            self._patch.setenv(exported[1], shlex.split(exported[2])[0])
            return "", 0
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", text],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=LONGEST,
            check=False,
        )
        return done.stdout.decode(), done.returncode

    def _run_python(self, block: Block) -> None:
        if ">>>" in block.text:
            said: list[str] = []
            examples = doctest.DocTestParser().get_doctest(
                block.text, {}, block.place, str(block.page), block.line - 1
            )
            examples.globs = self.names
            doctest.DocTestRunner(optionflags=DOCTESTS, verbose=False).run(
                examples, out=said.append, clear_globs=False
            )
            self.wrong += ["".join(said)] if said else []
            return
        try:
            tree = ast.parse(block.text)
            ast.increment_lineno(tree, block.line - 1)
            exec(compile(tree, str(block.page), "exec"), self.names)
        except Exception as error:
            step = error.__traceback__
            line = block.line
            while step is not None:
                line = step.tb_lineno if step.tb_frame.f_code.co_filename == str(block.page) else line
                step = step.tb_next
            self.wrong.append(f"{place(block.page, line)}: {type(error).__name__}: {error}")


def _sources(block: Block) -> list[str]:
    """List the pieces of Python in a block, each below as many empty lines as stand before it."""
    if ">>>" not in block.text:
        return [block.text]
    examples = doctest.DocTestParser().get_examples(block.text)
    return ["\n" * example.lineno + example.source for example in examples]


def mirror(source: Path, target: Path) -> None:
    """Build a folder's tree anew, with links to its files: writing there changes nothing in the source."""
    for folder, _, files in os.walk(source):
        copy = target / Path(folder).relative_to(source)
        copy.mkdir(parents=True, exist_ok=True)
        for name in files:
            if not (copy / name).exists():
                (copy / name).symlink_to(Path(folder, name))
