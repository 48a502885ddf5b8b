"""What is seen by metrics that ask where pixels are, on one pair: a function a family, made of its own."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.biou import eroded, margin_iou, margin_width, mask_iou, mask_margin
from sodbench.metrics.bitrows import WORD, unpacked
from sodbench.metrics.context import context_halves, context_kernel, context_p, near_map, surroundings
from sodbench.metrics.grey_biou import grey_biou_curve, last_passed
from sodbench.metrics.hce import clicks, mask_work, relaxed_errors
from sodbench.metrics.histogram import (
    lowest_predicted,
    n_thresholds,
    normalised,
)
from sodbench.metrics.mba import mask_rings, outline_radii
from sodbench.metrics.relaxed_f import half_widths, mask_outline, outline, pixels, relaxed_cut, relaxed_pr_at
from sodbench.metrics.runs import object_runs
from sodbench.metrics.size_invariant import Targets, size_invariant, targets
from sodbench.metrics.weighted_f import importance, weighted_errors, weighted_mask, weighted_pr_on
from sodbench.reports.figures.metric.panels import (
    BAND,
    BEST,
    VALUES,
    Drawing,
    Key,
    OnePair,
    best_threshold,
    confusion,
    curve,
    errors_at_128,
    framed,
    label,
    map_and_mask,
    on_black,
    part_with_most,
    picture,
    positions,
    scale,
    several,
    values,
)
from sodbench.reports.figures.qualitative import FALSE, HIT, MISS
from sodbench.reports.figures.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MANY = 99
"""So many points or boxes are numbered, or have their value beside them."""


def draw_weighted_f(pair: OnePair) -> Drawing:
    """Weighted F: errors, their weights, and what becomes of them."""
    mask, p = weighted_mask(pair.gt), normalised(pair.counts, pair.protocol)
    if mask is None:
        return errors_at_128(pair)
    precision, recall = weighted_pr_on(mask, pair.pred, pair.gt, p)
    errors = weighted_errors(mask, pair.pred, pair.gt, p)
    panels = [
        *map_and_mask(pair),
        values("Error |p \N{MINUS SIGN} g|", np.abs(p[pair.pred] - pair.gt), 2),
        values("Weight off the object", importance(mask, pair.gt), 2),
        values("Weighted error", errors, 2),
    ]
    words = (
        "Off the object an error weighs from 1 beside it to 2 far away. On the object it is smoothed, and "
        "counts no more than it did: errors that stand alone count less. Weighted precision "
        f"{precision:.3f}, recall {recall:.3f}."
    )
    return Drawing(panels, [scale("from 0 to 2")], words)


def draw_relaxed_f(pair: OnePair) -> Drawing:
    """Relaxed F: each boundary within the other's neighbourhood."""
    how, shape = pair.protocol, pair.gt.shape
    cut, mask = relaxed_cut(pair.counts, how), mask_outline(pair.gt, how)
    predicted = outline(np.minimum(pair.pred, 255 if cut <= 255 else 0), min(cut, 255), how)
    reach = int(half_widths(how.rho, how.relax_distance)[0])
    own, near_own, edge, near_edge = (
        pixels(bits, shape, reach) for bits in (predicted.boundary, predicted.near, mask.boundary, mask.near)
    )
    precision, recall = relaxed_pr_at(mask, pair.pred, cut, how)
    part = part_with_most(own & ~near_edge | edge & ~near_own)
    of_map = on_black(pair.gt, (near_edge, BAND), (own & near_edge, HIT), (own & ~near_edge, FALSE))
    of_mask = on_black(pair.gt, (near_own, BAND), (edge & near_own, HIT), (edge & ~near_own, MISS))
    panels = [
        *map_and_mask(pair, framed(part)),
        picture(f"Precision {precision:.3f}", of_map, part=part),
        picture(f"Recall {recall:.3f}", of_mask, part=part),
    ]
    words = (
        f"Precision: {int((own & near_edge).sum())} of {predicted.n} boundary pixels of the binarised map "
        f"lie within rho = {how.rho:g} of the mask's boundary. Recall: {int((edge & near_own).sum())} of "
        f"{mask.n} of the mask's lie within rho of the map's."
    )
    keys = [
        Key(HIT, "boundary within rho of the other"),
        Key(FALSE, "boundary of the map, too far"),
        Key(MISS, "boundary of the mask, missed"),
        Key(BAND, "within rho of the other boundary"),
    ]
    return Drawing(panels, keys, words)


