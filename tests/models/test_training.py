"""``sodbench train`` with tiny networks: recipe, resuming, several processes, and what is refused."""

import csv
import io
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from workspace import command, good, listing, refused, save, sodbench

from sodbench.cli.train import HELD_OUT
from sodbench.errors import FileError, TrainingError
from sodbench.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, resize_bilinear
from sodbench.models.training.checkpoint import restore_optimiser, restore_scaler, write_checkpoint
from sodbench.models.training.config import _KEYS, CONFIGS, Config, Matching, load_config
from sodbench.models.training.data import Samples, augmented, batches, find_data, read_pair, split
from sodbench.models.training.initial import initial_network
from sodbench.models.training.loop import _Session
from sodbench.models.training.loss import losses, total
from sodbench.reports.figures.cost import draw_losses

MODULE = """
import os
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.fused, self.side = nn.Conv2d(6, 1, 1), nn.Conv2d(6, 1, 3, padding=1)

    def forward(self, x):
        x = self.first(x)
        return self.fused(x), self.side(x)

class Broken(Net):
    def forward(self, x):
        fused, side = super().forward(x)
        return fused * float("nan"), side

class Late(Net):
    steps = 0

    def forward(self, x):
        fused, side = super().forward(x)
        type(self).steps += self.training
        return fused * (float("nan") if self.steps > 3 else 1.0), side

class Wide(Net):
    def __init__(self):
        super().__init__()
        self.fused = nn.Conv2d(6, 1, 3, padding=1)

class Dropping(Net):
    def forward(self, x):
        x = nn.functional.dropout(self.first(x), 0.5, self.training)
        return self.fused(x), self.side(x)

class Idle(Net):
    def __init__(self):
        super().__init__()
        self.unused = nn.Conv2d(6, 1, 1)

class Folding(Net):
    def fold_batch_norm(self):
        with torch.no_grad():
            for p in self.parameters():
                p.zero_()

class Crash(Net):
    def forward(self, x):
        if self.training:
            raise RuntimeError("out of memory")
        return super().forward(x)

class Half(Net):
    def forward(self, x):
        return super().forward(x[..., ::2, ::2])

class Named(Net):
    def forward(self, x):
        return {"out": super().forward(x)}
"""

CONFIG = """
model = "tiny"
factory = "tinytrain:Net"
loss_weights = [1.0, 0.5]
resize = 40
crop = 32
batch = 4
workers = 0
iterations = 6
checkpoint_every = 3
log_every = 1
lr = 0.01
"""


