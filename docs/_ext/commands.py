"""Append the help of every command to the page ``cli``, as click prints it."""

import textwrap
from collections.abc import Iterator

import click
from click.testing import CliRunner
from sphinx.application import Sphinx

from sodbench.cli import SECTIONS, main

WIDTH = 80


def help_of(command: click.Command, name: str, parent: click.Context, level: int) -> Iterator[str]:
    """Yield a heading and the help of a command, then those of the commands below it."""
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * level} {context.command_path}"
    yield f"```text\n{textwrap.dedent(command.get_help(context)).strip()}\n```"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            inner = command.get_command(context, below)
            assert inner is not None
            yield from help_of(inner, below, context, level + 1)


def all_commands() -> str:
    """Return the help of all commands, in the sections of ``sodbench --help``."""
    settings = {**main.context_settings, "terminal_width": WIDTH}
    root = click.Context(main, info_name="sodbench", **settings)
    parts = []
    for title, names in SECTIONS.items():
        parts.append(f"## {title}")
        for name in names:
            command = main.get_command(root, name)
            assert command is not None
            parts += help_of(command, name, root, 3)
    asked = CliRunner().invoke(
        main, ["score", "--help-conventions"], terminal_width=WIDTH, max_content_width=WIDTH
    )
    parts += ["## Options for conventions", f"```text\n{asked.output.strip()}\n```"]
    return "\n\n".join(parts)


def _append(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "cli":
        source[0] = f"{source[0]}\n{all_commands()}\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Let the page be appended to when it is read."""
    app.connect("source-read", _append)
    return {"parallel_read_safe": True}
