"""What a reader of scores should know, in words."""

from collections.abc import Mapping, Sequence

from sodbench.data.locations import Location
from sodbench.data.pairing import naming_hint, pair
from sodbench.data.sources import ImageFile
from sodbench.errors import first_few
from sodbench.metrics import METRICS, revisions_of
from sodbench.protocol import Protocol, parse_revisions, revisions_text, split_signature
from sodbench.scoring.plan import Plan
from sodbench.scoring.rows import ROW_NOTES
from sodbench.scoring.scores import Scores


def unpaired(methods: Mapping[str, Sequence[ImageFile]], location: Location, plan: Plan) -> list[str]:
    """Say which of the methods' maps have no mask, and which masks no map, where that is no error."""
    masks = location.mask_files
    lines = []
    for method, entries in methods.items():
        pairing = pair(entries, masks, plan.strip, loose=plan.loose)
        start = f"{method} on {location.dataset.name}: "
        if not pairing.pairs or (pairing.missing and plan.missing == "error"):
            continue
        if pairing.extra:
            passed = f"maps without a mask, passed over: {len(pairing.extra)} ({first_few(pairing.extra)})"
            hint = naming_hint(entries, masks, plan.strip, loose=plan.loose)
            lines.append(f"{start}{passed}{hint and '. '}{hint}")
        if pairing.missing and plan.missing == "skip":
            lines.append(
                f"{start}predictions missing, left out: {len(pairing.missing)} of {len(masks)} "
                f"({first_few(pairing.missing)})"
            )
    return lines


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
