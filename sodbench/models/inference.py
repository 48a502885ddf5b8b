"""Photos to maps on disk: decode, network, PNG, each in its own threads, so that none waits for another.

A folder of maps has a ``run.json`` beside them that says how they were made. A run that finds its own
configuration there goes on with the photos that have no map yet; another configuration is an error.
"""

import importlib
import importlib.util
import json
import platform
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.photos import photo_from
from sodbench.data.sources import ImageFile
from sodbench.errors import PredictionError, SodbenchError, WeightsError, first_few
from sodbench.models.preprocessing import SIZE, network_input, saliency_map
from sodbench.models.registry import find_model, known_models, unpublished
from sodbench.models.weights import fetch_weights, load_weights, sha256
from sodbench.utils.files import check_writable, replacing
from sodbench.utils.process import keep_freed_memory

if TYPE_CHECKING:
    import torch
    from torch import nn

PRECISIONS = ("fp32", "bf16", "fp16")
RUN_FILE = "run.json"


@dataclass(frozen=True)
class Configuration:
    """All that decides what a map looks like; maps of two configurations never share a folder."""

    model: str
    weights: str
    weights_sha256: str
    device: str
    precision: str = "fp32"
    postprocess: str = "official"
    exif: bool = False
    factory: str = ""
    compiled: bool = False
    input: str = f"{SIZE}x{SIZE}"


class InferenceOutcome(NamedTuple):
    """What a run did: maps written now, maps kept from before, photos that failed, seconds."""

    written: int
    kept: int
    failed: tuple[str, ...]
    seconds: float


