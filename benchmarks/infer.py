"""Speed of the runner against the official script's way, as ratios measured in one run.

    python benchmarks/infer.py --model u2netp --weights u2netp.onnx [--photos DIR] [--images 20] [--rounds 5]

Three ways to make the same maps, each in a process of its own, in interleaved rounds after a
warm-up; medians are printed: the plain way (eager, no_grad, batch 1, load, run and save one after the
other, with scikit-image and Pillow as the official script does), `sodbench run`'s, and the network alone
in onnxruntime where the weights are an ONNX file. Then how far apart the two torch ways' outputs are,
and how far each is from the same network in float64.

    python benchmarks/infer.py --device cuda --model u2net --weights u2net.pth [--batch 32] [--workers 16]

prints, in place of that, how well a device is kept busy: images per second from photos to maps and of the
network alone at the same batch, and the share of the time in which the device waits.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from contest import Contender, medians
from numpy.typing import NDArray
from PIL import Image
from skimage.transform import resize
from torch import nn

from sodbench.data.demo import demo_folder
from sodbench.data.images.photos import photo_from
from sodbench.data.sources import ImageFile, open_source
from sodbench.errors import PredictionError
from sodbench.models.inference import make_maps
from sodbench.models.predictor import Predictor, choose_device, fix_cudnn, load_model
from sodbench.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, SIZE, network_input
from sodbench.models.run_record import Configuration
from sodbench.models.runs import BATCHES
from sodbench.utils.process import cpus, keep_freed_memory

IN_FLOAT64 = 4
BATCHES_TIMED = 12
AIM = 0.9
"""Share of the network's own rate that a run should reach on a GPU, at batch 32 with 16 cores."""


class Work(NamedTuple):
    """What every contender does: a model, its weights, and the photos."""

    model: str
    weights: Path
    photos: tuple[ImageFile, ...]


@cache
def eager(work: Work) -> nn.Module:
    """Return the network as it is loaded."""
    return load_model(work.model, None, work.weights)[0].eval()


@cache
def predictor(work: Work) -> Predictor:
    """Return the network as `sodbench run` prepares it, its process too."""
    keep_freed_memory()
    network, _, _ = load_model(work.model, None, work.weights)
    return Predictor(network, torch.device("cpu"))


@cache
def inputs(work: Work) -> list[NDArray[np.float32]]:
    """Return the network's inputs, (3, 320, 320) each."""
    batch = [network_input(photo_from(photo.content(PredictionError), photo.where)) for photo in work.photos]
    return [x for x in batch if x is not None]


@cache
def session(work: Work) -> Any:
    """Return the network in onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(work.weights, options, providers=["CPUExecutionProvider"])


def official_input(path: Path) -> NDArray[np.float32]:
    """Load a photo as the official script does."""
    photo = np.array(Image.open(path).convert("RGB"))
    options = {"mode": "constant", "order": 1, "anti_aliasing": False}
    small = resize(photo, (SIZE, SIZE), **options)  # type: ignore[no-untyped-call]
    small = small / small.max()
    return ((small - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)[None].astype(np.float32)


def plain(work: Work) -> None:
    """Load, run and save one photo after the other, as the official script does."""
    network = eager(work)
    with tempfile.TemporaryDirectory() as out:
        for path in (Path(photo.where) for photo in work.photos):
            with torch.no_grad():
                logits = network(torch.from_numpy(official_input(path)))
                pred = [torch.sigmoid(side) for side in logits][0][0, 0]
            pred = (pred - pred.min()) / (pred.max() - pred.min())
            levels = Image.fromarray(pred.numpy() * 255).convert("RGB")
            size = Image.open(path).size
            levels.resize(size, Image.Resampling.BILINEAR).save(Path(out) / f"{path.stem}.png")


def ours(work: Work) -> None:
    """Run as the command does, into an empty folder."""
    configuration = Configuration("bench", "", "", "cpu")
    with tempfile.TemporaryDirectory() as out:
        make_maps(work.photos, Path(out) / "maps", predictor(work), configuration)


def ours_alone(work: Work) -> None:
    """Run our network alone."""
    for x in inputs(work):
        predictor(work)([x])


def onnx_alone(work: Work) -> None:
    """Run onnxruntime's network alone."""
    port = session(work).get_inputs()[0].name
    for x in inputs(work):
        session(work).run(None, {port: x[None]})


def differences(work: Work) -> str:
    """Say how far apart the outputs of the two torch ways are, in probabilities."""
    double = load_model(work.model, None, work.weights)[0].eval().double()
    apart, plain_off, ours_off = [], [], []
    for k, x in enumerate(inputs(work)):
        batch = torch.from_numpy(x[None])
        with torch.no_grad():
            expected = torch.sigmoid(eager(work)(batch)[0])[0, 0].numpy()
        pred = predictor(work)([x])[0]
        apart.append(np.abs(pred - expected))
        if k < IN_FLOAT64:
            with torch.no_grad():
                exact = torch.sigmoid(double(batch.double())[0])[0, 0].numpy()
            plain_off.append(np.abs(expected - exact))
            ours_off.append(np.abs(pred - exact))
    within = 100 * np.mean(np.stack(apart) <= 2e-5)
    return (
        f"outputs apart by at most {np.max(apart):.1e}, by 2e-5 or less at {within:.2f} % of pixels\n"
        f"from float64 ({len(ours_off)} photos): plain way at most {np.max(plain_off):.1e}, "
        f"sodbench {np.max(ours_off):.1e}"
    )


