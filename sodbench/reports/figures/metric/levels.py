"""What is seen by metrics that follow from levels, on one pair: a function a family, made of its own."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics import part_of
from sodbench.metrics.auc import ap, auc, pr_steps, ranking_rates, roc_points
from sodbench.metrics.emeasure import adaptive_e_from_levels, alignments
from sodbench.metrics.fmeasure import adaptive_f_from_levels, f_above, pr_above
from sodbench.metrics.histogram import (
    Above,
    Reals,
    adaptive_counts,
    centroid,
    counts_above,
    n_thresholds,
    normalised,
    quadrant_counts,
)
from sodbench.metrics.overlap import CUTS, MEASURES
from sodbench.metrics.smeasure import region_scores, s_halves
from sodbench.reports.figures.metric.panels import (
    BEST,
    RIGHT_AND_WRONG,
    Drawing,
    Key,
    OnePair,
    Panel,
    best_threshold,
    confusion,
    curve,
    errors_at_128,
    highest,
    label,
    map_and_mask,
    picture,
    positions,
    scale,
    unit_axes,
    values,
)
from sodbench.reports.figures.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _reached(pair: OnePair, above: Above, k: int = 0) -> NDArray[np.bool_]:
    return highest(pair.pred, int(above.tp[k] + above.fp[k]))


def draw_f(pair: OnePair) -> Drawing:
    """F: true and false positives at the best and the adaptive threshold, and the curves."""
    above = counts_above(pair.counts, pair.protocol)
    precision, recall = pr_above(above, pair.protocol)
    f, at = f_above(above, pair.protocol), positions(n_thresholds(pair.protocol))
    k, adaptive = best_threshold(f), float(adaptive_f_from_levels(pair.counts, pair.protocol))
    found = highest(pair.pred, int(np.add(*adaptive_counts(pair.counts, pair.protocol))))
    panels = [
        *map_and_mask(pair),
        confusion(f"Best threshold: F {f[k]:.3f}", _reached(pair, above, k), pair.gt),
        confusion(f"Adaptive threshold: F {adaptive:.3f}", found, pair.gt),
        curve("F over the thresholds", at, f, ("threshold", "F"), [(at[k], f[k])]),
        curve(
            "Precision and recall", recall, precision, ("recall", "precision"), [(recall[k], precision[k])]
        ),
    ]
    words = (
        f"At the best threshold, {at[k]:.3f}, {above.tp[k]} of {above.inside[0]} object pixels are found "
        f"(recall {recall[k]:.3f}) and {above.fp[k]} others (precision {precision[k]:.3f}). The adaptive "
        f"threshold is twice the map's mean. Mean of F over the thresholds: {f.mean():.3f}."
    )
    return Drawing(panels, [*RIGHT_AND_WRONG, BEST], words)


def _levels(pair: OnePair, p: Reals, outside: str, turned: bool = False) -> Panel:
    """Return how many object pixels have how much of p, and how many others; of those 1 - p, if turned."""

    def draw(ax: "Axes") -> None:
        sides = (
            (pair.counts.fg, p, COLOURS[0], "-"),
            (pair.counts.bg, 1 - p if turned else p, "#D55E00", "--"),
        )
        for counts, x, colour, dash in sides:
            shares, edges = np.histogram(np.clip(x, 0, 1), 20, (0, 1), weights=counts / max(counts.sum(), 1))
            ax.stairs(shares, edges, color=colour, linestyle=dash, linewidth=1.2)
        ax.set(xlim=(0, 1), ylim=(0, None), xticks=(0, 0.5, 1), ylabel="share of pixels", xlabel=outside)

    return Panel("Values on and off the object", draw, plot=True)


_SIDES = (Key(COLOURS[0], "on the object", "line"), Key("#D55E00", "off the object", "dashes"))


def draw_mae(pair: OnePair) -> Drawing:
    """MAE: each pixel's error, and how p is distributed."""
    p = normalised(pair.counts, pair.protocol, pair.protocol.mae_normalise)
    error = np.abs(p[pair.pred] - pair.gt)
    sides = [float(error[side].mean()) if side.any() else 0.0 for side in (pair.gt, ~pair.gt)]
    words = (
        f"The mean over all pixels; {sides[0]:.3f} on the object, {sides[1]:.3f} off it. Where errors lie "
        "does not matter."
    )
    panels = [*map_and_mask(pair), values("Error |p \N{MINUS SIGN} g|", error, 1), _levels(pair, p, "p")]
    return Drawing(panels, [scale("error from 0 to 1"), *_SIDES], words)


