"""The errors that sodbench raises on purpose: one root, so that a caller can catch them all.

The command line prints these as one message and exits with 1; any other exception is a bug and
keeps its traceback.
"""

import re
from collections.abc import Sequence
from typing import Any
from unicodedata import bidirectional, category

_LONGEST = 500
"""Letters of the longest word that a message shows whole; paths and signatures are shorter."""


class SodbenchError(Exception):
    """Root of every error that tells the user what is wrong with his input.

    >>> str(SodbenchError(f"a.toml: unknown key {'x' * 10**6}"))[-40:]
    'xxxxxxxxxxxxxxx ... (1000000 characters)'
    """

    def __str__(self) -> str:
        """Return the message, in which words without end are cut."""
        return re.sub(rf"\S{{{_LONGEST},}}", _cut, super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error pass from one process to another, whatever its `__init__` takes."""
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(kind: type[SodbenchError], args: tuple[Any, ...], state: dict[str, Any]) -> SodbenchError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


def _cut(word: "re.Match[str]") -> str:
    return f"{word[0][:200]} ... ({len(word[0])} characters)"


class DatasetError(SodbenchError):
    """A dataset is unknown, not on this disk, incomplete, or one of its masks cannot be used."""


class PredictionError(SodbenchError):
    """Prediction files are missing, ambiguous, unreadable, or do not fit their masks."""


class ProtocolError(SodbenchError):
    """A protocol, a signature or one of its fields is not valid."""


class ScoresError(SodbenchError):
    """A scores folder cannot be read, merged, or used for what was asked."""


class MetricError(ScoresError):
    """A metric is unknown, was not computed, or another package's metric cannot be used."""


class FileError(SodbenchError):
    """A file or folder cannot be written, or its suffix names no format; or one that ships is missing."""


class LeaderboardError(SodbenchError):
    """A leaderboard is malformed, or a row may not stand in it."""


class WeightsError(SodbenchError):
    """Model weights are missing, damaged, or of another architecture."""


class TrainingError(SodbenchError):
    """A training run's configuration, pairs or checkpoint cannot be used, or its loss is no number."""


class WorkerError(SodbenchError):
    """A worker process died, has other versions, or cannot be reached."""


class SodbenchWarning(UserWarning):
    """What the library tells whoever calls it, and the command line prints; nothing that stops the work."""


def escaped(text: str, keep: str = "") -> str:
    r"""Write control characters and marks of direction as escapes, those in `keep` excepted.

    A file's name may hold them, and they would change what a terminal shows.

    >>> print(escaped("a" + chr(27) + "[31m" + chr(10) + "b"))
    a\x1b[31m\nb
    """
    if text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode() if _steers(letter) and letter not in keep else letter
        for letter in text
    )


def _steers(letter: str) -> bool:
    if letter.isprintable():
        return False
    return category(letter) in ("Cc", "Cs", "Zl", "Zp") or bidirectional(letter)[-1:] in ("E", "O", "I", "F")


def first_few(names: Sequence[str], most: int = 5) -> str:
    """List the first `most` names, as `escaped`, and count the rest.

    >>> first_few(["a", "b", "c"], most=2)
    'a, b, +1 more'
    """
    rest = len(names) - most
    return ", ".join(map(escaped, names[:most])) + (f", +{rest} more" if rest > 0 else "")


def first_lines(lines: Sequence[str], most: int = 5) -> str:
    """Put the first `most` lines below each other and count the rest.

    >>> print(first_lines(["a: damaged.", "b: damaged.", "c: damaged."], most=2))
    a: damaged.
    b: damaged.
    and 1 more
    """
    rest = len(lines) - most
    return "\n".join([*lines[:most], *([f"and {rest} more"] if rest > 0 else [])])


MANY = 25
"""So many valid names can be listed; of more a few and their number."""

OWN_NAMES = 0.65
"""The least likeness of names that users give, of datasets and methods: SOD is no misspelt ECSSD."""


def nearest(name: str, valid: Sequence[str], alike: float = 0.5) -> str:
    """Return a hint that names the valid spellings nearest to `name`, all of them, or the first of many.

    `alike` is the least likeness from 0 to 1: `OWN_NAMES` where `name` may well be none of them.

    >>> nearest("SDO", ["SOD", "fan"])
    'did you mean SOD?'
    >>> nearest("mea", ["mean_f", "mba", "max_f", "mae"])
    'did you mean mae or mean_f or mba?'
    >>> nearest("x", ["SOD", "ECSSD"])
    'valid: SOD, ECSSD'
    """
    from difflib import get_close_matches

    folded = {v.casefold(): v for v in valid}
    letters = sorted(name.casefold())
    close = get_close_matches(name.casefold(), folded, n=10, cutoff=alike)
    close.sort(key=lambda word: sorted(word) != letters)  # letters exchanged: most likely a slip
    if close:
        return f"did you mean {' or '.join(folded[word] for word in close[:3])}?"
    return f"valid: {first_few(valid, MANY if len(valid) <= MANY else 5)}"
