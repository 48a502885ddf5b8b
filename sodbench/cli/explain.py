"""``sodbench explain``."""

from pathlib import Path

import click

from sodbench.cli.options import FOLDER, SpacedCommand, split_names
from sodbench.cli.output import progress_bar, say, show


@click.command(cls=SpacedCommand, spaced={"--claimed": lambda word: "=" in word})
@click.argument("maps", type=FOLDER)
@click.option("--dataset", "-d", help="Whose masks; by default the one that the folder is named like.")
@click.option("--masks", type=FOLDER, help="Folder or zip of its masks.")
@click.option("--data", type=FOLDER, help="Folder of dataset folders, in place of SODBENCH_DATA.")
@click.option(
    "--claimed", multiple=True, metavar="METRIC=VALUE...", help="Figures as printed: max_f=.951 mae=.033"
)
@click.option("--metrics", multiple=True, callback=split_names, help="Which to explain  [paper].")
@click.option(
    "--protocol", default="u2net", show_default=True, help="What single conventions are changed in."
)
@click.option(
    "--scores", "out", type=FOLDER, default="scores", show_default=True, help="Rows kept and reused."
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Threads  [one a CPU].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in full precision.")
def explain(
    maps: Path,
    dataset: str | None,
    masks: Path | None,
    data: Path | None,
    claimed: tuple[str, ...],
    metrics: tuple[str, ...],
    protocol: str,
    out: Path,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Show what each convention does to a score, and which ones give a claimed one.

    MAPS is one method's folder or zip of maps on one dataset. Or it is a folder that `sodbench score`
    wrote: then conventions that need the pixels again are left out, and named.

    \b
    sodbench explain preds/MINE/ECSSD --dataset ECSSD
    sodbench explain preds/MINE/ECSSD --claimed max_f=.951 mae=.033
    """  # noqa: D301 (click needs the character \b)
    from sodbench import explanation
    from sodbench.protocol import Protocol
    from sodbench.scores import check_metrics
    from sodbench.scoring import Plan
    from sodbench.session import collect

    claims = [explanation.claim_of(word) for words in claimed for word in words.replace(",", " ").split()]
    wanted = check_metrics(metrics or ("paper",))
    figures, odd = explanation.stored(maps), tuple[str, ...]()
    if figures is None:
        found_jobs, notices = collect([maps], [dataset] if dataset else [], masks, data)
        for notice in notices:
            say(notice)
        plan = Plan(Protocol.of(protocol), missing="zero", jobs=jobs)
        figures, odd = explanation.of_maps(explanation.one_job(found_jobs), plan, out, say, progress_bar)
    with progress_bar("explain") as progress:
        found = explanation.explain(figures, wanted, claims, odd, say=say, progress=progress)
    show(explanation.as_json(found) if as_json else explanation.text(found))
