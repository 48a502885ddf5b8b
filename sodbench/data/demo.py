"""The built-in ``demo`` dataset: photos that scikit-image ships, masks drawn by hand, three demo methods.

With it every command can be tried without a download; scores on it say nothing about a method.

The photos are not copied into sodbench: they are taken from the installed scikit-image, which
checks their hashes. The outlines of the masks, their sources and licences are in ``data/demo.toml``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import DatasetError, nearest

DEMO_METHODS = ("blurred", "centre", "contrast")
DEMO_REVISION = 1
"""Incremented whenever a change here alters a pixel, so that cached folders are rebuilt."""

_OUTLINES = Path(__file__).parent / "demo.toml"

_Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Drawing:
    width: int
    height: int
    outlines: tuple[_Polygon, ...]
    holes: tuple[_Polygon, ...]


def demo_names() -> tuple[str, ...]:
    """Return the image ids of the demo dataset, sorted.

    >>> demo_names()
    ('astronaut', 'camera', 'cell', 'chelsea', 'clock', 'coffee', 'horse', 'rocket')
    """
    return tuple(sorted(_drawings()))


def demo_photo(name: str) -> NDArray[np.uint8]:
    """Return a photo as RGB; grey ones have three equal channels.

    >>> demo_photo("chelsea").shape
    (300, 451, 3)
    """
    _drawing(name)
    import skimage.data

    photo = np.asarray(getattr(skimage.data, name)())
    if photo.dtype == np.bool_:
        photo = photo * np.uint8(255)
    return np.array(photo if photo.ndim == 3 else np.stack([photo] * 3, axis=2), np.uint8, order="C")


def demo_mask(name: str) -> NDArray[np.bool_]:
    """Return which pixels belong to the salient object.

    A pixel belongs to a polygon if its centre does, by the even-odd rule.

    >>> mask = demo_mask("rocket")
    >>> mask.shape, bool(mask[300, 322]), bool(mask[300, 100])
    ((427, 640), True, False)
    """
    drawing = _drawing(name)
    mask = np.zeros((drawing.height, drawing.width), np.bool_)
    for outline in drawing.outlines:
        mask |= _fill(outline, *mask.shape)
    for hole in drawing.holes:
        mask &= ~_fill(hole, *mask.shape)
    return mask


def demo_prediction(name: str, method: str) -> NDArray[np.uint8]:
    """Return the saliency map of a demo method; each of the three is deliberately flawed.

    Parameters
    ----------
    name
        One of `demo_names`.
    method
        ``"blurred"``: the mask without its thin parts, moved and blurred; its peak is 200, so that
        normalisation matters. ``"centre"``: the same blob at the centre of every photo.
        ``"contrast"``: how far a colour is from the mean colour of the photo's border.

    Examples
    --------
    >>> int(demo_prediction("cell", "blurred").max()), int(demo_prediction("cell", "centre").max())
    (200, 255)
    """
    makers = {"blurred": _blurred, "centre": _centre, "contrast": _contrast}
    if method not in makers:
        raise DatasetError(f"demo has no method {method!r}: {nearest(method, DEMO_METHODS)}.")
    return makers[method](name)


def demo_pair(scale: float = 1.0) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return one map and its mask, on which every metric has something to find fault with.

    The horse of the demo dataset and a ball. The map has a bump, a hole and soft edges, lacks a leg and the
    tip of the tail, sees a second ball, and is surer of the horse's head than of its rump.

    Parameters
    ----------
    scale
        Size of the pair; at 1, 131 x 160.

    Examples
    --------
    >>> pred, gt = demo_pair()
    >>> pred.shape, gt.shape, bool(gt[0, 0])
    ((131, 160), (131, 160), False)
    """
    from scipy.ndimage import gaussian_filter

    drawing, unit = _drawing("horse"), 0.4 * scale
    height, width = round(drawing.height * unit), round(drawing.width * unit)
    y, x = (axis / unit for axis in np.ogrid[:height, :width])

    def disc(right: float, down: float, radius: float) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = (x - right) ** 2 + (y - down) ** 2 <= radius**2
        return inside

    horse = np.zeros((height, width), np.bool_)
    for polygons in (drawing.outlines, drawing.holes):
        for polygon in polygons:
            horse ^= _fill(tuple((unit * a, unit * b) for a, b in polygon), height, width)
    seen = horse * (0.6 + 0.4 * x / drawing.width)
    seen[disc(150, 125, 24) | ((x < 90) & (y > 215))] = 0
    seen[disc(185, 72, 24)] = 0.85
    seen[disc(90, 45, 24)] = 0.65
    seen[disc(344, 258, 14)] = 0.5
    soft = np.clip(gaussian_filter(seen, 4 * unit), 0, 1)
    return np.rint(240 * soft).astype(np.uint8), horse | disc(350, 268, 17)


def write_demo(folder: Path) -> Path:
    """Write photos, masks and predictions, unless all exist.

    The files are ``images/NAME.png``, ``masks/NAME.png`` (0 and 255) and
    ``preds/METHOD/demo/NAME.png``. They are written beside `folder` and then renamed, so
    that no process sees a partial file and several processes may do this at once. In an existing
    folder, only missing or empty files are written; none is removed.

    Parameters
    ----------
    folder
        Target folder; it and its parents are created.

    Returns
    -------
    Path
        `folder`.
    """
    return folder if _complete(folder) else _place(_render(), folder)


