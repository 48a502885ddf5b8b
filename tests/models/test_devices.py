"""``sodbench run`` on several devices: one process each, the same maps as of one."""

import json
import re
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny import photo, plant_photos, turn
from workspace import good, listing, refused

from sodbench.data.sources import open_source
from sodbench.errors import WeightsError
from sodbench.models import devices
from sodbench.models.devices import choose_devices
from sodbench.models.photo_sets import PhotoSet
from sodbench.models.preprocessing import network_input
from sodbench.models.recipe import Recipe
from sodbench.models.run_record import Configuration
from sodbench.models.runs import RunSettings, run_sets
from sodbench.models.weights import sha256
from sodbench.utils.process import no_bar


def record() -> dict:
    return json.loads(Path("maps/run.json").read_text())


def without_device(own: tuple[str, ...]) -> tuple[str, ...]:
    return own[:-2]


def test_two_processes_make_the_maps_of_one(own):
    """Of two sets, an unreadable photo in one of them, in batches that are no divisor of their number."""
    photos = {name: plant_photos(name, count) for name, count in (("A", 7), ("B", 2))}
    for file in photos["A"].iterdir():
        turn(file)
    (photos["A"] / "p3.png").write_bytes(b"no photo")
    said, failed = [], {}
    for device in ("cpu", "cpu,cpu"):
        sets = [
            PhotoSet(name, open_source(folder).groups[""], Path(device, name))
            for name, folder in photos.items()
        ]
        settings = RunSettings(
            model="tiny", model_module="tinynet:net", weights=Path(own[5]), device=device, batch=2
        )
        failed[device] = run_sets(sets, settings, no_bar, said.append)
    assert [line.partition(": ")[0] for line in failed["cpu"]] == ["A/p3.png"]
    assert failed["cpu,cpu"] == failed["cpu"]
    turned = "A: 6 photos with an EXIF rotation (p0, p1, p2, p4, p5, +1 more)"
    beginnings = [re.split(" in |, not applied", line)[0] for line in said]
    assert beginnings == ["A: 6 maps", turned, "B: 2 maps"] * 2
    assert listing("cpu,cpu") == listing("cpu")
    for path in Path("cpu").rglob("*.png"):
        assert Path("cpu,cpu", *path.parts[1:]).read_bytes() == path.read_bytes()
    records = [json.loads(Path(device, "A", "run.json").read_text()) for device in failed]
    for key in ("configuration", "complete", "images", "failed", "written"):
        assert records[0][key] == records[1][key]


DEADLY = """
import os, signal
from pathlib import Path
from tinynet import Net

class Deadly(Net):
    def forward(self, x):
        if not Path("marker").exists():
            Path("marker").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)
"""


def test_a_process_that_dies_ends_the_run(own, tmp_path):
    """What is finished is kept, nothing goes on in the background, and the same command continues."""
    (tmp_path / "modules" / "deadly.py").write_text(DEADLY, encoding="utf-8")
    plant_photos(count=5)
    options = [{"tinynet:net": "deadly:Deadly", "cpu": "cpu,cpu"}.get(option, option) for option in own]
    run = ("run", *options, "--images", "photos", "--maps", "maps")
    refused(*run, match=r"device cpu: its process died \(SIGKILL\): it was killed, memory was full")
    assert record()["complete"] is False
    left = listing("maps")
    assert len(left) < 6
    assert all(name == "run.json" or name.endswith(".png") for name in left)
    good(*("cpu" if word == "cpu,cpu" else word for word in run))
    assert (record()["complete"], record()["images"]) == (True, 5)


@pytest.fixture
def recipe(own) -> Recipe:
    configuration = Configuration("tiny", "tiny.safetensors", sha256(Path(own[5])), "cpu")
    return Recipe(
        configuration=configuration, factory="tinynet:net", weights=Path(own[5]), batch=1, workers=1
    )


def test_an_error_in_a_process_is_raised_here(recipe, monkeypatch):
    """Weights may change after the process that starts the others has checked them."""
    save_file({"conv.weight": torch.ones(1, 3, 1, 1), "conv.bias": torch.ones(1)}, recipe.weights)
    monkeypatch.setattr(devices, "ENDINGS", ())
    ours, theirs = Pipe()
    devices._serve(theirs, recipe, "cpu", torch.get_num_threads())
    with pytest.raises(
        WeightsError, match=r"tiny.safetensors: sha256 .* not the weights of the process that"
    ):
        devices._deal([devices._Member("cpu", None, ours)], 1, Path("maps"), [], print)


def test_a_process_computes_in_the_precision_that_is_recorded(recipe):
    half = replace(recipe, configuration=replace(recipe.configuration, precision="bf16"))
    inputs = [network_input(photo(10, 20))]
    whole, rounded = (one.predictor("cpu")(inputs) for one in (recipe, half))
    assert 0 < np.abs(whole - rounded).max() < 0.02


def test_devices_of_two_kinds_are_refused(own, monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    match = "--device cpu,mps: found cpu and mps, expected devices of one kind"
    run = ("run", *without_device(own), "--images", "photos")
    plant_photos(count=1)
    refused(*run, "--device", "cpu,mps", match=match)
    refused(*run, "--device", "cpu,gpu", match="unknown device 'gpu'; valid: auto, cpu")
    refused(*run, "--device", "cpu,", match="unknown device ''; valid: auto, cpu")
    assert [device.type for device in choose_devices("cpu, cpu,cpu")] == ["cpu"] * 3
