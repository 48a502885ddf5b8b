"""``--protocol``, and an option for each convention of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from functools import wraps
from typing import Any, TypeVar

import click

from sodbench.cli.parameters import option
from sodbench.protocol import PRESETS, Protocol

Options = TypeVar("Options")

CONVENTIONS = tuple(spec.name for spec in fields(Protocol))
"""The parameters that change one convention."""


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
                asked = {name: values.pop(name) for name in CONVENTIONS}
                changes = {name: value for name, value in asked.items() if value is not None}
                values["protocol"] = ProtocolChoice(values["protocol"], changes)
            command(kind(**values))

        return callback

    return gather


class ProtocolCommand(click.Command):
    """A command whose help leaves the protocol's conventions to ``--help-conventions``."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the options that are no conventions."""
        _list_options(ctx, formatter, "Options", conventions=False)


def _show_conventions(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    """List the options of the conventions, and end."""
    if asked and not ctx.resilient_parsing:
        formatter = ctx.make_formatter()
        _list_options(ctx, formatter, "Single conventions, in place of the protocol's", conventions=True)
        click.echo(formatter.getvalue().rstrip("\n"))
        ctx.exit()


def _list_options(ctx: click.Context, formatter: click.HelpFormatter, title: str, conventions: bool) -> None:
    chosen = [param for param in ctx.command.get_params(ctx) if (param.name in CONVENTIONS) is conventions]
    options = [param for param in chosen if isinstance(param, click.Option)]
    with formatter.section(title):
        formatter.write_dl([record for option in options if (record := option.get_help_record(ctx))])


def protocol_options(default: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``--protocol``, one option for every field of a Protocol, and ``--help-conventions``."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        command = option(
            "--help-conventions",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_conventions,
            help="List the options that change one convention of the protocol, and exit.",
        )(command)
        for spec in reversed(fields(Protocol)):
            command = _override(spec)(command)
        return option(
            "--protocol",
            default=default,
            callback=_unlabelled,
            show_default=True if default else "as stored",
            metavar="NAME|SIGNATURE",
            help=f"{', '.join(PRESETS)}, or a signature as printed, in quotes.",
            shell_complete=lambda ctx, param, text: [name for name in PRESETS if name.startswith(text)],
        )(command)

    return add


def _override(spec: Field[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    choices = spec.metadata.get("choices")
    kind = click.Choice(choices) if choices else float if "range" in spec.metadata else str
    return option(f"--{spec.name.replace('_', '-')}", spec.name, type=kind, help=spec.metadata["help"])


def _unlabelled(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Also accept a signature with the label that is printed before it."""
    return value and re.sub(r"\A\s*signature\b[^|]*?:\s+", "", value)
