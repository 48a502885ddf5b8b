"""The authors' recipe against a plain transcription of their test script; every kind of photo."""

import os
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import reference_preprocessing
from PIL import Image
from skimage import transform

from sodbench.data.demo import demo_folder
from sodbench.data.images.photos import photo_from
from sodbench.data.sources import open_source
from sodbench.errors import PredictionError
from sodbench.models import preprocessing
from sodbench.models.preprocessing import network_input, resize_bilinear, saliency_map

REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
needs_reference = pytest.mark.skipif(
    "SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE names no reference material"
)

SIZES = [(1, 1), (2, 3), (100, 50), (321, 481), (700, 500), (320, 320), (1, 640)]


def noise(height: int, width: int, kind: type = np.uint8, seed: int = 0) -> np.ndarray:
    top = np.iinfo(kind).max
    rng = np.random.default_rng((seed, height, width))
    return rng.integers(top // 8, top // 2, (height, width, 3)).astype(kind)


def official_resize(photo):
    return transform.resize(photo, (320, 320), order=1, mode="constant", anti_aliasing=False)


def official_input(photo):
    """RescaleT(320) and ToTensorLab(flag=0) of the official data_loader.py."""
    image = official_resize(photo)
    out = np.zeros((image.shape[0], image.shape[1], 3))
    image = image / np.max(image)
    for c, (mean, std) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))):
        for row in range(320):
            out[row, :, c] = (image[row, :, c] - mean) / std
    return out.transpose((2, 0, 1)).astype(np.float32)


def official_map(output, width, height, stretch=True):
    """normPRED and save_output of the official u2net_test.py."""
    if stretch:
        output = (output - output.min()) / (output.max() - output.min())
    image = Image.fromarray(output * np.float32(255)).convert("RGB")
    return np.array(image.resize((width, height), resample=Image.Resampling.BILINEAR))[:, :, 0]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", SIZES)
def test_resize_is_skimage_without_anti_aliasing(size, kind):
    photo = noise(*size, kind)
    np.testing.assert_allclose(resize_bilinear(photo, 320), official_resize(photo), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", SIZES)
def test_network_input_is_the_official_one(size, kind):
    photo = noise(*size, kind)
    found = network_input(photo)
    assert found.shape == (3, 320, 320)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, official_input(photo), rtol=0, atol=1e-6)


