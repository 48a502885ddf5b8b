"""The command line: one file per command, imported when the command is used."""

import logging
import signal
import sys
import warnings
from importlib import import_module
from typing import Any

import click

from sodbench.cli.output import readable_streams, said_warnings, say
from sodbench.errors import SodbenchError, WorkerError, nearest
from sodbench.utils.process import Ended, ended_by_signals, keep_freed_memory
from sodbench.version import __version__

SECTIONS = {
    "Evaluate": {
        "score": "Score predictions against a dataset's masks.",
        "merge": "Merge the scores of all parts of a dataset.",
        "rescore": "Show stored scores, under another protocol if asked.",
        "leaderboard": "Add scores to leaderboards, show and check them.",
    },
    "Understand": {
        "explain": "Show how each convention changes a score, and which ones reproduce a claimed score.",
        "compare": "Test whether methods differ significantly.",
        "worst": "List and show the images on which a method is worst, or furthest behind another.",
        "metrics": "List metrics, the papers that define them, and what each asks.",
        "protocols": "List the presets of conventions, and in what they differ.",
    },
    "Figures and tables": {
        "report": "Write a report of scores as one HTML file: tables, charts, pictures.",
        "table": "Show methods side by side, as text, LaTeX, Markdown, HTML or CSV.",
        "plot-pr": "Draw precision-recall curves, one panel per dataset.",
        "plot-f": "Draw F-measure against the threshold, one panel per dataset.",
        "plot-qualitative": "Show photos, masks and maps side by side.",
        "plot-size": "Draw a metric against the size of the weights.",
        "plot-cost": "Draw the cost of the ablation's blocks against their middle channels.",
        "site": "Write the leaderboards as a static web site.",
    },
    "Models": {
        "run": "Make saliency maps of photos with a network.",
        "train": "Train a network on photos and masks.",
        "models": "List models, their size, and whether their weights are on this disk.",
        "weights": "Fetch, find and verify published weights.",
        "bench-model": "Time a model: parameters, multiply-accumulates, ms per image.",
    },
    "Data": {
        "datasets": "List datasets, where they are, and whether they are complete.",
        "doctor": "Check this installation: versions, caches, datasets, devices, weights.",
    },
}
"""The sections of the help, and the commands in each."""

COMMANDS = {name: words for section in SECTIONS.values() for name, words in section.items()}

MODULES = {"plot-pr": "plot_curves", "plot-f": "plot_curves"}
"""Modules of commands whose name is not the module's."""

KEPT = {
    **dict.fromkeys(("score", "explain"), "Finished images are kept; run the same command to continue."),
    "run": "Finished maps are kept; run the same command to continue.",
    "train": "The last checkpoint is kept, if there is one; continue with --resume RUN.",
}
"""What is left of a command that was interrupted; of the others nothing is."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is used."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the program, with streams that show every letter."""
        with readable_streams(), said_warnings():
            return super().main(*args, **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command, where options of commands are not known."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities:
                raise
            way = "Options of a command stand after its name: sodbench COMMAND [OPTIONS]."
            message = f"{error.message} {way}"
            raise click.NoSuchOption(error.option_name, message, ctx=ctx) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return a command, None for an unknown name."""
        if name not in COMMANDS:
            return None
        function = name.replace("-", "_")
        command = getattr(import_module(f"sodbench.cli.{MODULES.get(name, function)}"), function)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}; {nearest(args[0], tuple(COMMANDS))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), words) for name, words in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say where the documentation is: the package's own address, if it is installed."""
        from importlib.metadata import PackageNotFoundError, metadata

        try:
            urls = dict(url.split(", ", 1) for url in metadata("sodbench").get_all("Project-URL") or ())
        except PackageNotFoundError:
            return
        if address := urls.get("Documentation"):
            formatter.write_paragraph()
            formatter.write_text(f"Documentation: {address}")

    def invoke(self, ctx: click.Context) -> object:
        """Turn known errors into one message and exit code 1; others keep their traceback."""
        try:
            with ended_by_signals():
                return super().invoke(ctx)
        except WorkerError as error:
            words = [str(error), KEPT.get(ctx.invoked_subcommand or "", "")]
            raise click.ClickException(" ".join(filter(None, words))) from error
        except SodbenchError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt as interrupt:
            ended = interrupt.number if isinstance(interrupt, Ended) else 0
            start = f"Ended by {interrupt}." if ended else "Interrupted."
            say(" ".join([start, *filter(None, [KEPT.get(ctx.invoked_subcommand or "")])]))
            sys.exit(128 + (ended or signal.SIGINT))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="sodbench")
def main() -> None:
    """Score saliency maps; every score comes with a signature that records how it was computed.

    \b
    Try it:  sodbench score --dataset demo
    """  # noqa: D301 (click needs the character \b)
    keep_freed_memory()
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", module="PIL")  # what is wrong with a file is said by our own errors
