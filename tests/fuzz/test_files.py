"""A fixed number of files of each kind, valid and broken: each is read, or refused as an error should be."""

from collections import Counter

import pytest
from hostile import Case, is_accepted
from hostile.kinds import KINDS
from hypothesis import HealthCheck, Phase, given, settings

EXAMPLES = {
    "png": 400,
    "images": 150,
    "zips": 120,
    "scores": 120,
    "toml": 100,
    "boards": 25,
    "signatures": 250,
    "weights": 120,
    "checkpoints": 24,
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", KINDS)
def test_files_are_read_or_refused(name: str) -> None:
    tally: Counter[bool] = Counter()

    @settings(
        max_examples=EXAMPLES[name],
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[name].cases)
    def hold(case: Case) -> None:
        tally[is_accepted(KINDS[name], case)] += 1

    hold()
    assert min(tally[True], tally[False]) > EXAMPLES[name] // 20