@pytest.fixture(autouse=True)
def own(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny network on the path, a configuration and seven pairs in the current folder."""
    torch.set_num_threads(1)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "tinytrain.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "modules"), *filter(None, sys.path)]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    configure()
    plant_pairs("set")


def configure(file: str = "tiny.toml", **changes: object) -> Path:
    lines = [line for line in CONFIG.splitlines() if line.partition(" = ")[0] not in changes]
    lines += [f"{key} = {json.dumps(value)}" for key, value in changes.items()]
    Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(file)


def pixels(k: int) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(k)
    mask = np.zeros((30 + k, 45), np.uint8)
    mask[5 : 20 + k, 8 : 20 + 2 * k] = 255
    photo = stream.integers(0, 120, (*mask.shape, 3)) + mask[:, :, None] // 2
    return photo.astype(np.uint8), mask


def plant_pairs(root: str, count: int = 7) -> Path:
    for k in range(count):
        photo, mask = pixels(k)
        save(photo, f"{root}/images/p{k}.png")
        save(mask, f"{root}/masks/p{k}.png")
    return Path(root)


def begin(*more: object, out: str = "run", **changes: object):
    return (
        "train",
        "--config",
        configure(**changes),
        "--data",
        "set",
        "--out",
        out,
        "--device",
        "cpu",
        *more,
    )


def again(folder: str = "run", net: str = "tinytrain:Net") -> tuple[str, ...]:
    own = ("--model-module", net) if net else ()
    return ("train", "--resume", folder, *own, "--device", "cpu")


def state_of(folder: str) -> dict:
    return torch.load(Path(folder, "checkpoint.pt"), weights_only=True)


def rows_of(file: str) -> list[dict[str, str]]:
    with Path(file).open(newline="") as lines:
        return list(csv.DictReader(lines))


def tiny(**changes: object) -> Config:
    return load_config(configure(**changes))


# -------------------------------------------------------------------------------------------- recipe


@pytest.mark.parametrize("name", ["u2net", "u2netp"])
def test_shipped_configurations_are_section_4_3(name):
    one = load_config(Path(f"configs/{name}.toml"))
    assert one == load_config(Path(name)) == Config(model=name)
    assert (one.resize, one.crop, one.vertical_flip, one.horizontal_flip) == (320, 288, 0.5, 0.5)
    assert (one.lr, one.betas, one.eps, one.weight_decay) == (1e-3, (0.9, 0.999), 1e-8, 0)
    assert (one.batch, one.iterations, one.init, one.loss_weights) == (12, 600_000, "xavier", (1.0,) * 7)


def test_shipped_configurations_name_every_key():
    names = {spec.name for spec in fields(Config)}
    assert set(_KEYS) == names
    text = (CONFIGS / "u2net.toml").read_text(encoding="utf-8")
    assert {
        line.split(" = ")[0] for line in text.splitlines() if " = " in line and line[0] != "#"
    } == names - {
        "factory",
        "weights",
    }


def test_loss_is_the_mean_cross_entropy_of_every_output():
    """A logit of 50 for a pixel that is no object costs 50: the plain formula gives infinity."""
    logits = [torch.tensor([[[[0.0, 2.0]]]]), torch.tensor([[[[-1.0, 50.0]]]])]
    target = torch.tensor([[[[1.0, 0.0]]]])
    by_hand = [(np.log(2) + np.log1p(np.exp(2))) / 2, (np.log1p(np.exp(1)) + 50) / 2]
    found = losses(logits, target)
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    assert float(total(found, (1, 0.5))) == pytest.approx(by_hand[0] + by_hand[1] / 2)
    assert losses(logits[0], target).shape == (1,)
    with pytest.raises(TrainingError, match="loss_weights has 3 numbers, expected 2"):
        total(found, (1, 1, 1))


@pytest.mark.parametrize(("vertical", "horizontal"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_what_the_network_sees(vertical, horizontal):
    photo, mask = pixels(2)
    how = tiny(resize=40, crop=40, vertical_flip=vertical, horizontal_flip=horizontal)
    x, y = augmented(photo, mask, how, np.random.default_rng(0))
    small = resize_bilinear(photo, 40)
    expected = ((small / small.max() - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)
    nearest = np.array(Image.fromarray(mask).resize((40, 40), Image.Resampling.NEAREST)) / 255
    flip = (slice(None, None, -1 if vertical else 1), slice(None, None, -1 if horizontal else 1))
    np.testing.assert_allclose(x, expected[:, *flip], atol=1e-6)
    np.testing.assert_array_equal(y[0], nearest[flip])
    assert (x.dtype, y.dtype, x.shape, y.shape) == (np.float32, np.float32, (3, 40, 40), (1, 40, 40))


def test_crops_reach_every_corner_and_cut_photo_and_mask_alike():
    how = tiny(resize=8, crop=6, vertical_flip=0, horizontal_flip=0)
    ramp = np.arange(1, 65, dtype=np.uint8).reshape(8, 8) * 3
    seen = set()
    for seed in range(200):
        x, y = augmented(np.stack([ramp] * 3, 2), ramp, how, np.random.default_rng(seed))
        np.testing.assert_allclose(x[0] * IMAGENET_STD[0] + IMAGENET_MEAN[0], y[0], atol=1e-6)
        seen.add(tuple(np.round(y[0].ravel()[:2], 6)))
    assert len(seen) == 9


def test_black_photo_and_empty_mask_are_numbers():
    x, y = augmented(
        np.zeros((5, 5, 3), np.uint8), np.zeros((5, 5), np.uint8), tiny(), np.random.default_rng(0)
    )
    assert np.isfinite(x).all()
    assert not y.any()


def test_every_epoch_shows_every_pair_once_in_another_order_and_crop():
    found = find_data("set")
    samples = Samples(found.pairs, tiny())
    epochs = [[samples[7 * epoch + k] for k in range(7)] for epoch in range(3)]
    orders = [[image for _, _, image in epoch] for epoch in epochs]
    assert [sorted(order) for order in orders] == [[f"p{k}" for k in range(7)]] * 3
    assert orders[0] != orders[1]
    crops = [{image: x for x, _, image in epoch} for epoch in epochs]
    assert any(not torch.equal(crops[0][image], crops[1][image]) for image in orders[0])


@pytest.mark.parametrize("workers", [2, 9])
def test_workers_change_nothing(workers):
    """Nine are more than there are pairs."""
    found = find_data("set")
    plain = batches(found.pairs, tiny(), 3)
    several = batches(found.pairs, tiny(workers=workers), 3)
    for _ in range(4):
        (x, y, names), (u, v, others) = next(plain), next(several)
        assert torch.equal(x, u)
        assert torch.equal(y, v)
        assert names == others


def test_processes_and_parts_share_a_batch():
    found = find_data("set")
    whole = [next(batches(found.pairs, tiny(), step))[2] for step in range(2)]
    ranks = [batches(found.pairs, tiny(accumulate=2), 0, rank, 2) for rank in range(2)]
    for names in whole:
        parts = [next(one)[2] for _ in range(2) for one in ranks]
        assert [name for part in parts for name in part] == list(names)


def test_xavier_and_torch_initialisation():
    torch.manual_seed(0)
    xavier = initial_network(tiny()).first[0]
    bound = (6 / (9 * (3 + 6))) ** 0.5
    assert 0.9 * bound < float(xavier.weight.detach().abs().max()) <= bound
    assert not xavier.bias.any()
    assert initial_network(tiny(init="torch")).first[0].bias.any()


# ------------------------------------------------------------------------------------------- a run


def test_a_run_and_its_files(here):
    result = good(*begin())
    assert listing("run") == ["checkpoint.pt", "last.safetensors", "log.csv", "loss.svg", "run.json"]
    assert "set: 7 pairs to train on, 0 held out, on cpu" in result.stderr
    assert "6 steps -> run/last.safetensors" in result.stderr
    rows = rows_of("run/log.csv")
    assert list(rows[0]) == ["step", "epoch", "loss", "fused", "side1"]
    assert [row["step"] for row in rows] == list("123456")
    assert float(rows[0]["loss"]) == pytest.approx(
        float(rows[0]["fused"]) + float(rows[0]["side1"]) / 2, rel=1e-5
    )
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    record = json.loads(Path("run/run.json").read_text())
    assert record["configuration"]["loss_weights"] == [1.0, 0.5]
    assert record["data"]["pairs"] == 7
    good("run", "--model", "tiny", "--model-module", "tinytrain:Net", "--weights", "run/last.safetensors",
         "--images", "set/images", "--out", "maps", "--device", "cpu")  # fmt: skip
    assert len(listing("maps")) == 8


@pytest.mark.parametrize("how", [{"accumulate": 2}, {"channels_last": False}, {"workers": 2}])
def test_ways_to_compute_a_step(how):
    good(*begin(iterations=2, **how))
    assert np.isfinite(float(rows_of("run/log.csv")[-1]["loss"]))


def test_bf16_computes_in_bf16():
    """With eight bits of precision the loss is nearly the same, and not the same."""
    good(*begin(iterations=1))
    good(*begin(out="short", iterations=1, precision="bf16"))
    whole, short = (float(rows_of(f"{folder}/log.csv")[0]["loss"]) for folder in ("run", "short"))
    assert short != whole
    assert short == pytest.approx(whole, rel=0.01)
    assert {value.dtype for value in state_of("short")["model"].values()} == {torch.float32, torch.int64}


def test_adam_is_as_configured():
    good(*begin(iterations=1, lr=0.02, betas=[0.8, 0.95], eps=1e-3, weight_decay=0.25))
    (found,) = state_of("run")["optimiser"]["param_groups"]
    assert (found["lr"], found["betas"], found["eps"]) == (0.02, (0.8, 0.95), 1e-3)
    assert (found["weight_decay"], found["amsgrad"]) == (0.25, False)


def test_a_long_log_is_drawn_in_means(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "sodbench.reports.figures.cost.loss_curves", lambda ax, steps, rows: drawn.append((steps, rows))
    )
    monkeypatch.setattr("sodbench.reports.figures.cost.LOSS_POINTS", 3)
    Path("log.csv").write_text("step,epoch,loss\n" + "".join(f"{k},0,{k}.5\n" for k in range(1, 6)))
    draw_losses(Path())
    assert drawn == [([2, 4, 5], {"loss": [2.0, 4.0, 5.5]})]


def test_accumulated_parts_give_the_gradient_of_their_mean():
    good(*begin(iterations=1, accumulate=2))
    check_gradients("run", parts=2)


def test_a_checkpoint_from_when_there_was_a_key_tensorboard_resumes():
    good(*begin(iterations=1))
    state = torch.load("run/checkpoint.pt", weights_only=True)
    state["config"] |= {"tensorboard": True, "iterations": 2}
    torch.save(state, "run/checkpoint.pt")
    good(*again("run"))
    state = torch.load("run/checkpoint.pt", weights_only=True)
    assert (state["step"], "tensorboard" in state["config"]) == (2, False)


def test_a_former_key_that_is_off_is_left_out():
    result = good(*begin(iterations=1, tensorboard=False))
    line = "tiny.toml: tensorboard = false is left out: there is no such key any more. Delete the line.\n"
    assert line in result.stderr


def test_starts_from_weights():
    good(*begin(iterations=1))
    good(*begin("--weights", "run/last.safetensors", out="next", iterations=1))
    start = load_file("run/last.safetensors")["fused.weight"]
    assert float((load_file("next/last.safetensors")["fused.weight"] - start).abs().max()) <= 0.0101
    Path("run/last.safetensors").unlink()
    good(*again("next"))


def test_u2netp_trains_and_resumes(here):
    small = {"model": "u2netp", "factory": "", "loss_weights": [1.0] * 7, "batch": 2, "lr": 0.001}
    good(*begin(iterations=2, checkpoint_every=1, **small))
    good(*begin(out="half", iterations=1, checkpoint_every=1, **small))
    lengthen("half", 2)
    good(*again("half", ""))
    assert Path("run/last.safetensors").read_bytes() == Path("half/last.safetensors").read_bytes()
    assert Path("run/log.csv").read_text() == Path("half/log.csv").read_text()
    losses = [float(row["loss"]) for row in rows_of("run/log.csv")]
    assert losses[-1] < losses[0]


def lengthen(folder: str, iterations: int) -> None:
    state = state_of(folder)
    state["config"]["iterations"] = iterations
    torch.save(state, Path(folder, "checkpoint.pt"))


def test_validation_on_held_out_pairs():
    """What it does to its network, which here is to clear it, is not done to the one that is trained."""
    net = "tinytrain:Folding"
    result = good(*begin(iterations=4, validate_every=2, holdout=0.3, factory=net))
    assert "5 pairs to train on, 2 held out" in result.stderr
    rows = rows_of("run/validation.csv")
    assert [row["step"] for row in rows] == ["2", "4"]
    assert all(0 <= float(row[metric]) <= 1 for row in rows for metric in HELD_OUT)
    fit, held = split(find_data("set").pairs, tiny(validate_every=1, holdout=0.3))
    assert {one.image for one in fit} | {one.image for one in held} == {f"p{k}" for k in range(7)}
    good(*begin(out="plain", iterations=4, holdout=0.3, validate_every=4, factory=net))
    assert load_file("plain/last.safetensors")["fused.weight"].any()
    assert Path("run/last.safetensors").read_bytes() == Path("plain/last.safetensors").read_bytes()


def test_validation_on_photos_that_exif_rotates():
    """Held-out photos are turned as those that are trained on."""
    for k in range(7):
        photo, mask = pixels(k)
        exif = Image.Exif()
        exif[0x0112] = 6
        Path(f"set/images/p{k}.png").unlink()
        Image.fromarray(photo).save(f"set/images/p{k}.jpg", exif=exif)
        save(np.rot90(mask, -1), f"set/masks/p{k}.png")
    good(*begin("--exif", iterations=1, validate_every=1, holdout=0.3))
    assert [row["step"] for row in rows_of("run/validation.csv")] == ["1"]


def test_a_registered_dataset():
    result = good(
        "train", "--config", configure(iterations=1), "--data", "demo", "--out", "run", "--device", "cpu"
    )
    assert "demo: 8 pairs" in result.stderr


def test_folders_as_published(monkeypatch):
    plant_pairs("data/DUTS-TR", 3)
    Path("data/DUTS-TR/images").rename("data/DUTS-TR/DUTS-TR-Image")
    Path("data/DUTS-TR/masks").rename("data/DUTS-TR/DUTS-TR-Mask")
    by_folder = find_data("data/DUTS-TR")
    monkeypatch.setenv("SODBENCH_DATA", "data")
    by_name = find_data("DUTS-TR")
    assert (by_name.name, len(by_name.pairs)) == ("DUTS-TR", 3)
    assert by_name.digest == by_folder.digest
    assert all(one.graded for one in by_name.pairs)


# ------------------------------------------------------------------------------- stopped and resumed


KILLED = """
import os
from sodbench.models.training import loop
step = loop._Session._make_step
def until(self, *rest):
    if self.step == 13:
        os.killpg(os.getpgrp(), {signal})
    return step(self, *rest)
loop._Session._make_step = until
"""


def killed(name: str, *arguments: object) -> "subprocess.CompletedProcess[bytes]":
    """Train in a process that sends itself and its workers a signal before step 14."""
    before = KILLED.format(signal=int(getattr(signal, name)))
    return subprocess.run(
        command(*map(str, arguments), before=before), capture_output=True, check=False, start_new_session=True
    )


def test_killed_and_resumed_is_the_same_as_straight_on():
    """Dropout draws from the random numbers that are restored."""
    straight = {"iterations": 20, "checkpoint_every": 10, "factory": "tinytrain:Dropping"}
    good(*begin(**straight))
    assert killed("SIGKILL", *begin(out="killed", workers=1, **straight)).returncode == -signal.SIGKILL
    assert state_of("killed")["step"] == 10
    assert [row["step"] for row in rows_of("killed/log.csv")] == [str(k) for k in range(1, 14)]
    good(*again("killed", "tinytrain:Dropping"))
    assert Path("run/last.safetensors").read_bytes() == Path("killed/last.safetensors").read_bytes()
    assert Path("run/log.csv").read_text() == Path("killed/log.csv").read_text()
    one, two = state_of("run"), state_of("killed")
    assert one["step"] == two["step"] == 20
    for key, values in one["optimiser"]["state"].items():
        assert all(torch.equal(value, two["optimiser"]["state"][key][k]) for k, value in values.items())
    assert torch.equal(one["rng"]["cpu"], two["rng"]["cpu"])


def test_sigterm_writes_a_checkpoint_and_exits_with_143():
    straight = {"iterations": 20, "checkpoint_every": 10}
    done = killed("SIGTERM", *begin(out="ended", workers=1, **straight))
    assert done.returncode == 143, done.stderr
    assert b"Stopped after step 14. Go on: sodbench train --resume ended" in done.stderr
    assert state_of("ended")["step"] == 14
    good(*again("ended"))
    good(*begin(**straight))
    assert Path("run/last.safetensors").read_bytes() == Path("ended/last.safetensors").read_bytes()


def test_logs_are_cut_back_to_the_checkpoint():
    """A run that was killed may have logged steps that come again, and a row in half."""
    how = {"validate_every": 2, "holdout": 0.3}
    good(*begin(iterations=4, **how))
    good(*begin(out="half", iterations=2, **how))
    for name in ("log", "validation"):
        with Path(f"half/{name}.csv").open("a") as file:
            file.write("4,0.1,0.1,0.1,0.1\n5,0.")
    lengthen("half", 4)
    good(*again("half"))
    for name in ("log.csv", "validation.csv"):
        assert Path("run", name).read_text() == Path("half", name).read_text()


def test_sigterm_before_the_first_step(monkeypatch):
    """While the first checkpoint is written: one step is made, so that there is something to go on from."""
    write, calls = write_checkpoint, []

    def ended(folder, state):
        calls.append(state["step"])
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        write(folder, state)

    monkeypatch.setattr("sodbench.models.training.loop.write_checkpoint", ended)
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("was not waited for"))
    try:
        result = sodbench(*begin())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == 143
    assert calls == [0, 1]


def test_interrupted_by_hand(monkeypatch):
    step = _Session._make_step

    def until(self, *rest):
        if self.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *rest)

    monkeypatch.setattr(_Session, "_make_step", until)
    result = sodbench(*begin())
    assert result.exit_code == 130
    assert "Stopped after step 2" in result.stderr
    assert state_of("run")["step"] == 2


def test_resuming_a_finished_run_changes_nothing():
    good(*begin(iterations=2))
    before = Path("run/last.safetensors").read_bytes()
    assert "2 steps" in good(*again("run")).stderr
    assert Path("run/last.safetensors").read_bytes() == before


# -------------------------------------------------------------------------------- several processes


def check_gradients(folder: str, parts: int) -> None:
    """Adam's first moment after one step is a tenth of the gradient, the parts' mean; so is the log."""
    how = tiny(iterations=1)
    torch.manual_seed(how.seed)
    network = initial_network(how)
    photos, masks, _ = next(batches(find_data("set").pairs, how, 0))
    summed, logged = [torch.zeros_like(p) for p in network.parameters()], torch.zeros(2)
    for x, y in zip(photos.chunk(parts), masks.chunk(parts), strict=True):
        network.train()
        network.zero_grad()
        each = losses(network(x), y)
        total(each, how.loss_weights).backward()
        logged += each.detach() / parts
        for gradient, p in zip(summed, network.parameters(), strict=True):
            gradient += p.grad / parts
    (row,) = rows_of(f"{folder}/log.csv")
    mean = [float(total(logged, how.loss_weights)), *logged.tolist()]
    assert [float(row[name]) for name in ("loss", "fused", "side1")] == pytest.approx(mean, rel=1e-5)
    moments = state_of(folder)["optimiser"]["state"]
    for k, gradient in enumerate(summed):
        torch.testing.assert_close(moments[k]["exp_avg"] * 10, gradient, rtol=1e-4, atol=1e-7)


def test_two_processes_give_the_mean_of_their_gradients():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    arguments = [str(one) for one in begin(iterations=1, accumulate=2)]
    both = [
        subprocess.Popen(
            command(*arguments), env={**shared, "RANK": str(k), "LOCAL_RANK": str(k)}, stderr=subprocess.PIPE
        )
        for k in range(2)
    ]
    said = [one.communicate(timeout=60)[1].decode() for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    check_gradients("run", parts=4)
    assert state_of("run")["world"] == 2
    assert "7 pairs" in said[0]
    assert "7 pairs" not in said[1]


# ----------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("bach = 3", r"tiny\.toml: unknown key bach; did you mean batch"),
        ("batch = 0", "batch is 0, expected a whole number from 1"),
        ("batch = true", "batch is True, expected"),
        ("batch = 12.5", r"batch is 12\.5, expected"),
        ("lr = 0.0", r"lr is 0\.0, expected a number above 0"),
        ("lr = nan", "lr is nan, expected"),
        ("lr = 1e39", r"lr is 1e\+39, expected a number above 0, at most 1000"),
        (f"lr = 1{400 * '0'}", "lr is 10+.*expected a number above 0, at most 1000"),
        ("betas = [0.9]", r"betas is \[0\.9\], expected two numbers"),
        ("betas = [0.9, 1.0]", "expected two numbers from 0 to below 1"),
        ("crop = 41", "crop is 41, expected at most resize, which is 40"),
        ("accumulate = 3", "batch is 4, expected a multiple of accumulate"),
        ("precision = 'fp8'", "precision is 'fp8', expected fp32 or bf16 or fp16"),
        ("init = 'zero'", "init is 'zero', expected xavier or torch"),
        ("loss_weights = []", "loss_weights is"),
        ("loss_weights = [0, 0]", "loss_weights are all 0"),
        ("holdout = 0.2", "expected both or neither to be 0"),
        ("vertical_flip = 2", "vertical_flip is 2, expected a number from 0 to 1"),
        ("seed = -1", "seed is -1"),
        ("model = ''", "model is '', expected a name"),
        ("factory = 'net'", "factory is 'net', expected \"module:function\""),
        ("batch 3", r"tiny\.toml: this is not valid TOML"),
        ("model = " + "[" * 3000 + "]" * 3000, r"tiny\.toml: tables and lists are nested more than 20 deep"),
    ],
)
def test_impossible_configurations(line, match):
    key = line.partition(" ")[0]
    kept = [one for one in CONFIG.splitlines() if one.partition(" ")[0] != key]
    Path("tiny.toml").write_text("\n".join([*kept, line]))
    refused("train", "--config", "tiny.toml", "--data", "set", "--out", "run", match=match)
    assert not Path("run").exists()


def test_a_configuration_is_a_file_that_can_be_there():
    os.mkfifo("pipe.toml")
    for config, match in (
        ("pipe.toml", "is a named pipe .FIFO., expected a TOML file"),
        ("x" * 5000, "too long"),
    ):
        refused("train", "--config", config, "--data", "set", "--out", "run", match=match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"factory": "", "model": "u2nett"}, "unknown model 'u2nett'; did you mean u2net"),
        ({"factory": "tinytrain:Absent"}, "cannot build this model"),
        ({"precision": "fp16"}, "fp16 needs CUDA"),
        ({"tensorboard": True}, "tiny.toml: unknown key tensorboard"),
        ({"tensorboard": 0}, "tiny.toml: unknown key tensorboard"),
        ({"holdout": 0.01, "validate_every": 1}, "leaves 7 to train on and 0 to validate with"),
        (
            {"model": "u2netp", "factory": "", "loss_weights": [1.0] * 7, "batch": 1},
            "1 photo at 32x32 leaves batch norm a single value",
        ),
        ({"loss_weights": [1.0] * 7}, "loss_weights has 7 numbers, expected 2"),
        ({"factory": "tinytrain:Half"}, r"gives \(1, 1, 16, 16\), expected logits \(1, 1, 32, 32\)"),
        ({"factory": "tinytrain:Named"}, "the network gives dict, expected logits"),
        ({"model": "u2net"}, "tinytrain:Net: u2net is another model's name"),
    ],
)
def test_configurations_that_do_not_fit(changes, match):
    refused(*begin(**changes), match=match)
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            ("--config", "absent.toml", "--data", "set", "--out", "run"),
            r"those that come with sodbench: .*u2net\.toml",
        ),
        (("--config", "tiny.toml", "--data", "absent", "--out", "run"), "unknown dataset absent"),
        (
            ("--config", "tiny.toml", "--data", "empty", "--out", "run"),
            "empty: an empty folder, expected photos",
        ),
        (("--resume", "absent"), r"absent/checkpoint\.pt: no such checkpoint"),
    ],
)
def test_what_is_not_there(arguments, match):
    Path("empty/masks").mkdir(parents=True)
    refused("train", *arguments, match=match)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--config", "tiny.toml"),
        ("--config", "tiny.toml", "--out", "run", "--images", "set/images"),
        ("--resume", "run", "--config", "tiny.toml"),
        ("--config", "tiny.toml", "--out", "run", "--data", "set", "--images", "a", "--masks", "b"),
    ],
)
def test_options_that_do_not_go_together(arguments):
    refused("train", *arguments, match="Usage", code=2)


def test_broken_pairs_are_found_before_training():
    save(np.zeros((9, 9), np.uint8), "set/masks/p1.png")
    Path("set/images/p2.png").write_bytes(b"no photo")
    Path("set/masks/p3.png").write_bytes(Path("set/masks/p3.png").read_bytes()[:60])
    Path("set/masks/p4.png").unlink()
    Path("set/masks/p4.png").mkdir()
    result = refused(*begin(), match="4 of 7 pairs cannot be trained on")
    assert "set/masks/p4.png: is a directory, expected an image file." in result.stderr
    assert "p1.png: 45x31, its mask set/masks/p1.png 9x9" in result.stderr.replace(str(Path.cwd()) + "/", "")
    assert "p2.png: not an image" in result.stderr
    assert "p3.png" in result.stderr
    assert not Path("run").exists()


def test_lone_photos_and_masks():
    Path("set/masks/p1.png").unlink()
    Path("set/images/p2.png").unlink()
    refused(*begin(), match=r"1 mask without a photo \(p2\); 1 photo without a mask \(p1\.png\)")


def test_advice_names_no_option_that_training_lacks():
    save(pixels(1)[1] // 255 * 100, "set/masks/p1.png")
    result = refused(*begin(), match=r"p1\.png: .*levels 0, 100.* Save it with 255 for the foreground\.")
    assert "--mask-threshold" not in result.stderr


def test_all_masks_empty():
    for k in range(7):
        save(np.zeros_like(pixels(k)[1]), f"set/masks/p{k}.png")
    refused(*begin(), match="all 7 masks are empty")


def test_no_photos():
    Path("nothing").mkdir()
    arguments = (
        "train",
        "--config",
        "tiny.toml",
        "--out",
        "run",
        "--images",
        "nothing",
        "--masks",
        "set/masks",
    )
    refused(*arguments, match="nothing: found no photos here, expected a folder or zip of them")


def renamed_pairs(photo: str, mask: str, root: str = "odd") -> Path:
    """Pairs whose files are called by these patterns."""
    plant_pairs("plain")
    for k in range(7):
        Path(root, "images").mkdir(parents=True, exist_ok=True)
        Path(root, "masks").mkdir(exist_ok=True)
        Path(f"plain/images/p{k}.png").rename(f"{root}/images/{photo.format(k)}.png")
        Path(f"plain/masks/p{k}.png").rename(f"{root}/masks/{mask.format(k)}.png")
    return Path(root)


@pytest.mark.parametrize(
    ("photo", "mask", "hint", "strip", "loose"),
    [
        ("p{}_sat", "p{}", "Names of photos have '_sat' more than .*: pass --strip _sat", ("_sat",), False),
        ("p{}", "p{}_mask", "Names of masks have '_mask' more than .*: pass --strip", ("_mask",), False),
        ("p{}_a", "p{}_b", "7 masks without a photo.* Add what is", ("_a", "_b"), False),
        ("P{}", "p{}", "Names of 7 photos differ from .*: pass --loose-names", (), True),
        ("p{}", "p00{}", r"zeros \(p0 for p000, .*: pass --loose-names", (), True),
        ("P{}_a", "p{}", "pass --strip _a --loose-names", ("_a",), True),
    ],
)
def test_names_that_pair_on_request(photo, mask, hint, strip, loose):
    renamed_pairs(photo, mask)
    with pytest.raises(TrainingError, match=hint):
        find_data("odd")
    pairs = find_data("odd", matching=Matching(strip, loose)).pairs
    assert [(pair.photo.stem, pair.mask.stem) for pair in pairs] == [
        (photo.format(k), mask.format(k)) for k in range(7)
    ]


def test_a_run_keeps_how_names_pair():
    renamed_pairs("P{}_a", "p{}")
    words = ("train", "--config", configure(iterations=2), "--data", "odd", "--out", "run", "--device", "cpu")
    refused(*words, match="pass --strip _a --loose-names")
    good(*words, "--strip", "_a", "--loose-names")
    record = json.loads(Path("run/run.json").read_text())["data"]
    assert (record["strip"], record["loose"], record["exif"]) == (["_a"], True, False)
    resume = ("train", "--resume", "run", "--model-module", "tinytrain:Net", "--device", "cpu")
    good(*resume)
    refused(*resume, "--loose-names", match="no --config, .* --loose-names or --exif", code=2)


def test_exif_rotations_as_in_run():
    exif = Image.Exif()
    exif[274] = 3
    Path("set/images/p1.png").unlink()
    Image.fromarray(pixels(1)[0]).save("set/images/p1.webp", exif=exif, lossless=True)
    assert "1 photo with an EXIF rotation (p1.webp), not applied: if" in good(*begin(iterations=1)).stderr
    assert "(p1.webp), applied by --exif: if" in good(*begin("--exif", iterations=1, out="turned")).stderr
    upright, turned = (pair_at(folder, 1) for folder in ("run", "turned"))
    np.testing.assert_array_equal(turned, upright[::-1, ::-1])
    assert state_of("turned")["data"]["exif"] is True
    exif[274] = 6
    Image.fromarray(pixels(1)[0]).save("set/images/p1.webp", exif=exif, lossless=True)
    refused(
        *begin("--exif", out="no"),
        match=r"p1\.webp: 31x45, its mask .*p1\.png 45x31 .width x height.; pass no",
    )


def pair_at(folder: str, k: int) -> np.ndarray:
    """The photo of a pair as a run reads it."""
    exif = state_of(folder)["data"]["exif"]
    return read_pair(find_data("set", matching=Matching(exif=exif)).pairs[k])[0]


def test_a_checkpoint_that_does_not_say_how_names_pair():
    """Those before --strip, --loose-names and --exif."""
    good(*begin(iterations=1))
    state = state_of("run")
    for key in ("strip", "loose", "exif"):
        del state["data"][key]
    torch.save(state, "run/checkpoint.pt")
    good("train", "--resume", "run", "--model-module", "tinytrain:Net", "--device", "cpu")


def test_one_photo_fills_a_batch():
    plant_pairs("one", 1)
    good("train", "--config", configure(workers=2), "--data", "one", "--out", "run", "--device", "cpu")
    assert rows_of("run/log.csv")[-1]["epoch"] == "24"


def test_folder_of_another_run():
    good(*begin(iterations=1))
    refused(*begin(), match=r"run: is not empty.*--resume run")
    refused(*begin(out="set"), match=r"set: is not empty, expected a new folder. Choose another, or empty it")


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again():
    Path("run").mkdir()
    Path("run/.checkpoint.pt.part").write_bytes(b"half")
    good(*begin(iterations=1))
    assert listing("run") == ["checkpoint.pt", "last.safetensors", "log.csv", "loss.svg", "run.json"]


def test_a_checkpoint_is_there_before_the_weights(monkeypatch):
    """Killed between the two, a run leaves what it can be resumed from."""

    def killed(folder, model):
        raise KeyboardInterrupt

    good(*begin(iterations=1))
    state = state_of("run")
    del state["format"]
    Path("other").mkdir()
    monkeypatch.setattr("sodbench.models.training.checkpoint.write_weights", killed)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(Path("other"), state)
    assert listing("other") == ["checkpoint.pt"]


def test_whole_numbers_in_a_list_of_fractions():
    """Torch takes no 0 beside a 0.9."""
    good(*begin(betas=[0, 0.9], iterations=1))
    good(*again())


def test_other_pairs_on_resuming():
    good(*begin(iterations=1))
    Path("set/masks/p1.png").unlink()
    Path("set/images/p1.png").unlink()
    refused(*again(), match="was trained on 7 other pairs than the 6")


def test_moved_pairs_on_resuming():
    good(*begin(iterations=1))
    Path("set").rename("moved")
    refused(*again(), match="no such folder or zip")
    good(*again(), "--data", "moved")


def test_checkpoint_written_in_half():
    good(*begin(iterations=1))
    file = Path("run/checkpoint.pt")
    file.write_bytes(file.read_bytes()[:-900])
    refused("train", "--resume", "run", match=r"checkpoint\.pt: damaged or incomplete")
    torch.save({"step": 1}, file)
    refused("train", "--resume", "run", match="expected a checkpoint of `sodbench train` of format 1")


NAN = float("nan")
RNG = torch.get_rng_state().shape

DAMAGES = [
    ("format", 2, "format is 2, expected 1"),
    ("format", True, "format is True, expected 1"),
    ("config", [], r"config is \[\], expected a dictionary"),
    ("config", {}, r"config has no model, factory, weights, init, seed, \+19 more\."),
    ("config.lr", "fast", "config: lr is 'fast', expected a number above 0"),
    ("config.lr", torch.zeros(3), r"config: lr is tensor\(\[0\., 0\., 0\.\]\), expected a number"),
    ("config.batch", 4.0, r"config: batch is 4\.0, expected a whole number"),
    ("config.betas", [0.9, NAN], r"config: betas is \[0\.9, nan\], expected two numbers"),
    ("config.seed", None, "config: seed is None, expected a whole number"),
    ("config.bach", 3, "config: unknown key bach; did you mean batch"),
    ("config.crop", KeyError, r"config has no crop\. The file is damaged: start again"),
    ("data", "text", "data is 'text', expected a dictionary"),
    ("data.name", 3, "data.name is 3, expected a path"),
    ("data.images", KeyError, "data.images is missing"),
    ("data.images", "a\0b", r"data.images is 'a\\x00b', expected a path that a file can have"),
    ("data.masks", "x" * 100_000, r"data.masks is 'x+\.\.\.x+', expected a path"),
    ("data.masks", "x" * 4000, r"data.masks is 'x+\.\.\.x+', expected a path"),
    ("data.count", -7, "data.count is -7, expected a number of pairs"),
    ("data.count", 10**12, "was trained on 1000000000000 other pairs than the 7"),
    ("data.digest", "0", "data.digest is '0', expected a sha256"),
    ("data.digest", "0" * 64, "was trained on 7 other pairs than the 7"),
    ("data.more", 1, r"data holds unknown fields: 'more'"),
    ("world", "text", "world is 'text', expected a number of processes"),
    ("world", 0, "world is 0, expected"),
    ("step", 10**12, "step is 1000000000000, expected at most iterations, which is 1"),
    ("step", 2**70, "step is 1180591620717411303424, expected a whole number"),
    ("step", -1, "step is -1, expected a whole number"),
    ("step", NAN, "step is nan, expected"),
    ("step", torch.tensor(1), r"step is tensor\(1\), expected"),
    ("step", 0, "optimiser.state has 8 entries, expected one for each of the 0 parameters"),
    ("model", [], r"model is \[\], expected a state_dict"),
    ("model", {}, r"another architecture than tiny: 11 parameters missing \(first\.0\.weight"),
    ("model.fused.weight", 3, "model is .*, expected a state_dict"),
    ("model.fused.weight", KeyError, r"1 parameter missing \(fused\.weight\)"),
    ("model.first.1.num_batches_tracked", KeyError, r"1 parameter missing \(first\.1\.num_batches"),
    ("model.more", torch.zeros(1), r"1 parameter unknown \(more\)"),
    ("model.fused.bias", torch.tensor([NAN]), r"not finite \(fused\.bias\)"),
    ("model.fused.bias", torch.tensor([1 + 2j]), r"of another type .* \(fused\.bias\)"),
    ("model.fused.bias", torch.tensor([1]), r"of another type .* \(fused\.bias\)"),
    ("model.fused.bias", torch.zeros(1).to_sparse(), r"of another type .* \(fused\.bias\)"),
    ("model.fused.bias", torch.zeros(1, device="meta"), r"of another type .* \(fused\.bias\)"),
    ("optimiser", None, "optimiser is None, expected a dictionary"),
    ("optimiser.state", KeyError, "optimiser.state is missing"),
    ("optimiser.state", {}, "optimiser.state has 0 entries, expected one for each of the 8"),
    ("optimiser.state.3", KeyError, "optimiser.state has 7 entries, expected one for each of the 8"),
    ("optimiser.state.3", 1, "optimiser.state.3 is 1, expected a dictionary"),
    ("optimiser.state.3.step", torch.tensor(1e12), r"3\.step is tensor\(.*\), expected 1, the steps made"),
    ("optimiser.state.3.step", "1", r"3\.step is '1', expected 1"),
    ("optimiser.state.3.exp_avg", torch.full((6,), NAN), r"3\.exp_avg is a tensor .*, expected finite"),
    ("optimiser.state.3.exp_avg", torch.zeros(5), r"shape \(5,\), expected finite numbers of shape \(6,\)"),
    ("optimiser.state.3.exp_avg_sq", -torch.ones(6), "expected finite numbers of shape .*, from 0"),
    ("optimiser.state.3.exp_avg_sq", KeyError, r"state\.3\.exp_avg_sq is missing"),
    ("optimiser.param_groups", [], r"param_groups is \[\], expected a list of one"),
    ("optimiser.param_groups.0.lr", NAN, r"optimiser\.lr is nan, expected 0\.01 as configured"),
    ("optimiser.param_groups.0.betas", KeyError, r"optimiser\.betas is None, expected \(0\.9, 0\.999\)"),
    ("optimiser.param_groups.0.params", [0], r"optimiser\.params is \[0\], expected \[0, 1, 2"),
    ("optimiser.param_groups.0.amsgrad", True, r"optimiser\.amsgrad is True, expected False"),
    ("scaler", {"scale": 1.0}, r"scaler holds unknown fields: 'scale'"),
    ("rng", {}, "rng.cpu is missing"),
    ("rng.cpu", torch.zeros(3), r"rng\.cpu is a tensor of torch\.float32, shape \(3,\), expected"),
    ("rng.cpu", torch.zeros(3, dtype=torch.uint8), r"rng\.cpu is no state of a random number generator"),
    ("rng.cpu", torch.zeros(RNG, dtype=torch.uint8), r"rng\.cpu is no state of a random number generator"),
    ("rng.cuda", "seed", r"rng\.cuda is 'seed', expected the bytes"),
]


@cache
def checkpoint_of_one_step() -> bytes:
    good(*begin(iterations=1))
    return Path("run/checkpoint.pt").read_bytes()


@pytest.mark.parametrize(("field", "value", "match"), DAMAGES)
def test_damaged_fields_of_a_checkpoint(field, value, match):
    """One error that names the file, the field and what was expected; the file stays as it is."""
    content = checkpoint_of_one_step()
    state = torch.load(io.BytesIO(content), weights_only=True)
    state["data"] |= {key: str(Path("set", key).resolve()) for key in ("images", "masks")}
    top, _, rest = field.partition(".")
    *inner, last = [top, rest] if top == "model" and rest else field.split(".")
    table = state
    for key in inner:
        table = table[int(key) if key.isdigit() else key]
    last = int(last) if last.isdigit() else last
    if value is KeyError:
        del table[last]
    else:
        table[last] = value
    Path("run").mkdir(exist_ok=True)
    torch.save(state, "run/checkpoint.pt")
    before = Path("run/checkpoint.pt").read_bytes()
    result = refused(*again(), match=match)
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr) < 5000
    assert Path("run/checkpoint.pt").read_bytes() == before


def test_a_changed_byte_of_a_checkpoint_is_damage():
    """torch does not look at the checksums: where it was one of `iterations`, the run went on for longer."""
    content = checkpoint_of_one_step()
    Path("run").mkdir(exist_ok=True)
    at = content.index(b"iterations") + len(b"iterations") + 3
    assert content[at - 1 : at + 1] == b"K\x01"
    Path("run/checkpoint.pt").write_bytes(content[:at] + b"\x41" + content[at + 1 :])
    refused(*again(), match=r"run/checkpoint\.pt: damaged or incomplete")


def test_a_checkpoint_of_a_loss_that_leaves_parameters_out():
    """They have no state in the optimiser, which is not damage."""
    good(*begin(iterations=2, factory="tinytrain:Idle"))
    assert sorted(state_of("run")["optimiser"]["state"]) == list(range(8))
    lengthen("run", 3)
    good(*again(net="tinytrain:Idle"))


def test_moments_that_share_memory_are_those_of_their_values():
    """Adam writes into them, which torch refuses where values share memory."""
    resumed = []
    for of_one in (torch.zeros(6), torch.zeros(()).expand(6)):
        parameter = torch.ones(6, requires_grad=True)
        optimiser = torch.optim.Adam([parameter])
        moments = {"step": torch.tensor(3.0), "exp_avg": of_one, "exp_avg_sq": of_one}
        state = {"state": {0: moments}, "param_groups": optimiser.state_dict()["param_groups"]}
        restore_optimiser(optimiser, state, Path("c.pt"), step=3, exact=True, idle=set)
        parameter.sum().backward()
        optimiser.step()
        resumed.append(parameter.detach())
    assert torch.equal(*resumed)
    assert (resumed[0] < 1).all()


def test_scaled_losses_of_which_no_step_came():
    """The first scales of fp16 are often too high: the optimiser leaves these steps out, and has no state."""
    optimiser = torch.optim.Adam([torch.zeros(2, requires_grad=True)])
    state = optimiser.state_dict()
    restore_optimiser(optimiser, state, Path("c.pt"), step=3, exact=False, idle=set)
    with pytest.raises(TrainingError, match=r"c\.pt: optimiser\.state has 0 entries, expected one for each"):
        restore_optimiser(optimiser, state, Path("c.pt"), step=3, exact=True, idle=set)


SCALED = torch.amp.GradScaler("cpu").state_dict()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"scale": NAN}, "scaler.scale is nan, expected a finite number above 0"),
        ({"_growth_tracker": -1}, "scaler._growth_tracker is -1"),
        ({"growth_factor": 0.5}, r"scaler.growth_factor is 0\.5, expected 2\.0"),
    ],
)
def test_damaged_scaler(changes, match):
    scaler = torch.amp.GradScaler("cpu")
    restore_scaler(scaler, {**SCALED, "scale": 8.0, "_growth_tracker": 3}, Path("c.pt"))
    with pytest.raises(TrainingError, match=rf"c\.pt: {match}"):
        restore_scaler(scaler, {**SCALED, **changes}, Path("c.pt"))


CODE = """
import os
open("ran", "w").close()
os.abort()
"""


@pytest.mark.parametrize("factory", ["helper:build", "os:abort", "tinytrain:Net"])
def test_a_checkpoint_names_no_code(factory, monkeypatch):
    """Its factory is neither imported nor called: the user names it again."""
    good(*begin(iterations=1))
    state = state_of("run")
    state["config"] |= {"factory": factory, "iterations": 2}
    torch.save(state, "run/checkpoint.pt")
    Path("helper.py").write_text(CODE)
    path = list(sys.path)
    refused(
        *again(net=""),
        match=rf"run/checkpoint\.pt: trained with a network of your own, '{factory}'\. .*"
        rf"--model-module {factory}\.",
    )
    assert (sys.path, Path("ran").exists()) == (path, False)
    good(*again(net="tinytrain:Net"))
    assert state_of("run")["config"]["factory"] == "tinytrain:Net"


def test_a_network_in_the_current_folder_is_named_on_the_command_line():
    """A configuration is data, too: it does not extend where modules are looked for."""
    Path("mynet.py").write_text(MODULE, encoding="utf-8")
    path = list(sys.path)
    refused(
        *begin(factory="mynet:Net"),
        match=r"mynet:Net: cannot build .* mynet\.py is in the current folder: pass --model-module mynet:Net",
    )
    assert sys.path == path
    good(*begin("--model-module", "mynet:Net", iterations=1, factory=""))


@pytest.mark.parametrize("text", ["step,loss\nx,1\n", "step,loss\n1,x\n", b"step\n\xff\n"])
def test_damaged_log(text):
    good(*begin(iterations=1))
    Path("run/log.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(*again(), match=r"run/log\.csv: damaged, expected rows of numbers\. Move it away")


def test_checkpoint_of_another_architecture():
    good(*begin(iterations=1))
    refused(
        *again(net="tinytrain:Wide"),
        match=r"checkpoint\.pt: a checkpoint of another architecture than tiny: 1 parameter of another shape "
        r"\(fused\.weight \(1, 6, 1, 1\) for \(1, 6, 3, 3\)\)",
    )


def test_loss_that_is_no_number_names_the_files():
    result = refused(*begin(factory="tinytrain:Late"), match="step 4: the loss is nan, expected a number")
    named = [
        name
        for name in (f"p{k}" for k in range(7))
        if f" {name}," in result.stderr or f" {name}." in result.stderr
    ]
    assert len(named) == 4
    assert state_of("run")["step"] == 3


@pytest.mark.parametrize("planted", [False, True])
def test_a_run_without_a_step_leaves_nothing(planted):
    """What it made goes, so that the same command works later; a folder of the user's stays."""
    if planted:
        Path("runs/deep").mkdir(parents=True)
    refused(*begin(out="runs/deep", factory="tinytrain:Broken"), match="step 1: the loss is nan")
    assert listing(".") == [*(["runs/deep"] if planted else []), *listing_of_set(), "tiny.toml"]
    good(*begin(out="runs/deep", iterations=1))


def listing_of_set() -> list[str]:
    return [f"set/{name}" for name in listing("set")]


def test_a_resumed_run_without_a_step_keeps_its_folder():
    good(*begin(iterations=1))
    state = state_of("run")
    state["optimiser"]["state"], state["step"] = {}, 0
    torch.save(state, "run/checkpoint.pt")
    refused(*again(net="tinytrain:Broken"), match="step 1: the loss is nan")
    assert state_of("run")["step"] == 0


def test_a_network_that_broke_in_the_last_step_is_not_kept(monkeypatch):
    step = _Session._make_step

    def until(self, *rest):
        done = step(self, *rest)
        if self.step == 2:
            self.network.fused.weight.data.fill_(float("inf"))
        return done

    monkeypatch.setattr(_Session, "_make_step", until)
    refused(
        *begin(iterations=3, checkpoint_every=2), match=r"step 3: 1 tensors .*\(fused\.weight\), .*lower lr"
    )
    assert state_of("run")["step"] == 2
    assert load_file("run/last.safetensors")["fused.weight"].isfinite().all()


def test_a_crash_does_not_wait_for_its_workers():
    """Python would, at its end, for processes that ignore SIGTERM and that the traceback keeps alive."""
    arguments = [str(one) for one in begin(factory="tinytrain:Crash", workers=1)]
    done = subprocess.run(command(*arguments), capture_output=True, check=False, timeout=90)
    assert b"RuntimeError: out of memory" in done.stderr
    assert done.returncode == 1
    assert not Path("run").exists()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_data_worker_that_is_killed(name, monkeypatch):
    """One error without torch's advice, whichever line it is raised at; what was kept before is there."""
    step = _Session._make_step

    def until(self, *rest):
        if self.step == 3:
            for worker in multiprocessing.active_children():
                os.kill(worker.pid, getattr(signal, name))
        return step(self, *rest)

    monkeypatch.setattr(_Session, "_make_step", until)
    result = refused(
        *begin(iterations=500, checkpoint_every=3, log_every=500, workers=2),
        match=r"Error: step \d+: one of the workers that prepare pairs \(2\) crashed or was killed, .* "
        r"The checkpoint of step \d+ is kept: go on with --resume run\.\n$",
    )
    assert f"step {state_of('run')['step']} is kept" in result.stderr
    assert "num_workers" not in result.stderr


@pytest.mark.parametrize(
    ("error", "workers", "lost"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), 1, True),
        (EOFError(), 1, True),
        (FileNotFoundError(2, "No such file or directory"), 1, True),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error."), 1, True),
        (RuntimeError("Caught RuntimeError in DataLoader worker process 0."), 1, False),
        (ConnectionResetError(104, "Connection reset by peer"), 0, False),
    ],
)
def test_the_ways_in_which_a_lost_worker_shows(error, workers, lost, monkeypatch):
    def fail(self, *rest):
        raise error

    monkeypatch.setattr(_Session, "_make_step", fail)
    if lost:
        refused(
            *begin(workers=workers),
            match=r"one of the workers that prepare pairs \(1\) crashed or was killed",
        )
    else:
        with pytest.raises(type(error)):
            sodbench(*begin(workers=workers))
    assert not Path("run").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_photo_that_goes_away(workers, monkeypatch):
    """A worker's traceback is no message."""
    step = _Session._make_step

    def until(self, *rest):
        for photo in Path("set/images").iterdir():
            photo.unlink()
        return step(self, *rest)

    monkeypatch.setattr(_Session, "_make_step", until)
    result = refused(
        *begin(iterations=20, workers=workers), match=r"p\d\.png: cannot read this file \(No such"
    )
    assert "Traceback" not in result.stderr