def same_bits(found: np.ndarray | None, expected: np.ndarray | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return found.tobytes() == expected.tobytes() and found.dtype == expected.dtype


ODD = {
    "one pixel": np.full((1, 1, 3), 7, np.uint8),
    "one row": noise(1, 700),
    "one column": noise(5000, 1, np.uint16),
    "two rows": noise(2, 3),
    "large": noise(1500, 2500),
    "of the network's size": noise(320, 320),
    "16-bit": noise(321, 481, np.uint16),
    "all levels": np.arange(256 * 3).astype(np.uint8).reshape(16, 16, 3),
    "black": np.zeros((9, 8, 3), np.uint8),
    "white": np.full((9, 8, 3), 255, np.uint8),
    "white, 16-bit": np.full((9, 8, 3), 65535, np.uint16),
    "constant": np.full((400, 300, 3), 93, np.uint8),
    "dark but for one level": (np.arange(400 * 400 * 3).reshape(400, 400, 3) == 240_603).astype(np.uint8),
    "three of four channels": np.dstack((noise(40, 50), noise(40, 50)))[:, :, :3],
    "turned": np.rot90(noise(40, 50)),
    "not writable": np.broadcast_to(np.array([200, 100, 50], np.uint8), (600, 800, 3)),
}


@pytest.mark.parametrize("name", ODD)
def test_input_has_the_bits_of_plain_numpy(name):
    assert same_bits(network_input(ODD[name]), reference_preprocessing.network_input(ODD[name]))
    for size in (1, 7, 352):
        expected = reference_preprocessing.resized(ODD[name], size)
        assert np.ascontiguousarray(resize_bilinear(ODD[name], size)).tobytes() == expected.tobytes()


def test_input_of_random_sizes_has_the_bits_of_plain_numpy():
    rng = np.random.default_rng(1)
    for k in range(40):
        photo = noise(*rng.integers(1, 700, 2), np.uint16 if k % 4 == 0 else np.uint8, seed=k)
        assert same_bits(network_input(photo), reference_preprocessing.network_input(photo)), photo.shape


@needs_reference
def test_input_of_real_photos_has_the_bits_of_plain_numpy():
    photos = open_source(demo_folder() / "images").groups[""][::4]
    photos = [*photos, *open_source(REFERENCE / "data" / "SOD" / "images").groups[""][::10]]
    for photo in photos:
        pixels = photo_from(photo.content(PredictionError), photo.where)
        assert same_bits(network_input(pixels), reference_preprocessing.network_input(pixels)), photo.where


def test_kernels_compute_the_same_without_numba(monkeypatch):
    for name in ("_resize", "_standardise"):
        compiled = getattr(preprocessing, name)
        monkeypatch.setattr(preprocessing, name, getattr(compiled, "py_func", compiled))
    monkeypatch.setattr(preprocessing, "SIZE", 6)
    assert same_bits(network_input(noise(9, 5)), reference_preprocessing.network_input(noise(9, 5), 6))


def test_divided_by_the_maximum_of_the_resized_photo():
    photo = np.full((640, 640, 3), 100, np.uint8)
    photo[0, 0] = 255  # half of it survives shrinking, blended with its neighbours
    expected = (1 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(network_input(photo).max(axis=(1, 2)), expected, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_all_black_photo_has_no_input(kind):
    assert network_input(np.zeros((5, 7, 3), kind)) is None


def test_photo_whose_only_light_falls_between_the_taps_has_no_input():
    photo = np.zeros((3200, 3200, 3), np.uint8)
    photo[0, 0] = 255
    assert network_input(photo) is None


def test_large_photo():
    photo = np.broadcast_to(np.array([200, 100, 50], np.uint8), (6000, 8000, 3))
    found = network_input(photo)
    assert np.ptp(found, axis=(1, 2)).max() < 1e-5


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (300, 400), (320, 320), (900, 700), (1000, 20)])
@pytest.mark.parametrize("postprocess", ["official", "none"])
def test_map_is_the_official_one(size, postprocess):
    output = np.random.default_rng(size).random((320, 320)).astype(np.float32) * np.float32(0.7)
    found = saliency_map(output, *size, postprocess)
    assert found.dtype == np.uint8
    assert found.shape == size[::-1]
    np.testing.assert_array_equal(found, official_map(output, *size, postprocess == "official"))


def test_levels_are_cut_off_not_rounded():
    output = np.full((320, 320), 0.999, np.float32)
    assert saliency_map(output, 2, 2, "none").tolist() == [[254, 254], [254, 254]]


def test_extremes_of_none():
    output = np.repeat([[0.0, 1.0]], 320, axis=0).repeat(160, axis=1).astype(np.float32)
    assert np.unique(saliency_map(output, 320, 320, "none")).tolist() == [0, 255]


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_constant_output_gives_zeros(value):
    output = np.full((320, 320), value, np.float32)
    assert not saliency_map(output, 9, 5, "official").any()
    assert (saliency_map(output, 9, 5, "none") == int(np.float32(value) * 255)).all()


# ------------------------------------------------------------------------------------ kinds of photo


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(image: Image.Image, kind: str = "PNG", exif: bool = False, **options: object) -> np.ndarray:
    return photo_from(encoded(image, kind, **options), "a.png", exif=exif)


RGB = noise(6, 9)
GREY = RGB[:, :, 0]


def three(grey):
    return np.repeat(grey[:, :, None], 3, axis=2)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_rgb_photo_is_read_as_it_is(kind):
    np.testing.assert_array_equal(read(Image.fromarray(RGB), kind), RGB)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_grey_photo_has_three_equal_channels(kind):
    np.testing.assert_array_equal(read(Image.fromarray(GREY), kind), three(GREY))


def test_1_bit_photo():
    bits = GREY > 70
    np.testing.assert_array_equal(read(Image.fromarray(bits)), three(bits * np.uint8(255)))


def test_grey_with_alpha_keeps_its_grey():
    alpha = noise(6, 9, seed=1)[:, :, 0]
    image = Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(alpha)))
    np.testing.assert_array_equal(read(image), three(GREY))


@pytest.mark.parametrize("alpha", [0, 77, 255])
def test_rgba_gives_its_first_three_channels(alpha):
    image = np.dstack((RGB, np.full((6, 9), alpha, np.uint8)))
    found = read(Image.fromarray(image))
    np.testing.assert_array_equal(found, RGB)
    np.testing.assert_allclose(network_input(found), official_input(RGB), atol=1e-6)  # maximum of the three


@pytest.mark.parametrize("transparency", [None, 1, bytes([0, 128, 255])])
def test_palette_is_converted(transparency):
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 10, 20, 30])
    image.putdata([0, 1, 2])
    options = {} if transparency is None else {"transparency": transparency}
    assert read(image, **options).tolist() == [[[255, 0, 0], [0, 255, 0], [10, 20, 30]]]


def test_cmyk_is_converted():
    image = Image.fromarray(RGB).convert("CMYK")
    np.testing.assert_array_equal(read(image, "TIFF"), np.array(image.convert("RGB")))
    assert np.abs(read(image, "JPEG", quality=100).astype(int) - RGB).max() < 40


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_levels(kind):
    grey = noise(6, 9, np.uint16)[:, :, 0]
    found = read(Image.fromarray(grey), kind)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, three(grey))


def test_16_bit_photo_is_seen_as_the_same_8_bit_photo():
    as_16 = read(Image.fromarray(GREY.astype(np.uint16) * 257))
    np.testing.assert_allclose(network_input(as_16), network_input(three(GREY)), atol=1e-6)


