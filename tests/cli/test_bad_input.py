"""What bad input gets: every row of the table, through the command line, with its message."""

import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from workspace import (
    IDS,
    SHAPE,
    good,
    listing,
    map_of,
    mask_of,
    plant,
    plant_maps,
    plant_masks,
    process,
    refused,
    save,
    scored,
    sodbench,
    whole,
)

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def score(here: Path) -> tuple[str, ...]:
    """A good set, and the words that score it."""
    maps, masks = plant()
    return "score", maps, "--masks", masks


def test_the_set_is_good(score: tuple[str, ...]) -> None:
    *others, more, stored, hint = good(*score).stderr.splitlines()
    assert all("ompil" in line for line in others)
    assert more.startswith("Also computed: mean_f, ")
    assert stored == "Stored in scores/maps/own"
    assert hint.startswith("See the worst images: sodbench worst scores/maps/own ")
    assert listing("scores") == whole("maps/own")


class TestMissing:
    def test_error(self, score: tuple[str, ...]) -> None:
        for name in ("im1", "im3"):
            Path(f"maps/{name}.png").unlink()
        refused(*score, match=r"2 of 4 predictions are missing \(im1, im3\).*--missing zero")
        assert listing(".") == sorted([*(f"maps/{i}.png" for i in ("im0", "im2")), *masks_listed()])

    def test_the_first_five_and_a_count(self, here: Path) -> None:
        ids = [f"p{k}" for k in range(9)]
        plant_masks("m", ids)
        plant_maps("maps", ids[:2])
        refused("score", "maps", "--masks", "m", match=r"7 of 9 .* missing \(p2, p3, p4, p5, p6, \+2 more\)")

    def test_zero_and_skip(self, score: tuple[str, ...]) -> None:
        Path("maps/im1.png").unlink()
        zero = good(*score, "--missing", "zero", "--metrics", "mae")
        assert "1 of 4 images: prediction missing, scored as an all-zero map (im1)" in zero.stderr
        assert "|n:3/4|missing:zero|gt:" in zero.stdout
        skip = good(*score, "--missing", "skip", "--metrics", "mae", "--out", "s2")
        assert "maps on own: predictions missing, left out: 1 of 4 (im1)" in skip.stderr
        assert "|n:3/4|missing:skip|ids:" in skip.stdout
        assert " 3/4 " in skip.stdout

    def test_unknown_policy(self, score: tuple[str, ...]) -> None:
        refused(*score, "--missing", "zeros", match="zeros.*did you mean zero")

    def test_extra_maps_are_listed(self, score: tuple[str, ...]) -> None:
        save(map_of(0), "maps/zz.png")
        result = good(*score)
        assert "maps on own: maps without a mask, passed over: 1 (zz.png)" in result.stderr
        assert "|n:4/4|" in result.stdout

    def test_missing_and_extra_in_one_error(self, score: tuple[str, ...]) -> None:
        Path("maps/im1.png").rename("maps/image-one.png")
        result = refused(*score, match=r"1 of 4 predictions is missing \(im1\).*1 map without a mask")
        assert result.stderr.count("image-one") == 1

    def test_maps_of_something_else(self, score: tuple[str, ...]) -> None:
        shutil.rmtree("maps")
        plant_maps("maps", ["x", "y"])
        refused(*score, "--missing", "zero", match=r"4 of 4 predictions are missing.*\(x.png, y.png\)")

    def test_the_other_methods_keep_nothing(self, score: tuple[str, ...]) -> None:
        plant_maps("preds/A")
        plant_maps("preds/B", IDS[:3])
        refused("score", "preds", *score[2:], match=r"B.*: 1 of 4 predictions is missing \(im3\)")
        assert not Path("scores").exists()


def masks_listed() -> list[str]:
    return [f"own/masks/{name}.png" for name in IDS]


