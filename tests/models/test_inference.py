"""``sodbench run`` with a tiny network, and the bundled one against the authors' own maps."""

import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from tiny import MODULE, photo, plant_photos
from workspace import good, listing, process, refused, save, sodbench

from sodbench.data.images.photos import photo_from
from sodbench.data.sources import open_source
from sodbench.errors import PredictionError
from sodbench.models.cost import measure
from sodbench.models.inference import make_maps
from sodbench.models.loading import load_weights
from sodbench.models.networks.u2net import u2netp
from sodbench.models.pipeline import map_of
from sodbench.models.predictor import Predictor, build_network, choose_device
from sodbench.models.preprocessing import network_input, saliency_map
from sodbench.models.run_record import Configuration
from sodbench.models.weights import sha256

REFERENCE = Path(os.environ.get("SODBENCH_REFERENCE", "unset"))
needs_reference = pytest.mark.skipif(
    "SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE names no reference material"
)

pytestmark = pytest.mark.usefixtures("own")


def pixels(path: Path | str) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.array(image)


def expected(image: np.ndarray, postprocess: str = "official") -> np.ndarray:
    """The tiny network by hand."""
    x = network_input(image)
    logits = 0.5 * x[0] + x[1] - 0.25 * x[2] + 0.125
    height, width = image.shape[:2]
    return saliency_map((1 / (1 + np.exp(-logits))).astype(np.float32), width, height, postprocess)


def test_maps_of_a_folder_and_how_they_were_made(own):
    plant_photos()
    result = good("run", *own, "--images", "photos", "--out", "maps")
    assert listing("maps") == ["p0.png", "p1.png", "p2.png", "p3.png", "run.json"]
    assert "photos: 4 maps in " in result.stderr
    for k in range(4):
        difference = pixels(f"maps/p{k}.png").astype(int) - expected(photo(10 + k, 20 - k, k))
        assert np.abs(difference).max() <= 1
    record = json.loads(Path("maps/run.json").read_text())
    assert record["configuration"] == {
        "model": "tiny",
        "weights": "tiny.safetensors",
        "weights_sha256": sha256(Path(own[5])),
        "device": "cpu",
        "precision": "fp32",
        "postprocess": "official",
        "exif": False,
        "factory": "tinynet:net",
        "compiled": False,
        "input": "320x320",
    }
    assert record["complete"] is True
    assert (record["images"], record["written"], record["failed"]) == (4, 4, [])
    assert record["seconds"] > 0
    assert record["date"].endswith("+00:00")
    assert record["versions"]["torch"] == torch.__version__
    assert {"python", "sodbench", "numpy", "pillow"} < set(record["versions"])


def test_maps_that_are_not_stretched(own):
    plant_photos()
    good("run", *own, "--images", "photos", "--out", "maps", "--postprocess", "none")
    for k in range(4):
        image, found = photo(10 + k, 20 - k, k), pixels(f"maps/p{k}.png").astype(int)
        assert np.abs(found - expected(image, "none")).max() <= 1
        assert np.abs(found - expected(image)).max() > 1


