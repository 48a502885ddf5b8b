"""What ``sodbench run`` does between its options and its output."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError

if TYPE_CHECKING:
    from sodbench.scoring.scores import Scores

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None] | None]]
Say = Callable[[str], None]


class PhotoSet(NamedTuple):
    """Photos to make maps of, and where the maps go."""

    name: str
    photos: "tuple[ImageFile, ...]"
    out: Path


def photo_sets(
    images: Path | None, datasets: Sequence[str], data: Path | None, out: Path, model: str
) -> list[PhotoSet]:
    """Find the photos: a folder of them, the datasets named, or every test set on this disk."""
    from sodbench.data.locations import locate, locate_all, photo_entries
    from sodbench.data.registry import find
    from sodbench.data.sources import open_source

    if images:
        groups = open_source(images).groups
        photos = groups.get("", next(iter(groups.values())) if len(groups) == 1 else ())
        if not photos:
            raise PredictionError(
                f"{images}: found no photos here; its folders are {', '.join(groups) or 'empty'}."
            )
        return [PhotoSet(images.name, photos, out)]
    if datasets:
        places = [locate(find(name), data) for name in datasets]
    else:
        found = [status.location for status in locate_all(data)]
        places = [place for place in found if place and place.dataset.role == "test"]
        if not places:
            raise DatasetError(
                "no registered test set is on this disk. `sodbench datasets` says where they are looked for, "
                "and --dataset NAME how to get one. To try a model now: --dataset demo."
            )
    sets = []
    for place in places:
        name = place.dataset.name
        entries = tuple(photo_entries(place).values())
        if not entries:
            raise DatasetError(f"{place.root}: found the masks of {name}, but no photos ({place.layout}).")
        sets.append(PhotoSet(name, entries, out / model / name))
    return sets


def run_sets(sets: Sequence[PhotoSet], how: dict[str, Any], bar: Bar, say: Say) -> list[str]:
    """Run a model over all sets; return what failed."""
    from sodbench.models.inference import Configuration, Predictor, choose_device, load_model, make_maps

    device = choose_device(how["device"])
    network, weights, digest = load_model(how["model"], how["model_module"], how["weights"], say)
    predictor = Predictor(network, device, how["precision"], how["compile"])
    configuration = Configuration(
        how["model"],
        weights.name,
        digest,
        device.type,
        precision=how["precision"],
        postprocess=how["postprocess"],
        exif=how["exif"],
        factory=how["model_module"] or "",
        compiled=how["compile"],
    )
    batch = how["batch"] or (1 if device.type == "cpu" else 8)
    failed: list[str] = []
    for one in sets:
        with bar(one.name) as progress:
            done = make_maps(
                one.photos,
                one.out,
                predictor,
                configuration,
                batch=batch,
                workers=how["workers"],
                progress=progress,
            )
        kept = f", {done.kept} kept from an earlier run" if done.kept else ""
        speed = f" ({done.written / done.seconds:.1f} images/s)" if done.written else ""
        say(f"{one.name}: {done.written} maps in {done.seconds:.1f} s{speed}{kept} -> {one.out}")
        failed += done.failed
    return failed


def scored(sets: Sequence[PhotoSet], data: Path | None, bar: Bar, say: Say) -> "list[Scores]":
    """Score the maps of all sets under the default protocol."""
    from sodbench.protocol import Protocol
    from sodbench.scoring.pipeline import Plan
    from sodbench.scoring.runs import collect_jobs, score_jobs

    jobs, _ = collect_jobs([one.out for one in sets], [one.name for one in sets], None, data)
    return score_jobs(jobs, Plan(Protocol()), Path("scores"), bar=bar, say=say)