class TestUnreadable:
    def test_all_such_files_are_listed(self, score: tuple[str, ...]) -> None:
        Path("maps/im0.png").write_bytes(b"")
        Path("maps/im1.png").write_bytes(Path("maps/im1.png").read_bytes()[:60])
        Path("maps/im2.png").write_bytes(b"<!DOCTYPE html>")
        Path("maps/im3.png").unlink()
        Path("maps/im3.png").mkdir()
        result = refused(*score, match="4 files cannot be used:")
        for line in (
            "maps/im0.png: not an image (it is empty)",
            "maps/im1.png: truncated PNG (60 bytes",
            "maps/im2.png: not an image (begins with b'<!DOCTYPE html>')",
            "maps/im3.png: is a directory, expected an image file",
        ):
            assert f"\n{line}" in result.stderr
        assert not Path("scores").exists()

    def test_a_decoder_prints_nothing_of_its_own(self, score: tuple[str, ...]) -> None:
        """Pillow logs that it cannot decode so many samples a pixel."""
        Path("maps/im0.png").unlink()
        data = save(np.dstack([map_of(0)] * 3), "maps/im0.tif").read_bytes()
        samples = struct.pack("<HHIHH", 277, 3, 1, 3, 0)
        assert data.count(samples) == 1
        Path("maps/im0.tif").write_bytes(data.replace(samples, struct.pack("<HHIHH", 277, 3, 1, 35, 0)))
        done = process(*score)
        assert done.returncode == 1
        assert b"maps/im0.tif: damaged, truncated or unusual TIFF" in done.stderr
        assert b"More samples" not in done.stderr

    def test_more_than_five(self, here: Path) -> None:
        ids = [f"p{k}" for k in range(9)]
        plant_masks("m", ids)
        plant_maps("maps", ids)
        for name in ids:
            Path(f"maps/{name}.png").write_text("x")
        result = refused("score", "maps", "--masks", "m", match="9 files cannot be used")
        assert result.stderr.count("maps/p") == 5
        assert result.stderr.endswith("\nand 4 more\n")

    def test_finished_rows_stay_for_the_next_run(
        self, score: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = scored(*score[1:], "--out", "fresh")
        Path("maps/im2.png").write_bytes(b"")
        refused(*score, match="maps/im2.png: not an image")
        assert listing("scores") == whole("maps/.own.partial")
        save(map_of(2), "maps/im2.png")
        result = good(*score)
        assert "own: reused stored results for 3 of 4 unchanged maps" in result.stderr
        assert listing("scores") == whole("maps/own")
        assert scored(*score[1:]) == expected

    def test_mask(self, score: tuple[str, ...]) -> None:
        Path("own/masks/im1.png").write_bytes(b"GIF89a")
        refused(*score, match="own/masks/im1.png: .*GIF")

    def test_pipes_and_devices_are_named_and_not_opened(self, score: tuple[str, ...]) -> None:
        for path in ("maps/im0.png", "own/masks/im1.png", "maps/im2.png"):
            Path(path).unlink()
        os.mkfifo("maps/im0.png")
        os.mkfifo("own/masks/im1.png")
        Path("maps/im2.png").symlink_to("/dev/zero")
        result = refused(*score, match="3 files cannot be used:")
        assert "\nmaps/im0.png: is a named pipe (FIFO), expected an image file." in result.stderr
        assert "\nmaps/im2.png: is a device, expected an image file." in result.stderr
        assert "\nown/masks/im1.png: is a named pipe (FIFO), expected an image file." in result.stderr
        os.mkfifo("maps.zip")
        refused(
            "score", "maps.zip", *score[2:], match=r"maps.zip: is a named pipe \(FIFO\), expected a folder"
        )

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (("nowhere", "--masks", "own/masks"), r"nowhere: no such folder or zip file\.$"),
            (
                ("Demo", "--masks", "own/masks"),
                r"Demo: no such folder or zip file\. The dataset is chosen by --dataset demo\.$",
            ),
            (("maps", "--masks", "nowhere"), "nowhere: no such folder or zip file"),
            (
                ("own/masks/im0.png", "--masks", "own/masks"),
                "im0.png: is a single image, expected a folder or a zip",
            ),
            (("empty", "--masks", "own/masks"), "empty: found no maps here"),
            (("maps", "--masks", "empty"), "empty: found no masks here, expected a folder or zip of them"),
            (
                ("maps", "--masks", "own"),
                "own: found no masks .* Its folder masks may .*: pass own/masks",
            ),
            (
                ("maps", "--masks", "films"),
                r"missing .a: all 4; b: all 4.\..* The masks lie in one folder for",
            ),
            (("maps", "--masks", "odd"), "odd: found no masks .* Its files are of other kinds: 1 .a.heic."),
        ],
    )
    def test_path(self, score: tuple[str, ...], args: tuple[str, ...], message: str) -> None:
        for folder in ("empty", "odd"):
            Path(folder).mkdir()
        Path("odd/a.heic").touch()
        for folder in ("films/a", "films/b"):
            plant_masks(folder)
        if args[-1] == "own":
            plant_masks("own/other")
        refused("score", *args, match=message)

    def test_names_that_are_no_unicode(self, score: tuple[str, ...]) -> None:
        Path("maps/im0.png").rename("maps/caf\udce9.png")
        refused(*score, match=r"found 1 image whose name is not valid Unicode \('caf\\+udce9.png'\)")
        shutil.rmtree("maps")
        plant_maps("meth\udce9d")
        refused("score", "meth\udce9d", *score[2:], match="name of the method.*not valid Unicode")


