"""``sodbench explain``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sodbench.cli.conventions import ProtocolChoice, ProtocolCommand, gathered, protocol_options
from sodbench.cli.options import (
    DATA_OPTION,
    EXECUTOR_OPTION,
    JOBS_OPTION,
    JSON_OPTION,
    LOOSE_OPTION,
    MASKS_OPTION,
    SCHEDULER_OPTION,
    STRIP_OPTION,
    SUBSET_OPTION,
    dataset_option,
    metrics_option,
    scores_option,
    workers_of,
)
from sodbench.cli.output import progress_bar, say, show
from sodbench.cli.parameters import PLACE, argument, option
from sodbench.protocol import Protocol
from sodbench.utils.urls import PathOrUrl

if TYPE_CHECKING:
    from sodbench.analysis.explain.rescorer import Rescorer
    from sodbench.utils.executors import Workers


@dataclass(frozen=True)
class ExplainOptions:
    """What ``sodbench explain`` is asked for."""

    maps: PathOrUrl
    dataset: str | None
    masks: PathOrUrl | None
    data: Path | None
    claimed: tuple[str, ...]
    metrics: tuple[str, ...]
    strip: tuple[str, ...]
    loose: bool
    subset: bool
    jobs: int | None
    executor: str | None
    scheduler: str | None
    scores: Path
    as_json: bool
    protocol: ProtocolChoice


class ClaimCommand(ProtocolCommand):
    """A command whose ``--claimed`` takes several words: ``--claimed max_f=.951 mae=.033``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each of its words."""
        words: list[str] = []
        for word in args:
            if words[-2:-1] == ["--claimed"] and "=" in word and not word.startswith("-"):
                words.append("--claimed")
            words.append(word)
        return super().parse_args(ctx, words)


@click.command(cls=ClaimCommand)
@argument("maps", type=PLACE)
@dataset_option(show_default="the one that the folder is named after")
@DATA_OPTION
@MASKS_OPTION
@option(
    "--claimed",
    multiple=True,
    metavar="METRIC=VALUE...",
    help="Scores as printed in a paper: max_f=.951 mae=.033",
)
@metrics_option("paper")
@STRIP_OPTION
@LOOSE_OPTION
@SUBSET_OPTION
@JOBS_OPTION
@EXECUTOR_OPTION
@SCHEDULER_OPTION
@scores_option(default="scores", show_default=True, aliases=("--out",))
@JSON_OPTION
@protocol_options(default=None)
@gathered(ExplainOptions)
def explain(options: ExplainOptions) -> None:
    """Show how each convention changes a score, and which ones reproduce a claimed score.

    MAPS is one method's folder or zip of maps on one dataset. Or it is a folder that `sodbench score`
    wrote; conventions that need the images again are then left out, and listed.

    Conventions are changed one at a time in --protocol, by default u2net or the one of the scores.

    \b
    sodbench explain preds/MINE/ECSSD --dataset ECSSD
    sodbench explain preds/MINE/ECSSD --claimed max_f=.951 mae=.033
    """  # noqa: D301 (click needs the character \b)
    from sodbench.analysis.explain.explain import claim_of, stored_rescorer
    from sodbench.analysis.explain.explain import explain as explain_scores
    from sodbench.metrics import check_metrics
    from sodbench.reports.explain import explanation_json, explanation_text
    from sodbench.scoring.runs import IN_WORKERS

    claims = [claim_of(word) for words in options.claimed for word in words.replace(",", " ").split()]
    metrics = check_metrics(options.metrics or ("paper",))
    findings: tuple[str, ...] = ()
    wanted = check_metrics([*metrics, *(claim.metric for claim in claims)])
    with workers_of(options.executor, options.jobs, options.scheduler, IN_WORKERS) as workers:
        if (stored := stored_rescorer(options.maps, wanted)) is not None:
            rescorer = _of_stored(stored, options)
        else:
            rescorer, findings = _of_maps(options, wanted, workers)
        with progress_bar("explain") as progress:
            explanation = explain_scores(rescorer, metrics, claims, findings, say=say, progress=progress)
    show(explanation_json(explanation) if options.as_json else explanation_text(explanation))


def _of_stored(stored: "Rescorer", options: ExplainOptions) -> "Rescorer":
    """Return stored scores under the protocol asked for."""
    from sodbench.analysis.explain.rescorer import Rescorer

    for_maps = {
        "--dataset": options.dataset,
        "--masks": options.masks,
        "--data": options.data,
        "--strip": options.strip,
        "--loose-names": options.loose,
        "--subset": options.subset,
        "--executor": options.executor,
    }
    if given := [name for name, value in for_maps.items() if value]:
        raise click.UsageError(f"{options.maps} holds scores; {', '.join(given)} would be for maps.")
    return Rescorer(stored.scores.under(options.protocol.of(stored.scores.protocol)))


def _of_maps(
    options: ExplainOptions, metrics: tuple[str, ...], workers: "Workers"
) -> tuple["Rescorer", tuple[str, ...]]:
    """Look at the maps and score them, or take their scores from an earlier run."""
    from sodbench.analysis.explain.explain import one_job, rescorer_of_maps
    from sodbench.metrics import DEFAULT_METRICS, check_metrics
    from sodbench.scoring.plan import Plan
    from sodbench.scoring.runs import collect_jobs

    datasets = [options.dataset] if options.dataset else []
    jobs, notices = collect_jobs([options.maps], datasets, options.masks, options.data)
    for line in (*options.protocol.notices(), *notices):
        say(line)
    job = one_job(jobs)
    plan = Plan(
        options.protocol.of(Protocol()),
        check_metrics([*DEFAULT_METRICS, *metrics]),
        missing="zero",
        strip=options.strip,
        loose=options.loose,
        subset=options.subset,
        jobs=options.jobs,
    )
    rule = options.protocol.mask_rule
    return rescorer_of_maps(job, plan, options.scores, rule, say, progress_bar, workers)
