"""Rankings of the worst images as text, CSV and JSON."""

from sodbench.analysis.worst import Ranking
from sodbench.errors import first_few
from sodbench.metrics import METRICS
from sodbench.utils.text import aligned, json_text, printable, sheet_text


def ranking_title(ranking: Ranking) -> str:
    """Say what the list holds, in one sentence."""
    metric, listed = METRICS[ranking.metric], len(ranking.images)
    if ranking.than is None:
        most = "lowest" if metric.higher_is_better else "highest"
        start = f"{ranking.method} on {ranking.dataset}: {most} {metric.label}"
        return f"{start}, {listed} of {ranking.of} images"
    start = f"{ranking.method} is behind {ranking.than} in {metric.label} on"
    if not listed:
        return f"{start} none of {ranking.of} images of {ranking.dataset}"
    return f"{start} {ranking.behind} of {ranking.of} images of {ranking.dataset}; the {listed} furthest"


def ranking_text(ranking: Ranking) -> str:
    """Lay out the list for a terminal."""
    metric = METRICS[ranking.metric]
    label = metric.label
    head = [ranking.method, ranking.than, "difference"] if ranking.than else [label]
    lines = [["rank", "image", *head, "notes"]]
    for rank, ranked in enumerate(ranking.images, start=1):
        numbers = [metric.shown(x) for x in (ranked.value, ranked.than) if x is not None]
        numbers += [metric.shown(ranked.difference, signed=True)] if ranked.difference is not None else []
        lines.append([f"{rank}", ranked.image, *numbers, " ".join(ranked.notes)])
    blocks = [
        ranking_title(ranking),
        *([aligned(lines, left=(1, len(lines[0]) - 1))] if ranking.images else []),
    ]
    if ranking.undefined:
        count = len(ranking.undefined)
        undefined = f"{count} image{'s' if count > 1 else ''}, left out: {first_few(ranking.undefined)}"
        blocks.append(f"{label} is undefined on {undefined}")
    text = "\n".join([*blocks, "", f"signature: {ranking.signature}"])
    return printable(text, keep="\n")


def ranking_csv(ranking: Ranking) -> str:
    """Return the list as CSV, in full precision."""
    other = ["than", "difference"] if ranking.than else []
    lines: list[list[object]] = [["rank", "image", ranking.metric, *other, "notes"]]
    for rank, ranked in enumerate(ranking.images, start=1):
        numbers = [repr(x) for x in (ranked.value, ranked.than, ranked.difference) if x is not None]
        lines.append([rank, ranked.image, *numbers, " ".join(ranked.notes)])
    return sheet_text(lines)


def ranking_json(ranking: Ranking) -> str:
    """Return all of this as JSON, in full precision."""
    images = [
        {"rank": rank, "image": ranked.image, "value": ranked.value, "than": ranked.than}
        | {"difference": ranked.difference, "notes": list(ranked.notes)}
        for rank, ranked in enumerate(ranking.images, start=1)
    ]
    return json_text({**vars(ranking), "images": images})
