"""What a reader of scores should know, in words."""

from sodbench.errors import first_few
from sodbench.metrics import METRICS, REVISIONS, revisions_of
from sodbench.protocol import parse_revisions, revisions_text, split_signature
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
        f"{start}: {n} of {len(scores.rows)} images: {METRICS[name].label} undefined, left out of its mean"
        for name, n in scores.undefined().items()
    ]
    return lines


def moved_metrics(protocol: str) -> list[str]:
    """Say if a signature that is to be rescored was made by other revisions of the metrics."""
    made = split_signature(protocol).get("rev") if "|" in protocol else None
    if made is None or all(REVISIONS.get(f, number) == number for f, number in parse_revisions(made).items()):
        return []
    now = {**revisions_of(), **{f: REVISIONS[f] for f in parse_revisions(made) if f in REVISIONS}}
    return [
        f"the signature was made by revisions {made} of the metrics, these are {revisions_text(now)}: "
        "numbers can differ"
    ]