class Predictor:
    """A network ready to run on a device: batches of inputs to probabilities.

    channels_last makes oneDNN sum in another order, and the U²-Nets 1.2 times faster on a CPU: their
    probabilities move by less than 1e-4, as little as float32 itself is from float64.

    Parameters
    ----------
    network
        Maps (n, 3, 320, 320) to logits (n, 1, 320, 320), or to a tuple of which they are the first.
    device
        Where it runs.
    precision
        ``fp32``, or ``bf16`` / ``fp16`` by autocast.
    compile
        Let torch compile it.
    """

    def __init__(
        self, network: "nn.Module", device: "torch.device", precision: str = "fp32", compile: bool = False
    ) -> None:
        import torch

        keep_freed_memory()
        self.device, self.precision = device, precision
        network = network.eval()
        fold = getattr(network, "fold_batch_norm", None)
        if fold is not None:
            fold()
        network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = False  # fp32 is what run.json says
        self.network = torch.compile(network) if compile else network

    def __call__(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return probabilities ``(n, 320, 320)`` of inputs ``(3, 320, 320)``."""
        import torch

        batch = torch.from_numpy(np.stack(inputs))
        if self.device.type == "cuda":
            batch = batch.pin_memory()
        kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, dtype=kind, enabled=self.precision != "fp32"),
        ):
            batch = batch.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
            output = self.network(batch)
            logits = output if isinstance(output, torch.Tensor) else output[0]
            return torch.sigmoid(logits.float())[:, 0].cpu().numpy()


def build_network(factory: str) -> "nn.Module":
    """Import and call ``module:function``; the module may lie in the current folder.

    Raises
    ------
    WeightsError
        torch is not installed, or there is no such module or function.
    """
    need_torch()
    module, _, name = factory.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    import torch

    try:
        network = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise WeightsError(
            f"{factory}: cannot build this model ({error}). Expected module:function."
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise WeightsError(f"{factory}: gave {type(network).__name__}, expected a torch.nn.Module.")
    return network


def load_model(
    name: str, factory: str | None, weights: Path | None, say: Callable[[str], None] = lambda line: None
) -> tuple["nn.Module", Path, str]:
    """Build a model and load its weights, fetching the published ones if need be.

    Parameters
    ----------
    name
        A registered model, a network of the ablation (then with weights), or any name with a factory.
    factory
        ``module:function`` of a model of one's own.
    weights
        File in place of the published weights.
    say
        Takes lines about downloads.

    Returns
    -------
    The network, the weights' path and sha256.

    Raises
    ------
    WeightsError
        The model is unknown, its name is no name or another model's, or its weights cannot be had or do not
        fit.
    """
    need_torch()
    if factory and name in known_models():
        raise WeightsError(f"{factory}: {name} is another model's name. Name yours with --model NAME.")
    if not re.fullmatch(r"\w[\w.+†-]*", name):
        raise WeightsError(f"model {name!r}: expected letters, digits and _ . + - only.")
    if factory and not weights:
        raise WeightsError(f"{factory}: a model of your own needs --weights FILE.")
    network = build_network(factory or (weights and unpublished(name)) or find_model(name).factory)
    path = weights or fetch_weights(find_model(name), say)
    load_weights(network, path)
    return network, path, sha256(path)


def need_torch() -> None:
    """Refuse to go on without torch.

    Raises
    ------
    WeightsError
        It is not installed; the message says how to install it.
    """
    if importlib.util.find_spec("torch") is None:
        raise WeightsError(
            "running a model needs torch: pip install -c constraints.txt -e '.[models]'. Scoring does not."
        )


def choose_device(name: str) -> "torch.device":
    """Return the device of that name; ``auto`` takes CUDA, else Apple's GPU, else the CPU.

    Raises
    ------
    WeightsError
        The name is not valid, or the device is not there.
    """
    need_torch()
    import torch

    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in found.items() if there)
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise WeightsError(f"unknown device {name!r}; valid: auto, cpu, cuda, cuda:0 ..., mps.") from error
    if not found.get(device.type):
        raise WeightsError(
            f"device {name} is not there: torch {torch.__version__} finds none. Pass --device cpu."
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise WeightsError(f"device {name} is not there: there are {torch.cuda.device_count()} CUDA devices.")
    return device


def make_maps(
    photos: Sequence[ImageFile],
    out: Path,
    predictor: Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]],
    configuration: Configuration,
    *,
    batch: int = 1,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> InferenceOutcome:
    """Make the maps of photos that have none yet: ``out/STEM.png``, 8-bit grey, at the photo's size.

    A photo that cannot be read is listed in the outcome, and costs none of the others.

    Raises
    ------
    PredictionError
        Two photos have one name, or the folder holds maps of another configuration.
    ScoresError
        The folder cannot be written.
    """
    targets = _targets(photos, out)
    check_writable(out.parent, "--out")
    out.mkdir(parents=True, exist_ok=True)
    earlier = _claim(out, configuration)
    todo = [(photo, target) for photo, target in targets if not target.exists()]
    start = time.perf_counter()
    failed: list[str] = []
    done = 0
    with ThreadPoolExecutor(workers) as readers, ThreadPoolExecutor(1) as writer:
        saving: deque[Future[None]] = deque()
        for group in _groups(_ahead(readers, todo, configuration.exif, 2 * batch + workers), batch):
            failed += [one.error for one in group if one.error]
            visible = [one for one in group if one.input is not None]
            inputs = [one.input for one in visible if one.input is not None]
            outputs = predictor(inputs) if inputs else np.zeros((0, SIZE, SIZE), np.float32)
            for one, output in zip(visible, outputs, strict=True):
                saving.append(writer.submit(_save, output, one, configuration.postprocess))
            for one in group:
                if one.input is None and not one.error:
                    saving.append(writer.submit(_save, np.zeros((SIZE, SIZE), np.float32), one, "none"))
            while len(saving) > 2 * batch:
                saving.popleft().result()
            done += len(group)
            if progress:
                progress(done, len(todo))
        for future in saving:
            future.result()
    seconds = time.perf_counter() - start
    outcome = InferenceOutcome(len(todo) - len(failed), len(targets) - len(todo), tuple(failed), seconds)
    _sign(out, configuration, outcome, earlier)
    return outcome


class _Prepared(NamedTuple):
    """One photo on its way: its network input (None: all black, or failed) and where its map goes."""

    target: Path
    width: int = 0
    height: int = 0
    input: NDArray[np.float32] | None = None
    error: str = ""


def _prepare(photo: ImageFile, target: Path, exif: bool) -> _Prepared:
    try:
        pixels = photo_from(photo.read(), photo.where, exif=exif)
    except SodbenchError as error:
        return _Prepared(target, error=str(error))
    except OSError as error:
        return _Prepared(target, error=f"{photo.where}: cannot read this file ({error.strerror}).")
    height, width = pixels.shape[:2]
    return _Prepared(target, width, height, network_input(pixels))


def _ahead(
    readers: ThreadPoolExecutor, todo: Iterable[tuple[ImageFile, Path]], exif: bool, most: int
) -> Iterator[_Prepared]:
    """Prepare photos in order, at most so many ahead of the network."""
    waiting: deque[Future[_Prepared]] = deque()
    for photo, target in todo:
        waiting.append(readers.submit(_prepare, photo, target, exif))
        if len(waiting) > most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _groups(prepared: Iterable[_Prepared], size: int) -> Iterator[list[_Prepared]]:
    group: list[_Prepared] = []
    for one in prepared:
        group.append(one)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _save(output: NDArray[np.float32], one: _Prepared, postprocess: str) -> None:
    from PIL import Image

    levels = saliency_map(output, one.width, one.height, postprocess)
    with replacing(one.target) as part:
        Image.fromarray(levels).save(part, "PNG")


def _targets(photos: Sequence[ImageFile], out: Path) -> list[tuple[ImageFile, Path]]:
    found: dict[str, ImageFile] = {}
    for photo in photos:
        if photo.stem in found:
            raise PredictionError(
                f"{found[photo.stem].where} and {photo.where}: two photos would make one map, "
                f"{photo.stem}.png. Rename one."
            )
        found[photo.stem] = photo
    return [(photo, out / f"{stem}.png") for stem, photo in found.items()]


class _Effort(NamedTuple):
    """Maps written and seconds spent on them, by all runs into a folder that came to their end."""

    written: int = 0
    seconds: float = 0.0


def _claim(out: Path, configuration: Configuration) -> _Effort:
    """Write this run's configuration into the folder, or find it there; return what earlier runs did."""
    file = out / RUN_FILE
    if not file.exists():
        others = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
        if others:
            raise PredictionError(
                f"{out}: found {first_few(others)} and no {RUN_FILE}, expected an empty folder or one of an "
                "earlier run. Choose another --out."
            )
        _sign(out, configuration, None, _Effort())
        return _Effort()
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        made = dict(record["configuration"])
        earlier = _Effort(int(record["written"]), float(record["seconds"]))
    except (ValueError, KeyError, TypeError) as error:
        raise PredictionError(f"{file}: damaged. Delete the folder, or choose another --out.") from error
    wanted = asdict(configuration)
    differ = [f"{key} {made.get(key)} (now {wanted[key]})" for key in wanted if made.get(key) != wanted[key]]
    if differ:
        raise PredictionError(
            f"{out}: holds maps of another configuration: {', '.join(differ)}. "
            "Choose another --out, or delete it."
        )
    return earlier


def _sign(
    out: Path, configuration: Configuration, outcome: InferenceOutcome | None, earlier: _Effort
) -> None:
    """Write ``run.json``: how the maps beside it were made."""
    record = {
        "configuration": asdict(configuration),
        "complete": outcome is not None and not outcome.failed,
        "images": outcome.written + outcome.kept if outcome else 0,
        "failed": list(outcome.failed) if outcome else [],
        "written": earlier.written + (outcome.written if outcome else 0),
        "seconds": round(earlier.seconds + (outcome.seconds if outcome else 0), 3),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("sodbench", "torch", "numpy", "pillow")},
        },
    }
    with replacing(out / RUN_FILE) as part:
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
