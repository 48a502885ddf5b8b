"""``sodbench run --shard``: parts of a set, one after the other and at the same time, in one folder."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from tiny import plant_photos
from workspace import good, listing, refused, sodbench

from sodbench.data.sources import open_source
from sodbench.models import run_record
from sodbench.models.inference import make_maps
from sodbench.models.run_record import Configuration
from sodbench.utils.shards import Shard


def record(folder: str = "maps") -> dict:
    return json.loads(Path(folder, "run.json").read_text())


def bytes_of(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.png")}


def test_shards_are_one_run(own):
    """In any order, into one folder or several; the record of one folder covers all."""
    plant_photos(count=5)
    good("run", *own, "--images", "photos", "--maps", "whole")
    shard = ("run", *own, "--images", "photos", "--shard")
    result = good(*shard, "2/3", "--maps", "maps")
    assert listing("maps") == ["p1.png", "p4.png", "run.json"]
    assert "photos, shard 2/3: 2 maps in " in result.stderr
    assert "Next, when all 3 shards are made: sodbench score maps --masks MASKS" in result.stderr
    assert (record()["complete"], record()["images"], record()["written"]) == (False, 2, 2)
    good(*shard, "1/3", "--maps", "maps")
    first = record()
    assert (first["complete"], first["images"], first["written"]) == (False, 4, 4)
    good(*shard, "3/3", "--maps", "maps")
    last = record()
    assert (last["complete"], last["images"], last["written"], last["failed"]) == (True, 5, 5, [])
    assert last["seconds"] > first["seconds"]
    assert bytes_of("maps") == bytes_of("whole")
    assert "0 maps in " in good(*shard, "3/3", "--maps", "maps").stderr
    for part in "123":
        good(*shard, f"{part}/3", "--maps", f"apart{part}")
    assert bytes_of("apart1") | bytes_of("apart2") | bytes_of("apart3") == bytes_of("whole")


def test_a_record_lists_the_failed_photos_of_all_shards(own):
    photos = plant_photos(count=4)
    whole = (photos / "p0.png").read_bytes()
    for name in ("p0", "p1"):
        (photos / f"{name}.png").write_bytes(b"")
    shard = ("run", *own, "--images", "photos", "--maps", "maps", "--shard")
    for part in ("1/2", "2/2", "2/2"):
        assert sodbench(*shard, part).exit_code == 1
    assert [line.partition(": ")[0] for line in record()["failed"]] == ["photos/p0.png", "photos/p1.png"]
    (photos / "p0.png").write_bytes(whole)
    good(*shard, "1/2")
    assert [line.partition(": ")[0] for line in record()["failed"]] == ["photos/p1.png"]
    (photos / "p1.png").write_bytes(whole)
    good(*shard, "2/2")
    assert (record()["failed"], record()["complete"]) == ([], True)


def test_a_record_of_all_maps_lists_no_failed_photo(own):
    """The map of the one that failed was copied from another folder."""
    photos = plant_photos(count=4)
    good("run", *own, "--images", "photos", "--maps", "whole")
    (photos / "p1.png").write_bytes(b"")
    shard = ("run", *own, "--images", "photos", "--maps", "maps", "--shard")
    assert sodbench(*shard, "2/2").exit_code == 1
    shutil.copy("whole/p1.png", "maps/p1.png")
    good(*shard, "1/2")
    assert (record()["failed"], record()["complete"]) == ([], True)


def test_shards_of_one_folder_at_the_same_time(here, monkeypatch):
    """All have begun before any ends, and what one adds to the record is not lost by another."""
    photos = open_source(plant_photos(count=8)).groups[""]
    read = run_record._earlier

    def slowly(*arguments):
        earlier = read(*arguments)
        time.sleep(0.02)
        return earlier

    monkeypatch.setattr(run_record, "_earlier", slowly)
    met = Barrier(4, timeout=30)

    def run(part: int) -> None:
        waited = []

        def predict(inputs):
            if not waited:
                waited.append(met.wait())
            return np.stack([x[0] / 8 + 0.5 for x in inputs])

        make_maps(photos, Path("maps"), predict, Configuration("m", "w", "", "cpu"), shard=Shard(part, 4))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(1, 5)))
    assert (record()["complete"], record()["images"], record()["written"]) == (True, 8, 8)
    make_maps(
        *(photos, Path("one"), lambda inputs: np.stack([x[0] / 8 + 0.5 for x in inputs])),
        Configuration("m", "w", "", "cpu"),
    )
    assert bytes_of("maps") == bytes_of("one")


def test_a_shard_of_another_configuration_is_refused(own):
    plant_photos()
    shard = ("run", *own, "--images", "photos", "--maps", "maps", "--shard")
    good(*shard, "1/2")
    refused(*shard, "2/2", "--exif", match="maps: holds maps of another configuration: exif False")


@pytest.mark.parametrize("text", ["3/2", "0/2", "half"])
def test_what_is_no_shard(own, text):
    refused("run", *own, "--shard", text, match="expected K/N, part K of 1 to N", code=2)


def test_a_shard_is_not_scored(own):
    match = "--shard makes a part of the maps: no --score"
    refused("run", *own, "--dataset", "demo", "--shard", "1/2", "--score", match=match, code=2)
