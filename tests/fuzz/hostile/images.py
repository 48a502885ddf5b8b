"""Images of other formats than PNG, broken, read as a map, a mask and a photo, and verified."""

from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image, features

from hostile import Case, FaultError, Kind, check_message, read_or_refused
from hostile.breaking import broken
from sodbench.data.images.decoding import decode
from sodbench.data.images.maps import mask_from
from sodbench.data.images.photos import photo_from
from sodbench.data.locations import from_masks
from sodbench.data.verification import verify_dataset
from sodbench.errors import PredictionError

WRITERS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "jpeg": ("JPEG", ("L", "RGB", "CMYK"), {}),
    "progressive": ("JPEG", ("RGB",), {"progressive": True}),
    "bmp": ("BMP", ("1", "L", "P", "RGB", "RGBA"), {}),
    "gif": ("GIF", ("L", "P"), {}),
    "tga": ("TGA", ("L", "RGB", "RGBA"), {"compression": "tga_rle"}),
    "ppm": ("PPM", ("1", "L", "RGB", "I;16"), {}),
    "pfm": ("PPM", ("F",), {}),
    "dds": ("DDS", ("L", "RGB", "RGBA"), {}),
    "ico": ("ICO", ("RGB",), {"sizes": [(12, 12)]}),
    "webp": ("WEBP", ("RGB", "RGBA"), {}),
    "lossless": ("WEBP", ("RGB",), {"lossless": True}),
    "jpeg2000": ("JPEG2000", ("L", "RGB", "I;16"), {}),
    "avif": ("AVIF", ("RGB", "RGBA"), {}),
    **{
        f"tiff-{how}": ("TIFF", modes, {"compression": how})
        for how, modes in {
            "raw": ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "LA"),
            "tiff_lzw": ("L", "RGB", "I;16"),
            "tiff_deflate": ("L", "RGB"),
            "packbits": ("L", "RGB"),
            "jpeg": ("RGB",),
            "group4": ("1",),
        }.items()
    },
}
"""Pillow's writer of a format, the modes that it takes, and its options."""


@cache
def samples() -> dict[str, bytes]:
    """Return a valid file of every format and mode that this Pillow writes."""
    made = {}
    ramp = np.add.outer(np.arange(12), np.arange(17)) * 9
    for name, (plugin, modes, options) in WRITERS.items():
        if name in ("webp", "lossless", "avif") and not features.check("webp" if name != "avif" else "avif"):
            continue
        for mode in modes:
            if mode == "F":
                image = Image.fromarray((ramp / 255).astype(np.float32))
            elif mode == "I;16":
                image = Image.fromarray((ramp * 250).astype(np.uint16))
            else:
                image = Image.fromarray(ramp.astype(np.uint8)).convert("RGB").convert(mode)
            file = BytesIO()
            image.save(file, plugin, **options)
            made[f"{name} {mode}"] = file.getvalue()
    for dtype in ("uint8", "bool", "<u2", ">f4", "float64", "int32", "complex64", "O", "U3"):
        file = BytesIO()
        np.save(file, (ramp / 255).astype(dtype), allow_pickle=True)
        made[f"npy {dtype}"] = file.getvalue()
    return made


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw an image, broken most often near its start, where the headers are."""
    name = draw(st.sampled_from(sorted(samples())))
    data, how = samples()[name], "valid"
    if draw(st.integers(0, 20)):
        data, how = draw(broken(data, head=draw(st.sampled_from((24, 80, 400)))))
    return Case({"images/im.img.jpg": data}, f"{name}: {how}")


def probe(case: Case, folder: Path) -> bool:
    """Read an image as all that it may be given as; verification reads it as a photo."""
    (data,) = case.files.values()
    readers = (
        partial(decode, data, "im.img.jpg", PredictionError, of_map=True),
        partial(mask_from, data, "im.img.jpg"),
        partial(photo_from, data, "im.img.jpg"),
        partial(photo_from, data, "im.img.jpg", exif=True),
    )
    read = [read_or_refused(reader, "im.img.jpg") for reader in readers]
    Image.new("L", (17, 12), 255).save(_made(folder / "masks") / "im.img.png")
    report = read_or_refused(lambda: verify_dataset(from_masks(folder / "masks", None)), "im.img")
    if report is None:
        raise FaultError("a broken photo ended the verification")
    for line in report.unreadable:
        check_message(line, "im.img.jpg")
    levels = getattr(read[0], "levels", None)
    if levels is not None and (levels.dtype != np.uint8 or levels.ndim != 2 or not levels.size):
        raise FaultError(f"levels of {levels.dtype}, {levels.shape}")
    return any(result is not None for result in read)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


IMAGES = Kind(cases(), probe)