def draw_s_measure(pair: OnePair) -> Drawing:
    """S-measure: quadrants with their SSIM, and both distributions."""
    row, col = centroid(pair.gt, pair.protocol.s_centroid)
    counts, p = quadrant_counts(pair.pred, pair.gt, row, col), normalised(pair.counts, pair.protocol)
    sizes, (of_object, of_regions) = counts.sum(axis=(1, 2)), s_halves(counts, p)
    height, width = pair.gt.shape

    def cross(ax: "Axes") -> None:
        ax.plot((col - 0.5, col - 0.5), (-0.5, height - 0.5), color="#E69F00", linewidth=1)
        ax.plot((-0.5, width - 0.5), (row - 0.5, row - 0.5), color="#E69F00", linewidth=1)

    def similar(ax: "Axes") -> None:
        cross(ax)
        for k, score in enumerate(region_scores(counts, p)):
            if sizes[k]:
                at = ((width + col) / 2 if k % 2 else col / 2, (height + row) / 2 if k > 1 else row / 2)
                label(ax, *at, f"{score / sizes[k]:.2f}")

    panels = [
        picture("Map in quadrants, SSIM of each", pair.pred, similar),
        picture("Mask in quadrants", pair.gt, cross),
        _levels(pair, p, "p on the object, 1 \N{MINUS SIGN} p off it", turned=True),
    ]
    words = (
        f"One part asks whether both distributions lie near 1 and are narrow (objects: {of_object:.3f}), one "
        "how alike map and mask are in each quadrant around the mask's centroid (regions: "
        f"{of_regions:.3f}, quadrants weighted by their area)."
    )
    one_sided = pair.gt.all() or not pair.gt.any()
    return Drawing(
        panels,
        [Key("#E69F00", "rows and columns of the centroid", "line"), *_SIDES],
        "The mask is empty or full: only the map's mean counts." if one_sided else words,
    )


def draw_e_measure(pair: OnePair) -> Drawing:
    """E-measure: each pixel's alignment at two thresholds, and the curve."""
    part, how = part_of(pair.metric.id), pair.protocol
    above = part.curves["e"].cut(how)(pair.counts, how)
    e, at = part.curves["e"].of_images(above, how), positions(n_thresholds(how))
    if np.isnan(e).all():
        return errors_at_128(pair)
    k, adaptive = best_threshold(e), float(adaptive_e_from_levels(pair.counts, how))
    tp, fp = adaptive_counts(pair.counts, how, how.e_compare, clipped=how.e_adaptive == "clipped")

    def aligned(title: str, tp: int, fp: int) -> Panel:
        kinds = alignments(*(np.array(n) for n in (tp, fp, above.inside[0], above.outside[0])))
        found = highest(pair.pred, tp + fp)
        sides = [(side & on).astype(float) for side in (found, ~found) for on in (pair.gt, ~pair.gt)]
        shown: Reals = np.sum([kind * side for kind, side in zip(kinds, sides, strict=True)], axis=0)
        return values(title, shown, 1)

    panels = [
        *map_and_mask(pair),
        aligned(f"Best threshold: E {e[k]:.3f}", int(above.tp[k]), int(above.fp[k])),
        aligned(f"Adaptive threshold: E {adaptive:.3f}", int(tp), int(fp)),
        curve("E over the thresholds", at, e, ("threshold", "E"), [(at[k], e[k])]),
    ]
    words = (
        "Every pixel counts by how well the binarised map, less its mean, aligns with the mask, less its "
        "own: there are four values, of hits, false positives, misses and the rest. The best threshold is "
        f"{at[k]:.3f}, the adaptive one twice the map's mean. Mean of E over the thresholds: "
        f"{e.mean():.3f}."
    )
    return Drawing(panels, [scale("alignment from 0 to 1"), BEST], words)


