"""Choose among the scores of a folder, before anything is asked of them."""

from collections.abc import Iterable, Sequence

from sodbench.data.registry import dataset_name
from sodbench.errors import OWN_NAMES, ScoresError, nearest
from sodbench.scoring.scores import Scores


def chosen_scores(
    stored: Sequence[Scores], datasets: Iterable[str] = (), methods: Iterable[str] = ()
) -> list[Scores]:
    """Return the scores of some methods on some datasets, by dataset as stored, methods in the order given.

    Parameters
    ----------
    stored
        All scores.
    datasets, methods
        Which; none: all.

    Raises
    ------
    ScoresError
        There are no scores of a dataset, of a method, or of any of these methods on any of these datasets.
    """
    wanted = [dataset_name(name) for name in datasets]
    order = check_named("scores on", wanted, [scores.dataset_name for scores in stored])
    kept = [scores for scores in stored if not wanted or scores.dataset_name in order]
    order = check_named("scores of", list(methods), [scores.method for scores in kept])
    if not order:
        return kept
    of_dataset = {scores.dataset: k for k, scores in reversed(list(enumerate(kept)))}
    kept = [scores for scores in kept if scores.method in order]
    return sorted(kept, key=lambda scores: (of_dataset[scores.dataset], order.index(scores.method)))


def check_named(what: str, names: Sequence[str], known: Iterable[str]) -> list[str]:
    """Return names, which must all be known.

    Raises
    ------
    ScoresError
        One is not; the message names the nearest ones.
    """
    valid = list(dict.fromkeys(known))
    if absent := [name for name in names if name not in valid]:
        raise ScoresError(f"no {what} {absent[0]} here; {nearest(absent[0], valid, OWN_NAMES)}")
    return list(names)