class TestSize:
    def test_error_with_both_sizes(self, score: tuple[str, ...]) -> None:
        save(np.zeros((10, 15), np.uint8), "maps/im0.png")
        refused(*score, match=r"maps/im0.png: the map is 15x10, its mask 30x20.*--resize bilinear")

    @pytest.mark.parametrize("how", ["bilinear", "nearest"])
    def test_resize(self, score: tuple[str, ...], how: str) -> None:
        half = np.array(Image.fromarray(map_of(0)).resize((15, 10)))
        save(half, "maps/im0.png")
        result = good(*score, "--resize", how)
        assert f"|size:{how}|" in result.stdout
        resized = Image.fromarray(half).resize((30, 20), getattr(Image.Resampling, how.upper()))
        save(np.array(resized), "maps/im0.png")
        assert scored(*score[1:], "--resize", how, "--out", "s2") == scored(*score[1:], "--resize", how)

    def test_turned(self, score: tuple[str, ...]) -> None:
        save(map_of(0).T, "maps/im0.png")
        result = refused(
            *score, match="the map is 20x30, its mask 30x20.*turned by 90 degrees: has its photo an"
        )
        assert "`sodbench run --exif`" in result.stderr
        assert "--resize" not in result.stderr
        squeezed = good(*score, "--resize", "bilinear").stderr
        assert "1 of 4 images: prediction resized whose width and height are its mask's exchanged" in squeezed
        assert "exchanged" not in good(*score, "--resize", "64x48").stderr
        assert "`sodbench run` follows EXIF with --exif only" in sodbench("explain", *score[1:]).stderr


class TestNames:
    @pytest.mark.parametrize("suffix", [".PNG", ".bmp", ".tif", ".npy", ".pgm", ".pnm", ".tga"])
    def test_another_suffix(self, score: tuple[str, ...], suffix: str) -> None:
        expected = scored(*score[1:])
        shutil.rmtree("maps")
        plant_maps("maps", suffix=suffix)
        assert scored(*score[1:], "--out", "s2") == expected

    def test_jpeg_is_read_and_reported(self, score: tuple[str, ...]) -> None:
        shutil.rmtree("maps")
        plant_maps("maps", suffix=".jpg")
        result = good(*score)
        note = "prediction is of a lossy format (JPEG, lossy WebP, AVIF, JPEG 2000)"
        assert f"4 of 4 images: {note} (im0, im1, im2, im3)" in result.stderr

    @pytest.mark.parametrize(("suffix", "kind"), [(".jfif", "JPEG"), (".jpe", "JPEG"), (".pbm", "PPM")])
    def test_masks_of_every_suffix_count(self, score: tuple[str, ...], suffix: str, kind: str) -> None:
        Image.fromarray(mask_of(0)).save(f"own/masks/im9{suffix}", kind)
        refused(*score, match=r"1 of 5 predictions is missing \(im9\)")

    def test_what_lies_beside_the_masks_is_said(self, score: tuple[str, ...]) -> None:
        for k in range(7):
            Path(f"own/masks/note{k}.txt").write_text("x")
        save(mask_of(0), "own/masks/more/im8.png")
        save(mask_of(0), "own/masks/a/b/c/d/im9.png")
        result = good(*score)
        assert (
            "own/masks: files that are no masks, passed over: 8 (a/b/c/d/, note0.txt, note1.txt"
            in result.stderr
        )
        assert "own/masks: folders of images beside the masks, passed over: 1 (more)" in result.stderr
        save(map_of(0), "maps/a/b/c/d/im9.png")
        assert "maps: files that are no maps, passed over: 1 (a/b/c/d/)" in good(*score, "--out", "s2").stderr

    @pytest.mark.parametrize(("prefix", "suffix"), [("", "_sal"), ("pred-", ""), ("", ".v2")])
    def test_affix(self, score: tuple[str, ...], prefix: str, suffix: str) -> None:
        expected = scored(*score[1:])
        shutil.rmtree("maps")
        plant_maps("maps", [f"{prefix}{name}{suffix}" for name in IDS])
        refused(*score, match=f"pass --strip '?{prefix}{suffix}")
        assert scored(*score[1:], "--strip", prefix + suffix, "--out", "s2") == expected

    @pytest.mark.parametrize("spelled", [str.upper, lambda name: name.replace("im", "im00")])
    def test_case_and_leading_zeros(self, score: tuple[str, ...], spelled: Callable[[str], str]) -> None:
        expected = scored(*score[1:])
        shutil.rmtree("maps")
        plant_maps("maps", [spelled(name) for name in IDS])
        result = refused(*score, match=r"Names of 4 maps differ from those of masks only in case or leading")
        assert result.stderr.rstrip().endswith("Scores over part of a dataset are not comparable.")
        assert "pass --loose-names" in result.stderr
        refused("explain", *score[1:], match="unpaired: .*pass --loose-names")
        assert scored(*score[1:], "--loose-names", "--out", "s2") == expected
        save(map_of(0), "maps/zz.png")
        Path("maps", f"{spelled('im3')}.png").rename("maps/im3.png")
        result = good(*score, "--missing", "skip", "--out", "s3")
        assert "maps without a mask, passed over: 4 (" in result.stderr
        assert "). Names of 3 maps differ from those of masks only in case or leading" in result.stderr
        assert "maxF" in good("explain", *score[1:], "--loose-names", "--out", "s2").stdout
        save(map_of(0), "maps/im0.png")
        refused(*score, "--loose-names", match="names that differ only in case or leading zeros, so --loose")

    def test_composed_and_decomposed_letters(self, score: tuple[str, ...]) -> None:
        expected = scored(*score[1:], "--missing", "skip")
        Path("maps/im0.png").rename("maps/cafe\u0301.png")
        Path("own/masks/im0.png").rename("own/masks/caf\u00e9.png")
        (found,) = scored(*score[1:], "--out", "s2")
        assert found["n"] == 4
        assert found["scores"] == expected[0]["scores"]

    def test_an_affix_that_is_given_is_not_hinted(self, score: tuple[str, ...]) -> None:
        shutil.rmtree("maps")
        plant_maps("maps", [f"{name}_sal" for name in IDS[:3]])
        result = refused(*score, "--strip", "_sal", match=r"1 of 4 predictions is missing \(im3\)")
        assert "--strip" not in result.stderr

    def test_subset_is_explained_where_maps_are_missing(self, score: tuple[str, ...]) -> None:
        Path("maps/im3.png").unlink()
        refused(
            *score,
            "--subset",
            match="skip.. --subset does not allow this: it is for a folder that holds only",
        )

    def test_two_files_of_one_stem(self, score: tuple[str, ...]) -> None:
        save(map_of(0), "maps/im0.bmp")
        refused(*score, match=r"maps/im0.bmp and maps/im0.png: found two predictions of image im0")
        Path("maps/im0.bmp").unlink()
        save(map_of(0), "maps/im0_sal.png")
        refused(*score, "--strip", "_sal", match="found two predictions of image im0")
        save(mask_of(0), "own/masks/im0.bmp")
        refused(*score, match="found two masks of image im0")


