"""``sodbench run`` on Dask workers: the maps of a run without, and errors that name the worker."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny import plant_photos, turn
from workspace import good, listing, refused

from sodbench.data.sources import open_source
from sodbench.errors import WeightsError
from sodbench.models import on_dask
from sodbench.models.on_dask import dask_workers, kind_on_workers
from sodbench.models.photo_sets import PhotoSet
from sodbench.models.predictor import choose_device
from sodbench.models.recipe import Recipe
from sodbench.models.run_record import Configuration
from sodbench.models.runs import Elsewhere, RunSettings, run_sets
from sodbench.models.weights import sha256
from sodbench.utils.process import no_bar


@pytest.fixture
def weights(here: Path) -> Path:
    state = {"weight": torch.tensor([0.5, 1, -0.25]).reshape(1, 3, 1, 1), "bias": torch.ones(1) / 8}
    save_file(state, here / "tiny.safetensors")
    return here / "tiny.safetensors"


def test_workers_make_the_maps_of_a_run_without(here, weights, cluster):
    folder = plant_photos(here / "A", 6)
    (folder / "p3.png").write_bytes(b"no photo")
    for name in ("p0", "p5"):
        turn(folder / f"{name}.png")
    photos = open_source(folder).groups[""]
    (folder / "p4.png").rename(here / "taken.png")
    settings = RunSettings(model="tiny", model_module="tiny:net", weights=weights, device="cpu", batch=2)
    said, failed = [], {}
    for out, elsewhere in (("here", None), ("there", Elsewhere(cluster.scheduler_address))):
        sets = [PhotoSet("A", photos, Path(out))]
        failed[out] = run_sets(sets, settings, no_bar, said.append, elsewhere=elsewhere)
    assert [line.split("/")[-1].split(": ")[0] for line in failed["here"]] == ["p3.png", "p4.png"]
    assert failed["there"] == failed["here"]
    turned = [line for line in said if line.startswith("A: 2 photos with an EXIF rotation (p0, p5)")]
    assert len(turned) == 2
    maps = {path.name: path.read_bytes() for path in Path("here").glob("*.png")}
    assert len(maps) == 4
    assert maps == {path.name: path.read_bytes() for path in Path("there").glob("*.png")}
    records = [json.loads(Path(out, "run.json").read_text()) for out in failed]
    for key in ("configuration", "complete", "images", "failed", "written"):
        assert records[0][key] == records[1][key]


def test_what_a_worker_lacks_is_said(here, weights, cluster):
    recipe = Recipe(
        configuration=Configuration("tiny", weights.name, sha256(weights), "cpu"),
        factory="tiny:net",
        weights=weights,
        batch=1,
        workers=1,
    )
    (photo,) = open_source(plant_photos(here / "A", 1)).groups[""]
    lacking = {
        "no such weights file": replace(recipe, weights=here / "absent.pth"),
        "cannot build this model": replace(recipe, factory="absent:net"),
        "sha256 .* not the weights": replace(
            recipe, configuration=replace(recipe.configuration, weights_sha256="0")
        ),
    }
    for what, broken in lacking.items():
        with (
            dask_workers(broken, cluster.scheduler_address, lambda line: None) as map_into,
            pytest.raises(WeightsError, match=f"worker tcp://.*: .*{what}.* Each worker needs the device"),
        ):
            map_into(here, [photo], lambda done: None)


def test_devices_are_of_the_workers():
    """One that is not there is found to be lacking by the worker."""
    assert [kind_on_workers(kind) for kind in ("cpu", "cuda", "mps")] == ["cpu", "cuda", "mps"]
    assert kind_on_workers("auto") == choose_device("auto").type
    for name in ("cuda:1", "cpu,cpu"):
        with pytest.raises(WeightsError, match=f"--device {name}: with --executor dask, expected auto, cpu"):
            kind_on_workers(name)


@pytest.mark.parametrize(("device", "jobs"), [("cpu", None), ("cuda", 1)])
def test_a_gpu_is_not_shared_by_the_workers_of_a_local_cluster(here, weights, monkeypatch, device, jobs):
    asked = []

    def opened(kind, **options):
        asked.append(options["jobs"])
        return nullcontext()

    monkeypatch.setattr(on_dask, "Workers", opened)
    configuration = Configuration("tiny", weights.name, sha256(weights), device)
    recipe = Recipe(configuration=configuration, factory="tiny:net", weights=weights, batch=1, workers=1)
    with dask_workers(recipe, None, lambda line: None):
        assert asked == [jobs]


def test_the_command_line_asks_for_them(here, weights, cluster):
    """From another folder than the workers', by relative paths."""
    plant_photos("A", 2)
    model = ("--model", "tiny", "--model-module", "tiny:net", "--weights", weights.name, "--device", "cpu")
    run = ("run", *model, "--images", "A")
    good(*run, "--maps", "maps", "--executor", "dask", "--scheduler", cluster.scheduler_address)
    assert listing("maps") == ["p0.png", "p1.png", "run.json"]
    refused(*run, "--executor", "processes", match="run has one process a device: name several", code=2)
    refused(*run, "--scheduler", "tcp://a:1", match="--scheduler is for --executor dask", code=2)
    refused(*run, "--executor", "dask", "--device", "cuda:1", match="each worker has one device")