class Stopwatch:
    """A network that notes how long it takes on its device."""

    def __init__(self, network: Any, device: torch.device) -> None:
        self.network, self.on_gpu = network, device.type == "cuda"
        self.spans: list[tuple[Any, Any]] = []

    def __call__(self, batch: torch.Tensor) -> Any:
        """Run the network."""
        start = self._now()
        output = self.network(batch)
        self.spans.append((start, self._now()))
        return output

    def _now(self) -> Any:
        if not self.on_gpu:
            return perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def seconds(self) -> float:
        """Return the time of all calls so far, and forget them."""
        spans, self.spans = self.spans, []
        if not self.on_gpu:
            return sum(end - start for start, end in spans)
        torch.cuda.synchronize()
        return sum(start.elapsed_time(end) for start, end in spans) / 1000


def linked(photos: Sequence[ImageFile], folder: Path, count: int) -> Sequence[ImageFile]:
    """Link so many photos into a folder, again and again under other names."""
    for k in range(count):
        file = Path(photos[k % len(photos)].where).resolve()
        (folder / f"{k:05}{file.suffix}").symlink_to(file)
    return open_source(folder).groups[""]


def kept_busy(work: Work, device: torch.device, batch: int, workers: int) -> str:
    """Say how fast a run is on a device, and for how much of the time the network runs there."""
    keep_freed_memory()
    fix_cudnn()
    network, _, _ = load_model(work.model, None, work.weights)
    runner = Predictor(network, device)
    watch = runner.network = Stopwatch(runner.network, device)
    some = (inputs(work) * batch)[:batch]
    runner.submit(some)()
    watch.seconds()
    waiting = [runner.submit(some) for _ in range(2)]
    for _ in range(BATCHES_TIMED):
        waiting.pop(0)()
        waiting.append(runner.submit(some))
    for pending in waiting:
        pending()
    alone = (BATCHES_TIMED + 2) * batch / watch.seconds()
    count = max(len(work.photos), BATCHES_TIMED * batch if device.type == "cuda" else 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = linked(work.photos, folder, count)
        start = perf_counter()
        made = make_maps(
            photos,
            folder / "maps",
            runner,
            Configuration("bench", "", "", device.type),
            batch=batch,
            workers=workers,
        )
        elapsed = perf_counter() - start
    if made.failed:
        raise SystemExit(f"{len(made.failed)} of {len(photos)} photos failed, the first: {made.failed[0]}")
    rate = len(photos) / elapsed
    return (
        f"end to end          {rate:8.1f} images/s, {len(photos)} photos\n"
        f"network alone       {alone:8.1f} images/s\n"
        f"end to end / alone  {rate / alone:8.2f}  (aim on a GPU: {AIM} at batch 32 with 16 cores)\n"
        f"the device waits    {100 * (1 - watch.seconds() / elapsed):8.1f} % of the time"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="u2netp")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="Default: the demo's.")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", help="Measure how busy this device is kept: cuda, cpu.")
    parser.add_argument("--batch", type=int, help="Photos per batch on the device.")
    parser.add_argument(
        "--workers", type=int, default=cpus(), help="Threads that prepare photos for the device."
    )
    chosen = parser.parse_args(arguments)
    source = open_source(chosen.photos or demo_folder() / "images")
    work = Work(chosen.model, chosen.weights, tuple(source.groups[""][: chosen.images]))
    if chosen.device:
        device = choose_device(chosen.device)
        batch = chosen.batch or BATCHES.get(device.type, 8)
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        print(f"{name}, {cpus()} CPUs, torch {torch.__version__}, {work.model}, batch {batch}")
        print(kept_busy(work, device, batch, chosen.workers))
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, torch {torch.__version__}, "
        f"{work.model}, {len(work.photos)} photos, medians of {chosen.rounds} rounds"
    )
    contenders = {
        "plain way, end to end": Contender(plain, (work,)),
        "sodbench run, end to end": Contender(ours, (work,)),
        "sodbench's network alone": Contender(ours_alone, (work,)),
    }
    if work.weights.suffix == ".onnx":
        contenders["onnxruntime's network alone"] = Contender(onnx_alone, (work,))
    taken = medians(contenders, chosen.rounds)
    for key, value in taken.items():
        print(f"{key:28}{1000 * value / len(work.photos):9.1f} ms/image")
    ratio = taken["plain way, end to end"] / taken["sodbench run, end to end"]
    print(f"plain way / sodbench run: {ratio:.2f}")
    if "onnxruntime's network alone" in taken:
        ratio = taken["sodbench's network alone"] / taken["onnxruntime's network alone"]
        print(f"sodbench's network / onnxruntime's: {ratio:.2f}")
    print(differences(work))


if __name__ == "__main__":
    main()
