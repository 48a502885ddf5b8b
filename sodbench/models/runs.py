"""A model run on whole sets of photos."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sodbench.data.images.photos import rotation_notice
from sodbench.models.inference import recorded
from sodbench.models.photo_sets import PhotoSet, by_stem
from sodbench.models.pipeline import write_map
from sodbench.models.recipe import MapInto, Recipe
from sodbench.models.run_record import Configuration, InferenceOutcome
from sodbench.utils.files import check_writable
from sodbench.utils.process import Say, UnitBar, cpus
from sodbench.utils.shards import Shard
from sodbench.utils.text import counted, shown_rate

BATCHES = {"cpu": 1, "cuda": 32}
"""Photos per batch. On a CPU more gain 4 % and change bits; what is best on a GPU was not measured yet."""

HALF_PRECISION = (
    "--precision {}: not for scores that are reported, and boards refuse them. Effect of bf16 on u2netp, 75 "
    "photos: max F .852 -> .844, weighted F .718 -> .693, relaxed F .564 -> .520."
)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How to make maps: which network, on which device.

    Parameters
    ----------
    model, model_module, weights
        See `sodbench.models.predictor.load_model`.
    device
        See `sodbench.models.devices.choose_devices`.
    precision, compile
        See `sodbench.models.predictor.Predictor`.
    batch
        Photos per batch; None: as in `BATCHES`, else 8.
    workers
        Threads that prepare photos, and as many that write maps; None: one a CPU, shared by the devices.
    postprocess
        ``official``, or ``none``: the network's probabilities, not rescaled.
    exif
        Apply the photos' EXIF rotation.
    """

    model: str
    model_module: str | None = None
    weights: Path | None = None
    device: str = "auto"
    precision: str = "fp32"
    batch: int | None = None
    workers: int | None = None
    compile: bool = False
    postprocess: str = "official"
    exif: bool = False


@dataclass(frozen=True)
class Elsewhere:
    """Dask workers, by the address of their scheduler; without one, of a cluster on this machine."""

    scheduler: str | None = None


def run_sets(
    sets: Sequence[PhotoSet],
    settings: RunSettings,
    bar: UnitBar,
    say: Say,
    *,
    shard: Shard | None = None,
    elsewhere: Elsewhere | None = None,
) -> list[str]:
    """Run a model on all sets, or on a shard of each; return the photos that failed, with the reasons.

    Intended for the command line, as `fix_cudnn` changes torch's settings for the whole process.
    """
    for photo_set in sets:
        check_writable(photo_set.out, "--maps")
        by_stem(photo_set.photos)
    failed: list[str] = []
    with ExitStack() as stack:
        recipe, map_into = _opened(stack, settings, elsewhere, bar, say)
        for photo_set in sets:
            for line in photo_set.notices:
                say(line)
            with bar(photo_set.name, "image") as progress:
                outcome = recorded(
                    photo_set.photos,
                    photo_set.out,
                    recipe.configuration,
                    partial(map_into, photo_set.out),
                    shard=shard,
                    progress=progress,
                )
            say(_told(photo_set, outcome, shard))
            if outcome.rotated:
                say(f"{photo_set.name}: {rotation_notice(outcome.rotated, settings.exif)}")
            failed += outcome.failed
    return failed


def _opened(
    stack: ExitStack, settings: RunSettings, elsewhere: Elsewhere | None, bar: UnitBar, say: Say
) -> tuple[Recipe, MapInto]:
    """Load the model and open what makes the maps; the stack closes it."""
    from sodbench.models.devices import choose_devices, device_processes
    from sodbench.models.on_dask import dask_workers, kind_on_workers
    from sodbench.models.predictor import Predictor, check_model, fix_cudnn, load_model

    devices = [] if elsewhere else choose_devices(settings.device)
    kind = kind_on_workers(settings.device) if elsewhere else devices[0].type
    factory = check_model(settings.model, settings.model_module, settings.weights)
    network, weights, digest = load_model(settings.model, settings.model_module, settings.weights, say, bar)
    configuration = Configuration(
        settings.model,
        weights.name,
        digest,
        kind,
        precision=settings.precision,
        postprocess=settings.postprocess,
        exif=settings.exif,
        factory=settings.model_module or "",
        compiled=settings.compile,
    )
    if settings.precision != "fp32":
        say(HALF_PRECISION.format(settings.precision))
    recipe = Recipe(
        configuration=configuration,
        factory=factory,
        weights=weights.absolute(),
        batch=settings.batch or BATCHES.get(kind, 8),
        workers=settings.workers or max(1, cpus() // max(1, len(devices))),
    )
    if elsewhere:
        return recipe, stack.enter_context(dask_workers(recipe, elsewhere.scheduler, say))
    if len(devices) > 1:
        return recipe, stack.enter_context(device_processes(recipe, devices))
    fix_cudnn()
    predictor = Predictor(network, devices[0], settings.precision, settings.compile)
    return recipe, lambda out, photos, report: recipe.maps(photos, predictor, partial(write_map, out), report)


def _told(photo_set: PhotoSet, outcome: InferenceOutcome, shard: Shard | None) -> str:
    """Say what became of a set."""
    name = f"{photo_set.name}, shard {shard}" if shard else photo_set.name
    kept = f", {outcome.kept} kept from an earlier run" if outcome.kept else ""
    speed = f" ({shown_rate(outcome.written / outcome.seconds, 'image')})" if outcome.written else ""
    made = f"{counted(outcome.written, 'map')} in {outcome.seconds:.1f} s{speed}{kept}"
    return f"{name}: {made} -> {photo_set.out}"
