"""What ``sodbench table`` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sodbench.cli.output import deliver, say


def show_table(
    paper: bool,
    ablation: bool,
    measure: bool,
    datasets: Sequence[str],
    methods: Sequence[str],
    own: Sequence[Path],
    style: str | None,
    mark: str,
    caption: str,
    out: Path | None,
    boards: Path | None,
    ci: bool,
    significance: bool,
    **layout: Any,
) -> None:
    """Show the ablation's tables, or boards and one's own scores side by side."""
    from sodbench.reports.formats import render_table, style_of

    style = style or style_of(out)
    if ablation or measure:
        from sodbench.reports.ablation import ablation_tables

        if paper or datasets or methods or own or boards:
            raise click.UsageError("--ablation shows tables of its own: no datasets, methods or scores.")
        deliver(ablation_tables(style, measure=measure, mark=mark), out)
        return
    from sodbench.leaderboard.boards import boards_folder, read_boards
    from sodbench.reports.leaderboard_table import assemble, build_table, notices
    from sodbench.scoring.scores import load_scores

    found = read_boards(boards_folder(boards))
    scores = load_scores(own) if own else []
    chosen = assemble(found, scores, paper=paper, datasets=datasets, methods=methods)
    for line in notices(chosen, found, scores):
        say(line)
    if ci or significance:
        from sodbench.reports.confidence import marks

        layout["marks"] = marks(scores, layout["metrics"], spreads=ci, better=significance)
    deliver(render_table(build_table(chosen, **layout), style, mark=mark, caption=caption), out)
