"""Photos to maps with a stub in place of the network: order, what is fetched when, and what fails."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from workspace import save

from sodbench.data.sources import InFolder, open_source
from sodbench.models import pipeline
from sodbench.models.pipeline import map_photos

COUNT = 7


class Network:
    """Answers each photo with its own level, and notes when batches are submitted and fetched."""

    def __init__(self, broken: int | None = None) -> None:
        self.log: list[str] = []
        self.broken, self.batches = broken, 0

    def submit(self, inputs):
        number, self.batches = self.batches, self.batches + 1
        if number == self.broken:
            raise RuntimeError("no GPU any more")
        self.log.append(f"submit {len(inputs)}")
        outputs = np.stack([x[0] - x[0].min() + abs(x[0, 0, 0]) / 8 for x in inputs])
        return partial(self.fetch, number, outputs)

    def fetch(self, number, outputs):
        self.log.append(f"fetch {number}")
        return outputs


@pytest.fixture
def photos(here):
    for k in range(COUNT):
        levels = np.full((4, 6 + k, 3), 20 * k + 50, np.uint8)
        levels[:, :, 0] = 0 if k == 3 else 10 * k + 5
        save(levels, f"photos/p{k}.png")
    return open_source(Path("photos")).groups[""]


def mapped(photos, network, *, batch, workers=2, report=lambda done: None):
    maps: dict[str, np.ndarray] = {}
    outcome = map_photos(
        photos,
        network,
        maps.__setitem__,
        postprocess="none",
        exif=False,
        batch=batch,
        workers=workers,
        report=report,
    )
    return maps, outcome


def test_a_batch_is_fetched_when_the_next_is_submitted(photos):
    network, seen = Network(), []
    maps, outcome = mapped(photos, network, batch=3, report=seen.append)
    assert network.log == ["submit 3", "submit 3", "fetch 0", "submit 1", "fetch 1", "fetch 2"]
    assert seen == [3, 6, 7]
    assert sorted(maps) == [f"p{k}" for k in range(COUNT)]
    assert outcome.failed == ()


@pytest.mark.parametrize("batch", [2, 3, 7, 20])
@pytest.mark.parametrize("workers", [1, 4])
def test_each_photo_gets_its_own_map(photos, batch, workers):
    one, _ = mapped(photos, Network(), batch=1, workers=1)
    maps, _ = mapped(photos, Network(), batch=batch, workers=workers)
    assert len({level.max() for level in one.values()}) == COUNT
    for stem, levels in one.items():
        np.testing.assert_array_equal(maps[stem], levels)


def test_a_plain_function_will_do(photos):
    maps, _ = mapped(photos, lambda inputs: Network().submit(inputs)(), batch=2)
    expected, _ = mapped(photos, Network(), batch=2)
    assert {stem: levels.tolist() for stem, levels in maps.items()} == {
        stem: levels.tolist() for stem, levels in expected.items()
    }


@pytest.mark.parametrize(("broken", "kept"), [(0, 0), (1, 2), (2, 4), (3, 6)])
def test_what_was_computed_before_the_network_failed_is_saved(photos, broken, kept):
    maps: dict[str, np.ndarray] = {}
    with pytest.raises(RuntimeError, match="no GPU any more"):
        map_photos(
            photos, Network(broken), maps.__setitem__, postprocess="none", exif=False, batch=2, workers=2
        )
    assert sorted(maps) == [f"p{k}" for k in range(kept)]


def test_when_the_network_fails_photos_not_begun_are_not_read(photos, monkeypatch):
    """A server that does not answer would hold the end up for each of them."""
    ended, read, shut = Event(), [], []

    class Executor(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            shut.append(self)
            if len(shut) == 2:
                ended.set()
            super().shutdown(wait=wait)

    class Slow(InFolder):
        def read(self, name):
            read.append(name)
            assert name == photos[0].name or ended.wait(20)
            return super().read(name)

    monkeypatch.setattr(pipeline, "ThreadPoolExecutor", Executor)
    slow = [replace(photo, origin=Slow(photo.origin.root)) for photo in photos]
    with pytest.raises(RuntimeError, match="no GPU any more"):
        mapped(slow, Network(0), batch=1, workers=1)
    assert read in (["p0.png"], ["p0.png", "p1.png"])


def test_photos_that_the_network_does_not_see(photos, here):
    """A batch of them alone is not submitted; they are reported in order."""
    for k in (0, 1):
        Path(f"photos/p{k}.png").write_bytes(b"no photo")
    for k in (2, 3):
        save(np.zeros((3, 4, 3), np.uint8), f"photos/p{k}.png")
    network = Network()
    maps, outcome = mapped(photos, network, batch=2)
    assert network.log == ["submit 2", "submit 1", "fetch 0", "fetch 1"]
    assert [line.partition(":")[0] for line in outcome.failed] == ["photos/p0.png", "photos/p1.png"]
    assert sorted(maps) == ["p2", "p3", "p4", "p5", "p6"]
    assert not maps["p2"].any()
    assert maps["p2"].shape == (3, 4)


def test_an_error_in_saving_ends_the_run(photos):
    def refuse(stem, levels):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        map_photos(photos, Network(), refuse, postprocess="none", exif=False, batch=2, workers=2)
