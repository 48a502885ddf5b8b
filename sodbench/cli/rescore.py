"""``sodbench rescore``."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sodbench.cli.conventions import ProtocolChoice, ProtocolCommand, gathered, protocol_options
from sodbench.cli.options import METHODS_OPTION, datasets_option, metrics_option, output_options
from sodbench.cli.output import check_targets, report, say
from sodbench.cli.parameters import FOLDER, argument
from sodbench.errors import ScoresError, first_few

if TYPE_CHECKING:
    from sodbench.scoring.scores import Scores


@dataclass(frozen=True)
class RescoreOptions:
    """What ``sodbench rescore`` is asked for."""

    stored: tuple[Path, ...]
    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    csv_file: Path | None
    images_file: Path | None
    as_json: bool
    protocol: ProtocolChoice


@click.command(cls=ProtocolCommand)
@argument("stored", nargs=-1, type=FOLDER, required=True)
@datasets_option()
@METHODS_OPTION
@metrics_option("those stored, of which the table shows paper")
@output_options
@protocol_options(default=None)
@gathered(RescoreOptions)
def rescore(options: RescoreOptions) -> None:
    """Show stored scores, under another protocol if asked, without the images.

    STORED is a folder that `sodbench score` wrote, or one above. The level histograms give MAE, F, E, IoU
    etc., AUC and AP under any protocol; metrics that need the images again are left out, and listed.

    \b
    sodbench rescore scores/
    sodbench rescore scores/PiCANet/SOD --protocol pysodmetrics
    """  # noqa: D301 (click needs the character \b)
    from sodbench.scoring.selection import load_scores

    check_targets(options.csv_file, options.images_file)
    shown = []
    left_out: dict[str, list[str]] = {}
    for scores in load_scores(options.stored, options.datasets, options.methods, options.metrics):
        asked = _only(scores, options.metrics)
        moved = asked.under(options.protocol.of(asked.protocol))
        if lost := [name for name in asked.metrics if name not in moved.metrics]:
            left_out.setdefault(", ".join(lost), []).append(f"{scores.method} on {scores.dataset_name}")
        shown.append(moved)
    lines = [
        f"{first_few(names)}: {metrics} left out, as this protocol needs the images again for them: "
        "pass the maps to `sodbench score` with the same options."
        for metrics, names in left_out.items()
    ]
    if lines and not any(scores.metrics for scores in shown):
        raise ScoresError("\n".join([*lines, "Nothing is left to show."]))
    for line in lines:
        say(line)
    report(shown, options.csv_file, options.images_file, options.as_json, bool(options.metrics))


def _only(scores: "Scores", metrics: tuple[str, ...]) -> "Scores":
    """Leave some metrics of scores, all that there are for ``all`` or none."""
    from sodbench.metrics import METRICS, metric_ids

    wanted = metric_ids(metrics)
    if len(wanted) in (0, len(METRICS)):
        return scores
    scores.check_computed(wanted)
    return replace(scores, metrics=tuple(name for name in METRICS if name in wanted))