def test_photos_that_exif_rotates_are_said(own):
    plant_photos()
    for k, (kind, orientation) in enumerate([("jpg", 6), ("png", 3), ("webp", 8), ("jpg", 1)]):
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(photo(10, 20, k)).save(f"photos/r{k}.{kind}", exif=exif)
    result = good("run", *own, "--images", "photos", "--out", "maps")
    assert (
        "photos: 3 photos with an EXIF rotation (r0, r1, r2), not applied: if masks lie as" in result.stderr
    )
    assert pixels("maps/r0.png").shape == (10, 20)
    result = good("run", *own, "--images", "photos", "--out", "turned", "--exif")
    assert "photos: 3 photos with an EXIF rotation (r0, r1, r2), applied by --exif: if masks" in result.stderr
    assert pixels("turned/r0.png").shape == (20, 10)
    assert "EXIF" not in good("run", *own, "--images", "photos", "--out", "turned", "--exif").stderr


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("batch", [1, 3])
def test_output_that_is_not_finite_fails_its_photo_alone(own, tmp_path, value, batch):
    """An infinite logit counts too, although its sigmoid is 0 or 1."""
    module = f"picky_{value.replace('-', 'minus_')}_{batch}"
    source = MODULE.replace("VALUE", f"float('{value}')")
    (tmp_path / "modules" / f"{module}.py").write_text(source, encoding="utf-8")
    folder = plant_photos()
    save(photo(10, 12) * np.array([1, 0, 0], np.uint8), folder / "p1.png")
    options = [f"{module}:picky" if option == "tinynet:net" else option for option in own]
    result = refused_run(*options, "--images", "photos", "--out", "maps", "--batch", batch)
    assert "p1.png: no map: 102400 of 102400 values of the network's output are NaN or infinite" in result
    assert listing("maps") == ["p0.png", "p2.png", "p3.png", "run.json"]
    record = json.loads(Path("maps/run.json").read_text())
    assert record["complete"] is False
    assert record["written"] == 3
    assert len(record["failed"]) == 1


def refused_run(*args: object) -> str:
    result = sodbench("run", *args)
    assert result.exit_code == 1, result.output
    return result.output


def test_output_that_is_not_finite_makes_no_map_of_one_photo():
    image = open_source(plant_photos(count=1)).groups[""][0]
    with pytest.raises(PredictionError, match=r"p0\.png: no map: 1 of 102400 values"):
        map_of(image, lambda inputs: np.where(np.arange(320 * 320) == 7, np.nan, 0.5).reshape(1, 320, 320))


def test_record_covers_external_data(own, tmp_path):
    """Other tensors beside the same .onnx are other weights."""
    parts = {"w": np.ones((1, 3, 1, 1), np.float32), "b": np.zeros(1, np.float32)}
    kind = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Conv", ["x", "w", "b"], ["y"])],
        "tiny",
        [kind("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
        [kind("y", onnx.TensorProto.FLOAT, [1, 1, 8, 8])],
        [onnx.numpy_helper.from_array(v, k) for k, v in parts.items()],
    )
    path, beside = tmp_path / "a.onnx", tmp_path / "a.onnx.data"
    onnx.save(
        onnx.helper.make_model(graph),
        path,
        save_as_external_data=True,
        location=beside.name,
        size_threshold=0,
    )
    plant_photos()
    options = [str(path) if option == own[5] else option for option in own]
    good("run", *options, "--images", "photos", "--out", "maps")
    recorded = json.loads(Path("maps/run.json").read_text())["configuration"]["weights_sha256"]
    assert recorded == hashlib.sha256(path.read_bytes() + beside.read_bytes()).hexdigest()
    beside.write_bytes(beside.read_bytes() + bytes(300_000))
    text = measure("tiny", build_network("tinynet:net"), path, torch.device("cpu"), "fp32", 1)
    assert "file        0.3 MB  a.onnx" in text
    beside.write_bytes(bytes(16))
    refused(
        *("run", *options, "--images", "photos", "--out", "maps"),
        match="maps of another configuration: weights_sha256",
    )


def test_resume_keeps_finished_maps(own):
    plant_photos()
    good("run", *own, "--images", "photos", "--out", "maps")
    before = pixels("maps/p1.png")
    save(np.full((10, 20), 7, np.uint8), "maps/p0.png")
    Path("maps/p1.png").unlink()
    result = good("run", *own, "--images", "photos", "--out", "maps", "--batch", 2)
    assert "1 map in " in result.stderr
    assert "3 kept from an earlier run" in result.stderr
    assert (pixels("maps/p0.png") == 7).all()
    np.testing.assert_array_equal(pixels("maps/p1.png"), before)
    assert json.loads(Path("maps/run.json").read_text())["images"] == 4
    assert "0 maps in " in good("run", *own, "--images", "photos", "--out", "maps").stderr


def test_record_counts_the_work_of_all_runs(own):
    photos = plant_photos()
    (photos / "p3.png").rename("later.png")
    good("run", *own, "--images", "photos", "--out", "maps")
    first = json.loads(Path("maps/run.json").read_text())
    Path("later.png").rename(photos / "p3.png")
    good("run", *own, "--images", "photos", "--out", "maps")
    second = json.loads(Path("maps/run.json").read_text())
    assert (first["written"], second["written"], second["images"]) == (3, 4, 4)
    assert second["seconds"] > first["seconds"] > 0
    good("run", *own, "--images", "photos", "--out", "maps")
    third = json.loads(Path("maps/run.json").read_text())
    assert third["written"] == 4
    assert third["seconds"] >= second["seconds"]


def test_another_configuration_is_refused(own):
    plant_photos()
    good("run", *own, "--images", "photos", "--out", "maps")
    before = {name: Path("maps", name).read_bytes() for name in listing("maps")}
    arguments = ("run", *own, "--images", "photos", "--out", "maps", "--postprocess", "none", "--exif")
    match = r"another configuration: postprocess official \(now none\), exif False \(now True\)\. Choose"
    refused(*arguments, match=match)
    assert {name: Path("maps", name).read_bytes() for name in listing("maps")} == before


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"configuration": [1]}'])
def test_damaged_record_is_refused(own, text):
    plant_photos()
    Path("maps").mkdir()
    Path("maps/run.json").write_text(text)
    refused("run", *own, "--images", "photos", "--out", "maps", match=r"run\.json: damaged")


