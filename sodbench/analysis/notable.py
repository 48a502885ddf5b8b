"""The images of a dataset worth a look: those on which a method is worst, and those that methods dispute.

A method's images are ranked by a metric's per-image values, as `sodbench.analysis.worst` does. How much
methods disagree on an image is the highest of their values minus the lowest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile, zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.worst import rank
from sodbench.errors import ScoresError, first_few
from sodbench.metrics import METRICS, find_metric, metric_differences
from sodbench.scoring.scores import Scores

OF_IMAGES = ("data", "n", "ids", "missing")
"""Parts of a signature that say which images were scored, not how one is."""


class ImageValues(NamedTuple):
    """A metric of some images under several methods.

    Parameters
    ----------
    images
        Ids ``(n,)``, sorted: those that any method has.
    values
        ``(methods, n)``, NaN where it is undefined, or where a method lacks the image.
    spread
        ``(n,)``, the highest value minus the lowest; NaN where fewer than two methods have one.
    """

    images: tuple[str, ...]
    values: NDArray[np.float64]
    spread: NDArray[np.float64]


class NotableImage(NamedTuple):
    """An image, and why it was chosen.

    Parameters
    ----------
    image
        Its id.
    disputed
        Its rank by spread, from 1, if all that are more disputed were chosen, too.
    worst
        Method and rank from 1 of those whose worst images it is among, the lowest rank first.
    spread
        The highest value minus the lowest; None where fewer than two methods have one.
    """

    image: str
    disputed: int | None
    worst: tuple[tuple[str, int], ...]
    spread: float | None


@dataclass(frozen=True)
class Notable:
    """The images chosen, in the order in which they were.

    Parameters
    ----------
    images
        Most disputed and worst ones, in turns.
    undefined
        Method -> images on which the metric is undefined, which are not ranked.
    unlike
        Why methods are not compared with each other; empty: they are.
    """

    images: tuple[NotableImage, ...]
    undefined: dict[str, tuple[str, ...]]
    unlike: str


def image_values(board: Sequence[Scores], metric: str) -> ImageValues:
    """Return a metric of each image under each method.

    Parameters
    ----------
    board
        Scores of several methods on one dataset; those without the metric have no values.
    metric
        Column id.
    """
    images = tuple(sorted({image for scores in board for image in scores.rows}))
    place = {image: k for k, image in enumerate(images)}
    values = np.full((len(board), len(images)), np.nan)
    for k, scores in enumerate(board):
        if metric in scores.metrics:
            values[k, [place[image] for image in scores.ids]] = scores.values(metric)
    known = ~np.isnan(values)
    high = np.where(known, values, -np.inf).max(axis=0)
    low = np.where(known, values, np.inf).min(axis=0)
    several = known.sum(axis=0) > 1
    spread = np.where(several, np.where(several, high, 0) - np.where(several, low, 0), np.nan)
    return ImageValues(images, values, spread)


def scored_unlike(board: Sequence[Scores], metric: str) -> str:
    """Say in what methods were scored differently, so that their values of an image do not compare.

    Which images were scored does not count.

    Examples
    --------
    >>> scored_unlike([], "mae")
    ''
    """
    having = [scores for scores in board if metric in scores.metrics]
    for other in having[1:]:
        fields = metric_differences(having[0].signature, other.signature, [metric])
        if listed := [f"{key} {a} and {b}" for key, (a, b) in fields.items() if key not in OF_IMAGES]:
            return f"{having[0].method} and {other.method} were scored differently ({', '.join(listed)})"
    return ""


def notable(board: Sequence[Scores], metric: str, count: int) -> Notable:
    """Choose images, half of them the most disputed, half the worst of each method in turn.

    Parameters
    ----------
    board
        Scores of methods on one dataset.
    metric
        Column id.
    count
        How many at most.

    Raises
    ------
    ScoresError
        `count` is below 1, or no method has the metric on any image.
    """
    metric = find_metric(metric).id
    if count < 1:
        raise ScoresError(f"{count} images asked for, expected at least 1.")
    undefined: dict[str, tuple[str, ...]] = {}
    worst: dict[str, list[str]] = {}
    for scores in board:
        if metric not in scores.metrics:
            continue
        values = scores.values(metric)
        if lacking := tuple(image for image, out in zip(scores.ids, np.isnan(values), strict=True) if out):
            undefined[scores.method] = lacking
        if len(lacking) < len(values):
            worst[scores.method] = [ranked.image for ranked in rank(scores, metric, count).images]
    if not worst:
        methods = first_few([scores.method for scores in board])
        raise ScoresError(f"{methods}: no image has a {METRICS[metric].label}.")
    unlike = scored_unlike(board, metric)
    of_images = image_values(board, metric)
    spread = dict(zip(of_images.images, of_images.spread.tolist(), strict=True))
    disputed: list[str] = []
    if not unlike:
        order = np.argsort(-of_images.spread, kind="stable")
        disputed = [of_images.images[k] for k in order[:count] if of_images.spread[k] > 0]
    chosen = _in_turns(disputed, worst, count)
    unbroken = list(takewhile(set(chosen).__contains__, disputed))
    return Notable(
        images=tuple(
            NotableImage(
                image,
                unbroken.index(image) + 1 if image in unbroken else None,
                tuple(sorted(_ranks(image, worst), key=lambda ranked: ranked[1])),
                None if np.isnan(spread[image]) or unlike else spread[image],
            )
            for image in chosen
        ),
        undefined=undefined,
        unlike=unlike,
    )


def _ranks(image: str, worst: dict[str, list[str]]) -> list[tuple[str, int]]:
    return [(method, images.index(image) + 1) for method, images in worst.items() if image in images]


def _in_turns(disputed: Sequence[str], worst: dict[str, list[str]], count: int) -> list[str]:
    """Take the next disputed image, then the next worst one of the next method, and so on."""
    of_methods = [image for images in zip_longest(*worst.values()) for image in images if image is not None]
    waiting, turn = [list(dict.fromkeys(disputed)), list(dict.fromkeys(of_methods))], 0
    chosen: list[str] = []
    while len(chosen) < count and any(waiting):
        line = waiting[turn % 2]
        while line:
            image = line.pop(0)
            if image not in chosen:
                chosen.append(image)
                break
        turn += 1
    return chosen
