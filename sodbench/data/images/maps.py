"""Map and mask files as the arrays that the metrics take, with notes about each file."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sodbench.data.images.decoding import FILE_NOTES, SaliencyMap, decode
from sodbench.errors import DatasetError, PredictionError, ProtocolError, first_few, nearest
from sodbench.protocol import parse_mask_rule
from sodbench.utils.kernels import kernel

_TURNED = (
    "It seems to be turned by 90 degrees: has its photo an EXIF rotation? Make the map again with "
    "`sodbench run --exif`, which follows the rotation (or without --exif, if it was made so), or turn the "
    "map. Resizing would squeeze it."
)

RESIZES = ("exact", "bilinear", "nearest")


@kernel
def _extent(levels):  # type: ignore[no-untyped-def]
    """Return the highest of flat levels, and how far one lies from both 0 and 255 at most."""
    top = between = np.uint8(0)
    for k in range(len(levels)):
        top = max(top, levels[k])
        between = max(between, min(levels[k], np.uint8(np.int64(255) - levels[k])))
    return top, between


class Mask(NamedTuple):
    """A ground-truth mask, as input to the metrics.

    Parameters
    ----------
    gt
        (h, w) foreground.
    levels
        (h, w) grey levels from which `gt` was made; those of a 0/1 mask are scaled to 0/255.
    notes
        Ids of what to report about the file, keys of `FILE_NOTES`.
    """

    gt: NDArray[np.bool_]
    levels: NDArray[np.uint8]
    notes: tuple[str, ...]


def prediction_from(
    data: bytes, where: str, *, shape: tuple[int, int] | None = None, resize: str = "exact"
) -> SaliencyMap:
    """Decode a prediction and check it against its mask's shape.

    Parameters
    ----------
    data
        Content of the file.
    where
        Name of the file in messages.
    shape
        The mask's (h, w); None accepts any.
    resize
        What to do if the shape differs: ``exact`` refuses it, ``bilinear`` and ``nearest`` resize
        the 8-bit levels with Pillow (bilinear averages when it shrinks).

    Raises
    ------
    PredictionError
        The file cannot be read, or its size is not the mask's.
    ProtocolError
        `resize` is unknown.

    Examples
    --------
    >>> from io import BytesIO
    >>> file = BytesIO()
    >>> np.save(file, np.array([[0, 200]], np.uint8))
    >>> prediction_from(file.getvalue(), "a.npy", shape=(2, 4), resize="nearest").levels
    array([[  0,   0, 200, 200],
           [  0,   0, 200, 200]], dtype=uint8)
    """
    if resize not in RESIZES:
        raise ProtocolError(f"resize {resize!r} is unknown; {nearest(resize, RESIZES)}")
    return fitted(decode(data, where, PredictionError, of_map=True), where, shape=shape, resize=resize)


def fitted(
    pred: SaliencyMap,
    where: str,
    *,
    shape: tuple[int, int] | None,
    resize: str = "exact",
    way: str = "pass --resize bilinear",
) -> SaliencyMap:
    """Hold a decoded prediction against its mask's shape; see `prediction_from`. `way` is the way out."""
    if shape is None or pred.levels.shape == shape:
        return pred
    h, w = pred.levels.shape
    turned = (w, h) == shape
    if resize == "exact":
        raise PredictionError(
            f"{where}: the map is {w}x{h}, its mask {shape[1]}x{shape[0]} (width x height). "
            + (_TURNED if turned else f"Save maps in the size of the mask, or {way}.")
        )
    filters = {"bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST}
    resized = Image.fromarray(pred.levels).resize((shape[1], shape[0]), filters[resize])
    notes = ("resized", "turned") if turned else ("resized",)
    return SaliencyMap(np.array(resized, order="C"), (*pred.notes, *notes))


def mask_from(data: bytes, where: str, *, rule: str = ">128", eps: float = 0.0, graded: bool = False) -> Mask:
    """Decode a mask and binarise it.

    A mask with maximum 1 is read as 0 and 255. A mask that is not all zero but has no foreground
    by the rule is refused; an all-zero mask is valid and empty.

    Parameters
    ----------
    data
        Content of the file.
    where
        Name of the file in messages.
    rule, eps
        Which levels are foreground, see `binarise`.
    graded
        The dataset is known for grey masks (PASCAL-S): a mask of three or more levels that has no
        foreground by the rule counts as empty.

    Returns
    -------
    Mask
        Foreground, levels, and any of the notes ``jpeg``, ``faint``, ``mask-01``, ``grey`` and ``emptied``.

    Raises
    ------
    DatasetError
        The file cannot be read as a mask, or has no foreground by the rule.
    ProtocolError
        The rule is not valid.

    Examples
    --------
    >>> from io import BytesIO
    >>> file = BytesIO()
    >>> np.save(file, np.array([[0, 1]], np.uint8))
    >>> mask_from(file.getvalue(), "a.npy")
    Mask(gt=array([[False,  True]]), levels=array([[  0, 255]], dtype=uint8), notes=('mask-01',))
    """
    parse_mask_rule(rule)
    return binarised(decode(data, where, DatasetError), where, rule=rule, eps=eps, graded=graded)


def binarised(
    mask: SaliencyMap,
    where: str,
    *,
    rule: str = ">128",
    eps: float = 0.0,
    graded: bool = False,
    way: str = "--mask-threshold",
) -> Mask:
    """Binarise the levels of a mask by the rules for files; see `mask_from`. `way` may take another rule."""
    levels, notes = mask
    top, between = _extent(levels.ravel())
    if top == 1:
        levels = levels * np.uint8(255)
        notes += ("mask-01",)
    elif between > 0:
        notes += ("grey",)
    gt = binarise(levels, rule, eps)
    if top == 0 and "faint" in notes:
        raise DatasetError(
            f"{where}: the mask is not empty, but all its levels round to 0: {FILE_NOTES['faint']} "
            "Save masks as 8-bit grey PNG."
        )
    if top > 0 and not gt.any() and graded and len(np.unique(levels)) > 2:
        notes += ("emptied",)
    elif top > 0 and not gt.any():
        listed = first_few([str(v) for v in np.unique(levels)])
        raise DatasetError(
            f"{where}: the mask is not empty (levels {listed}), but the rule {rule} leaves it no foreground. "
            + (
                f"Say which levels are foreground, e.g. {way} '>{top // 2}'."
                if way
                else "Save it with 255 for the foreground."
            )
        )
    return Mask(gt, levels, notes)


def resized_mask(mask: Mask, shape: tuple[int, int]) -> Mask:
    """Return a mask at another size ``(h, w)``, by the nearest pixel.

    >>> resized_mask(Mask(np.eye(2, dtype=bool), np.zeros((2, 2), np.uint8), ()), (1, 4)).gt.tolist()
    [[False, False, True, True]]
    """
    gt, levels = (
        np.array(Image.fromarray(side).resize(shape[::-1], Image.Resampling.NEAREST), order="C")
        for side in (mask.gt.view(np.uint8), mask.levels)
    )
    return Mask(gt.view(np.bool_), levels, mask.notes)


def binarise(levels: NDArray[np.uint8], rule: str, eps: float = 0.0) -> NDArray[np.bool_]:
    """Return where a mask's levels are foreground.

    Parameters
    ----------
    levels
        Grey levels.
    rule
        ``>K`` or ``>=K`` on the level, K from 0 to 255; or ``norm>K``, which is
        level / (max + eps) * 255 > K in double precision, max being the maximum of `levels`;
        ``norm>=K`` likewise; or ``minmax>=.F``, which is d level - d min >= F, d = 1 / (max - min), in double
        precision as MATLAB's mat2gray computes it (a mask of one level: foreground unless it is 0).
    eps
        Only for ``norm``.

    Raises
    ------
    ProtocolError
        The rule is not valid.

    Examples
    --------
    >>> binarise(np.array([[0, 64, 65, 128]], np.uint8), "norm>128")
    array([[False, False,  True,  True]])
    """
    scale, relation, bound = parse_mask_rule(rule)
    if not scale:
        return levels > bound if relation == ">" else levels >= bound
    top = int(levels.max(initial=0))
    if top == 0:
        return np.zeros(levels.shape, bool)
    low = int(levels.min())
    low, factor = (0, 1.0) if low == top else (low, 1 / (top - low))
    steps = np.arange(256, dtype=np.float64)
    value = steps / (top + eps) * 255 if scale == "norm" else steps * factor - low * factor
    table: NDArray[np.bool_] = value > bound if relation == ">" else value >= bound
    return table[levels]
