"""Compact letter displays against a hand-made one, and against what their letters mean."""

from itertools import combinations
from string import ascii_letters

import numpy as np
import pytest

from sodbench.analysis.statistics.letters import compact_letters, letter_groups

Pairs = list[tuple[int, int]]


def all_but(methods: int, alike: Pairs) -> Pairs:
    """Every pair that is not alike."""
    return [pair for pair in combinations(range(methods), 2) if pair not in alike]


@pytest.mark.parametrize(
    ("different", "letters"),
    [
        ([], ["a", "a", "a", "a", "a"]),
        ([(0, 2), (0, 3), (0, 4), (1, 4)], ["a", "ab", "bc", "bc", "c"]),
        ([(0, 4), (4, 1)], ["a", "a", "ab", "ab", "b"]),
        ([(0, 1)], ["a", "b", "ab", "ab", "ab"]),
        (list(combinations(range(5), 2)), ["a", "b", "c", "d", "e"]),
    ],
)
def test_by_hand(different: Pairs, letters: list[str]) -> None:
    assert compact_letters(5, different) == letters
    assert compact_letters(5, [(k, j) for j, k in different[::-1]]) == letters


@pytest.mark.parametrize("seed", range(60))
def test_two_methods_share_a_letter_if_and_only_if_they_do_not_differ(seed: int) -> None:
    rng = np.random.default_rng(seed)
    methods = int(rng.integers(1, 10))
    pairs = list(combinations(range(methods), 2))
    different = {pair for pair in pairs if rng.random() < rng.random()}
    letters = compact_letters(methods, different)
    assert all(letters)
    for j, k in pairs:
        assert bool({*letters[j]} & {*letters[k]}) == ((j, k) not in different)
    groups = letter_groups(methods, different)
    for group in groups:
        fewer = [other for other in groups if other != group]
        assert not all(any({j, k} <= other for other in fewer) for j in group for k in group), (
            "each letter is needed"
        )


def test_the_best_method_has_the_first_letter() -> None:
    assert compact_letters(4, [(0, 1), (0, 2), (0, 3)]) == ["a", "b", "b", "b"]
    assert compact_letters(4, [(3, 1), (3, 2), (3, 0)]) == ["a", "a", "a", "b"]


def test_a_letter_of_which_every_pair_has_another_is_left_out() -> None:
    """The triangle 0, 1, 2, each side of which lies in another triangle."""
    alike = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (1, 4), (2, 4), (0, 5), (2, 5)]
    assert letter_groups(6, all_but(6, alike)) == [{0, 1, 3}, {0, 2, 5}, {1, 2, 4}]


def test_letters_go_on_after_z() -> None:
    letters = compact_letters(53, combinations(range(53), 2))
    assert letters == [*ascii_letters, "a."]