def deep_png(samples, colour, interlaced=0):
    """A 16-bit PNG, written by hand: Pillow writes none in colour."""
    height, width, channels = samples.shape
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples.reshape(height, -1))
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, interlaced)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks
    )


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_16_bit_colour_keeps_its_levels(colour, channels):
    samples = np.random.default_rng(3).integers(0, 65536, (5, 7, channels)).astype(np.uint16)
    found = photo_from(deep_png(samples, colour), "a.png")
    expected = samples[:, :, [0, 0, 0]] if channels == 2 else samples[:, :, :3]
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, expected)


def test_16_bit_colour_that_would_lose_levels_is_refused():
    samples = np.full((5, 7, 3), 200, np.uint16)
    with pytest.raises(PredictionError, match=r"a\.png: 16-bit colour that cannot be read exactly"):
        photo_from(deep_png(samples, 2, interlaced=1), "a.png")
    with pytest.raises(PredictionError, match=r"a\.png: truncated PNG"):
        photo_from(deep_png(samples, 2)[:-30], "a.png")


@pytest.mark.parametrize(
    ("kind", "message"),
    [(np.int32, "TIFF with 32-bit signed samples"), (np.float32, "with 32 bits per pixel")],
)
def test_32_bit_photo_is_refused(kind, message):
    with pytest.raises(PredictionError, match=rf"a\.png: {message}"):
        read(Image.fromarray(GREY.astype(kind)), "TIFF")


def test_exif_rotation_is_ignored_and_applied_on_request():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(RGB)
    np.testing.assert_array_equal(read(image, exif=False), RGB)
    data = encoded(image, exif=exif)
    np.testing.assert_array_equal(photo_from(data, "a"), RGB)
    np.testing.assert_array_equal(photo_from(data, "a", exif=True), np.rot90(RGB, -1))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_on_request_only_and_once(orientation, compression):
    data = encoded(Image.fromarray(RGB), "TIFF", tiffinfo={274: orientation}, compression=compression)
    turned = [
        *(RGB, RGB[:, ::-1], RGB[::-1, ::-1], RGB[::-1], RGB.transpose(1, 0, 2)),
        *(np.rot90(RGB, -1), RGB[::-1, ::-1].transpose(1, 0, 2), np.rot90(RGB)),
    ]
    np.testing.assert_array_equal(photo_from(data, "a"), RGB)
    np.testing.assert_array_equal(photo_from(data, "a", exif=True), turned[orientation - 1])


def test_progressive_jpeg_is_as_any_other():
    image = Image.fromarray(noise(40, 50))
    plain, progressive = (read(image, "JPEG", quality=95, progressive=flag) for flag in (False, True))
    np.testing.assert_array_equal(plain, progressive)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_truncated_or_damaged_photo_is_refused_at_every_length(kind):
    data = encoded(Image.fromarray(noise(40, 50)), kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for length in range(0, len(data) * 9 // 10, max(1, len(data) // 60)):
            with pytest.raises(PredictionError, match=r"a\.jpg: "):
                photo_from(data[:length], "a.jpg")


def test_damaged_photo_raises_nothing_else():
    rng = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP"):
        data = bytearray(encoded(Image.fromarray(noise(12, 10)), kind))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(150):
                bad = data.copy()
                for place in rng.integers(0, min(len(bad), 400), 3):
                    bad[place] = rng.integers(256)
                try:
                    photo_from(bytes(bad), "a")
                except PredictionError:
                    continue


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"not an image \(it is empty\), expected PNG, JPEG, .* PFM or TGA\."),
        (b"GIF89a", r"damaged, truncated or unusual GIF \("),
        (b"<html>", r"not an image \(begins with b'<html>'\)"),
        (b"DDS |" + bytes(200), r"not an image \(begins with b'DDS \|"),
    ],
)
def test_no_image(data, message):
    with pytest.raises(PredictionError, match=rf"^a\.png: {message}.*\.$"):
        photo_from(data, "a.png")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animated_or_multi_page_file_is_refused(kind):
    frames = [Image.fromarray(noise(9, 9, seed=seed)) for seed in range(2)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(PredictionError, match="with more than one image, expected a single one"):
        photo_from(data, "a.webp")


def test_stereo_photo_of_a_camera_gives_its_first_picture():
    frames = [Image.fromarray(noise(9, 9, seed=seed)) for seed in range(2)]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert photo_from(data, "a.jpg").shape == (9, 9, 3)


@pytest.mark.parametrize("side", [11, 40])
@pytest.mark.parametrize("warn", ["error", "ignore"])
def test_bomb_is_refused_without_decoding(side, warn, monkeypatch):
    data = encoded(Image.new("RGB", (side, side)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter(warn)
        with pytest.raises(PredictionError, match=r"a\.png: .*pixels.* Scale it down\."):
            photo_from(data, "a.png")


def test_photo_of_one_pixel():
    found = read(Image.new("RGB", (1, 1), (10, 20, 40)))
    assert found.shape == (1, 1, 3)
    assert np.isfinite(network_input(found)).all()
    assert saliency_map(np.eye(320, dtype=np.float32), 1, 1, "official").shape == (1, 1)