def draw_size_invariant(pair: OnePair) -> Drawing:
    """Size-invariant F and MAE: each target's box and value."""
    mask = targets(pair.gt, pair.protocol)
    which = {"si_f": 0, "si_mean_f": 1}.get(pair.metric.id, 2)
    name = ("max F", "mean F", "MAE")[which]
    whole = np.ones_like(mask.covered)
    scores = [
        size_invariant(Targets(box[None], whole), pair.pred, pair.gt, pair.counts, pair.protocol)[which]
        for box in mask.boxes[:MANY]
    ]

    def boxed(ax: "Axes", said: bool) -> None:
        for k, (top, bottom, left, right) in enumerate((mask.boxes - 0.5).tolist()):
            ax.plot(
                (left, right, right, left, left),
                (top, top, bottom, bottom, top),
                color=COLOURS[1],
                linewidth=1,
            )
            if said and k < MANY:
                inside = bottom - top > pair.gt.shape[0] / 4 or top < pair.gt.shape[0] / 8
                pad = 0.015 * pair.gt.shape[1]
                beside = left < pair.gt.shape[1] / 2
                x, ha = (left + pad, "left") if beside else (right, "right")
                y, va = (top + pad, "top") if inside else (top, "bottom")
                label(ax, x, y, f"{scores[k]:.2f}", ha, va)

    panels = [
        picture("Map", pair.pred, lambda ax: boxed(ax, False)),
        picture("Targets of the mask", pair.gt, lambda ax: boxed(ax, False)),
        picture(f"{name} of each target", pair.pred, lambda ax: boxed(ax, True)),
    ]
    n, area = len(mask.boxes), float(mask.covered.mean())
    words = (
        f"{several(n, 'target')}, each in its box: {name} "
        f"{', '.join(f'{score:.3f}' for score in scores[:6])}{', ...' * (n > 6)}. "
        f"The boxes cover {100 * area:.0f} % of the image; "
        + ("the rest counts as one more, by its area." if which == 2 else "what lies in none does not count.")
    )
    return Drawing(panels, [Key(COLOURS[1], "bounding box of a target", "line")], words)


def draw_context(pair: OnePair) -> Drawing:
    """Context measure: the kernel, and what is near the object and the map."""
    mask, p = surroundings(pair.gt), context_p(pair.counts, pair.protocol)
    forward, reverse = context_halves(mask, pair.pred, p)
    kernel = context_kernel(object_runs(pair.gt))
    near = near_map(mask, pair.pred, p)
    panels = [
        *map_and_mask(pair),
        values(f"K, {kernel.shape[1]} x {kernel.shape[0]} pixels, enlarged", kernel / kernel.max(), 1),
        values("K * g: how near the object", mask.near, 1),
        values("p (K * g): what is relevant", p[pair.pred] * mask.near, 1),
        values("K * p on the object: what is near it", near, 1),
    ]
    words = (
        "K is a Gaussian of the object's extent and direction. Forward: the mean of K * g where the map is, "
        f"weighted by p: {forward:.3f}. Reverse: how much of the object has map near it: {reverse:.3f}."
    )
    return Drawing(panels, [scale("from 0 to 1 (K: to its maximum)")], words)


