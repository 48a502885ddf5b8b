"""Batches in flight, on a stand-in for `torch.cuda` that notes what is asked of it."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from sodbench.models import predictor
from sodbench.models.lanes import Lanes
from sodbench.models.predictor import Predictor


class Device:
    """A GPU whose work is done at once; what is enqueued in which stream is noted."""

    def __init__(self):
        self.log, self.streams, self.inside = [], 0, "usual"

    def Stream(self, device):  # noqa: N802
        self.streams += 1
        return Stream(self, f"copies {self.streams}")

    def Event(self, *, blocking):  # noqa: N802
        assert blocking
        return Event(self)

    def current_stream(self, device):
        return Stream(self, self.inside)

    @contextmanager
    def stream(self, stream):
        before, self.inside = self.inside, stream.name
        yield
        self.inside = before

    def compute(self, batch):
        self.log.append(f"computed in {self.inside}: {len(batch)}")
        return batch[:, 0] * 2


class Stream:
    def __init__(self, device, name):
        self.device, self.name = device, name

    def wait_stream(self, other):
        self.device.log.append(f"{self.name} waits for {other.name}")


class Event:
    def __init__(self, device):
        self.device = device

    def record(self):
        self.name = self.device.inside

    def synchronize(self):
        self.device.log.append(f"host waits for {self.name}")


def batch_of(*values: float) -> list[np.ndarray]:
    return [np.full((3, 320, 320), value, np.float32) for value in values]


def levels(outputs: np.ndarray) -> list[float]:
    assert outputs.shape[1:] == (320, 320)
    return [float(output.max()) for output in outputs if output.max() == output.min()]


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def lanes(device):
    return Lanes(device.compute, torch.device("cpu"), device)


def test_a_batch_is_copied_computed_and_copied_back_in_this_order(lanes, device):
    assert levels(lanes.submit(batch_of(1, 2))()) == [2, 4]
    assert device.log == [
        "usual waits for copies 1",
        "computed in usual: 2",
        "copies 1 waits for usual",
        "host waits for copies 1",
    ]


def test_one_batch_late_takes_two_lanes(lanes, device):
    waiting, found = lanes.submit(batch_of(0)), []
    for k in range(1, 7):
        following = lanes.submit(batch_of(k))
        found += levels(waiting())
        waiting = following
    found += levels(waiting())
    assert found == [0, 2, 4, 6, 8, 10, 12]
    assert device.streams == 2


def test_batches_may_be_fetched_in_any_order(lanes, device):
    pending = [lanes.submit(batch_of(k)) for k in range(3)]
    assert [levels(pending[k]()) for k in (2, 0, 1)] == [[4], [0], [2]]
    assert device.streams == 3


def test_a_smaller_batch_is_computed_at_the_size_of_the_others(lanes, device):
    lanes.submit(batch_of(1, 2, 3))()
    assert levels(lanes.submit(batch_of(5))()) == [10]
    assert [line for line in device.log if "computed" in line] == ["computed in usual: 3"] * 2
    assert levels(lanes.submit(batch_of(1, 2, 3, 4))()) == [2, 4, 6, 8]
    assert device.log[-3] == "computed in usual: 4"


def test_outputs_outlive_the_next_batch(lanes):
    first = lanes.submit(batch_of(1))()
    lanes.submit(batch_of(7))()
    assert levels(first) == [2]


class Net(torch.nn.Module):
    def forward(self, x):
        return x[:, :1]


class Hungry(torch.nn.Module):
    def forward(self, x):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")


def test_a_predictor_computes_the_same_by_lanes(device):
    predict = Predictor(Net(), torch.device("cpu"))
    inputs = batch_of(-1, 0.5)
    plain = predict(inputs)
    np.testing.assert_array_equal(predict.submit(inputs)(), plain)
    predict._lanes = Lanes(predict._probabilities, torch.device("cpu"), device)
    np.testing.assert_array_equal(predict.submit(inputs)(), plain)
    assert device.streams == 1


@pytest.mark.parametrize("by_lanes", [False, True])
@pytest.mark.parametrize(
    ("output", "shape"),
    [
        (lambda x: x[:, :2], r"\(1, 2, 320, 320\)"),
        (lambda x: x[:, :1, ::2, ::2], r"\(1, 1, 160, 160\)"),
        (lambda x: (x[:, 0], x), r"\(1, 320, 320\)"),
    ],
)
def test_outputs_of_another_shape_are_refused(output, shape, by_lanes, device):
    """By lanes one channel of two would be taken, or a small map copied to each row."""

    class Other(torch.nn.Module):
        def forward(self, x):
            return output(x)

    predict = Predictor(Other(), torch.device("cpu"))
    if by_lanes:
        predict._lanes = Lanes(predict._probabilities, torch.device("cpu"), device)
    with pytest.raises(predictor.WeightsError, match=rf"gives {shape}, expected logits \(1, 1, 320, 320\)"):
        predict.submit(batch_of(1))()


@pytest.mark.parametrize(
    ("count", "advice"),
    [(5, "5 photos at once. Pass --batch 2."), (1, "1 photo at once. Pass --device cpu.")],
)
def test_too_little_memory_is_said(count, advice):
    predict = Predictor(Hungry(), torch.device("cpu"))
    with pytest.raises(predictor.WeightsError, match=f"device cpu has not enough memory for {advice}"):
        predict.submit(batch_of(*range(count)))()