def test_folder_with_other_files_is_refused(own):
    plant_photos()
    save(np.zeros((3, 3), np.uint8), "maps/x.png")
    refused("run", *own, "--images", "photos", "--out", "maps", match=r"maps: found x\.png and no run\.json")
    assert listing("maps") == ["x.png"]


def test_unreadable_photos_cost_none_of_the_others(own):
    plant_photos()
    Path("photos/p1.png").write_bytes(b"no photo")
    Path("photos/p4.jpg").write_bytes(b"")
    Path("photos/p5.png").mkdir()
    result = sodbench("run", *own, "--images", "photos", "--out", "maps", "--batch", 2)
    assert result.exit_code == 1
    assert "3 photos failed:" in result.stderr
    assert "photos/p5.png: is a directory, expected an image file." in result.stderr
    assert "p1.png: not an image (begins with" in result.stderr
    assert listing("maps") == ["p0.png", "p2.png", "p3.png", "run.json"]
    record = json.loads(Path("maps/run.json").read_text())
    assert (record["complete"], record["images"], len(record["failed"])) == (False, 3, 3)
    save(photo(4, 4), "photos/p1.png")
    Path("photos/p4.jpg").unlink()
    Path("photos/p5.png").rmdir()
    good("run", *own, "--images", "photos", "--out", "maps")
    assert json.loads(Path("maps/run.json").read_text())["complete"] is True


def test_of_many_failed_photos_five_are_listed(own):
    Path("photos").mkdir()
    for k in range(9):
        Path(f"photos/p{k}.png").write_bytes(b"no photo")
    result = sodbench("run", *own, "--images", "photos", "--out", "maps")
    assert "9 photos failed:" in result.stderr
    assert result.stderr.count("photos/p") == 5
    assert result.stderr.endswith("\nand 4 more\n")


@pytest.mark.parametrize("postprocess", ["official", "none"])
def test_black_photo_gives_a_black_map(own, postprocess):
    save(np.zeros((6, 9, 3), np.uint8), "photos/black.png")
    good("run", *own, "--images", "photos", "--out", "maps", "--postprocess", postprocess)
    assert pixels("maps/black.png").shape == (6, 9)
    assert not pixels("maps/black.png").any()


def test_photo_of_one_pixel(own):
    save(photo(1, 1), "photos/a.png")
    good("run", *own, "--images", "photos", "--out", "maps")
    assert pixels("maps/a.png").shape == (1, 1)


