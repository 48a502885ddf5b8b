"""A fixed number of files of each kind, valid and broken: each is read, or refused as an error should be."""

from collections import Counter

import pytest
from hostile import Case, is_accepted
from hostile.kinds import KINDS
from hypothesis import HealthCheck, Phase, given, settings

EXAMPLES = {
    "png": 700,
    "images": 300,
    "zips": 200,
    "scores": 250,
    "toml": 200,
    "boards": 60,
    "signatures": 250,
    "weights": 250,
    "checkpoints": 40,
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