def test_full_disk_keeps_the_checkpoint_before():
    """The limit on a file's size makes writing fail as a full disk does."""
    good(*begin(iterations=3, checkpoint_every=3))
    before = Path("run/checkpoint.pt").read_bytes()
    state = state_of("run")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    state.pop("format")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
        with pytest.raises(FileError, match=r"checkpoint\.pt: cannot write this file \(File too large\)"):
            write_checkpoint(Path("run"), state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Path("run/checkpoint.pt").read_bytes() == before
    assert listing("run") == ["checkpoint.pt", "last.safetensors", "log.csv", "loss.svg", "run.json"]


def test_full_disk_says_how_to_go_on(monkeypatch):
    def full(folder, state):
        if state["step"] == step:
            raise FileError("c: cannot write this file (No space left on device).")
        write(folder, state)

    write = write_checkpoint
    monkeypatch.setattr("sodbench.models.training.loop.write_checkpoint", full)
    step = 3
    refused(*begin(), match=r"left on device\)\. The checkpoint before is whole: make room, .* --resume")
    assert state_of("run")["step"] == 0
    step = 0
    result = refused(*begin(out="other"), match=r"left on device\)\.")
    assert "--resume" not in result.stderr
    assert not Path("other").exists()


def test_folder_that_cannot_be_written():
    Path("file").write_text("")
    refused(*begin(out="file/run"), match="cannot write here")
