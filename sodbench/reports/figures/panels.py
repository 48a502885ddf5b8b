"""Precision, recall and F curves of many methods, and which of them may share a figure's panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sodbench.errors import LeaderboardError, ScoresError, first_few
from sodbench.leaderboard.boards import read_boards
from sodbench.leaderboard.curves import board_with_curves
from sodbench.metrics import metric_differences, signature_about
from sodbench.metrics.histogram import Reals
from sodbench.scoring.scores import Scores
from sodbench.utils.process import Progress

if TYPE_CHECKING:
    from sodbench.analysis.statistics.bands import Band


@dataclass(frozen=True)
class Curves:
    """The curves of one method on one dataset, ``(K,)`` over ascending thresholds, and how they were made.

    `band` is that of precision and recall, where it was asked for.
    """

    signature: str
    precision: Reals
    recall: Reals
    f: Reals
    band: "Band | None" = None


OF_CURVES = ("max_f",)
"""The metric that depends on everything the curves drawn depend on."""

Panels = dict[str, dict[str, Curves]]
"""Dataset -> method -> its curves."""


def scores_curves(scores: Sequence[Scores], band: bool = False, progress: Progress | None = None) -> Panels:
    """Return the curves of scores, with a bootstrap band if asked for.

    Parameters
    ----------
    scores
        Of one or more methods on one or more datasets.
    band
        Resample the images for a band.
    progress
        Called with the number of scores done, and their total.

    Raises
    ------
    ScoresError
        A method occurs twice on a dataset.
    """
    panels: Panels = {}
    for done, method_scores in enumerate(scores, start=1):
        panel = panels.setdefault(method_scores.dataset_name, {})
        if method_scores.method in panel:
            raise ScoresError(
                f"{method_scores.method} on {method_scores.dataset}: found twice in the scores, expected "
                "once. Name one folder."
            )
        curves = method_scores.curves()
        shade = _band(method_scores) if band else None
        panel[method_scores.method] = Curves(
            str(method_scores.sign(OF_CURVES)), curves["precision"], curves["recall"], curves["f"], shade
        )
        if progress:
            progress(done, len(scores))
    return panels


def _band(scores: Scores) -> "Band":
    from sodbench.analysis.statistics.bands import pr_band

    return pr_band(scores)


def board_curves(folder: Path) -> Panels:
    """Return the curves that lie beside the boards of a folder; only measured rows have any."""
    panels: Panels = {}
    for dataset in read_boards(folder):
        board, stored = board_with_curves(folder, dataset)
        for entry in board.of("measured"):
            if entry.method in stored:
                curves = stored[entry.method].curves
                method_curves = Curves(
                    signature_about(entry.signature, OF_CURVES),
                    curves["precision"],
                    curves["recall"],
                    curves["f"],
                )
                panels.setdefault(dataset, {})[entry.method] = method_curves
    return panels


def select_curves(
    panels: Panels, datasets: Sequence[str] = (), methods: Sequence[str] = (), among: Sequence[str] = ()
) -> tuple[Panels, list[str]]:
    """Return panels of some datasets with curves of some methods, and messages about what is left out.

    Parameters
    ----------
    panels
        All curves, or those asked for; a dataset whose curves are not may have an empty panel.
    datasets, methods
        Which, in their order; none: all.
    among
        All methods that there are; none: those of the panels.

    Raises
    ------
    ScoresError
        There are no curves of a dataset or a method.
    LeaderboardError
        Curves of one dataset were scored in different ways.
    """
    available = list(dict.fromkeys(among or (method for panel in panels.values() for method in panel)))
    help_text = "`sodbench score` and `sodbench leaderboard add` make curves."
    if not available:
        raise ScoresError(f"found no curves. Give folders that `sodbench score` wrote; {help_text}")
    for wanted, known in ((datasets, list(panels)), (methods, available)):
        if unknown := [name for name in wanted if name not in known]:
            raise ScoresError(f"{unknown[0]}: no curves here, only of {first_few(known)}. {help_text}")
    chosen = methods or available
    selected, messages = {}, []
    for dataset in datasets or panels:
        panel = {method: panels[dataset][method] for method in chosen if method in panels[dataset]}
        if not panel and not datasets:
            messages.append(f"{dataset}: no curves of {first_few(chosen)}; left out.")
            continue
        if not panel:
            raise ScoresError(
                f"{dataset}: no curves of {first_few(chosen)}. Leave it out of --dataset; {help_text}"
            )
        check_comparable(dataset, panel)
        if missing := [method for method in chosen if method not in panel]:
            messages.append(f"{dataset}: no curves of {', '.join(missing)}; left out.")
        selected[dataset] = panel
    return selected, messages


def check_comparable(dataset: str, panel: Mapping[str, Curves]) -> None:
    """Refuse curves of one panel that were scored in different ways.

    Raises
    ------
    LeaderboardError
        The signatures differ in more than the program's version.
    """
    first = next(iter(panel))
    for method, curves in panel.items():
        if fields := metric_differences(panel[first].signature, curves.signature, OF_CURVES):
            listed = ", ".join(f"{key} {a} and {b}" for key, (a, b) in fields.items())
            raise LeaderboardError(
                f"{dataset}: {first} and {method} were scored differently: {listed}. "
                "Score one of them as the other was, or choose with --methods."
            )


def panel_signatures(panels: Panels) -> list[str]:
    """Return every signature of what is drawn, once each."""
    return list(dict.fromkeys(curves.signature for panel in panels.values() for curves in panel.values()))
