"""What stands at the top of a report: how its numbers were made, and what a reader should know."""

from collections.abc import Sequence
from dataclasses import dataclass

from sodbench.analysis.diagnostics.stored import never_white
from sodbench.errors import first_few
from sodbench.metrics import METRICS, metric_differences
from sodbench.protocol import split_signature
from sodbench.reports.pages.report.grouping import by_dataset
from sodbench.scoring.notices import remarks
from sodbench.scoring.scores import Scores
from sodbench.utils.text import counted


@dataclass(frozen=True)
class SignaturePart:
    """A part of a signature, and whether methods of one dataset differ in it."""

    text: str
    differs: bool


@dataclass(frozen=True)
class OwnSignature:
    """What the scores of some methods on a dataset have in their signature that not all scores have."""

    dataset: str
    methods: str
    parts: tuple[SignaturePart, ...]


@dataclass(frozen=True)
class Signatures:
    """The signatures of all scores: what all have, and the rest.

    Parameters
    ----------
    shared
        As printed.
    own
        None where the scores have one signature.
    whole
        Every signature, once.
    """

    shared: str
    own: tuple[OwnSignature, ...]
    whole: tuple[str, ...]

    @property
    def differ(self) -> bool:
        """Whether methods of one dataset differ in a part."""
        return any(part.differs for own in self.own for part in own.parts)


@dataclass(frozen=True)
class Warned:
    """What a reader should know of some methods on a dataset."""

    dataset: str
    methods: str
    text: str


def of_these(scores: Scores, metrics: Sequence[str]) -> list[str]:
    """Return those of some metrics that scores have."""
    return [name for name in metrics if name in scores.metrics]


def signatures(scores: Sequence[Scores], metrics: Sequence[str]) -> Signatures:
    """Return what the signatures of scores have in common, and in what they differ.

    Parameters
    ----------
    scores
        Of one method or more on one dataset or more.
    metrics
        What is shown; nothing is said of how others were made.
    """
    lines = [str(s.sign(of_these(s, metrics))) for s in scores]
    parts = [split_signature(line) for line in lines]
    every = dict.fromkeys(key for own in parts for key in own)
    shared = [key for key in every if len({own.get(key) for own in parts}) == 1]
    own: list[OwnSignature] = []
    for dataset, board in by_dataset(scores).items():
        of_board = [parts[k] for k, s in enumerate(scores) if s.dataset_name == dataset]
        differing = {key for key in every if len({each.get(key) for each in of_board}) > 1}
        groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for s, each in zip(board, of_board, strict=True):
            rest = tuple((key, value) for key, value in each.items() if key not in shared)
            groups.setdefault(rest, []).append(s.method)
        for rest, methods in groups.items():
            said = tuple(SignaturePart(f"{key}:{value}", key in differing) for key, value in rest)
            own.append(OwnSignature(dataset, _methods(methods, board), said))
    whole = tuple(dict.fromkeys(lines))
    return Signatures(
        "|".join(f"{key}:{parts[0][key]}" for key in shared), tuple(own) if len(whole) > 1 else (), whole
    )


def warned(scores: Sequence[Scores]) -> tuple[Warned, ...]:
    """Return what a reader should know of the images behind scores, what is alike of several methods once."""
    found = []
    for dataset, board in by_dataset(scores).items():
        lines: dict[str, list[str]] = {}
        for s in board:
            start = f"{s.method} on {s.dataset_name}: "
            said = [line.removeprefix(start) for line in remarks(s)]
            if out := s.of - len(s.rows):
                said.insert(0, f"{out} of {counted(s.of, 'image')} not scored, left out of every mean")
            if finding := never_white(s):
                said.append(finding)
            for line in said:
                lines.setdefault(line, []).append(s.method)
        found += [Warned(dataset, _methods(names, board), line) for line, names in lines.items()]
    return tuple(found)


def ranked_apart(scores: Sequence[Scores], metrics: Sequence[str]) -> tuple[Warned, ...]:
    """Return how scores of a dataset were made differently, so that no value is ranked among the others."""
    found = []
    for dataset, board in by_dataset(scores).items():
        first, ways = board[0], dict[str, list[str]]()
        for s in board[1:]:
            both = [name for name in of_these(s, metrics) if name in first.metrics]
            fields = metric_differences(first.signature, s.signature, both)
            if fields:
                said = ", ".join(f"{key} {other}, not {own}" for key, (own, other) in fields.items())
                about = [m for m in both if metric_differences(first.signature, s.signature, [m])]
                labels = first_few([METRICS[name].label for name in about])
                text = f"scored otherwise than {first.method} ({said}): never ranked together in {labels}"
                ways.setdefault(text, []).append(s.method)
        found += [Warned(dataset, first_few(names), text) for text, names in ways.items()]
    return tuple(found)


def _methods(names: Sequence[str], board: Sequence[Scores]) -> str:
    if len(names) == len(board) > 1:
        return "all methods"
    return first_few(names)
