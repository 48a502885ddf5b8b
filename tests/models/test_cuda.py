"""The runner on a GPU. Left out where torch has none."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sodbench.data.demo import demo_folder
from sodbench.data.sources import open_source
from sodbench.models.loading import load_weights
from sodbench.models.networks.u2net import u2netp
from sodbench.models.pipeline import map_photos, write_map
from sodbench.models.predictor import Predictor, fix_cudnn

pytestmark = pytest.mark.cuda

WEIGHTS = Path(os.environ.get("SODBENCH_REFERENCE", "unset"), "weights", "u2netp.onnx")


@pytest.fixture(autouse=True, scope="module")
def settings():
    before = torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32
    fix_cudnn()
    yield
    torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = before


@pytest.fixture(scope="module")
def photos():
    return open_source(demo_folder() / "images").groups[""][:10]


def predictor(device: str, precision: str = "fp32") -> Predictor:
    torch.manual_seed(0)
    network = u2netp()
    if WEIGHTS.exists():
        load_weights(network, WEIGHTS)
    return Predictor(network, torch.device(device), precision)


def maps(photos, predict, out: Path, batch: int) -> dict[str, np.ndarray]:
    out.mkdir()
    outcome = map_photos(
        photos, predict, partial(write_map, out), postprocess="none", exif=False, batch=batch, workers=2
    )
    assert outcome.failed == ()
    return {path.name: np.array(Image.open(path)).astype(int) for path in sorted(out.iterdir())}


@pytest.fixture(scope="module")
def on_cpu(photos, tmp_path_factory):
    return maps(photos, predictor("cpu"), tmp_path_factory.mktemp("cpu") / "maps", 1)


@pytest.mark.parametrize("batch", [1, 3])
def test_maps_are_those_of_the_cpu_within_a_level(photos, on_cpu, tmp_path, batch):
    found = maps(photos, predictor("cuda"), tmp_path / "maps", batch)
    assert found.keys() == on_cpu.keys()
    for name, levels in found.items():
        assert np.abs(levels - on_cpu[name]).max() <= 1, name


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_gives_numbers(photos, tmp_path, precision):
    found = maps(photos, predictor("cuda", precision), tmp_path / "maps", 4)
    assert len(found) == len(photos)


def test_batches_in_flight_change_nothing(photos, tmp_path):
    predict = predictor("cuda")
    late = maps(photos, predict, tmp_path / "late", 3)
    at_once = maps(photos, lambda inputs: predict.submit(inputs)(), tmp_path / "once", 3)
    for name, levels in late.items():
        np.testing.assert_array_equal(levels, at_once[name])
