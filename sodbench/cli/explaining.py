"""What ``sodbench explain`` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sodbench.analysis.explain.explain import claim_of, explain, one_job, rescorer_of_maps, stored_rescorer
from sodbench.analysis.explain.rescorer import Rescorer
from sodbench.cli.options import chosen_protocol
from sodbench.cli.output import progress_bar, say, show
from sodbench.metrics import check_metrics
from sodbench.protocol import Protocol
from sodbench.reports.explain import explanation_json, explanation_text
from sodbench.scoring.notices import moved_metrics
from sodbench.scoring.plan import Plan
from sodbench.scoring.runs import collect_jobs


def show_explanation(
    maps: Path,
    dataset: str | None,
    masks: Path | None,
    data: Path | None,
    claimed: Sequence[str],
    metrics: Sequence[str],
    out: Path,
    as_json: bool,
    protocol: str | None,
    strip: Sequence[str],
    subset: bool,
    jobs: int | None,
    **overrides: Any,
) -> None:
    """Explain stored scores, or maps, which are scored first."""
    claims = [claim_of(word) for words in claimed for word in words.replace(",", " ").split()]
    wanted = check_metrics(metrics or ("paper",))
    figures, odd = stored_rescorer(maps), tuple[str, ...]()
    if figures is not None:
        given = {"dataset": dataset, "masks": masks, "data": data, "strip": strip, "subset": subset}
        if named := [f"--{name}" for name, value in given.items() if value]:
            raise click.UsageError(f"{maps} holds scores, for which there is no {', '.join(named)}.")
        scores = figures.scores
        figures = Rescorer(scores.under(chosen_protocol(protocol or scores.protocol, overrides)))
    else:
        found_jobs, notices = collect_jobs([maps], [dataset] if dataset else [], masks, data)
        for line in (*moved_metrics(protocol or ""), *notices):
            say(line)
        job = one_job(found_jobs)
        chosen = chosen_protocol(protocol or Protocol(), overrides)
        plan = Plan(chosen, missing="zero", strip=tuple(strip), subset=subset, jobs=jobs)
        rule = overrides["mask_threshold"] or (chosen.mask_threshold if "|" in (protocol or "") else None)
        figures, odd = rescorer_of_maps(job, plan, out, rule, say, progress_bar)
    with progress_bar("explain") as progress:
        found = explain(figures, wanted, claims, odd, say=say, progress=progress)
    show(explanation_json(found) if as_json else explanation_text(found))
