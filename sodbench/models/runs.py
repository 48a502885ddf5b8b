"""A model run on whole sets of photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sodbench.data.images.photos import rotation_notice
from sodbench.models.inference import make_maps
from sodbench.models.photo_sets import PhotoSet, by_stem
from sodbench.models.run_record import Configuration
from sodbench.utils.files import check_writable
from sodbench.utils.process import Say, UnitBar
from sodbench.utils.shards import Shard
from sodbench.utils.text import counted, shown_rate


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How to make maps: which network, on which device.

    Parameters
    ----------
    model, model_module, weights
        See `sodbench.models.predictor.load_model`.
    device
        See `sodbench.models.predictor.choose_device`.
    precision, compile
        See `sodbench.models.predictor.Predictor`.
    batch
        Photos per batch; None: 1 on a CPU, else 8.
    workers
        Threads that decode photos.
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
    workers: int = 2
    compile: bool = False
    postprocess: str = "official"
    exif: bool = False


def run_sets(
    sets: Sequence[PhotoSet], settings: RunSettings, bar: UnitBar, say: Say, shard: Shard | None = None
) -> list[str]:
    """Run a model on all sets, or on a shard of each; return the photos that failed, with the reasons.

    Intended for the command line, as `fix_cudnn` changes torch's settings for the whole process.
    """
    from sodbench.models.predictor import Predictor, choose_device, fix_cudnn, load_model

    for photo_set in sets:
        check_writable(photo_set.out, "--maps")
        by_stem(photo_set.photos)
    device = choose_device(settings.device)
    network, weights, digest = load_model(settings.model, settings.model_module, settings.weights, say, bar)
    fix_cudnn()
    predictor = Predictor(network, device, settings.precision, settings.compile)
    configuration = Configuration(
        settings.model,
        weights.name,
        digest,
        device.type,
        precision=settings.precision,
        postprocess=settings.postprocess,
        exif=settings.exif,
        factory=settings.model_module or "",
        compiled=settings.compile,
    )
    batch = settings.batch or (1 if device.type == "cpu" else 8)
    failed: list[str] = []
    for photo_set in sets:
        for line in photo_set.notices:
            say(line)
        with bar(photo_set.name, "image") as progress:
            outcome = make_maps(
                photo_set.photos,
                photo_set.out,
                predictor,
                configuration,
                batch=batch,
                workers=settings.workers,
                shard=shard,
                progress=progress,
            )
        kept = f", {outcome.kept} kept from an earlier run" if outcome.kept else ""
        speed = f" ({shown_rate(outcome.written / outcome.seconds, 'image')})" if outcome.written else ""
        name = f"{photo_set.name}, shard {shard}" if shard else photo_set.name
        say(
            f"{name}: {counted(outcome.written, 'map')} in {outcome.seconds:.1f} s{speed}{kept} "
            f"-> {photo_set.out}"
        )
        if outcome.rotated:
            say(f"{photo_set.name}: {rotation_notice(outcome.rotated, settings.exif)}")
        failed += outcome.failed
    return failed
