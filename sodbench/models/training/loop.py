"""The training loop: batches, loss, steps, checkpoints, validation."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sodbench.data.images.decoding import decode
from sodbench.errors import FileError, TrainingError, first_few
from sodbench.models.pipeline import map_of
from sodbench.models.predictor import Predictor
from sodbench.models.training.checkpoint import (
    CHECKPOINT_FILE,
    discard,
    restore_optimiser,
    restore_rng,
    restore_scaler,
    restore_weights,
    write_checkpoint,
    write_weights,
)
from sodbench.models.training.config import Config
from sodbench.models.training.data import Data, Pair, batches, check_pairs, is_lost_worker, split
from sodbench.models.training.distributed import ProcessGroup, processes
from sodbench.models.training.initial import initial_network
from sodbench.models.training.log import Log, write_run_record
from sodbench.models.training.loss import check_outputs, losses, total
from sodbench.utils.files import check_writable
from sodbench.utils.process import ENDINGS, NotedProgress, Say, UnitBar, no_bar
from sodbench.utils.text import counted, shown_rate


class HeldOut(NamedTuple):
    """A held-out pair: its id, its map as ``(h, w)`` levels, and the levels of its mask."""

    id: str
    pred: NDArray[np.uint8]
    mask: NDArray[np.uint8]


Score = Callable[[Iterable[HeldOut]], Mapping[str, float]]
"""Takes the maps of held-out photos, and returns metrics."""


class TrainingOutcome(NamedTuple):
    """What a run did.

    Parameters
    ----------
    step
        Steps made.
    signal
        The signal that ended it, or 0.
    loss
        Its last loss.
    first
        Whether this process is the one that writes files.
    factory
        ``module:function`` of the user's own network, which is needed again to resume.
    """

    step: int
    signal: int
    loss: float
    first: bool
    factory: str


def train(
    config: Config,
    data: Data,
    out: Path,
    *,
    state: Mapping[str, Any] | None = None,
    device: str = "auto",
    score: Score | None = None,
    say: Say = lambda line: None,
    bar: UnitBar = no_bar,
) -> TrainingOutcome:
    """Train a network; write checkpoints, weights and logs into a folder.

    On CUDA, call `sodbench.models.predictor.fix_cudnn` first, as the command line does.

    Parameters
    ----------
    config
        The recipe.
    data
        What it is trained on.
    out
        The run's folder: empty but for hidden files, or with `state` the one that this was read from.
    state
        The checkpoint to go on from.
    device
        ``auto``, or a device's name.
    score
        Scores held-out maps, if the recipe asks for validation.
    say
        Takes lines about the progress.
    bar
        Shows the progress of checking the pairs, then of the steps.

    Returns
    -------
    TrainingOutcome
        After SIGTERM or SIGINT: a checkpoint of the step that was finished last has been written.

    Raises
    ------
    TrainingError
        The pairs, the folder or the checkpoint cannot be used, or a loss is no number.
    FileError
        A checkpoint cannot be written.
    """
    check_writable(out, "--run")
    if state is None and out.exists() and any(not path.name.startswith(".") for path in out.iterdir()):
        begun = (out / CHECKPOINT_FILE).exists()
        hint = f"Go on with an earlier run by --resume {out}." if begun else "Choose another, or empty it."
        raise TrainingError(f"{out}: is not empty, expected a new folder. {hint}")
    if state is not None and (state["data"]["digest"], state["data"]["count"]) != (
        data.digest,
        len(data.pairs),
    ):
        raise TrainingError(
            f"{out}: was trained on {state['data']['count']} other pairs than the {len(data.pairs)} of "
            f"{data.images} and {data.masks}. Give the run the pairs that it began with."
        )
    training, held = split(data.pairs, config)
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    with processes(device) as group:
        say = say if group.rank == 0 else lambda line: None
        session = _Session(config, data, out, group, say, fresh=state is None)
        if state is not None:
            session.restore(state, say)
        if group.rank == 0:
            with bar("checking pairs", "pair") as progress:
                check_pairs(data.pairs, progress, say)
        say(
            f"{data.name}: {counted(len(training), 'pair')} to train on, {len(held)} held out, "
            f"on {group.device}"
        )
        try:
            with (bar if group.rank == 0 else no_bar)("training", "step") as progress:
                return session.run(training, held, score, say, progress)
        except BaseException:
            if state is None and session.step == 0 and group.rank == 0:
                discard(out, made)
            raise


class _Session:
    """A network, its optimiser, and how many steps it has made."""

    def __init__(
        self, config: Config, data: Data, out: Path, group: ProcessGroup, say: Say, fresh: bool
    ) -> None:
        self.config, self.data, self.out, self.group = config, data, out, group
        self.step = self.saved = 0
        share = group.world * config.accumulate
        if config.batch % share:
            raise TrainingError(
                f"batch is {config.batch}, expected a multiple of {share}: "
                f"{group.world} processes of {config.accumulate} parts."
            )
        if config.precision == "fp16" and group.device.type != "cuda":
            raise TrainingError(
                f"precision fp16 needs CUDA, the device is {group.device}. Take bf16 or fp32."
            )
        torch.manual_seed(config.seed)
        self.network = initial_network(config if fresh else replace(config, weights=""), say)
        layout = torch.channels_last if config.channels_last else torch.contiguous_format
        self.network.to(group.device).to(memory_format=layout)  # type: ignore[call-overload]
        self.optimiser = torch.optim.Adam(
            self.network.parameters(),
            lr=config.lr,
            betas=(float(config.betas[0]), float(config.betas[1])),  # torch refuses a 0 beside a 0.9
            eps=config.eps,
            weight_decay=config.weight_decay,
        )
        self._check_outputs()
        self.scaler = torch.amp.GradScaler(group.device.type, enabled=config.precision == "fp16")

    def _check_outputs(self) -> None:
        """Refuse outputs or loss weights that do not fit, before anything is written."""
        size = self.config.crop
        with torch.no_grad():
            blank = torch.zeros(1, 3, size, size, device=self.group.device)
            outputs = self.network.eval()(blank)
            check_outputs(outputs, (1, 1, size, size))
            total(losses(outputs, blank[:, :1]), self.config.loss_weights)

    def _idle(self) -> set[int]:
        """Return the numbers of the parameters that the loss does not depend on."""
        size = self.config.crop
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        blank = torch.zeros(1, 3, size, size, device=self.group.device)
        each = losses(self.network.eval()(blank), blank[:, :1])
        gradients = torch.autograd.grad(total(each, self.config.loss_weights), parameters, allow_unused=True)
        used = {id(p) for p, gradient in zip(parameters, gradients, strict=True) if gradient is not None}
        return {k for k, p in enumerate(self.network.parameters()) if id(p) not in used}

    def restore(self, state: Mapping[str, Any], say: Say) -> None:
        """Take over a checkpoint's tensors, random numbers and step."""
        path, step = self.out / CHECKPOINT_FILE, state["step"]
        restore_weights(self.network, state["model"], path, self.config.model)
        exact = self.config.precision != "fp16"
        restore_optimiser(self.optimiser, state["optimiser"], path, step, exact, self._idle)
        restore_scaler(self.scaler, state["scaler"], path)
        restore_rng(state["rng"], path, cuda=self.group.device.type == "cuda")
        self.step = self.saved = step
        if state["world"] != self.group.world:
            say(
                f"Goes on with {self.group.world} processes, not {state['world']}: "
                "batch norm sees other parts."
            )

    def save(self) -> None:
        """Write a checkpoint, if this is the first process."""
        if self.group.rank == 0:
            self._check_finite()
            rng = {"cpu": torch.get_rng_state()}
            if self.group.device.type == "cuda":
                rng["cuda"] = torch.cuda.get_rng_state()
            state = {
                "config": self.config.plain(),
                "data": {
                    "name": self.data.name,
                    "images": self.data.images,
                    "masks": self.data.masks,
                    "count": len(self.data.pairs),
                    "digest": self.data.digest,
                    **asdict(self.data.matching),
                },
                "world": self.group.world,
                "step": self.step,
                "model": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "scaler": self.scaler.state_dict(),
                "rng": rng,
            }
            try:
                write_checkpoint(self.out, state)
            except FileError as error:
                hint = " The checkpoint before is whole: make room, then go on with --resume."
                raise FileError(f"{error}{hint if self.step else ''}") from error
        self.saved = self.step
        self.group.wait()

    def _check_finite(self) -> None:
        """Refuse to keep a network that has broken in the step that was made last."""
        broken = [name for name, value in self.network.state_dict().items() if not value.isfinite().all()]
        if broken:
            raise TrainingError(
                f"step {self.step}: {len(broken)} tensors of the network hold no numbers any more "
                f"({first_few(broken, 3)}), so it is not kept. Begin a new run with a lower lr."
            )

    def run(
        self,
        training: tuple[Pair, ...],
        held: tuple[Pair, ...],
        score: Score | None,
        say: Say,
        progress: NotedProgress | None,
    ) -> TrainingOutcome:
        """Make the steps that are left."""
        config, group, loss, stop = self.config, self.group, float("nan"), False
        cuda = group.device.type == "cuda"
        parts = batches(training, config, self.step, group.rank, group.world, cuda)
        with _signals() as asked, self._workers(), self._opened() as log, closing(parts):

            def validate() -> None:
                if not (log and score and held and _is_due(config, self.step)):
                    return
                if not log.has("validation", self.step):
                    scores = self._validate(held, score)
                    log.add("validation", self.step, scores)
                    say(f"step {self.step}: " + ", ".join(f"{k} {v:.4f}" for k, v in scores.items()))

            if self.step:
                validate()  # the run was ended before it came to this
            wrapped = group.wrap(self.network)
            start, begun = time.perf_counter(), self.step
            if progress:
                progress(begun, config.iterations)
            while self.step < config.iterations and not stop:
                values, stop = self._make_step(wrapped, parts, asked)
                self.step += 1
                done, loss = self.step, values["loss"]
                if progress:
                    progress(done, config.iterations, f"loss {loss:.4f}")
                if log and (done % config.log_every == 0 or done == config.iterations):
                    speed = (done - begun) / (time.perf_counter() - start)
                    log.add("log", done, {"epoch": done * config.batch // len(training), **values})
                    say(f"step {done}/{config.iterations}: loss {loss:.4f}, {shown_rate(speed, 'step')}")
                if done % config.checkpoint_every == 0 or done == config.iterations or stop:
                    self.save()
                if not stop:
                    validate()
                group.wait()
        ended_by = (asked or [signal.SIGTERM])[0] if stop else 0
        return TrainingOutcome(self.step, ended_by, loss, group.rank == 0, config.own_factory)

    @contextmanager
    def _workers(self) -> Iterator[None]:
        """Turn torch's error about a data worker that is gone, which may come at any line, into our own."""
        try:
            yield
        except (RuntimeError, OSError, EOFError) as error:
            if not self.config.workers or not is_lost_worker(error):
                raise
            kept = f"The checkpoint of step {self.saved} is kept: go on with --resume {self.out}."
            raise TrainingError(
                f"step {self.step + 1}: one of the workers that prepare pairs ({self.config.workers}) "
                f"crashed or was killed, as a system does that is short of memory. {kept * bool(self.step)}"
            ) from error

    @contextmanager
    def _opened(self) -> Iterator[Log | None]:
        """Write what a run begins with, and yield its log, if this is the first process."""
        if self.step == 0:
            self.save()
        if self.group.rank:
            yield None
            return
        write_weights(self.out, self.network.state_dict())
        write_run_record(self.out, self.config, self.data, self.group)
        yield Log(self.out, self.step)

    def _make_step(
        self, wrapped: nn.Module, parts: Iterator[Any], asked: list[int]
    ) -> tuple[dict[str, float], bool]:
        """Make one step; return the losses, and whether any process was asked to stop."""
        config, device = self.config, self.group.device
        kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[config.precision]
        wrapped.train()
        self.optimiser.zero_grad(set_to_none=True)
        summed, images = torch.zeros(len(config.loss_weights) + 2), []
        for k in range(config.accumulate):
            photos, masks, names = next(parts)
            images += names
            photos, masks = photos.to(device, non_blocking=True), masks.to(device, non_blocking=True)
            if config.channels_last:
                photos = photos.contiguous(memory_format=torch.channels_last)
            last = k == config.accumulate - 1
            with nullcontext() if last or self.group.world == 1 else wrapped.no_sync():  # type: ignore[operator]
                with torch.autocast(device.type, dtype=kind, enabled=config.precision != "fp32"):
                    outputs = _outputs(wrapped, photos)
                each = losses(outputs, masks)
                loss = total(each, config.loss_weights)
                self.scaler.scale(loss / config.accumulate).backward()  # type: ignore[no-untyped-call]
            terms = torch.cat((loss.detach()[None], each.detach())).float().cpu()
            summed[:-1] += terms / config.accumulate
        broken = not torch.isfinite(summed).all()
        summed[-1] = bool(asked)
        values = self.group.average(summed).tolist()
        if not all(abs(value) < float("inf") for value in values):
            whose = f"Its pairs: {first_few(images, 24)}" if broken else "Another process says which pairs"
            raise TrainingError(
                f"step {self.step + 1}: the loss is {values[0]}, expected a number. {whose}. Look at "
                "these files, or begin a new run with a lower lr, or with --weights of an earlier one."
            )
        self.scaler.step(self.optimiser)
        self.scaler.update()
        names = ["loss", "fused", *(f"side{k}" for k in range(1, len(config.loss_weights)))]
        return dict(zip(names, values[:-1], strict=True)), values[-1] > 0

    def _validate(self, held: tuple[Pair, ...], score: Score) -> Mapping[str, float]:
        """Make maps of the held-out photos as ``sodbench run`` does, and score them."""
        predictor = Predictor(deepcopy(self.network), self.group.device, "fp32")

        def pairs() -> Iterator[HeldOut]:
            for pair in held:
                levels = map_of(pair.photo, predictor, exif=pair.exif)
                mask = decode(pair.mask.content(TrainingError), pair.mask.where, TrainingError)
                yield HeldOut(pair.mask.stem, levels, mask.levels)

        return score(pairs())


def _outputs(network: nn.Module, photos: torch.Tensor) -> Any:
    try:
        return network(photos)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise TrainingError(
            f"{len(photos)} photo at {photos.shape[-1]}x{photos.shape[-1]} leaves batch norm a single value. "
            "Raise batch or crop, or lower accumulate."
        ) from error


def _is_due(config: Config, step: int) -> bool:
    every = config.validate_every
    return bool(every) and (step % every == 0 or step == config.iterations)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Yield a list that signals to end fill, instead of ending the process; a second one ends it."""
    asked: list[int] = []

    def note(number: int, frame: object) -> None:
        asked.append(number)
        signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.getsignal(number) for number in ENDINGS}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, note)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
