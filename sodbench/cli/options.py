"""Options that several commands share."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from sodbench.errors import FileError
from sodbench.protocol import PRESETS, Protocol

FOLDER = click.Path(path_type=Path)
SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods")


class OutputFile(click.Path):
    """A file to write, in a folder that is there: a mistyped one is not made."""

    def __init__(self, text: bool = False) -> None:
        super().__init__(path_type=Path, dir_okay=False)
        self._text = text

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the path, or raise a FileError that says what to do."""
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        option = param.opts[0] if param else "a file"
        if self._text and file.suffix.lower() in SPREADSHEETS:
            raise FileError(
                f"{file}: {option} writes text, not a spreadsheet. Pass {file.with_suffix('.csv')}, "
                "which spreadsheets open."
            )
        if not os.path.lexists(file.parent):
            raise FileError(
                f"{file}: there is no folder {file.parent}. Make it (mkdir -p '{file.parent}'), "
                f"or pass another {option}."
            )
        return file


FIGURE_FILE = OutputFile()
TEXT_FILE = OutputFile(text=True)

Options = TypeVar("Options")


@dataclass(frozen=True)
class ProtocolChoice:
    """The protocol asked for: its name or signature, and single conventions to change in it."""

    named: str | None
    changes: Mapping[str, Any]

    def of(self, default: str | Protocol) -> Protocol:
        """Return this protocol; `default` stands in where none is named.

        Raises
        ------
        ProtocolError
            The name, the signature or a convention is not valid.
        """
        return Protocol.of(default if self.named is None else self.named).change(**self.changes)

    @property
    def mask_rule(self) -> str | None:
        """The mask rule that overrides the dataset's: the user's, or that of a complete signature."""
        rule: str | None = self.changes.get("mask_threshold")
        if rule is None and "|" in (self.named or ""):
            return self.of(Protocol()).mask_threshold
        return rule

    def notices(self) -> list[str]:
        """Return a notice if the signature has other revisions of the metrics."""
        from sodbench.scoring.notices import moved_metrics

        return moved_metrics(self.named or "")


def gathered(kind: Callable[..., Options]) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Pass a command all its options as one object of type `kind`.

    Fields are named like the parameters. A field `protocol` is a `ProtocolChoice`, which holds
    ``--protocol`` and the options that change one convention of it; see `protocol_options`.
    """

    def gather(command: Callable[[Options], None]) -> Callable[..., None]:
        @wraps(command)
        def callback(**values: Any) -> None:
            if "protocol" in values:
                asked = {spec.name: values.pop(spec.name) for spec in fields(Protocol)}
                changes = {name: value for name, value in asked.items() if value is not None}
                values["protocol"] = ProtocolChoice(values["protocol"], changes)
            command(kind(**values))

        return callback

    return gather


class ProtocolCommand(click.Command):
    """A command whose help lists the protocol's fields in a section of their own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write two sections of options."""
        names = {spec.name for spec in fields(Protocol)}
        own: list[tuple[str, str]] = []
        overrides: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record and isinstance(param, click.Option):
                (overrides if param.name in names else own).append(record)
        with formatter.section("Options"):
            formatter.write_dl(own)
        with formatter.section("Single conventions, in place of the protocol's"):
            formatter.write_dl(overrides)


def protocol_options(default: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``--protocol`` and one option for every field of a Protocol."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for spec in reversed(fields(Protocol)):
            command = _override(spec)(command)
        return click.option(
            "--protocol",
            default=default,
            callback=_unlabelled,
            show_default=True if default else "as stored",
            metavar="NAME|SIGNATURE",
            help=f"{', '.join(PRESETS)}, or a signature as printed, in quotes.",
            shell_complete=lambda ctx, param, text: [name for name in PRESETS if name.startswith(text)],
        )(command)

    return add


def _override(spec: Field[Any]) -> Callable[..., Any]:
    choices = spec.metadata.get("choices")
    kind = click.Choice(choices) if choices else float if "range" in spec.metadata else str
    return click.option(f"--{spec.name.replace('_', '-')}", spec.name, type=kind, help=spec.metadata["help"])


def _unlabelled(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Also accept a signature with the label that is printed before it."""
    return value and re.sub(r"\A\s*signature\b[^|]*?:\s+", "", value)


def split_names(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Split comma-separated, repeatable options."""
    return tuple(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))


def names_option(*declarations: str, help: str, metavar: str | None = None) -> Callable[..., Any]:
    """Add an option that takes comma-separated names and may be repeated."""
    return click.option(*declarations, multiple=True, callback=split_names, metavar=metavar, help=help)


STRIP_OPTION = click.option(
    "--strip", multiple=True, help="Affix to remove from the names of maps, e.g. _sal. Repeatable."
)

LOOSE_OPTION = click.option(
    "--loose-names",
    "loose",
    is_flag=True,
    help="Also pair names that differ only in case or leading zeros (IMG_7, img_007).",
)

BOARDS_OPTION = click.option(
    "--boards",
    type=FOLDER,
    help="Folder of DATASET.csv in place of SODBENCH_LEADERBOARDS or the shipped one.",
)

METHODS_OPTION = names_option("--methods", help="NAME,NAME: which methods, in this order  [all].")

HIGHLIGHT_OPTION = names_option("--highlight", help="NAME,NAME: drawn in red, on top  [U2-Net].")

WIDTH = click.Choice(["single", "double"])


def out_option(default: str) -> Callable[..., Any]:
    """Add ``--out``."""
    return click.option(
        "--out",
        type=FIGURE_FILE,
        default=default,
        show_default=True,
        help="File to write; its suffix is .pdf, .svg or .png.",
    )
