"""Check that training learns: a network overfits a few photos, from scratch, on a CPU, in minutes.

    python benchmarks/learn.py --images SOD/images --masks SOD/masks [--photos 16] [--rest 0] [--steps 800]
        [--out curve.csv] [--plot curve.png]

Photos are taken at even distances from the folder; `--rest` more are never trained on. Before the first step
and every `--every` steps maxF of the maps is printed, at the photos' own sizes, under the default protocol.
No flips and no crops, and a smaller input than the paper's: a check of the machinery, not of the paper's 120
hours.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from sodbench.errors import SodbenchError
from sodbench.models.loading import load_weights
from sodbench.models.predictor import Predictor
from sodbench.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, resize_bilinear, saliency_map
from sodbench.models.training.checkpoint import WEIGHTS, read_checkpoint
from sodbench.models.training.config import Config
from sodbench.models.training.data import Data, Pair, data_of, read_pair
from sodbench.models.training.initial import initial_network
from sodbench.models.training.loop import train
from sodbench.reports.figures.style import (
    COLOURS,
    RED,
    check_figure_target,
    figure_style,
    new_figure,
    save_figure,
)
from sodbench.scoring.pipeline import score_folder
from sodbench.utils.process import keep_freed_memory


def taken(data: Data, wanted: int) -> list[Pair]:
    """Return so many pairs at even distances."""
    places = np.linspace(0, len(data.pairs) - 1, wanted).round().astype(int)
    return [data.pairs[k] for k in places]


def max_f(pairs: Sequence[Pair], config: Config, weights: Path | None = None) -> float:
    """Return maxF of a network's maps of photos, at the input size it is trained with.

    Without weights the network is the one that training starts from.
    """
    torch.manual_seed(config.seed)
    network = initial_network(config)
    if weights:
        load_weights(network, weights)
    predictor = Predictor(network, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as name:
        maps, masks = Path(name, "maps"), Path(name, "masks")
        maps.mkdir()
        masks.mkdir()
        for pair in pairs:
            photo, mask = read_pair(pair)
            small = resize_bilinear(photo, config.resize)
            x = ((small / (small.max() or 1.0) - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)
            (output,) = predictor([np.ascontiguousarray(x, np.float32)])
            pred = saliency_map(output, mask.shape[1], mask.shape[0], "official")
            Image.fromarray(pred).save(maps / f"{pair.image}.png")
            Image.fromarray(mask).save(masks / f"{pair.image}.png")
        return score_folder(maps, masks=masks, metrics=("max_f",)).summary()["max_f"]


class Point(NamedTuple):
    """A point of the curve: maxF of both sets of photos, the mean loss since the point before."""

    step: int
    trained: float
    others: float | None
    loss: float | None
    seconds: float

    def __str__(self) -> str:
        parts = [f"step {self.step}: maxF {self.trained:.4f}"]
        parts += [f"on the others {self.others:.4f}"] if self.others is not None else []
        parts += [f"loss {self.loss:.4f}"] if self.loss is not None else []
        return ", ".join([*parts, f"{self.seconds:.0f} s"])


def losses_of(run: Path) -> list[float]:
    """Return the loss of every step of a run."""
    with (run / "log.csv").open(newline="", encoding="utf-8") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def write(curve: Sequence[Point], path: Path) -> None:
    """Write the curve as CSV; what was not measured is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Point._fields)
        writer.writerows(curve)


def draw(curve: Sequence[Point], path: Path) -> None:
    """Draw maxF of both sets, and the loss, against the step."""
    steps = [point.step for point in curve]
    with figure_style():
        fig, (left, right) = new_figure(["", ""], "double")
        left.plot(steps, [point.trained for point in curve], "o-", color=RED, label="trained on")
        others = [point.others for point in curve if point.others is not None]
        if others:
            left.plot(steps, others, "s--", color=COLOURS[0], label="others")
        left.set_ylabel("maxF")
        left.legend(frameon=False)
        right.plot(steps[1:], [point.loss for point in curve if point.loss is not None], "o-", color=RED)
        right.set_ylabel(f"Loss, mean of {steps[1] - steps[0]} steps")
        for ax in (left, right):
            ax.set_xlim(-0.03 * steps[-1], 1.03 * steps[-1])
            ax.set_xlabel("Step")
        save_figure(fig, path, "A check that training learns")


def learn(
    config: Config, data: Data, rest: Sequence[Pair], run: Path, args: argparse.Namespace
) -> list[Point]:
    """Train until the last step or until maxF is enough; return the curve."""
    curve, seconds, state = list[Point](), 0.0, None

    def note(step: int, weights: Path | None, loss: float | None) -> None:
        trained = max_f(data.pairs, config, weights)
        curve.append(Point(step, trained, max_f(rest, config, weights) if rest else None, loss, seconds))
        print(curve[-1], flush=True)

    note(0, None, None)
    for step in range(args.every, args.steps + 1, args.every):
        start = time.perf_counter()
        stage = replace(config, iterations=step, checkpoint_every=step)
        train(stage, data, run, state=state, device="cpu")
        seconds += time.perf_counter() - start
        state = read_checkpoint(run)
        note(step, run / WEIGHTS, fmean(losses_of(run)[-args.every :]))
        if curve[-1].trained > args.enough:
            break
    return curve


def main() -> None:
    """Train in stages, and score before and after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--model", default="u2netp")
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--rest", type=int, default=0)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--enough", type=float, default=0.95)
    parser.add_argument("--weights", default="", help="start from these: the check is then a fine-tune")
    parser.add_argument("--out", type=Path, help="CSV file for the curve")
    parser.add_argument("--plot", type=Path, help="picture of the curve")
    args = parser.parse_args()
    keep_freed_memory()
    if args.plot:
        try:
            check_figure_target(args.plot)
        except SodbenchError as error:
            parser.error(str(error))
    data = data_of(args.images, args.masks)
    if args.photos + args.rest > len(data.pairs):
        parser.error(f"{args.photos} photos and {args.rest} others of {len(data.pairs)} pairs")
    both = taken(data, args.photos + args.rest)
    stride = (args.photos + args.rest) / args.photos
    chosen = {int(k * stride) for k in range(args.photos)}
    fit = [pair for k, pair in enumerate(both) if k in chosen]
    rest = [pair for k, pair in enumerate(both) if k not in chosen]
    config = Config(
        model=args.model,
        weights=args.weights,
        resize=args.size,
        crop=args.size,
        vertical_flip=0.0,
        horizontal_flip=0.0,
        batch=args.batch,
        workers=1,
        log_every=1,
    )
    threads = torch.get_num_threads()
    print(f"{config.model}, {len(fit)} photos at {args.size}, batch {args.batch}, {threads} threads")
    with tempfile.TemporaryDirectory() as name:
        curve = learn(config, replace(data, pairs=tuple(fit)), rest, Path(name, "run"), args)
    if args.out:
        write(curve, args.out)
    if args.plot:
        draw(curve, args.plot)


if __name__ == "__main__":
    main()