def test_two_photos_of_one_name(own):
    save(photo(4, 4), "photos/a.png")
    save(photo(4, 4), "photos/a.bmp")
    match = r"a\.bmp and .*a\.png: two photos would make one map, a\.png"
    refused("run", *own, "--images", "photos", "--out", "maps", match=match)
    assert not Path("maps").exists()


def test_batches_and_workers_change_nothing(own):
    plant_photos(count=5)
    save(np.zeros((6, 9, 3), np.uint8), "photos/black.png")
    good("run", *own, "--images", "photos", "--out", "one", "--batch", 1, "--workers", 1)
    good("run", *own, "--images", "photos", "--out", "three", "--batch", 3, "--workers", 4)
    assert len(listing("one")) == 7
    for name in listing("one")[:-1]:
        np.testing.assert_array_equal(pixels(Path("one", name)), pixels(Path("three", name)))


def test_zip_of_photos(own):
    plant_photos()
    with zipfile.ZipFile("photos.zip", "w") as archive:
        for name in listing("photos"):
            archive.write(Path("photos", name), f"inside/{name}")
    good("run", *own, "--images", "photos.zip", "--out", "maps")
    assert len(listing("maps")) == 5


def test_network_of_several_outputs(own):
    plant_photos()
    good("run", *own, "--images", "photos", "--out", "one")
    good("run", *own, "--model-module", "tinynet:sides", "--images", "photos", "--out", "several")
    np.testing.assert_array_equal(pixels("one/p0.png"), pixels("several/p0.png"))


def test_half_precision_stands_in_the_record(own):
    plant_photos(count=1)
    assert "--precision" not in good("run", *own, "--images", "photos", "--out", "full").stderr
    said = good("run", *own, "--images", "photos", "--out", "half", "--precision", "bf16").stderr
    assert "--precision bf16: not for scores that are reported, and boards refuse them." in said
    assert json.loads(Path("half/run.json").read_text())["configuration"]["precision"] == "bf16"
    assert np.abs(pixels("full/p0.png").astype(int) - pixels("half/p0.png")).max() < 8


def test_demo_is_scored(own):
    result = good("run", *own, "--dataset", "demo", "--score")
    assert "demo" in result.stdout
    assert "tiny" in result.stdout
    assert json.loads(Path("preds/tiny/demo/run.json").read_text())["complete"] is True
    assert Path("scores").is_dir()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--images", "absent"), "absent: no such folder or zip file"),
        (("--images", "empty"), "empty: found no photos here"),
        ((), "no registered test set is on this disk.*--dataset demo"),
        (("--dataset", "demi"), "did you mean demo"),
        (("--images", "photos", "--device", "gpu"), "unknown device 'gpu'; valid: auto, cpu, cuda"),
        (("--images", "photos", "--device", "xpu"), "device xpu is not there"),
        (("--images", "photos", "--model-module", "absent:net"), "absent:net: cannot build this model"),
        (("--images", "photos", "--model-module", "tinynet:absent"), "cannot build this model"),
        (("--images", "photos", "--model-module", "tinynet"), "Expected module:function"),
        (("--images", "photos", "--model-module", ":net"), "Expected module:function"),
        (("--images", "photos", "--weights", "absent.pth"), r"absent\.pth: no such weights file"),
    ],
)
def test_wrong_arguments(own, arguments, match):
    plant_photos(count=1)
    Path("empty").mkdir()
    refused("run", *own, *arguments, match=match)
    assert not Path("preds").exists()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("u2nett", r"did you mean u2net or u2netp\?"), ("foo", r"valid: u2net, u2netp\.")],
)
@pytest.mark.parametrize("command", ["run", "bench-model"])
def test_unknown_model(own, command, name, hint):
    """Said before photos are looked for."""
    photos = ("--images", "absent") if command == "run" else ()
    match = rf"unknown model '{name}'; {hint} See `sodbench models`\."
    refused(command, "--model", name, *photos, "--device", "cpu", match=match)


