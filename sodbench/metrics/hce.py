"""Human correction efforts: how many clicks would it take to correct the map by hand?

Qin, Dai, Hu, Fan, Shao, Van Gool: Highly accurate dichotomous image segmentation, ECCV 2022,
doi:10.1007/978-3-031-19797-0_3, section 4; the details are those of the authors' program (IS-Net).

    HCE = points of FP + independent regions of FP + points of FN + independent regions of FN

b is the binarised map, FP = b and not the mask, FN = the mask and not b; both are relaxed first. C is the 3x3
cross and outside the image does not exist. What 5 erosions of (b or mask) by C leave of FP or FN is dilated
5 times by C, never into the mask (FP) or into b (FN), and then cut with FP or FN: what is thin and lies along
the outline goes. FN keeps the pixels of the mask's skeleton that b misses, so that thin parts count.

A border pixel of FP needs correction where it touches (by C) a hit or FN; of FN, where it touches what is
neither hit, FP nor FN. Each run of such pixels along a border is drawn as a polygon within 2 pixels, and
costs its points; a pixel counts once, in its region's outer border if it lies there, else in the hole that
the scan met last. The ends of the first and the last run of a border are joined where they touch. A region
without such a pixel is independent and costs one click.

*Conventions.* `hce_binarise`: the authors, and BiRefNet's evaluation, binarise the map at level > 128,
``pysodmetrics`` at min-max > 0.5, here in exact numbers. `hce_distance`: how far a curve is off its polygon;
OpenCV measures to the ``line`` before 4.13, as for the values published so far, to the ``segment`` from 4.13
on. A region that fills the whole image costs 0 as the authors have it (``pysodmetrics``: 1). Relaxation 5,
distance 2. A dataset's value is the mean over images.

*Edge cases.* Perfect map, or mask and map both empty: 0. A full map on an empty mask, or an empty map on a
full mask: 0, see above.

*Cost.* The skeleton once a mask, borders and polygons for each map: at 481x321 pixels about 6 times and 1.5
times as long as counting the level histograms, which is all that MAE needs.

*Revisions.* 1: first.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.metrics.bitrows import WORD, bit_rows, grown, words_of
from sodbench.metrics.contours import borders, corners, has
from sodbench.metrics.histogram import Reals, check_pair, level_counts, lowest_predicted
from sodbench.metrics.parts import Images, MapOnMask, Metric, Part, Statistics
from sodbench.metrics.skeleton import thinned
from sodbench.protocol import Protocol
from sodbench.utils.kernels import kernel

RELAX = 5
"""How often regions are eroded and dilated; the default of the authors' program, and the paper's gamma."""

EPSILON = 2
"""How far a curve may lie off its polygon, in pixels; the default of the authors' program."""

Bits = NDArray[np.uint64]


