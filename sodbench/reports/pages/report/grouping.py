"""Which scores of a report belong together: those of a dataset, and those that may be compared."""

from collections.abc import Iterable, Sequence

from sodbench.metrics import metric_differences
from sodbench.scoring.scores import Scores


def by_dataset(scores: Iterable[Scores]) -> dict[str, list[Scores]]:
    """Return the scores of each dataset, in their order."""
    boards: dict[str, list[Scores]] = {}
    for s in scores:
        boards.setdefault(s.dataset_name, []).append(s)
    return boards


def having(board: Iterable[Scores], metric: str) -> list[Scores]:
    """Return those scores that have a metric."""
    return [s for s in board if metric in s.metrics]


def alike(board: Sequence[Scores], metrics: Sequence[str]) -> list[list[Scores]]:
    """Return the scores of a dataset in groups within which some metrics may be compared."""
    groups: list[list[Scores]] = []
    for s in board:
        own = (g for g in groups if not metric_differences(g[0].signature, s.signature, metrics))
        group = next(own, None)
        if group is None:
            groups.append([s])
        else:
            group.append(s)
    return groups