def test_one_photo(own):
    plant_photos()
    result = good("run", *own, "--images", "photos/p1.png", "--out", "maps")
    assert listing("maps") == ["p1.png", "run.json"]
    assert result.stderr.endswith("-> maps\nNext: sodbench score maps --masks MASKS\n")
    np.testing.assert_array_equal(pixels("maps/p1.png"), expected(photo(11, 19, 1)))


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("kinds", r"Its files are of other kinds: 2 \(a\.heic, b\.txt\)\. Images are files named \.apng, "),
        (
            "kinds/a.heic",
            r"a\.heic: expected a folder or zip of photos, or one photo\. Images are files named \.apng, ",
        ),
        ("cut.zip", "a file that is not a zip .or a damaged one., expected a folder or a zip"),
        ("cut.png", r"1 photo failed:\ncut\.png: "),
    ],
)
def test_what_is_read_is_said(own, path, match):
    Path("kinds").mkdir()
    for name in ("kinds/a.heic", "kinds/b.txt", "cut.zip", "cut.png"):
        Path(name).write_bytes(b"PK\x03\x04")
    refused("run", *own, "--images", path, "--out", "maps", match=match)


def plant_sets(*names: str, photos: tuple[str, ...] = ()) -> None:
    """Registered test sets, some of them with photos."""
    for name in names:
        save(np.full((6, 8), 255, np.uint8), f"data/{name}/masks/a.png")
    for name in photos:
        save(photo(6, 8), f"data/{name}/images/a.jpg")


def test_every_test_set_that_has_photos(own, monkeypatch):
    monkeypatch.setenv("SODBENCH_DATA", "data")
    plant_sets("SOD", "ECSSD", "DUTS-TR", photos=("SOD", "DUTS-TR"))
    for extra in ((), ("--all",)):
        result = good("run", *own, *extra, "--out", "maps")
        assert "data/ECSSD: found the masks of ECSSD, but no photos (masks): left out.\n" in result.stderr
        assert result.stderr.endswith("Next: sodbench score maps/tiny/SOD --dataset SOD\n")
        assert listing("maps") == ["tiny/SOD/a.png", "tiny/SOD/run.json"]
    plant_sets("ECSSD", photos=("ECSSD",))
    result = good("run", *own, "--out", "maps", "--data", "data")
    assert result.stderr.endswith("Next: sodbench score maps/tiny --dataset ECSSD,SOD --data data\n")


def test_the_next_command_works(own, monkeypatch):
    result = good("run", *own, "--dataset", "demo", "--out", "a b")
    (line,) = re.findall("^Next: sodbench (.*)$", result.stderr, re.MULTILINE)
    assert shlex.split(line) == ["score", "a b/tiny/demo", "--dataset", "demo"]
    score = good(*shlex.split(line))
    assert "tiny" in score.stdout
    assert "run.json" not in score.stderr


def test_maps_that_cannot_be_scored_are_kept(own, monkeypatch):
    plant_sets("SOD", photos=("SOD",))
    result = refused(
        "run", *own, "-d", "SOD", "--data", "data", "--score", match="found 1 mask, expected 300"
    )
    assert (
        "The maps are kept. To score them: sodbench score preds/tiny/SOD --dataset SOD --data data\n"
        in result.stderr
    )
    assert listing("preds") == ["tiny/SOD/a.png", "tiny/SOD/run.json"]


def test_nothing_is_run_unasked(here, monkeypatch):
    monkeypatch.setenv("SODBENCH_DATA", "data")
    plant_sets("ECSSD")
    match = r"no photos are named\. Pass --images DIR, --dataset NAME, or --all \("
    refused("run", match=match + r"no test set with photos is here\)\.", code=2)
    plant_sets("SOD", photos=("SOD",))
    refused("run", "--device", "cpu", match=match + r"the test sets with photos here: SOD\)\.", code=2)
    refused("run", "--all", "--images", "photos", match="--all takes every test set", code=2)
    refused("run", "--all", "--dataset", "SOD", match="--all takes every test set", code=2)


