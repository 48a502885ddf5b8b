"""Compact letter display: methods that share a letter do not differ significantly.

Reference: Piepho, An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons, Journal of
Computational and Graphical Statistics 13 (2004), insert and absorb.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations_with_replacement, count
from string import ascii_letters


def compact_letters(methods: int, different: Iterable[tuple[int, int]]) -> list[str]:
    """Return the letters of each method: two share one if and only if they do not differ significantly.

    Parameters
    ----------
    methods
        How many there are; the best is 0, so that it has the letter ``a``.
    different
        Pairs of methods that differ significantly.

    Examples
    --------
    >>> compact_letters(4, [(0, 2), (0, 3), (1, 3)])
    ['a', 'ab', 'bc', 'c']
    >>> compact_letters(3, []), compact_letters(2, [(1, 0)])
    (['a', 'a', 'a'], ['a', 'b'])
    """
    groups = letter_groups(methods, different)
    names = dict(zip(groups, _letters(), strict=False))
    return ["".join(names[group] for group in groups if method in group) for method in range(methods)]


def letter_groups(methods: int, different: Iterable[tuple[int, int]]) -> list[frozenset[int]]:
    """Return sets of methods, in the order of their best: two are in one if they do not differ significantly.

    A set that holds a significant pair is replaced by two, without the one and without the other method of
    the pair (insert), and what lies within another set is dropped (absorb). At the end sets go of which every
    pair is in another one, too.
    """
    groups = {frozenset(range(methods))}
    for pair in different:
        for group in [group for group in groups if group.issuperset(pair)]:
            groups.remove(group)
            groups |= {group - {method} for method in pair}
        groups = {group for group in groups if not any(group < other for other in groups)}
    ordered = sorted(groups, key=sorted)
    for group in ordered[::-1]:
        others = [other for other in ordered if other != group]
        if all(any({*pair} <= other for other in others) for pair in combinations_with_replacement(group, 2)):
            ordered = others
    return ordered


def _letters() -> Iterator[str]:
    """Yield a to z, A to Z, then the same with a dot, with two dots and so on."""
    return (letter + "." * dots for dots in count() for letter in ascii_letters)