def draw_overlap(pair: OnePair) -> Drawing:
    """Overlap: what is counted at three thresholds, and the measure's curve."""
    name = pair.metric.id.partition("_")[2]
    measure, how = MEASURES[name], pair.protocol
    curves = {cut: part_of(pair.metric.id).curves[f"{name}_{cut}"] for cut in CUTS}
    above = {cut: one.cut(how)(pair.counts, how) for cut, one in curves.items()}
    over = {cut: one.of_images(above[cut], how) for cut, one in curves.items()}
    k, at = best_threshold(over["thresholds"], measure.error), positions(n_thresholds(how))
    y, label = over["thresholds"], measure.label
    panels = [
        *map_and_mask(pair),
        confusion(f"Best threshold: {label} {y[k]:.3f}", _reached(pair, above["thresholds"], k), pair.gt),
        confusion(
            f"Adaptive threshold: {label} {over['adaptive'][0]:.3f}",
            _reached(pair, above["adaptive"]),
            pair.gt,
        ),
        confusion(f"p > .5: {label} {over['half'][0]:.3f}", _reached(pair, above["half"]), pair.gt),
        curve(f"{label} over the thresholds", at, y, ("threshold", label), [(at[k], y[k])]),
    ]
    tp, fp = int(above["half"].tp[0]), int(above["half"].fp[0])
    fn, tn = int(above["half"].inside[0]) - tp, int(above["half"].outside[0]) - fp
    words = (
        f"At p > .5: {tp} true and {fp} false positives, {fn} misses, {tn} true negatives. The best "
        f"threshold is {at[k]:.3f}, the adaptive one twice the map's mean."
    )
    return Drawing(panels, [*RIGHT_AND_WRONG, BEST], words)


def draw_auc(pair: OnePair) -> Drawing:
    """AUC and AP: both curves, with the areas below them."""
    how = pair.protocol
    above = part_of(pair.metric.id).curves["roc"].cut(how)(pair.counts, how)
    precision, recall, fpr = np.split(ranking_rates(above, how), 3)
    if np.isnan(recall).any():
        return errors_at_128(pair)
    up, right = roc_points(recall, fpr, how)
    steps, ends = pr_steps(precision, recall, how)

    def roc(ax: "Axes") -> None:
        ax.fill_between(right, up, color=COLOURS[2], alpha=0.45, linewidth=0)
        ax.plot(right, up, color=COLOURS[0], linewidth=1.1)
        ax.plot((0, 1), (0, 1), color="#888888", linewidth=0.7, linestyle="--")
        unit_axes(ax, "false positive rate", "recall")

    def ranked(ax: "Axes") -> None:
        ax.stairs(steps[::-1], ends[::-1], fill=True, color=COLOURS[2], alpha=0.45)
        ax.stairs(steps[::-1], ends[::-1], color=COLOURS[0], linewidth=1.1)
        unit_axes(ax, "recall", "precision")

    panels = [
        *map_and_mask(pair),
        Panel(f"ROC curve: AUC {auc(pair.pred, pair.gt, protocol=how):.3f}", roc, plot=True),
        Panel(f"Precision and recall: AP {ap(pair.pred, pair.gt, protocol=how):.3f}", ranked, plot=True),
    ]
    words = (
        "AUC is the area under the ROC curve, the share of pairs of an object pixel and another that the map "
        "ranks rightly; AP that under the steps of precision. Both see only the order of the levels."
    )
    keys = [
        Key(COLOURS[2], "the area that is measured"),
        Key("#888888", "AUC of a map that knows nothing", "dashes"),
    ]
    return Drawing(panels, keys, words)
