"""TOML files that users write: datasets, the folders of datasets, recipes of training."""

import os
from pathlib import Path
from unittest.mock import patch

from hypothesis import strategies as st

from hostile import Case, Kind, read_or_refused
from hostile.breaking import broken_text
from sodbench.data.locations import locate_all
from sodbench.data.registry import registry
from sodbench.models.training.config import load_config

DATASETS = """
[MyData]
version = 1
count = 120
role = "test"
aliases = ["mine", "My-Data"]
images = ["images", "photos/all"]
masks = ["masks"]
image_suffix = ".jpg"
mask_suffix = ".png"
mask_threshold = ">128"
distinctive = false
grey_masks = true
urls = ["https://example.org/a.zip"]
hashes = "none"
get = "by hand"
removed = ["im1"]
known_bad = ["im2"]
kind = "video"
confirmed = false
grouped = true
groups = 12
fingerprint = { share = 0.25, rule = ">127", checked = true }
empty_masks = "half of them"
other_counts = { 119 = "without im1" }
traps = ["grey masks"]
paper = "Somebody, 2020"
doi = "10.1000/1"
licence = "none"

[Other]
version = 2
count = 3
"""
FOLDERS = """
data = ["~/data", "/no/such/folder", "relative/folder"]
"""
TRAINING = """
model = "u2net"
factory = "mine:Net"
weights = "start.pth"
init = "xavier"
seed = 7
resize = 320
crop = 288
vertical_flip = 0.5
horizontal_flip = 0.5
workers = 2
loss_weights = [1.0, 1.0, 0.5]
lr = 1e-3
betas = [0.9, 0.999]
eps = 1e-8
weight_decay = 0.0
batch = 12
accumulate = 2
iterations = 600
precision = "fp32"
channels_last = true
checkpoint_every = 100
log_every = 20
validate_every = 50
holdout = 0.1
"""
TEXTS = {"datasets.toml": DATASETS, "config/sodbench/config.toml": FOLDERS, "training.toml": TRAINING}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a TOML file with a piece of it broken."""
    name = draw(st.sampled_from(sorted(TEXTS)))
    text, how = TEXTS[name], "valid"
    if draw(st.integers(0, 9)) == 0:
        nested = draw(st.sampled_from(("[" * 90_000, "{a=" * 90_000, "[" * 900 + "]" * 900, "a." * 90_000)))
        return Case({name: f"{text}\nkey = {nested}\n".encode()}, f"{name}: nested {nested[:6]}")
    if draw(st.integers(0, 20)):
        content, how = draw(broken_text(text))
        return Case({name: content}, f"{name}: {how}")
    return Case({name: text.encode()}, f"{name}: {how}")


def probe(case: Case, folder: Path) -> bool:
    """Read a file as what it is."""
    (name,) = case.files
    file = folder / name
    if name == "datasets.toml":
        return read_or_refused(lambda: registry(file), str(file), "cannot look this path up") is not None
    if name == "training.toml":
        return read_or_refused(lambda: load_config(file), str(file), "cannot look this path up") is not None
    with patch.dict(os.environ, {"XDG_CONFIG_HOME": str(folder / "config")}):
        os.environ.pop("SODBENCH_DATA", None)
        return read_or_refused(lambda: locate_all(None), str(file), "cannot look this path up") is not None


TOMLS = Kind(cases(), probe)