@kernel
def _find(points, ends, regions, width, near, epsilon, segment, clicked, dependent):  # type: ignore[no-untyped-def]
    """Find the points of all borders' runs of `near` pixels, and which regions have such a pixel.

    Returns the number of points. Outer borders come first, then holes, the last one first; a pixel that was
    taken is no longer `near`.
    """
    step = np.uint64(1)
    ys, xs = np.empty(2 * len(points), np.int64), np.empty(2 * len(points), np.int64)
    begins = np.empty(len(points) + 1, np.int64)
    kept, stack = np.empty(len(points), np.int64), np.empty(len(points), np.int64)
    total, n = 0, len(ends)
    for turn in range(2 * n):
        border = turn if turn < n else 2 * n - 1 - turn
        region = regions[border]
        if (region < 0) == (turn < n):
            continue
        runs = size = 0
        apart = True
        for k in range(ends[border - 1] if border else 0, ends[border]):
            p = points[k]
            if not has(near, p):
                apart = True
                continue
            near[p // WORD] &= ~(step << np.uint64(p % WORD))
            if apart:
                begins[runs] = size
                runs += 1
                apart = False
            ys[size], xs[size] = p // width, p % width
            size += 1
        if runs == 0:
            continue
        dependent[abs(region)] = True
        begins[runs] = size
        first = 0
        if runs > 1 and max(abs(ys[0] - ys[size - 1]), abs(xs[0] - xs[size - 1])) == 1:
            for k in range(begins[1] - 1, -1, -1):
                ys[size], xs[size] = ys[k], xs[k]
                size += 1
            begins[runs] = size
            first = 1
        for run in range(first, runs):
            vertices = corners(ys, xs, begins[run], begins[run + 1], epsilon, segment, kept, stack)
            for k in range(vertices):
                clicked[total + k] = ys[kept[k]] * width + xs[kept[k]]
            total += vertices
    return total


class Efforts(NamedTuple):
    """What correcting a map takes: polygons' points and independent regions of FP and of FN."""

    fp_points: int
    fp_indep: int
    fn_points: int
    fn_indep: int


class MaskWork(NamedTuple):
    """A mask, its skeleton and its complement, as bit rows of `words` words."""

    gt: Bits
    skeleton: Bits
    outside: Bits
    words: int


def hce(pred: NDArray[np.uint8], gt: NDArray[np.bool_], *, protocol: str | Protocol = "u2net") -> float:
    """Return the human correction efforts of one map.

    Parameters
    ----------
    pred, gt
        ``(h, w)`` uint8 levels and bool mask.
    protocol
        A preset's name, a signature, or a Protocol.

    Examples
    --------
    >>> gt = np.zeros((40, 60), bool)
    >>> gt[10:30, 10:30] = True
    >>> hce(gt * np.uint8(255), gt)
    0.0
    >>> pred = gt.copy()
    >>> pred[10:30, 30:45] = True
    >>> hce(pred * np.uint8(255), gt)
    2.0
    """
    pred, gt = check_pair(pred, gt)
    protocol = Protocol.of(protocol)
    cut = lowest_predicted(level_counts(pred, gt), protocol.hce_binarise)
    return float(sum(efforts(mask_work(gt, protocol), pred, cut, protocol)))


class Relaxed(NamedTuple):
    """What is to be corrected, and what it has to touch so that its border is, as bit rows."""

    fp: Bits
    beside_fp: Bits
    fn: Bits
    beside_fn: Bits
    inside: Bits


def mask_work(gt: NDArray[np.bool_], protocol: Protocol) -> MaskWork:
    """Compute what HCE needs of a mask, whatever the map."""
    levels = gt.view(np.uint8)
    return MaskWork(bit_rows(levels), thinned(gt), bit_rows(1 - levels), words_of(gt.shape[1]))


def efforts(mask: MaskWork, pred: NDArray[np.uint8], cut: int, protocol: Protocol) -> Efforts:
    """Return what correcting {pred >= cut} takes.

    Parameters
    ----------
    mask
        `mask_work` of the mask.
    pred
        ``(h, w)`` uint8 levels.
    cut
        Lowest level that counts; see `sodbench.metrics.histogram.lowest_predicted`.
    protocol
        Its `hce_distance` is used.
    """
    segment = protocol.hce_distance == "segment"
    fp, beside_fp, fn, beside_fn, inside = relaxed_errors(mask, pred, cut)
    counts: list[int] = []
    for regions, beside in ((fp, beside_fp), (fn, beside_fn)):
        points, independent = clicks(regions, beside, inside, mask.words, segment)
        counts += len(points), len(independent)
    return Efforts(*counts)


def relaxed_errors(mask: MaskWork, pred: NDArray[np.uint8], cut: int) -> Relaxed:
    """Return the regions of {pred >= cut} that are to be corrected; see `efforts`."""
    gt, thin, outside, words = mask
    predicted = bit_rows(pred, cut)
    hit, fp, fn = predicted & gt, predicted & outside, gt & ~predicted
    missed, inside = outside & ~predicted, gt | outside
    eroded = inside & ~grown(missed, inside, words, RELAX)
    fp = fp & grown(fp & eroded, outside, words, RELAX)
    fn = fn & grown(fn & eroded, missed | fn, words, RELAX) | thin & ~hit
    return Relaxed(fp, hit | fn, fn, inside & ~(hit | fp | fn), inside)


def clicks(
    regions: Bits, beside: Bits, inside: Bits, words: int, segment: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the points of an image's regions, and the first pixel of each independent one.

    Both are offsets of pixels in the bit rows.

    Parameters
    ----------
    regions, beside, inside
        See `Relaxed`.
    words
        How many words a row takes.
    segment
        See `sodbench.metrics.contours.corners`.
    """
    if not beside.any() and np.array_equal(regions, inside):
        return np.empty(0, np.int32), np.empty(0, np.int32)
    points, ends, signs, n_regions = borders(regions, words)
    near = grown(beside, inside, words)
    clicked, dependent = np.empty(2 * len(points), np.int32), np.zeros(n_regions + 1, bool)
    total = _find(points, ends, signs, words * WORD, near, EPSILON, segment, clicked, dependent)
    outer = signs > 0
    first = points[np.append(0, ends)[:-1][outer]]
    return clicked[:total], first[~dependent[signs[outer]]]


def _of_map(work: MaskWork, pair: MapOnMask, protocol: Protocol) -> tuple[float, ...]:
    return efforts(work, pair.pred, lowest_predicted(pair.levels, protocol.hce_binarise), protocol)


_ADDENDS = tuple(f"hce_{name}" for name in Efforts._fields)


def _values(images: Images, protocol: Protocol) -> Reals:
    return np.sum([images.statistics[name] for name in _ADDENDS], axis=0)


PART = Part(
    revision=1,
    optional=True,
    statistics=Statistics(
        names=_ADDENDS,
        depends=("hce_binarise", "hce_distance"),
        of_map=_of_map,
        of_mask=mask_work,
        bounds=(0, np.inf),
    ),
    metrics=(
        Metric(
            id="hce",
            label="HCE",
            words="human correction efforts",
            higher_is_better=False,
            reference="Qin et al., ECCV 2022",
            function=hce,
            values=_values,
            bounds=(0, np.inf),
            coarse=3,
        ),
    ),
)
