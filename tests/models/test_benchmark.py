"""``benchmarks/infer.py --device``: it times maps that are made, not photos that fail."""

import re
from pathlib import Path

import pytest
import torch
from tiny import net, plant_photos

from sodbench.data.sources import open_source


@pytest.fixture
def infer(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import infer

    monkeypatch.setattr(infer, "load_model", lambda *model: (net(), None, ""))
    for setting in ("keep_freed_memory", "fix_cudnn"):
        monkeypatch.setattr(infer, setting, lambda: None)
    return infer


def test_every_photo_gets_its_map(infer, here):
    work = infer.Work("tiny", here, tuple(open_source(plant_photos(here / "A", 3)).groups[""]))
    told = infer.kept_busy(work, torch.device("cpu"), 1, 2)
    assert re.match(r"end to end +[0-9.]+ images/s, 3 photos\nnetwork alone +[0-9.]+ images/s\n", told)


def test_photos_are_repeated_under_other_names(infer, here):
    photos = open_source(plant_photos(here / "A", 2)).groups[""]
    (here / "more").mkdir()
    more = infer.linked(photos, here / "more", 5)
    assert [photo.name for photo in more] == [f"0000{k}.png" for k in range(5)]
    assert [Path(photo.where).resolve() for photo in more] == [Path(photos[k % 2].where) for k in range(5)]


def test_a_photo_that_fails_ends_it(infer, here):
    work = infer.Work("tiny", here, tuple(open_source(plant_photos(here / "B", 2)).groups[""]))
    infer.inputs(work)
    (here / "B/p1.png").write_bytes(b"no photo")
    with pytest.raises(SystemExit, match="1 of 2 photos failed, the first: .*00001.png"):
        infer.kept_busy(work, torch.device("cpu"), 1, 2)