def test_sets_without_photos(own, monkeypatch):
    """A set that was named is needed; of all sets, one with photos."""
    monkeypatch.setenv("SODBENCH_DATA", "data")
    plant_sets("SOD", "ECSSD", photos=("SOD",))
    refused(
        "run", *own, "--dataset", "SOD,ECSSD", match=r"found the masks of ECSSD, but no photos \(masks\)\."
    )
    shutil.rmtree("data/SOD")
    refused("run", *own, match="no registered test set with photos is on this disk")


def test_folders_are_checked_before_weights(own):
    Path("file").write_text("")
    plant_photos(count=1)
    arguments = ("--images", "photos", "--weights", "absent.pth")
    refused("run", *own, *arguments, "--out", "file/maps", match=r"cannot write here .* with --maps\.")
    save(photo(5, 5), "photos/p0.jpg")
    refused("run", *own, *arguments, "--out", "maps", match="two photos would make one map")


def test_sigterm_keeps_finished_maps(own, tmp_path):
    """It ends a run as Ctrl-C does, with nothing half-written."""
    plant_photos(count=12)
    before = """
import itertools, os, signal
from sodbench.models import runs
save, saved = runs.write_map, itertools.count(1)
def until(*rest):
    save(*rest)
    if next(saved) == 2:
        os.kill(os.getpid(), signal.SIGTERM)
runs.write_map = until
"""
    modules = os.pathsep.join([str(tmp_path / "modules"), *filter(None, sys.path)])
    done = process(*("run", *own, "--images", "photos", "--out", "maps"), before=before, PYTHONPATH=modules)
    assert done.returncode == 143, done.stderr
    assert b"Ended by SIGTERM. Finished maps are kept; run the same command to continue." in done.stderr
    kept = [name for name in listing("maps") if name != "run.json"]
    assert 2 <= len(kept) < 12
    assert set(kept) < {f"p{k}.png" for k in range(12)}
    good("run", *own, "--images", "photos", "--out", "maps")
    assert len(listing("maps")) == 13


def test_own_model_needs_weights(own):
    plant_photos(count=1)
    refused(
        "run", *own[:4], "--images", "photos", match="tinynet:net: a model of your own needs --weights FILE"
    )


