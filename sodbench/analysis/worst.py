"""The images on which a method is worst, or furthest behind another one.

Images are ranked by a metric's per-image values; max F of one image is the maximum of its own curve. Of
equal values the first by name comes first. Images on which the metric is undefined are left out, and named.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sodbench.errors import ScoresError, first_few, nearest
from sodbench.metrics import METRICS
from sodbench.reports.scores import aligned, printable
from sodbench.scoring.scores import Scores, check_alike


class Ranked(NamedTuple):
    """One image: the method's value, and the other method's if there is one."""

    image: str
    value: float
    than: float | None
    notes: tuple[str, ...]

    @property
    def difference(self) -> float | None:
        """The method's value minus the other's."""
        return None if self.than is None else self.value - self.than


@dataclass(frozen=True)
class Ranking:
    """The worst images, worst first.

    Parameters
    ----------
    method, than
        Whose images; behind which other method, None: worst by its own values.
    dataset, metric
        On what, by which column id.
    of
        On how many images the metric is defined.
    behind
        On how many of these the method is behind the other one, None without one.
    undefined
        The images on which the metric is undefined, which are left out.
    images
        Worst first.
    signature
        How the scores were made.
    """

    method: str
    than: str | None
    dataset: str
    metric: str
    of: int
    behind: int | None
    undefined: tuple[str, ...]
    images: tuple[Ranked, ...]
    signature: str

    @property
    def title(self) -> str:
        """What the list holds, in one sentence."""
        label = METRICS[self.metric].label
        if self.than is None:
            most = "lowest" if METRICS[self.metric].higher_is_better else "highest"
            return f"{self.method} on {self.dataset}: {most} {label}, {len(self.images)} of {self.of} images"
        start = f"{self.method} is behind {self.than} in {label} on"
        if not self.images:
            return f"{start} none of {self.of} images of {self.dataset}"
        return f"{start} {self.behind} of {self.of} images of {self.dataset}; the {len(self.images)} furthest"

    def text(self) -> str:
        """Lay out the list for a terminal."""
        label = METRICS[self.metric].label
        head = [self.method, self.than, "difference"] if self.than else [label]
        lines = [["rank", "image", *head, "notes"]]
        for rank, one in enumerate(self.images, start=1):
            numbers = [f"{x:.4f}" for x in (one.value, one.than) if x is not None]
            numbers += [f"{one.difference:+.4f}"] if one.difference is not None else []
            lines.append([f"{rank}", one.image, *numbers, " ".join(one.notes)])
        blocks = [self.title, *([aligned(lines, left=(1, len(lines[0]) - 1))] if self.images else [])]
        if self.undefined:
            blocks.append(
                f"{label} is undefined on {len(self.undefined)} images, left out: {first_few(self.undefined)}"
            )
        text = "\n".join([*blocks, "", f"signature: {self.signature}"])
        return printable(text, keep="\n")

    def csv(self) -> str:
        """Return the list as CSV, in full precision."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        other = ["than", "difference"] if self.than else []
        writer.writerow(["rank", "image", self.metric, *other, "notes"])
        for rank, one in enumerate(self.images, start=1):
            numbers = [repr(x) for x in (one.value, one.than, one.difference) if x is not None]
            writer.writerow([rank, one.image, *numbers, " ".join(one.notes)])
        return text.getvalue()

    def json(self) -> str:
        """Return all of this as JSON, in full precision."""
        images = [
            {"rank": rank, "image": one.image, "value": one.value, "than": one.than}
            | {"difference": one.difference, "notes": list(one.notes)}
            for rank, one in enumerate(self.images, start=1)
        ]
        return json.dumps({**vars(self), "images": images}, indent=2, allow_nan=False)


def one_of(found: Sequence[Scores], path: Path, dataset: str | None = None) -> Scores:
    """Return the one method's scores on the one dataset.

    Raises
    ------
    ScoresError
        There are none of this dataset, or of several datasets or methods.
    """
    there = list(dict.fromkeys(_name(one) for one in found))
    if dataset is not None and dataset not in there:
        raise ScoresError(f"{path}: no scores on {dataset} here; {nearest(dataset, there)}")
    if dataset is None and len(there) > 1:
        raise ScoresError(
            f"{path}: scores on {len(there)} datasets ({first_few(there)}). Choose one with -d."
        )
    chosen = [one for one in found if dataset in (None, _name(one))]
    if len(chosen) > 1:
        methods = first_few([one.method for one in chosen])
        raise ScoresError(f"{path}: scores of {len(chosen)} methods ({methods}). Pass the folder of one.")
    return chosen[0]


def rank(scores: Scores, metric: str, count: int, than: Scores | None = None) -> Ranking:
    """Rank a method's worst images.

    Parameters
    ----------
    scores
        Of the method.
    metric
        Column id.
    count
        How many images at most.
    than
        Of another method: images on which the first is behind it, furthest first.

    Raises
    ------
    ScoresError
        `count` is below 1, the metric is unknown, was not computed or is undefined everywhere, or the two
        methods' scores are not comparable.
    """
    _check(scores, metric, count, than)
    value = scores.per_image()[metric].to_numpy()
    other = than.per_image()[metric].to_numpy() if than else np.zeros_like(value)
    gap = (value - other) * (1 if METRICS[metric].higher_is_better else -1)
    defined = ~np.isnan(gap)
    if not defined.any():
        raise ScoresError(f"{scores.method} on {_name(scores)}: {metric} is undefined on every image.")
    ids = np.array(scores.ids)
    listed = np.argsort(gap, kind="stable")[: int(np.sum(gap < 0 if than else defined))]
    images = tuple(
        Ranked(ids[k].item(), float(value[k]), float(other[k]) if than else None, scores.rows[ids[k]].notes)
        for k in listed[:count]
    )
    return Ranking(
        method=scores.method,
        than=than.method if than else None,
        dataset=_name(scores),
        metric=metric,
        of=int(defined.sum()),
        behind=len(listed) if than else None,
        undefined=tuple(ids[~defined].tolist()),
        images=images,
        signature=scores.signature,
    )


def _name(scores: Scores) -> str:
    return scores.dataset.partition("@")[0]


def _check(scores: Scores, metric: str, count: int, than: Scores | None) -> None:
    if count < 1:
        raise ScoresError(f"{count} images asked for, expected at least 1.")
    if metric not in METRICS:
        raise ScoresError(f"unknown metric {metric!r}; {nearest(metric, tuple(METRICS))}")
    for one in (scores, *([than] if than else [])):
        if metric not in one.metrics:
            raise ScoresError(
                f"{one.method} on {_name(one)}: {metric} was not computed (there are "
                f"{', '.join(one.metrics)}). Score again with --metrics {metric}."
            )
    if than is None:
        return
    check_alike([scores, than])
    if scores.method == than.method:
        raise ScoresError(
            f"both scores are of {scores.method}, which a list could not tell apart. "
            "Score one of them from a folder of another name."
        )
