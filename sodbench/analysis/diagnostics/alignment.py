"""Checks of maps against their masks: size, orientation, polarity, place, and whose mask it is."""

from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray

from sodbench.analysis.diagnostics.evidence import REACH, correlation, place_of
from sodbench.analysis.diagnostics.ordering import Order
from sodbench.analysis.diagnostics.sample import (
    FEWEST,
    HALF_OF_MAPS,
    MOST,
    Finding,
    View,
    enough,
    mean_of,
    paired,
    short,
    wxh,
)
from sodbench.errors import first_few

CLEAR = 0.2
"""By how much another mask, or a turned one, must correlate better: a median not reached by chance."""
FITS = 0.8
"""Correlation with the mask above which a map is good enough to measure where it lies."""
OFF = 0.6
"""Pixels that count as moved. Hand-drawn masks lie off by .3 to .5 themselves (SOD, three methods)."""
AGREED = 0.25
"""Pixels to the same side by which three of four maps must be moved."""
GAIN = 0.01
"""Share of the MAE that moving the maps back must save, to be reported."""

TURNS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "mirrored left to right": lambda a: a[:, :, ::-1],
    "mirrored top to bottom": lambda a: a[:, ::-1],
    "turned by 180 degrees": lambda a: a[:, ::-1, ::-1],
    "turned by 90 degrees counter-clockwise": lambda a: np.rot90(a, 1, (1, 2)),
    "turned by 90 degrees clockwise": lambda a: np.rot90(a, -1, (1, 2)),
    "transposed (x and y exchanged)": lambda a: a.transpose(0, 2, 1),
    "transposed about the other diagonal": lambda a: a[:, ::-1, ::-1].transpose(0, 2, 1),
}


def sizes(view: View) -> Finding | None:
    """Find maps of another size than their masks, except those with width and height exchanged."""
    odd = [
        evidence
        for evidence in view.seen
        if evidence.shape not in (evidence.mask_shape, evidence.mask_shape[::-1])
    ]
    if not odd:
        return None
    names = [evidence.image for evidence in odd]
    listed = first_few(
        [f"{evidence.image} {wxh(evidence.shape)} for {wxh(evidence.mask_shape)}" for evidence in odd]
    )
    shapes = {evidence.shape for evidence in odd}
    fitting = len(view.seen) - len(odd)
    if renamed(view):
        why = "their names are wrong as well, which may be all."
    elif len(shapes) == 1 and len({evidence.mask_shape for evidence in odd}) > 1:
        why = (
            f"all of them are {wxh(odd[0].shape)}, whatever the mask's size: the network's own size? "
            "Enlarge its output to the mask's size before it is rounded, then save it."
        )
    elif fitting >= HALF_OF_MAPS * len(view.seen):
        why = (
            f"the other {fitting} fit. Masks (or photos) of another version of the dataset? Compare both "
            "with the version that the paper names (`sodbench datasets verify` knows the registered ones)."
        )
    else:
        factor = median(evidence.shape[0] / evidence.mask_shape[0] for evidence in odd)
        why = (
            f"their height is {factor:.3g} times the mask's (median). Save maps in the mask's size, or say "
            "how they are to be resized: the score depends on it."
        )
    return view.finding("other-size", names, f"are of another size than their masks ({listed}); {why}")


def swapped(view: View) -> Finding | None:
    """Find maps whose width is the mask's height and the other way round."""
    names = [
        evidence.image
        for evidence in view.seen
        if evidence.shape != evidence.mask_shape == evidence.shape[::-1]
    ]
    if not names:
        return None
    why = (
        "their names are wrong as well, which may be all."
        if renamed(view)
        else "were photos turned on reading (EXIF), or arrays transposed on saving? Make the maps again "
        "in the masks' orientation (`sodbench run` follows EXIF with --exif only), or turn them."
    )
    return view.finding("turned-size", names, f"have width and height exchanged ({first_few(names)}): {why}")


def inverted(view: View) -> Finding | None:
    """Find black objects on white."""
    if not enough(view.inverted, MOST):
        return None
    hit = [evidence for evidence, yes in zip(view.varied, view.inverted, strict=True) if yes]
    return view.finding(
        "inverted",
        [evidence.image for evidence in hit],
        f"are nearer to the mask when inverted (mean MAE {short(mean_of(hit, 'mae_inverted'))} against "
        f"{short(mean_of(hit, 'mae'))} as saved) and correlate negatively with it: black means salient. "
        "Save 255 - v.",
        len(view.varied),
    )