def draw_hce(pair: OnePair) -> Drawing:
    """HCE: the regions to correct, and each click that they cost."""
    how, shape = pair.protocol, pair.gt.shape
    mask, cut = mask_work(pair.gt, how), lowest_predicted(pair.counts, how.hce_binarise)
    regions = relaxed_errors(mask, pair.pred, cut)
    found = pair.pred >= cut
    fp, fn, thin = (unpacked(bits, shape) for bits in (regions.fp, regions.fn, mask.skeleton))
    part = part_with_most(fp | fn)
    row_of = mask.words * WORD
    said, panels = [], [
        *map_and_mask(pair, framed(part)),
        picture(
            "All errors",
            on_black(pair.gt, (found & pair.gt, BAND), (found & ~pair.gt, FALSE), (pair.gt & ~found, MISS)),
            part=part,
        ),
        picture(
            "What is left to correct",
            on_black(pair.gt, (found & pair.gt, BAND), (fp, FALSE), (fn, MISS), (thin & fn, (204, 121, 167))),
            part=part,
        ),
    ]  # fmt: skip
    for name, errors, beside, where, colour in (
        ("false positives", regions.fp, regions.beside_fp, fp, FALSE),
        ("misses", regions.fn, regions.beside_fn, fn, MISS),
    ):
        points, independent = clicks(
            errors, beside, regions.inside, mask.words, how.hce_distance == "segment"
        )
        clicked = several(len(points), "point"), several(len(independent), "independent region")
        said.append(f"{clicked[0]} and {clicked[1]} of {name}")
        marks = [np.stack(np.divmod(offsets, row_of)).T - 1 for offsets in (points, independent)]
        panels.append(
            picture(
                f"{name.capitalize()}: {clicked[0]} + {several(len(independent), 'region')}",
                on_black(pair.gt, (found & pair.gt, BAND), (where, colour)),
                lambda ax, marks=marks: _numbered(ax, *marks),  # type: ignore[misc]
                part,
            )
        )
    words = (
        f"{said[0]}, {said[1]}: each costs a click. What is thin and lies along the outline needs no "
        "correction; missed pixels of the mask's skeleton always count."
    )
    keys = [
        Key(BAND, "object in both"),
        Key(FALSE, "false positive"),
        Key(MISS, "miss"),
        Key((204, 121, 167), "missed pixel of the mask's skeleton"),
        Key("#F0E442", "point of a polygon, with its number where there is room", "dot"),
        Key("#F0E442", "independent region", "cross"),
    ]
    return Drawing(panels, keys, words)


def _numbered(ax: "Axes", points: NDArray[np.int64], independent: NDArray[np.int64]) -> None:
    """Mark points, with their numbers where they lie apart, and regions that cost one click."""
    ax.plot(
        points[:, 1], points[:, 0], "o", color="#F0E442", markersize=2.6, markeredgecolor="black", mew=0.3
    )
    ax.plot(independent[:, 1], independent[:, 0], "x", color="#F0E442", markersize=5, mew=1.3)
    numbered: list[NDArray[np.int64]] = []
    apart = 0.05 * abs(np.diff(ax.get_xlim())[0])
    for k, point in enumerate(points[:MANY]):
        if all(np.abs(point - other).max() > apart for other in numbered):
            numbered.append(point)
            look: dict[str, Any] = {"fontsize": 4.5, "color": "#F0E442", "clip_on": True}
            ax.annotate(f"{k + 1}", (point[1], point[0]), (1.5, 1.5), textcoords="offset points", **look)


def draw_boundary_accuracy(pair: OnePair) -> Drawing:
    """Mean boundary accuracy: the regions around the outline, and what is wrong in them."""
    radii = outline_radii(*pair.gt.shape)
    rings, cut = mask_rings(pair.gt, radii), lowest_predicted(pair.counts, pair.protocol.mba_binarise)
    if not len(rings.places):
        return errors_at_128(pair)
    found = pair.pred >= cut
    which = np.zeros(pair.gt.size)
    first = np.searchsorted(rings.radii, np.arange(len(rings.ends)))
    start = 0
    for ring, end in enumerate(rings.ends):
        which[rings.places[start:end]] = (5 - first[ring]) / 5
        start = end
    region, right = which.reshape(pair.gt.shape), found == pair.gt
    near = region > 0
    part = part_with_most(near & ~right)
    shares = [float(right[region >= (5 - first[ring]) / 5].mean()) for ring in rings.radii]
    judged = on_black(
        pair.gt,
        (pair.gt, BAND),
        (near & right, HIT),
        (near & found & ~pair.gt, FALSE),
        (near & ~found & pair.gt, MISS),
    )
    panels = [
        *map_and_mask(pair, framed(part)),
        picture("Regions around the outline", region, part=part, cmap=VALUES, vmin=0, vmax=1),
        picture("Right and wrong in the largest", judged, part=part),
    ]
    listed = ", ".join(f"{share:.3f} (radius {radius})" for share, radius in zip(shares, radii, strict=True))
    words = f"The mean of the shares of the five regions in which map and mask agree: {listed}."
    if len(rings.ends) < len(radii):
        words += " In an image of this size some regions are the same."
    keys = [
        scale("from the largest region (dark) to the smallest (bright)"),
        Key(HIT, "right, near the outline"),
        Key(FALSE, "false positive near it"),
        Key(MISS, "miss near it"),
        Key(BAND, "object, too far to count"),
    ]
    return Drawing(panels, keys, words)


