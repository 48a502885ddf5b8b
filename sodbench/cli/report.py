"""``sodbench report``."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from sodbench.cli.conventions import gathered
from sodbench.cli.options import (
    BASELINE_OPTION,
    BOARDS_OPTION,
    DATA_OPTION,
    MASKS_OPTION,
    METHODS_OPTION,
    datasets_option,
    maps_option,
    metrics_option,
    page_option,
    resamples_option,
)
from sodbench.cli.output import check_targets, progress_bar, say, show
from sodbench.cli.parameters import FOLDER, argument, option
from sodbench.utils.text import shown_size
from sodbench.utils.urls import PathOrUrl

SIDE, MEGABYTES = 160, 15.0
"""As in `sodbench.reports.pages.report.gallery`, which is not imported for a help text."""


@dataclass(frozen=True)
class ReportOptions:
    """What ``sodbench report`` is asked for."""

    stored: tuple[Path, ...]
    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    baseline: str | None
    resamples: int | None
    boards: Path | None
    data: Path | None
    masks: PathOrUrl | None
    maps: PathOrUrl | None
    thumbnails: int
    max_size: float
    out: Path

    @property
    def command(self) -> str:
        """The command line that asks for this."""
        words = ["sodbench", "report", *map(str, self.stored)]
        for name, value in (
            ("--dataset", ",".join(self.datasets)),
            ("--methods", ",".join(self.methods)),
            ("--metrics", ",".join(self.metrics)),
            ("--baseline", self.baseline),
            ("--resamples", self.resamples),
            ("--boards", self.boards),
            ("--data", self.data),
            ("--masks", self.masks),
            ("--maps", self.maps),
            ("--thumbnails", self.thumbnails if self.thumbnails != SIDE else None),
            ("--max-size", f"{self.max_size:g}" if self.max_size != MEGABYTES else None),
            ("--out", self.out),
        ):
            words += [name, str(value)] if value else []
        return shlex.join(words)


@click.command()
@argument("stored", nargs=-1, type=FOLDER, required=True, metavar="SCORES...")
@datasets_option()
@METHODS_OPTION
@metrics_option("paper")
@BASELINE_OPTION
@resamples_option(None, "10,000; 1,000 of more than 10,000 maps")
@BOARDS_OPTION
@DATA_OPTION
@MASKS_OPTION
@maps_option(show_default="those that were scored")
@option(
    "--thumbnails",
    type=click.IntRange(16, 2048),
    default=SIDE,
    show_default=True,
    help="Longer side of a picture, in pixels.",
)
@option(
    "--max-size",
    metavar="MB",
    type=click.FloatRange(1),
    default=MEGABYTES,
    show_default=True,
    help="Largest size of the file; pictures that have no room are left out.",
)
@page_option("report.html")
@gathered(ReportOptions)
def report(options: ReportOptions) -> None:
    """Write a report of scores, with tables, charts and pictures, as one HTML file.

    SCORES are folders that `sodbench score` wrote, or a folder above. The file needs no network and no
    other file, so it can be mailed.

    \b
    sodbench report scores/
    sodbench report scores/ --dataset SOD --baseline PiCANet --out sod.html
    """  # noqa: D301 (click needs the character \b)
    from sodbench.reports.pages.report.report import check_page
    from sodbench.reports.pages.report.report import report as report_on
    from sodbench.scoring.selection import load_scores

    check_page(options.out, "--out")
    check_targets(options.out)
    stored = load_scores(options.stored, options.datasets, options.methods, options.metrics)
    made = report_on(
        stored,
        metrics=options.metrics,
        baseline=options.baseline,
        resamples=options.resamples,
        boards=options.boards,
        data=options.data,
        masks=options.masks,
        maps=options.maps,
        thumbnails=options.thumbnails,
        max_size=options.max_size,
        command=options.command,
        say=say,
        bar=progress_bar,
    )
    made.save(options.out)
    for line in made.left_out:
        say(line)
    say(f"{shown_size(made.size)} in one file")
    show(str(options.out))
