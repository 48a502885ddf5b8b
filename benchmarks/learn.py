"""Check that training learns: a network overfits a few photos, from scratch, on a CPU, in minutes.

    python benchmarks/learn.py --images SOD/images --masks SOD/masks [--photos 16] [--rest 0] [--steps 800]

Photos are taken at even distances from the folder; `--rest` more are never trained on. Every `--every` steps
maxF of the maps is printed, at the photos' own sizes, under the default protocol. No flips and no crops,
and a smaller input than the paper's: a check of the machinery, not of the paper's 120 hours.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sodbench.models.recipe import MEAN, STD, resize_bilinear, saliency_map
from sodbench.models.runner import Predictor
from sodbench.models.training import checkpoint
from sodbench.models.training.config import Config
from sodbench.models.training.data import Data, Pair, data_of, read_pair
from sodbench.models.training.loop import build, train
from sodbench.models.weights import load
from sodbench.scoring import score_folder


def taken(data: Data, wanted: int) -> list[Pair]:
    """Return so many pairs at even distances."""
    places = np.linspace(0, len(data.pairs) - 1, wanted).round().astype(int)
    return [data.pairs[k] for k in places]


def max_f(pairs: Sequence[Pair], weights: Path, config: Config) -> float:
    """Return maxF of a network's maps of photos, at the input size it was trained with."""
    network = build(config)
    load(network, weights)
    predictor = Predictor(network, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as name:
        maps, masks = Path(name, "maps"), Path(name, "masks")
        maps.mkdir()
        masks.mkdir()
        for one in pairs:
            photo, mask = read_pair(one)
            small = resize_bilinear(photo, config.resize)
            x = ((small / (small.max() or 1.0) - MEAN) / STD).transpose(2, 0, 1)
            (output,) = predictor([np.ascontiguousarray(x, np.float32)])
            found = saliency_map(output, mask.shape[1], mask.shape[0], "official")
            Image.fromarray(found).save(maps / f"{one.image}.png")
            Image.fromarray(mask).save(masks / f"{one.image}.png")
        return score_folder(maps, masks=masks, metrics=("max_f",)).summary()["max_f"]


def main() -> None:
    """Train in stages, and score after each."""
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
    args = parser.parse_args()
    data = data_of(args.images, args.masks)
    if args.photos + args.rest > len(data.pairs):
        parser.error(f"{args.photos} photos and {args.rest} others of {len(data.pairs)} pairs")
    both = taken(data, args.photos + args.rest)
    stride = (args.photos + args.rest) / args.photos
    chosen = {int(k * stride) for k in range(args.photos)}
    fit = [one for k, one in enumerate(both) if k in chosen]
    rest = [one for k, one in enumerate(both) if k not in chosen]
    config = Config(
        model=args.model,
        weights=args.weights,
        resize=args.size,
        crop=args.size,
        vertical_flip=0.0,
        horizontal_flip=0.0,
        batch=args.batch,
        workers=1,
        iterations=args.every,
        checkpoint_every=args.every,
    )
    out, seconds, state = Path(tempfile.mkdtemp()) / "run", 0.0, None
    threads = torch.get_num_threads()
    print(f"{config.model}, {len(fit)} photos at {args.size}, batch {args.batch}, {threads} threads")
    for step in range(args.every, args.steps + 1, args.every):
        start = time.perf_counter()
        stage = replace(config, iterations=step)
        done = train(stage, replace(data, pairs=tuple(fit)), out, state=state, device="cpu")
        seconds += time.perf_counter() - start
        state = checkpoint.read(out)
        reached = max_f(fit, out / checkpoint.WEIGHTS, config)
        others = (
            f", on {len(rest)} others {max_f(rest, out / checkpoint.WEIGHTS, config):.4f}" if rest else ""
        )
        print(f"step {step}: loss {done.loss:.4f}, maxF {reached:.4f}{others}, {seconds:.0f} s", flush=True)
        if reached > args.enough:
            break
    shutil.rmtree(out.parent)


if __name__ == "__main__":
    main()
