"""Speed of the runner against the official script's way, as ratios measured in one run.

    python benchmarks/infer.py --model u2netp --weights u2netp.onnx [--photos DIR] [--images 20] [--rounds 5]

Three ways to make the same maps, photos to PNGs, in interleaved rounds after a warm-up; medians:
the plain way (eager, no_grad, batch 1, load, run and save one after the other, with scikit-image and
Pillow as the official script does), `sodbench run`'s, and the network alone in onnxruntime where the
weights are an ONNX file. The largest difference of the two torch ways is printed.
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage.transform import resize
from torch import nn

from sodbench.models import runner
from sodbench.models.recipe import MEAN, SIZE, STD, network_input
from sodbench.photos import photo_from
from sodbench.sources import Entry, open_source


def plain_input(path: Path) -> np.ndarray:
    """Load a photo as the official script does."""
    photo = np.array(Image.open(path).convert("RGB"))
    options = {"mode": "constant", "order": 1, "anti_aliasing": False}
    small = resize(photo, (SIZE, SIZE), **options)  # type: ignore[no-untyped-call]
    small = small / small.max()
    return ((small - MEAN) / STD).transpose(2, 0, 1)[None].astype(np.float32)


def plain(network: nn.Module, photos: Sequence[Path], out: Path) -> None:
    """Load, run and save one photo after the other, as the official script does."""
    for path in photos:
        with torch.no_grad():
            outputs = [torch.sigmoid(logits) for logits in network(torch.from_numpy(plain_input(path)))]
        found = outputs[0][0, 0]
        found = (found - found.min()) / (found.max() - found.min())
        levels = Image.fromarray(found.numpy() * 255).convert("RGB")
        width, height = Image.open(path).size
        levels.resize((width, height), Image.Resampling.BILINEAR).save(out / f"{path.stem}.png")


def ours(predictor: runner.Predictor, photos: Sequence[Entry], out: Path) -> None:
    """Run as the command does, into an empty folder."""
    configuration = runner.Configuration("bench", "", "", "cpu")
    with tempfile.TemporaryDirectory(dir=out) as folder:
        runner.run(photos, Path(folder) / "maps", predictor, configuration)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="u2netp")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    if chosen.photos is None:
        from sodbench.demo import demo_folder

        chosen.photos = demo_folder() / "images"
    photos = open_source(chosen.photos).groups[""][: chosen.images]
    paths = [Path(photo.where) for photo in photos]
    network, _, _ = runner.load_model(chosen.model, None, chosen.weights)
    network.eval()
    predictor = runner.Predictor(
        runner.load_model(chosen.model, None, chosen.weights)[0], torch.device("cpu")
    )

    inputs = [network_input(photo_from(photo.read(), photo.where)) for photo in photos]
    visible = [one for one in inputs if one is not None]
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(visible[0][None]))[0])[0, 0].numpy()
    threads = torch.get_num_threads()
    print(f"{platform.machine()}, {threads} threads, torch {torch.__version__}, {len(photos)} photos")
    print(
        f"largest difference of the probabilities: {np.abs(predictor(visible[:1])[0] - expected).max():.1e}"
    )

    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        contenders: dict[str, Callable[[], object]] = {
            "plain way, end to end": lambda: plain(network, paths, out),
            "sodbench run, end to end": lambda: ours(predictor, photos, out),
            "sodbench's network alone": lambda: [predictor([one]) for one in visible],
        }
        if chosen.weights.suffix == ".onnx":
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = torch.get_num_threads()
            session = onnxruntime.InferenceSession(
                chosen.weights, options, providers=["CPUExecutionProvider"]
            )
            port = session.get_inputs()[0].name
            contenders["onnxruntime, network alone"] = lambda: [
                session.run(None, {port: x[None]}) for x in visible
            ]
        times: dict[str, list[float]] = {key: [] for key in contenders}
        for k in range(chosen.rounds + 1):
            for key, run in contenders.items():
                start = time.perf_counter()
                run()
                if k:
                    times[key].append(time.perf_counter() - start)
    medians = {key: statistics.median(values) for key, values in times.items()}
    for key, value in medians.items():
        print(f"{key:28}{1000 * value / len(photos):9.1f} ms/image")
    ratio = medians["plain way, end to end"] / medians["sodbench run, end to end"]
    print(f"plain way / sodbench run: {ratio:.2f}")
    if "onnxruntime, network alone" in medians:
        ratio = medians["sodbench's network alone"] / medians["onnxruntime, network alone"]
        print(f"sodbench's network / onnxruntime: {ratio:.2f}")


if __name__ == "__main__":
    main()
