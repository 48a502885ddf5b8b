"""What a reader of scores should know, in words."""

from sodbench.errors import first_few
from sodbench.metrics import METRICS, revisions_of
from sodbench.protocol import Protocol, parse_revisions, revisions_text, split_signature
from sodbench.scoring.rows import ROW_NOTES
from sodbench.scoring.scores import Scores


def remarks(scores: Scores) -> list[str]:
    """Say what a reader of these scores should know: notes on images, and undefined values.

    A note that holds of a whole dataset's masks is about the masks; the words say which it is.
    """
    start = f"{scores.method} on {scores.dataset_name}"
    lines = [
        f"{start}: {len(images)} of {len(scores.rows)} images: {ROW_NOTES[note]} ({first_few(images)})"
        for note, images in scores.noted().items()
    ]
    lines += [
        f"{start}: {n} of {len(scores.rows)} images: {METRICS[name].label} undefined{_why(name)}, "
        "left out of its mean"
        for name, n in scores.undefined().items()
    ]
    return lines


def _why(metric: str) -> str:
    return f" ({METRICS[metric].undefined})" if METRICS[metric].undefined else ""


def moved_metrics(protocol: str) -> list[str]:
    """Say if a signature that is to be rescored was made by other revisions of the metrics."""
    made = split_signature(protocol).get("rev") if "|" in protocol else None
    if made is None:
        return []
    named, known = parse_revisions(made), revisions_of(METRICS, Protocol.parse(protocol))
    if all(known.get(family, number) == number for family, number in named.items()):
        return []
    now = {**revisions_of(), **{family: known[family] for family in named if family in known}}
    return [
        f"the signature was made by revisions {made} of the metrics, these are {revisions_text(now)}: "
        "numbers can differ"
    ]
