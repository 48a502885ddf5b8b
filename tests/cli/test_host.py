"""What the library leaves alone in the process that uses it, and what the command line sets there."""

import subprocess
import sys
from pathlib import Path

import torch
from workspace import command, good, plant_maps, plant_masks, refused

from sodbench.models.predictor import fix_cudnn

REFUSING = """
import sys
from sodbench.utils import process

def refuse():
    raise AssertionError("the library sets how its host allocates memory")

process.keep_freed_memory = refuse
"""

LIBRARY = (
    REFUSING
    + """
path = list(sys.path)
import numpy as np
import torch

flags = torch.backends.cudnn
before = flags.benchmark, flags.allow_tf32

import sodbench
from sodbench.errors import WeightsError
from sodbench.models.predictor import Predictor, build_network

class Network(torch.nn.Module):
    def forward(self, x):
        return x[:, :1]

    def to(self, *args, **options):
        return self  # a device that need not be here

mask = np.zeros((20, 30), np.uint8)
mask[4:14, 3:18] = 255
assert sodbench.score_image(mask, mask)["mae"] == 0
assert sodbench.score_folder("maps", masks="masks").n == 4
assert Predictor(Network(), torch.device("cpu"))([np.zeros((3, 8, 8), np.float32)]).shape == (1, 8, 8)
Predictor(Network(), torch.device("cuda"))
try:
    build_network("lies_here:network")
except WeightsError:
    pass
assert sys.path == path
assert (flags.benchmark, flags.allow_tf32) == before
"""
)


def test_the_library_changes_nothing_in_its_host(here):
    plant_maps("maps")
    plant_masks("masks")
    Path("lies_here.py").write_text("network = None\n")
    done = subprocess.run(
        [sys.executable, "-P", "-c", LIBRARY], capture_output=True, text=True, check=False, cwd=here
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_line_keeps_freed_memory(here, monkeypatch):
    called = []
    monkeypatch.setattr("sodbench.cli.keep_freed_memory", lambda: called.append(True))
    good("--help")
    assert called == []
    good("models")
    assert called == [True]


def test_modules_are_imported_from_the_current_folder_only_for_a_model_of_ones_own(here, monkeypatch):
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    Path("host_net.py").write_text("from torch import nn\n\ndef net():\n    return nn.Conv2d(3, 1, 1)\n")
    Path("photos").mkdir()
    own = ("--model-module", "host_net:net", "--device", "cpu")
    good("models")
    refused("bench-model", "--weights", "absent.pth", match="no such weights file")
    refused("run", "--model", "u2netp", "--images", "photos", match="found no photos here")
    assert sys.path.count("") == 0
    good("bench-model", *own, "--rounds", 1)
    own += ("--model", "mine", "--weights", "absent.pth")
    refused("run", *own, "--images", "photos", match="found no photos here")
    assert sys.path.count("") == 1


def test_a_network_in_the_current_folder_is_timed(here):
    Path("mine.py").write_text("from torch import nn\n\ndef net():\n    return nn.Conv2d(3, 1, 1)\n")
    python, *rest = command("bench-model", "--model-module", "mine:net", "--device", "cpu", "--rounds", "1")
    done = subprocess.run([python, "-P", *rest], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_fixed_cudnn_is_full_float32(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    fix_cudnn()
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark) == (False, True)