def draw_boundary_iou(pair: OnePair) -> Drawing:
    """Boundary IoU: both margins, and what they share."""
    cut, distance = lowest_predicted(pair.counts, pair.protocol.biou_binarise), margin_width(*pair.gt.shape)
    found = pair.pred >= cut
    mask, own = mask_margin(pair.gt, distance), mask_margin(found, distance)
    part = part_with_most(mask.pixels ^ own.pixels) if distance < 8 else None
    of_margins = margin_iou(mask, pair.pred, cut)
    panels = [
        *map_and_mask(pair, framed(part)),
        picture("Margin of the mask", on_black(pair.gt, (pair.gt, BAND), (mask.pixels, MISS)), part=part),
        picture("Margin of the map", on_black(pair.gt, (found, BAND), (own.pixels, FALSE)), part=part),
        picture(
            f"Both: IoU {of_margins:.3f}",
            on_black(pair.gt, (own.pixels, FALSE), (mask.pixels, MISS), (mask.pixels & own.pixels, HIT)),
            part=part,
        ),
    ]
    common, union = int((mask.pixels & own.pixels).sum()), int((mask.pixels | own.pixels).sum())
    words = f"Margins are {distance} pixels wide; {common} of {union} pixels lie in both."
    if pair.protocol.biou_value == "min":
        whole = float(mask_iou(pair.counts, pair.protocol.biou_binarise))
        words += f" IoU of map and mask: {whole:.3f}; the lesser of the two counts."
    keys = [
        Key(HIT, "in both margins"),
        Key(FALSE, "margin of the map only"),
        Key(MISS, "margin of the mask only"),
        Key(BAND, "rest of the object"),
    ]
    return Drawing(panels, keys, words)


def draw_grey_boundary_iou(pair: OnePair) -> Drawing:
    """Grey boundary IoU: the map's grey margin, that at the best threshold, and the curve."""
    mask, how = mask_margin(pair.gt, margin_width(*pair.gt.shape)), pair.protocol
    over = grey_biou_curve(mask, pair.pred, pair.counts, how)
    k, n, passed = best_threshold(over), n_thresholds(how), last_passed(pair.counts, how)
    margin = passed[pair.pred] - passed[eroded(pair.pred, mask.distance)]
    at = positions(n)
    panels = [
        *map_and_mask(pair),
        values("Grey margin of the map", margin / (n - 1), 1),
        confusion(f"Best threshold: {over[k]:.3f}", margin >= k, mask.pixels),
        curve("BIoU over the thresholds", at, over, ("threshold", "BIoU"), [(at[k], over[k])]),
    ]
    words = (
        f"A pixel's margin is p less the least p up to {mask.distance} pixels away; it is compared with the "
        f"mask's margin at every threshold. The best one is {at[k]:.3f}; mean over the thresholds: "
        f"{over.mean():.3f}."
    )
    keys = [
        scale("margin from 0 to 1"),
        Key(HIT, "in both margins"),
        Key(FALSE, "margin of the map only"),
        Key(MISS, "margin of the mask only"),
        BEST,
    ]
    return Drawing(panels, keys, words)
