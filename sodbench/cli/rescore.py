"""``sodbench rescore``."""

from pathlib import Path
from typing import Any

import click

from sodbench.cli.options import FOLDER, ProtocolCommand, chosen_protocol, protocol_options
from sodbench.cli.output import check_targets, output_options, report, say


@click.command(cls=ProtocolCommand)
@click.argument("stored", nargs=-1, type=FOLDER, required=True)
@output_options
@protocol_options(default=None)
def rescore(
    stored: tuple[Path, ...],
    csv_file: Path | None,
    images_file: Path | None,
    as_json: bool,
    protocol: str | None,
    **overrides: Any,
) -> None:
    """Show stored scores, under another protocol if asked, without the images.

    STORED is a folder that `sodbench score` wrote, or one above. The level histograms give MAE, P, R,
    F and E under any protocol; metrics whose pixels would be needed again are left out, and named.

    \b
    sodbench rescore scores/
    sodbench rescore scores/PiCANet/SOD --protocol pysodmetrics
    """  # noqa: D301 (click needs the character \b)
    from sodbench.scoring.scores import load_scores

    check_targets(csv_file, images_file)
    shown = []
    for scores in load_scores(stored):
        moved = scores.under(chosen_protocol(protocol or scores.protocol, overrides))
        lost = [name for name in scores.metrics if name not in moved.metrics]
        if lost:
            say(
                f"{scores.method} on {scores.dataset_name}: {', '.join(lost)} left out, as this "
                "protocol needs the images again for them: run `sodbench score`."
            )
        shown.append(moved)
    report(shown, csv_file, images_file, as_json)
