"""Files that broke an earlier version, and come with the reference material."""

import os
from pathlib import Path

import pytest
from hostile import Case, is_accepted
from hostile.kinds import KINDS

SEEDS = Path(os.environ.get("SODBENCH_REFERENCE", "-")) / "cases" / "fuzz"
PLACES = {
    "*.png": ("png", "im.png"),
    "png/*.png": ("png", "im.png"),
    "*.tif": ("images", "images/im.img.jpg"),
    "*.jpg": ("images", "images/im.img.jpg"),
    "verify/*.bin": ("images", "images/im.img.jpg"),
    "img/*.bin": ("images", "images/im.img.jpg"),
    "*.zip": ("zips", "maps.zip"),
    "text/CRASH_config_*": ("toml", "config/sodbench/config.toml"),
    "text/CRASH_datasets_*": ("toml", "datasets.toml"),
    "text/CRASH_train_*": ("toml", "training.toml"),
    "weights/*.onnx": ("weights", "w.onnx"),
    "weights/*.pth": ("weights", "w.pth"),
}
"""Where seeds lie -> their kind, and the name under which that is read."""


@pytest.mark.skipif(not SEEDS.is_dir(), reason="SODBENCH_REFERENCE has no seeds")
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("place", PLACES)
def test_what_broke_before(place: str) -> None:
    name, file = PLACES[place]
    seeds = sorted(SEEDS.glob(place))
    assert seeds
    for seed in seeds:
        is_accepted(KINDS[name], Case({file: seed.read_bytes()}))