@pytest.mark.parametrize("other", [("--dataset", "demo"), ("--score",)])
def test_photos_have_no_masks(own, other):
    refused("run", *own, "--images", "photos", *other, match="photos without masks", code=2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_cuda_that_is_not_there(own, device):
    plant_photos(count=1)
    match = f"device {device} is not there: torch .* finds none. Pass --device cpu"
    refused("run", *own, "--images", "photos", "--device", device, match=match)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu"), (True, False, "cuda")],
)
def test_auto_device_is_the_fastest_that_is_there(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto").type == expected


def test_own_model_is_never_recorded_as_another(own):
    plant_photos()
    rest = (*own[2:], "--images", "photos", "--out", "maps")
    refused("run", *rest, match="tinynet:net: u2net is another model's name. Name yours with --model NAME")
    refused("run", "--model", "../evil", *rest, match=r"model '\.\./evil': expected letters, digits")
    assert not Path("maps").exists()
    good("run", *own, "--images", "photos", "--out", "maps")
    other = ("--model", "tiny", "--model-module", "tinynet:sides", *own[4:])
    refused(
        *("run", *other, "--images", "photos", "--out", "maps"),
        match=r"another configuration: factory tinynet:net \(now tinynet:sides\)",
    )
    assert "model       tinynet:net, fp32" in good("bench-model", *own[2:], "--rounds", 1).stdout


@pytest.mark.parametrize("factory", ["tinynet:nn", ".tinynet:net", "builtins:int", "tinynet"])
def test_factory_that_gives_no_network(own, factory):
    plant_photos()
    refused(
        *("run", *own[:2], "--model-module", factory, *own[4:], "--images", "photos", "--out", "maps"),
        match=re.escape(factory) + ": (cannot build this model|gave int, expected a torch)",
    )


def test_without_torch(own, monkeypatch):
    plant_photos(count=1)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    refused(
        "run", *own, "--images", "photos", match=r"needs torch: pip install .*\[models\]'\. Scoring does not"
    )
    refused("bench-model", match="needs torch")


def test_list_of_models():
    text = good("models").stdout
    for word in ("u2netp", "1,131,181", "44,009,869", "58.60", "19.76", "Apache-2.0", "weights fetch u2net"):
        assert word in text


def test_cost_of_a_network(own):
    weights = Path(own[5])
    text = measure("tiny", build_network("tinynet:net"), weights, torch.device("cpu"), "fp32", 3)
    assert "parameters  4\n" in text
    assert "GMAC        0.00  (multiply-accumulates of the convolutions at 320x320)" in text
    assert "MB  tiny.safetensors" in text
    assert "of 3\n" in text
    assert "device      cpu, " in text


# ------------------------------------------------------------------------------------ reference maps

# A few photos each, spread evenly; `benchmarks/maps.py` compares all of them.


@pytest.fixture(scope="module")
def dagger() -> Predictor:
    network = u2netp()
    load_weights(network, REFERENCE / "weights" / "u2netp.onnx")
    return Predictor(network, torch.device("cpu"))


def differences(dagger, folder: Path, maps: Path, which: slice) -> dict[str, np.ndarray]:
    """Run the runner on photos; absolute differences to given maps by photo."""
    photos = open_source(folder).groups[""][which]
    configuration = Configuration("u2netp", "u2netp.onnx", "-", "cpu")
    outcome = make_maps(photos, Path("out"), dagger, configuration)
    assert outcome.written == len(photos)
    found = {}
    for one in photos:
        with Image.open(maps / f"{one.stem}.png") as image:
            theirs = np.array(image.convert("RGB"))[:, :, 0].astype(int)
        found[one.name] = np.abs(pixels(f"out/{one.stem}.png") - theirs)
    return found


@needs_reference
def test_probabilities_are_those_of_the_plain_way_within_single_precision(dagger):
    """Another order of summation; float32 itself is 5e-5 from float64 on such photos."""
    plain = u2netp().eval()
    load_weights(plain, REFERENCE / "weights" / "u2netp.onnx")
    apart = []
    for one in open_source(REFERENCE / "data" / "SOD" / "images").groups[""][::100]:
        x = network_input(photo_from(one.content(PredictionError), one.where))
        with torch.no_grad():
            expected = torch.sigmoid(plain(torch.from_numpy(x[None]))[0])[0, 0].numpy()
        apart.append(np.abs(dagger([x])[0] - expected))
    assert np.max(apart) <= 1e-4
    assert np.mean(np.stack(apart) <= 2e-5) >= 0.99


@needs_reference
def test_maps_that_the_authors_published(dagger):
    authors = REFERENCE / "data" / "authors"
    found = differences(dagger, authors / "images", authors / "u2netp_maps", slice(1, None, 4))
    assert sorted(Path(name).suffix for name in found) == [".jpg", ".jpg", ".png", ".png", ".png"]
    for name, difference in found.items():
        if name.endswith(".png"):
            assert difference.max() <= 1, name
        else:
            assert difference.mean() <= 0.25, name


@needs_reference
def test_maps_of_the_official_code_on_sod(dagger):
    maps = REFERENCE / "preds" / "u2netp" / "SOD"
    found = differences(dagger, REFERENCE / "data" / "SOD" / "images", maps, slice(None, None, 50))
    assert len(found) == 6
    assert np.mean([difference.mean() for difference in found.values()]) <= 0.05
    assert np.mean(np.concatenate([d.ravel() for d in found.values()]) <= 1) >= 0.999
