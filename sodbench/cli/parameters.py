"""Kinds of options and of the values they take."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from sodbench.errors import FileError
from sodbench.utils.files import check_folder, check_path
from sodbench.utils.shards import Shard
from sodbench.utils.urls import is_url, on_this_disk, path_or_url

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)
NOT_TEXT = (
    *(".xlsx", ".xlsm", ".xls", ".ods", ".docx", ".doc", ".odt", ".pptx", ".odp"),
    *(".pdf", ".png", ".svg", ".jpg", ".zip", ".npz"),
)
"""Suffixes of files under which no text can be opened."""


class Given(click.Parameter):
    """A parameter that takes no empty value."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Refuse what is empty, which would stand for the current folder, or for nothing."""
        words = value if isinstance(value, tuple | list) else (value,)
        if any(isinstance(word, str) and not word.strip() for word in words):
            way_out = "Leave the option out" if isinstance(self, click.Option) else "Leave it out"
            raise click.BadParameter(f"it is empty. {way_out}, or give it a value.", ctx, self)
        return super().type_cast_value(ctx, value)


class Argument(Given, click.Argument):
    """An argument of a command."""


class Option(Given, click.Option):
    """An option of a command.

    Parameters
    ----------
    declarations
        Its spellings, and the name of its value.
    aliases
        More spellings, which work and are not shown.
    attributes
        See `click.Option`.
    """

    def __init__(self, declarations: Sequence[str], aliases: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.aliases = tuple(aliases)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser know the aliases too."""
        shown = self.opts
        self.opts = [*shown, *self.aliases]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = shown


def option(*declarations: str, **attributes: Any) -> Callable[[Command], Command]:
    """Add an `Option` to a command."""
    return click.option(*declarations, cls=Option, **attributes)


def argument(*declarations: str, **attributes: Any) -> Callable[[Command], Command]:
    """Add an `Argument` to a command."""
    return click.argument(*declarations, cls=Argument, **attributes)


class AnyPath(click.Path):
    """A file or folder, there or not, that the system can look up."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the path, or raise a FileError: it is too long, a URL, or in a folder of no entry."""
        on_this_disk(path_or_url(os.fsdecode(value)), param.opts[0] if isinstance(param, Option) else "")
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        check_path(path)
        return path


class AnyPlace(AnyPath):
    """A file or folder on this disk, or the address of one elsewhere, which is read from."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the path or the address."""
        given = os.fsdecode(value)
        return path_or_url(given) if is_url(given) else super().convert(value, param, ctx)


class OutputFile(AnyPath):
    """A file to write, in a folder that is there: a mistyped one is not made.

    `text` are the suffixes of the text that is written, if it is text.
    """

    def __init__(self, *text: str) -> None:
        super().__init__(path_type=Path, dir_okay=False)
        self._text = text

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the path, or raise a FileError that says what to do."""
        file = super().convert(value, param, ctx)
        name = param.opts[0] if param else "a file"
        check_folder(file, name)
        if self._text and file.suffix.lower() in NOT_TEXT:
            raise FileError(
                f"{file}: {name} writes text, not {file.suffix}. Pass {file.with_suffix('.csv')}, which "
                f"spreadsheets open{''.join(f', or {suffix}' for suffix in self._text if suffix != '.csv')}."
            )
        return file


class ShardType(click.ParamType[Shard]):
    """Part K of N."""

    name = "K/N"

    def convert(self, value: str | Shard, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        """Return the part, or refuse the text."""
        try:
            return value if isinstance(value, Shard) else Shard.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


FOLDER = AnyPath(path_type=Path)
PLACE = AnyPlace(path_type=Path)
FIGURE_FILE = OutputFile()
TEXT_FILE = OutputFile(".csv")
TABLE_FILE = OutputFile(".txt", ".tex", ".md", ".html", ".csv")