def demo_folder() -> Path:
    """Return the demo dataset's folder in the user's cache, created on first use.

    Raises
    ------
    DatasetError
        The cache cannot be written to.
    """
    from hashlib import sha256
    from importlib.metadata import version

    from platformdirs import user_cache_path

    made_from = f"{DEMO_REVISION} {version('scikit-image')} ".encode() + _OUTLINES.read_bytes()
    folder = user_cache_path("sodbench") / f"demo-{sha256(made_from).hexdigest()[:12]}"
    if _complete(folder):
        return folder
    files = _render()
    try:
        return _place(files, folder)
    except OSError as error:
        raise DatasetError(
            f"{folder}: the demo dataset cannot be written here ({error.strerror or error}). "
            "Set XDG_CACHE_HOME to a folder that you can write to."
        ) from error


@cache
def _drawings() -> dict[str, _Drawing]:
    def polygons(texts: list[str]) -> tuple[_Polygon, ...]:
        return tuple(
            tuple((float(x), float(y)) for x, y in (vertex.split(",") for vertex in text.split()))
            for text in texts
        )

    drawings = {}
    for name, entry in tomllib.loads(_OUTLINES.read_text(encoding="utf-8")).items():
        width, height = entry["size"]
        drawings[name] = _Drawing(
            width, height, polygons(entry["outlines"]), polygons(entry.get("holes", []))
        )
    return drawings


def _drawing(name: str) -> _Drawing:
    try:
        return _drawings()[name]
    except KeyError:
        raise DatasetError(f"demo has no image {name!r}: {nearest(name, demo_names())}.") from None


def _fill(polygon: _Polygon, height: int, width: int) -> NDArray[np.bool_]:
    crossed = np.zeros((height, width + 1), np.bool_)
    for start, end in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        (x0, y0), (x1, y1) = sorted((start, end), key=lambda vertex: vertex[1])
        rows = np.arange(max(int(np.ceil(y0)), 0), min(int(np.ceil(y1)), height))
        columns = np.ceil(x0 + (rows - y0) * (x1 - x0) / (y1 - y0)) if rows.size else rows
        crossed[rows, np.clip(columns, 0, width).astype(np.intp)] ^= True
    return np.logical_xor.accumulate(crossed, axis=1)[:, :width]


def _blurred(name: str) -> NDArray[np.uint8]:
    from scipy.ndimage import binary_erosion, gaussian_filter, shift

    mask = demo_mask(name)
    unit = round(min(mask.shape) / 100)
    thick = binary_erosion(mask, iterations=unit)
    moved = shift(thick.astype(np.float64), (unit, 2 * unit), order=0)
    return _levels(gaussian_filter(moved, 2 * unit), 200)


def _centre(name: str) -> NDArray[np.uint8]:
    drawing = _drawing(name)
    down, right = (
        np.exp(-((np.linspace(-1, 1, side) / 0.5) ** 2) / 2) for side in (drawing.height, drawing.width)
    )
    return _levels(np.outer(down, right), 255)


def _contrast(name: str) -> NDArray[np.uint8]:
    from scipy.ndimage import gaussian_filter
    from skimage.color import rgb2lab

    lab = rgb2lab(demo_photo(name))
    edge = min(lab.shape[:2]) // 20
    border = np.ones(lab.shape[:2], np.bool_)
    border[edge:-edge, edge:-edge] = False
    distance = np.linalg.norm(lab - lab[border].mean(axis=0), axis=2)
    return _levels(gaussian_filter(distance, edge / 4), 255)


def _levels(values: NDArray[np.float64], peak: int) -> NDArray[np.uint8]:
    low, high = values.min(), values.max()
    levels: NDArray[np.uint8] = np.rint((values - low) * (peak / (high - low))).astype(np.uint8)
    return levels


def _paths() -> tuple[str, ...]:
    folders = ("images", "masks", *(f"preds/{method}/demo" for method in DEMO_METHODS))
    return tuple(f"{folder}/{name}.png" for folder in folders for name in demo_names())


def _complete(folder: Path) -> bool:
    try:
        return all((folder / path).stat().st_size for path in _paths())
    except OSError:
        return False


def _render() -> dict[str, bytes]:
    from io import BytesIO

    from PIL import Image

    def png(pixels: NDArray[np.uint8]) -> bytes:
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG")
        return buffer.getvalue()

    def pixels(path: str) -> NDArray[np.uint8]:
        folder, *rest = Path(path).with_suffix("").parts
        if folder == "images":
            return demo_photo(rest[0])
        return demo_mask(rest[0]) * np.uint8(255) if folder == "masks" else demo_prediction(rest[2], rest[0])

    return {path: png(pixels(path)) for path in _paths()}


def _place(files: Mapping[str, bytes], folder: Path) -> Path:
    from tempfile import TemporaryDirectory

    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        whole = Path(beside) / "demo"
        for path, content in files.items():
            (whole / path).parent.mkdir(parents=True, exist_ok=True)
            (whole / path).write_bytes(content)
        try:
            whole.rename(folder)
        except OSError:
            for path in files:
                target = folder / path
                if not (target.is_file() and target.stat().st_size):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    (whole / path).replace(target)
    return folder