def stacked(alpha: np.ndarray | int) -> np.ndarray:
    return np.dstack([map_of(0)] * 3 + [np.broadcast_to(np.uint8(alpha), SHAPE)])


def palette(path: Path) -> None:
    image = Image.frombytes("P", SHAPE[::-1], (255 - map_of(0)).tobytes())
    image.putpalette([level for k in range(255, -1, -1) for level in (k, k, k)])
    image.save(path)


class TestPixels:
    @pytest.mark.parametrize(
        ("name", "pixels"),
        [
            ("im0.png", map_of(0).astype(np.uint16) * 257),
            ("im0.png", np.dstack([map_of(0)] * 3)),
            ("im0.png", stacked(255)),
            ("im0.png", np.dstack([map_of(0), np.full(SHAPE, 7, np.uint8)])),
            ("im0.tif", (map_of(0) / np.float32(255)).astype(np.float32)),
            ("im0.npy", map_of(0) / 255),
        ],
        ids=["16-bit", "rgb", "rgba", "grey+alpha", "float-tiff", "float-npy"],
    )
    def test_read_right(self, score: tuple[str, ...], name: str, pixels: np.ndarray) -> None:
        expected = scored(*score[1:])
        Path("maps/im0.png").unlink()
        save(pixels, f"maps/{name}")
        assert scored(*score[1:], "--out", "s2") == expected

    def test_palette_and_1_bit(self, score: tuple[str, ...]) -> None:
        expected = scored(*score[1:])
        palette(Path("maps/im0.png"))
        assert scored(*score[1:], "--out", "s2") == expected
        Image.fromarray(mask_of(0)).convert("1").save("maps/im0.png")
        binary = scored(*score[1:], "--out", "s3")
        save(mask_of(0), "maps/im0.png")
        assert scored(*score[1:], "--out", "s4") == binary

    @pytest.mark.parametrize(
        ("name", "pixels", "message"),
        [
            ("im0.png", np.dstack([map_of(0), map_of(1), map_of(2)]), "coloured picture"),
            ("im0.png", map_of(0).astype(np.uint16), "16-bit file whose maximum is 255 or less"),
            ("im0.png", stacked(map_of(0)), "cut-out and not a saliency map"),
            ("im0.npy", np.where(map_of(0) > 100, np.nan, 0.5), r"\d+ of 600 values are NaN"),
            ("im0.npy", map_of(0).astype(np.float64), r"float values from .* expected \[0, 1\]"),
            ("im0.npy", map_of(0).astype(np.int64), "array of int64"),
            ("im0.npy", np.zeros((2, 3, 4)), r"array of shape \(2, 3, 4\)"),
        ],
    )
    def test_refused(self, score: tuple[str, ...], name: str, pixels: np.ndarray, message: str) -> None:
        Path("maps/im0.png").unlink()
        save(pixels, f"maps/{name}")
        refused(*score, match=f"maps/{name}: .*{message}")

    def test_decompression_bomb(self, score: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
        refused(*score, match=r"own/masks/im0.png: .*30x20.*500")

    def test_constant_and_all_zero(self, score: tuple[str, ...]) -> None:
        save(np.zeros(SHAPE, np.uint8), "maps/im0.png")
        save(np.full(SHAPE, 77, np.uint8), "maps/im1.png")
        result = good(*score)
        assert "maps on own: 2 of 4 images: prediction has one level only (im0, im1)" in result.stderr


class TestMasks:
    def replace_mask(self, pixels: np.ndarray) -> None:
        save(pixels.astype(np.uint8), "own/masks/im0.png")

    def test_zero_one(self, score: tuple[str, ...]) -> None:
        expected = scored(*score[1:])[0]["scores"]
        self.replace_mask(mask_of(0) // 255)
        result = good(*score, "--out", "s2")
        assert "1 of 4 images: mask with maximum 1, read as 0/255 (im0)" in result.stderr
        assert scored(*score[1:], "--out", "s2")[0]["scores"] == expected

    @pytest.mark.parametrize("top", [100, 128])
    def test_emptied_by_the_threshold(self, score: tuple[str, ...], top: int) -> None:
        self.replace_mask(mask_of(0) // 255 * top)
        refused(*score, match=f"own/masks/im0.png: .*0.*{top}.*--mask-threshold")
        assert "gt:>99|" in good(*score, "--mask-threshold", ">99").stdout

    def test_grey(self, score: tuple[str, ...]) -> None:
        self.replace_mask(np.where(mask_of(0) > 0, 170, 40))
        result = good(*score)
        assert "1 of 4 images: mask with levels other than 0 and 255 (im0)" in result.stderr

    def test_empty_and_full(self, score: tuple[str, ...]) -> None:
        self.replace_mask(np.zeros(SHAPE))
        save(np.full(SHAPE, 255, np.uint8), "own/masks/im1.png")
        lines = good(*score).stderr.splitlines()
        assert "maps on own: 1 of 4 images: empty mask (im0)" in lines
        assert "maps on own: 1 of 4 images: mask without background (im1)" in lines
        assert "maps on own: 1 of 4 images: wF undefined (empty mask), left out of its mean" in lines

    def test_all_empty_is_null_and_a_dash(self, score: tuple[str, ...]) -> None:
        for name in IDS:
            save(np.zeros(SHAPE, np.uint8), f"own/masks/{name}.png")
        assert scored(*score[1:], "--metrics", "weighted_f,mae")[0]["scores"]["weighted_f"] is None
        result = good(*score, "--metrics", "weighted_f,mae", "--csv", "a.csv", "--per-image", "i.csv")
        assert result.stdout.splitlines()[2].endswith(" -")
        assert Path("a.csv").read_text().splitlines()[1].split(",")[5] == ""
        assert Path("i.csv").read_text().splitlines()[1].split(",")[4] == ""


def zipped(path: str, members: dict[str, bytes], links: tuple[str, ...] = ()) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.external_attr = (0o120777 if name in links else 0o100644) << 16
            archive.writestr(info, data)
    return path


def members(folder: str, prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}{path.name}": path.read_bytes() for path in sorted(Path(folder).iterdir())}


class TestZip:
    def test_as_published(self, score: tuple[str, ...]) -> None:
        expected = scored(*score[1:])
        png = Path("maps/im0.png").read_bytes()
        junk = ["../evil.png", "/abs.png", "Thumbs.db", "__MACOSX/._im0.png", "a/link.png", "a/run.json"]
        members_of = {**members("maps", "maps/"), **dict.fromkeys(junk, png), "a/": b""}
        archive = zipped("maps.zip", members_of, links=("a/link.png",))
        before = sorted(Path("..").rglob("*"))
        result = good("score", archive, *score[2:], "--json")
        assert result.stdout == good(*score, "--json").stdout
        assert expected == scored(archive, *score[2:], "--out", "s2")
        assert result.stderr.startswith(
            "maps.zip: files that are no maps, passed over: 5 (../evil.png, /abs.png, Thumbs.db, "
            "__MACOSX/, a/link.png)\n"
        )
        assert result.stderr.count("evil") == 1
        assert {p for p in Path("..").rglob("*") if "s2" not in p.parts} == set(before)

    def test_of_masks_and_of_many_methods(self, score: tuple[str, ...]) -> None:
        expected = scored(*score[1:])[0]["scores"]
        masks = zipped("own.zip", members("own/masks", "masks/"))
        assert scored("maps", "--masks", masks)[0] | {"scores": 0} == {
            "method": "maps",
            "dataset": "own",
            "n": 4,
            "of": 4,
            "scores": 0,
            "signature": scored(*score[1:])[0]["signature"],
        }
        both = zipped("all.zip", {**members("maps", "A/own/"), **members("maps", "B/own/")})
        rows = scored(both, "--masks", masks, "--out", "s2")
        assert [(row["method"], row["scores"]) for row in rows] == [("A", expected), ("B", expected)]

    def test_made_on_windows(self, score: tuple[str, ...]) -> None:
        expected = scored(*score[1:])
        archive = zipped("maps.zip", {**members("maps", "maps\\"), "..\\up.png": b"", "x\\": b""})
        assert scored(archive, *score[2:], "--out", "s2") == expected

    def test_two_members_of_one_name(self, score: tuple[str, ...]) -> None:
        with zipfile.ZipFile("maps.zip", "w") as archive:
            archive.writestr("im0.png", b"1")
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("im0.png", b"2")
        refused("score", "maps.zip", *score[2:], match="found two predictions of image im0")

    def test_damaged(self, score: tuple[str, ...]) -> None:
        data = bytearray(Path(zipped("maps.zip", members("maps"))).read_bytes())
        at = data.index(b"\x89PNG") + 100
        data[at : at + 4] = b"\0\0\0\0"
        Path("maps.zip").write_bytes(data)
        refused("score", "maps.zip", *score[2:], match=r"maps.zip!im0.png: cannot read this member .*CRC")
        Path("maps.zip").write_bytes(data[:-40])
        refused("score", "maps.zip", *score[2:], match="not a zip \\(or a damaged one\\)")

    def test_damaged_deflate_stream(self, score: tuple[str, ...]) -> None:
        with zipfile.ZipFile("maps.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name in IDS:
                archive.writestr(f"{name}.png", bytes(range(256)) * 40)
            offset = archive.infolist()[0].header_offset + 30 + len("im0.png")
        data = bytearray(Path("maps.zip").read_bytes())
        data[offset : offset + 8] = b"\xff" * 8
        Path("maps.zip").write_bytes(data)
        refused("score", "maps.zip", *score[2:], match="maps.zip!im0.png: cannot read this member")

    def test_changed_within_one_process(self, score: tuple[str, ...]) -> None:
        archive = zipped("maps.zip", members("maps"))
        before = scored(archive, *score[2:])
        plant_maps("maps", seed=1)
        zipped("maps.zip", members("maps"))
        assert scored(archive, *score[2:]) != before
        assert scored(archive, *score[2:]) == scored(*score[1:], "--out", "s2")


class TestUnknown:
    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (("--dataset", "SDO"), "unknown dataset SDO; did you mean SOD"),
            (("--dataset", "quux"), "unknown dataset quux; valid: DUT-OMRON, DUTS-TE"),
            (("--dataset", "maps"), "unknown dataset maps; .* For the folder of that name: pass .* --masks"),
            (("--dataset", "demo", "--metrics", "mea"), "unknown metric 'mea'; did you mean .*mae"),
            (("--dataset", "demo", "--metrics", "q"), "unknown metric 'q'; valid: max_f, mae"),
            (("--dataset", "demo", "--protocol", "fun"), "unknown protocol 'fun'; did you mean fan"),
            (("--dataset", "demo", "--protocol", "a:b|gt:>1"), "signature has unknown parts 'a'"),
            (("--dataset", "demo", "--protocol", "gt:>1|norm:max"), "signature lacks .*copy the whole line"),
            (("--dataset", "demo", "--mask-threshold", "128"), "'128' is not of the form >K"),
            (("--dataset", "demo", "--beta2", "-1"), "beta2=-1.0 must be"),
            (("--dataset", "SOD"), "SOD: not found on this disk.*--data DIR.*--masks DIR"),
        ],
    )
    def test_names(self, args: tuple[str, ...], message: str) -> None:
        plant_maps("maps")
        refused("score", "maps", *args, match=message)
        assert not Path("scores").exists()

    @pytest.mark.parametrize(
        "args",
        [
            ("score", "LONG", "--masks", "m"),
            ("score", "maps", "--masks", "LONG"),
            ("datasets", "--data", "LONG"),
            ("run", "--images", "LONG"),
            ("train", "--config", "LONG", "--dataset", "x", "--run", "y"),
            ("compare", "LONG"),
            ("worst", "LONG"),
            ("score", "maps", "--csv", "LONG"),
            ("table", "--out", "LONG"),
        ],
    )
    def test_a_path_that_is_too_long(self, args: tuple[str, ...]) -> None:
        words = [word.replace("LONG", "x" * 5000) for word in args]
        refused(
            *words,
            match=r"^Error: 'x+\.\.\. .5000 characters.: cannot look this path up .File name too long.\.$",
        )

    @pytest.mark.parametrize(
        "args",
        [
            ("score", "maps", "-d", "own/masks"),
            ("run", "-d", "/data/im"),
            ("datasets", "verify", "./masks"),
        ],
    )
    def test_a_path_in_the_place_of_a_name(self, args: tuple[str, ...]) -> None:
        refused(
            *args,
            match=f"{args[-1]}: is a path, expected the name of a dataset.* --masks,.* --images,.* --data",
        )

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (("scoer",), "No such command 'scoer'; did you mean score"),
            (
                ("--dataset", "demo", "score"),
                "No such option '--dataset'. Options of a command stand after its",
            ),
            (("score", "maps", "--datset", "x"), "No such option.*--datset.*--dataset"),
            (("score",), "Missing argument 'PREDS'.*Only --dataset demo has its own"),
            (("score", "maps", "--jobs", "0"), "0 is not in the range x>=1"),
            (("score", "maps", "--normalise", "x"), "'x' is not one of 'max', 'minmax', 'mat2gray', 'none'"),
            (("score", "--dataset", "demo", "--csv", "."), "File '.' is a directory"),
            (("score", "--dataset", "demo", "--csv", "x", "--per-image", "./x"), "both name .*/x"),
            (("rescore",), "Missing argument 'STORED"),
        ],
    )
    def test_usage(self, args: tuple[str, ...], message: str) -> None:
        refused(*args, match=message, code=2)

    def test_name_with_masks_is_a_data_set_of_ones_own_and_said(self, score: tuple[str, ...]) -> None:
        assert "no registered one has this name; did you mean ECSSD" in good(*score, "-d", "ECSDD").stderr
        assert "a whole dataset of your own" not in good(*score).stderr
        plant_masks("SOD/gt")
        result = good("score", "maps", "--masks", "SOD/gt")
        assert "if they are those of SOD, pass --dataset SOD" in result.stderr
        assert "data:SOD@" in result.stdout
        assert "data:SOD@1|" not in result.stdout


