"""Methods against a baseline: what the comparison of each pair gives."""

import pytest
from stored import made

from sodbench.analysis.against import resampled_board
from sodbench.analysis.compare import adjusted, compare

METRICS = ("max_f", "mae")


def test_differences_are_those_of_each_pair():
    a, b, base = (
        made(name, 40, k, skill=skill) for k, (name, skill) in enumerate((("A", 0.9), ("B", 0.5), ("C", 0.7)))
    )
    found = resampled_board([a, b, base], METRICS, "C", resamples=300, permutations=300, step=lambda: None)
    assert [(d.a, d.b, d.metric) for d in found.differences] == [
        (name, "C", metric) for name in "AB" for metric in METRICS
    ]
    for of_method, scores in ((found.differences[:2], a), (found.differences[2:], b)):
        pair = compare([scores, base], metrics=METRICS, resamples=300)
        for ours, theirs in zip(adjusted(of_method), pair.differences, strict=True):
            assert (ours.value_a, ours.value_b, ours.p) == (theirs.value_a, theirs.value_b, theirs.p)
            assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
