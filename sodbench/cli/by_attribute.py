"""``sodbench compare --by``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sodbench.cli.output import progress_bar, say
from sodbench.reports.breakdown import breakdown_record

if TYPE_CHECKING:
    from sodbench.scoring.scores import Scores


def break_down(
    boards: "Mapping[str, list[Scores]]",
    attribute: str,
    data: Path | None,
    metrics: Sequence[str],
    plot: Path | None,
    as_json: bool,
    how: dict[str, Any],
) -> str:
    """Break comparable scores down by an attribute, draw that if asked, and return the text or JSON."""
    from sodbench.analysis.attributes import find_attribute
    from sodbench.analysis.breakdown import break_down
    from sodbench.analysis.compare import paper_metrics
    from sodbench.analysis.pictures import location_of
    from sodbench.metrics import check_metrics
    from sodbench.reports.breakdown import breakdown_text
    from sodbench.reports.figures.attributes import by_attribute_figure
    from sodbench.reports.figures.style import figure_style, save_figure

    find_attribute(attribute)
    chosen = check_metrics(metrics or paper_metrics([one for board in boards.values() for one in board]))
    found = []
    for name, board in boards.items():
        with progress_bar(name) as progress:
            location = location_of(board[0], data)
            found.append(break_down(board, attribute, location, chosen, progress=progress, **how))
    if plot is not None:
        with figure_style():
            every = [one for of in found for one in of]
            save_figure(by_attribute_figure(every), plot, "; ".join(of[0].signature for of in found))
        say(f"drawn: {plot}")
    if as_json:
        return json.dumps([breakdown_record(one) for of in found for one in of], indent=2, allow_nan=False)
    return "\n\n".join(breakdown_text(of) for of in found)