class TestFolders:
    def test_method_folders_where_a_flat_one_was_meant(self, score: tuple[str, ...]) -> None:
        plant_maps("preds/A")
        plant_maps("preds/B")
        assert [row["method"] for row in scored("preds", *score[2:])] == ["A", "B"]

    def test_flat_folder_where_method_folders_were_meant(self, score: tuple[str, ...]) -> None:
        refused("score", "maps", match="maps: of which dataset are these maps.*--dataset NAME, or --masks")
        refused(
            "score",
            "maps",
            "--dataset",
            "SOD,ECSSD",
            match=r"no folder here is named like one of SOD, ECSSD \(found maps at its top\)",
        )

    def test_folders_that_cannot_be_told_apart(self, score: tuple[str, ...]) -> None:
        plant_maps("preds/A/run1")
        plant_maps("preds/A/run2")
        refused(
            "score",
            "preds",
            *score[2:],
            match=r"no folder here is named own, and it is unclear which of A/run1, A/run2 hold",
        )

    def test_a_folder_that_holds_maps_further_down(self, score: tuple[str, ...]) -> None:
        plant_maps("my maps/A/run1")
        refused(
            *("score", "my maps", *score[2:]),
            match=r"there are maps in A/run1\. If those are to be scored, pass 'my maps/A/run1'\.$",
        )
        good("score", "my maps/A/run1", *score[2:])

    def test_folders_of_other_datasets_are_no_methods(self) -> None:
        plant_maps("A/ECSSD")
        plant_maps("A/HKU-IS")
        refused(
            "score",
            "A",
            "--dataset",
            "demo",
            match="no folder here is named demo, and it is unclear which of ECSSD, HKU-IS",
        )

    def test_misspelt_dataset_folder_is_said(self, score: tuple[str, ...]) -> None:
        plant_maps("preds/A/own")
        plant_maps("preds/A/onw")
        save(map_of(0), "preds/stray.png")
        result = good("score", "preds", *score[2:])
        assert "no dataset is named like, passed over: 2 (the top folder, A/onw)" in result.stderr

    def test_two_folders_of_one_method(self, score: tuple[str, ...]) -> None:
        plant_maps("other/maps")
        refused("score", "maps", "other/maps", *score[2:], match="both hold maps of maps on own. Rename")
        assert len(scored("maps", "./maps", *score[2:])) == 1

    def test_subset(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        plant_maps("maps")
        plant_masks("SOD/masks")
        refused(
            "score",
            "maps",
            "--dataset",
            "SOD",
            "--data",
            ".",
            match=r"SOD/masks: found 4 masks, expected 300 for SOD.*pass --subset.*4/300",
        )
        result = good("score", "maps", "--dataset", "SOD", "--data", ".", "--subset")
        assert "data:SOD@1|n:4/300|ids:" in result.stdout
        assert "  4/300  " in result.stdout


class TestOutput:
    @pytest.mark.parametrize("out", ["file", "file/deep", "/proc", "/proc/nothing"])
    def test_scores_that_cannot_be_written(
        self, score: tuple[str, ...], out: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("file").touch()
        monkeypatch.setattr("sodbench.scoring.warm_up.compile_kernels", lambda: None)
        monkeypatch.setattr("sodbench.scoring.pipeline.score_pair", unexpected)
        refused(*score, "--out", out, match=f"{out}/maps: cannot write here .*--scores")

    @pytest.mark.parametrize("option", ["--csv", "--per-image"])
    @pytest.mark.parametrize("file", ["file/a.csv", "/proc/a.csv"])
    def test_csv_that_cannot_be_written(
        self, score: tuple[str, ...], option: str, file: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("file").touch()
        monkeypatch.setattr("sodbench.scoring.warm_up.compile_kernels", lambda: None)
        monkeypatch.setattr("sodbench.scoring.pipeline.score_pair", unexpected)
        refused(*score, option, file, match="cannot write here")

    def test_full_disk(self, score: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        def full(**_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("sodbench.scoring.warm_up.compile_kernels", lambda: None)
        monkeypatch.setattr("sodbench.scoring.pipeline.score_pair", unexpected)
        monkeypatch.setattr("sodbench.utils.files.tempfile.TemporaryFile", full)
        refused(*score, match="scores/maps: cannot write here .No space left on device.")

    def test_other_files_are_never_replaced(self) -> None:
        plant_masks("own/masks")
        plant_maps("preds/A/own")
        refused(
            "score",
            "preds",
            "--masks",
            "own/masks",
            "--out",
            "preds",
            match=r"preds/A/own: found im0.png, .* expected scores or nothing.*--scores",
        )
        assert listing("preds") == [f"A/own/{name}.png" for name in IDS]

    def test_csv_is_whole_or_not_there(self, score: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        opened = Path.open

        def full(path: Path, *rest: Any, **named: Any) -> Any:
            return opened(Path("/dev/full") if "a.csv" in path.name else path, *rest, **named)

        monkeypatch.setattr(Path, "open", full)
        refused(*score, "--csv", "a.csv", match="a.csv: cannot write this file .No space left")
        assert not [name for name in listing(".") if "a.csv" in name]

    @pytest.mark.parametrize(
        ("words", "option"),
        [
            (("score", "maps", "--masks", "own/masks"), "--csv"),
            (("score", "maps", "--masks", "own/masks"), "--per-image"),
            (("rescore", "scores"), "--csv"),
            (("compare", "a", "b"), "--csv"),
            (("compare", "a", "b"), "--plot"),
            (("worst", "scores"), "--csv"),
            (("worst", "scores"), "--out"),
            (("table", "--paper"), "--out"),
            (("plot-pr", "scores"), "--out"),
            (("plot-size",), "--out"),
            (("plot-cost",), "--out"),
            (("plot-qualitative", "maps"), "--out"),
        ],
    )
    def test_files_named_by_options(self, here: Path, words: tuple[str, ...], option: str) -> None:
        refused(*words, option, "no/dir/a.pdf", match=r"no/dir/a.pdf: there is no folder no/dir. Make it")
        assert listing(".") == []
        if option in ("--csv", "--per-image") or words[0] == "table":
            for suffix in ("xlsx", "XLS", "ods", "docx", "png"):
                refused(
                    *words, option, f"a.{suffix}", match=rf"a.{suffix}: {option} writes text.* Pass a.csv"
                )
            assert listing(".") == []

    def test_folders_of_results_are_made(self, score: tuple[str, ...]) -> None:
        good(*score, "--out", "new/scores")
        assert Path("new/scores/maps/own/meta.json").exists()

    def test_rights_of_files(self, score: tuple[str, ...]) -> None:
        before = os.umask(0o077)
        try:
            good(*score, "--csv", "a.csv")
            assert Path("a.csv").stat().st_mode & 0o777 == 0o600
            Path("a.csv").chmod(0o640)
            good(*score, "--csv", "a.csv")
            assert Path("a.csv").stat().st_mode & 0o777 == 0o640
        finally:
            os.umask(before)

    def test_read_only_current_directory(self, score: tuple[str, ...]) -> None:
        maps, masks = str(Path(score[1]).resolve()), str(Path(score[3]).resolve())
        found = process("score", maps, "--masks", masks, before="import os; os.chdir('/proc')")
        assert found.returncode == 1
        assert b"scores/maps: cannot write here" in found.stderr
        assert found.stdout == b""


def unexpected(*_: object, **__: object) -> Callable[..., object]:
    raise AssertionError("pixels were scored")