def turned(view: View) -> Finding | None:
    """Find maps that fit their masks better mirrored or turned."""
    if len(view.varied) < FEWEST:
        return None
    gains = {name: paired(view.maps, turn(view.masks)) - view.own for name, turn in TURNS.items()}
    name = max(gains, key=lambda key: float(np.median(gains[key])))
    better = gains[name] > 0
    if not enough(better, MOST) or np.median(gains[name]) < CLEAR:
        return None
    now, then = np.median(view.own), np.median(view.own + gains[name])
    return view.finding(
        "turned",
        [evidence.image for evidence, yes in zip(view.varied, better, strict=True) if yes],
        f"fit the mask better if the mask is {name} (median correlation {short(then)} against "
        f"{short(now)}): undo on the maps what was done to the photos.",
        len(view.varied),
    )


def renamed(view: View) -> Finding | None:
    """Find maps under the name of the image before or after, or of any other."""
    if len(view.varied) < FEWEST or turned(view):
        return None
    ways = [
        _shifted_names(view, order, step, word)
        for order in view.orders
        for step, word in ((1, "after"), (-1, "before"))
    ]
    shifted = [finding for finding in ways if finding]
    return max(shifted, key=lambda finding: finding.count) if shifted else _mixed_names(view)


def _shifted_names(view: View, order: Order, step: int, word: str) -> Finding | None:
    neighbours = [(k, order.at(evidence.image, step)) for k, evidence in enumerate(view.varied)]
    near = [(k, view.thumbs[name]) for k, name in neighbours if name in view.thumbs]
    if len(near) < FEWEST:
        return None
    rows = [k for k, _ in near]
    theirs = paired(view.maps[rows], np.stack([thumb for _, thumb in near]))
    gain = theirs - view.own[rows]
    if not enough(gain > 0, MOST) or np.median(gain) < CLEAR:
        return None
    names = [view.varied[k].image for k, more in zip(rows, gain, strict=True) if more > 0]
    example = f"{names[0]} fits the mask of {order.at(names[0], step)}"
    return view.finding(
        "shifted-names",
        names,
        f"fit the mask of the image {word} theirs in name order better than their own (median correlation "
        f"{short(np.median(theirs))} against {short(np.median(view.own[rows]))}; {example}): names are "
        "shifted by one. Save each map under its photo's name.",
        len(near),
    )


def _mixed_names(view: View) -> Finding | None:
    table = correlation(view.maps, view.masks)
    best = table.argmax(axis=1)
    most = table[np.arange(len(best)), best]
    wrong = most - view.own > CLEAR
    distinct = len(set(best[wrong].tolist()))
    if (
        not enough(wrong, HALF_OF_MAPS)
        or np.median(most[wrong]) < FITS
        or distinct < HALF_OF_MAPS * wrong.sum()
    ):
        return None
    names = [evidence.image for evidence, yes in zip(view.varied, wrong, strict=True) if yes]
    k = int(np.flatnonzero(wrong)[0])
    return view.finding(
        "mixed-names",
        names,
        "fit another image's mask better than their own (median correlation "
        f"{short(np.median(most[wrong]))} against {short(np.median(view.own[wrong]))}; {names[0]} fits the "
        f"mask of {view.varied[best[k]].image}): names are mixed up. Save each map under its photo's name.",
        len(view.varied),
    )


def moved(view: View) -> Finding | None:
    """Find maps that lie off their masks by a pixel or more."""
    good = [
        evidence
        for evidence, c in zip(view.varied, view.own, strict=True)
        if c >= FITS and evidence.moved is not None
    ]
    if len(good) < FEWEST or turned(view) or renamed(view):
        return None
    places = np.array([[place_of(view.sign * costs) for costs in evidence.moved] for evidence in good])  # type: ignore[union-attr]
    middle = np.median(places, axis=0)
    side = (places * np.sign(middle) >= AGREED).mean(axis=0)
    axes = [axis for axis in (0, 1) if abs(middle[axis]) >= OFF and side[axis] >= 0.75]
    if not axes:
        return None
    words = (("down", "up"), ("to the right", "to the left"))
    parts, gains = [], []
    for axis in axes:
        step = round(middle[axis])
        costs = np.mean([evidence.moved[axis] for evidence in good], axis=0)  # type: ignore[index]
        costs = costs if view.sign > 0 else 1 - costs
        gains.append(1 - costs[REACH + step] / costs[REACH])
        at_least = "at least " if abs(middle[axis]) >= REACH else ""
        parts.append(
            f"{at_least}{abs(middle[axis]):.1f} pixels {words[axis][int(middle[axis] < 0)]} (median; moved "
            f"back by {abs(step)}, their MAE is {short(costs[REACH + step], 4)} against "
            f"{short(costs[REACH], 4)})"
        )
    if max(gains) < GAIN:
        return None
    hit = (np.sign(places[:, axes]) == np.sign(middle[axes])).all(axis=1)
    return view.finding(
        "moved",
        [evidence.image for evidence, yes in zip(good, hit, strict=True) if yes],
        f"that fit their masks lie off them, by {' and '.join(parts)}: check cropping, padding and how the "
        "output is enlarged (align_corners). Hand-drawn masks can lie off by half a pixel themselves: look "
        "at another method's maps too.",
        len(good),
    )
