"""A comparison as text, JSON and CSV; every sentence is made from the numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from sodbench.analysis.compare import Comparison, Difference
from sodbench.analysis.statistics.resampling import ALPHA, FEWEST_IMAGES, TIE
from sodbench.metrics import METRICS, find_metric, part_of
from sodbench.protocol import Protocol
from sodbench.utils.text import aligned, broken, counted, json_text, printable, sheet_text

FEWEST_DATASETS = 10
"""Friedman's chi-square holds from about as many blocks (Demšar 2006, section 3.2.2)."""

LETTERS_SAID = "Methods that share a letter in a column are not significantly different; the best has an a."

SMALL_EFFECT = 0.2
"""Cohen's bound of a small effect."""


def comparison_text(comparison: Comparison, verbose: bool = False) -> str:
    """Lay out a comparison for a terminal: tables, sentences, and how it was made.

    Parameters
    ----------
    comparison
        Of two methods or more. Two get a sentence a metric, more get letters and ranks.
    verbose
        List the differences of all pairs of more than two methods, too, and the groups of their ranks.
    """
    many = len(comparison.methods) > 2
    parts = []
    for dataset, images in comparison.images.items():
        rows = [difference for difference in comparison.differences if difference.dataset == dataset]
        title = f"{dataset}, {counted(images, 'image')}"
        parts.append(f"{title}\n{_values_table(comparison, rows) if many else _table(rows, pairs=False)}")
        if many and verbose:
            parts.append(f"{title}: differences of all pairs\n{_table(rows, pairs=True)}")
        elif not many:
            parts.append("\n".join(sentence(difference) for difference in rows))
    if many:
        parts.append(_ranks_text(comparison, verbose))
    parts.append("\n".join(_made(comparison)))
    return printable("\n\n".join(parts), keep="\n")


def _values_table(comparison: Comparison, rows: Sequence[Difference]) -> str:
    """Lay out the values of each method, with letters where differences have been tested."""
    values = {(difference.a, difference.metric): difference.value_a for difference in rows}
    values |= {(difference.b, difference.metric): difference.value_b for difference in rows}
    letters = {metric: comparison.letters(rows[0].dataset, metric) for metric in comparison.metrics}
    lines = [["method", *(METRICS[metric].arrowed for metric in comparison.metrics)]]
    for method in comparison.methods:
        shown = [METRICS[metric].shown(values[method, metric]) for metric in comparison.metrics]
        lines.append([method, *shown])
    table = _lettered(lines, [letters[metric] for metric in comparison.metrics])
    said = [LETTERS_SAID] if any(letters.values()) else []
    untested = [METRICS[metric].words for metric, given in letters.items() if not given]
    if untested and not comparison.caveat:
        said.append(f"{', '.join(untested)}: no letters for fewer than {FEWEST_IMAGES} images.")
    return "\n".join([table, *said])


def _lettered(lines: Sequence[Sequence[str]], letters: Sequence[Mapping[str, str]]) -> str:
    """Lay out a table with the letters of methods, which are first in each row, behind their numbers."""
    widths = [max(map(len, given.values()), default=-1) + 1 for given in letters]
    rows = [
        [
            row[0],
            *(
                cell + f" {given.get(row[0], '')}".ljust(width)[:width]
                for cell, given, width in zip(row[1:], letters, widths, strict=True)
            ),
        ]
        for row in lines
    ]
    return broken(rows, left=(0,), kept=1)


def _table(rows: Sequence[Difference], pairs: bool) -> str:
    numbers = ["95 % interval", "p", "p Holm", "win/tie/loss", "d"]
    head = ["A", "B", "metric", "A - B"] if pairs else ["metric", rows[0].a, rows[0].b, "difference"]
    lines = [[*head, *numbers]]
    for difference in rows:
        metric = METRICS[difference.metric]
        values = [metric.arrowed, metric.shown(difference.value_a), metric.shown(difference.value_b)]
        start = [difference.a, difference.b, metric.arrowed] if pairs else values
        between = "-"
        if difference.low is not None and difference.high is not None:
            low, high = (metric.shown(end, signed=True) for end in (difference.low, difference.high))
            between = f"[{low}, {high}]"
        lines.append(
            [
                *(
                    *start,
                    metric.shown(difference.difference, signed=True),
                    between,
                    shown_p(difference.p),
                    shown_p(difference.holm),
                ),
                f"{difference.wins}/{difference.ties}/{difference.losses}",
                "-" if difference.d is None else f"{difference.d:+.2f}",
            ]
        )
    return aligned(lines, left=(0, 1, 2) if pairs else (0,))


def shown_p(p: float | None) -> str:
    """Return a p-value as tables show it.

    >>> shown_p(0.0312), shown_p(1e-9), shown_p(None)
    ('0.0312', '<0.0001', '-')
    """
    return "-" if p is None else "<0.0001" if p < 5e-5 else f"{p:.4f}"


def sentence(difference: Difference) -> str:
    """Say in words what a difference shows.

    Examples
    --------
    >>> print(sentence(Difference(
    ...     dataset="SOD", metric="weighted_f", a="A", b="B", value_a=0.7243, value_b=0.7222, images=300,
    ...     low=-0.0008, high=0.0050, p=0.15, holm=0.15, wins=160, ties=0, losses=140, d=0.08)))
    A is ahead of B by .0021 in weighted F, 95 % interval [-.0008, .0050]: not distinguishable on these 300
    images.
    """
    gain = difference.sign * difference.difference
    first, second = (difference.a, difference.b) if gain >= 0 else (difference.b, difference.a)
    metric = METRICS[difference.metric]
    digits = metric.decimals(4)
    words = metric.words + ("" if difference.sign > 0 else " (lower is better)")
    start = f"{first} is ahead of {second} by {_short(abs(gain), digits)} in {words}"
    if abs(gain) <= TIE:
        start = f"{first} and {second} are equal in {words}"
    if difference.low is None or difference.high is None or difference.holm is None:
        images = counted(difference.images, difference.unit)
        return f"{start}, on {images}: too few ({FEWEST_IMAGES} needed) to say more."
    flip = difference.sign if gain >= 0 else -difference.sign
    low, high = sorted((flip * difference.low, flip * difference.high))
    return (
        f"{start}, 95 % interval [{_short(low, digits)}, {_short(high, digits)}]: "
        f"{_verdict(difference)}{_aside(difference)}."
    )


def _verdict(difference: Difference) -> str:
    p, adjusted = difference.p or 0.0, difference.holm or 0.0
    these = f"on these {difference.images} {difference.unit}s"
    if difference.significant:
        return f"distinguishable {these} (p = {_short(adjusted)} after Holm)"
    verdict = f"not distinguishable {these}"
    if difference.excludes_zero:
        return f"{verdict}, since p = {_short(p)} becomes {_short(adjusted)} after Holm"
    return f"{verdict}, since the interval includes 0" if adjusted < ALPHA else verdict


def _aside(difference: Difference) -> str:
    """Say what the mean alone does not show: that the difference is small, or due to few images."""
    said = ""
    if difference.significant and difference.d is not None and abs(difference.d) < SMALL_EFFECT:
        said += f"; small against the spread over images (d = {_short(abs(difference.d), 2)})"
    behind, fewer, more = (
        (difference.b, difference.wins, difference.losses)
        if difference.sign * difference.difference > 0
        else (difference.a, difference.losses, difference.wins)
    )
    if abs(difference.difference) > TIE and more > fewer:
        said += f"; yet {behind} is better on {more} of them"
    return said


def _short(value: float, decimals: int = 4) -> str:
    """Return a number without the zero before its point, as papers print it.

    >>> _short(-0.0123), _short(1), _short(-0.00001)
    ('-.0123', '1.0000', '.0000')
    """
    text = f"{round(value, decimals) + 0.0:.{decimals}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def _ranks_text(comparison: Comparison, verbose: bool) -> str:
    ranks = comparison.ranks
    unranked = [METRICS[metric].words for metric in comparison.metrics if metric not in ranks]
    fewer = [f"{', '.join(unranked)}: no ranks for fewer than {FEWEST_IMAGES} images."] if unranked else []
    if not ranks:
        return fewer[0]
    lines = [["method", *(METRICS[metric].arrowed for metric in ranks)]]
    for k, method in enumerate(comparison.methods):
        lines.append([method, *(f"{metric_ranks.mean[k]:.2f}" for metric_ranks in ranks.values())])
    lines.append(["Friedman p", *(shown_p(metric_ranks.p) for metric_ranks in ranks.values())])
    lines.append(
        ["Nemenyi CD", *(f"{metric_ranks.critical_difference:.2f}" for metric_ranks in ranks.values())]
    )
    blocks = " or ".join(
        str(count) for count in sorted({metric_ranks.blocks for metric_ranks in ranks.values()})
    )
    title = f"average ranks over {blocks} {comparison.over} (1 = best)"
    letters = [
        dict(zip(comparison.methods, metric_ranks.letters, strict=True)) for metric_ranks in ranks.values()
    ]
    said = [*(rank_sentence(comparison, metric, verbose) for metric in ranks), *fewer, *_caution(comparison)]
    return "\n".join([title, _lettered(lines, letters), LETTERS_SAID, "", *said])


def _caution(comparison: Comparison) -> list[str]:
    """Return caveats about the ranks."""
    ranks = comparison.ranks
    if comparison.over != "datasets":
        curves = [m.words for m in map(find_metric, ranks) if not part_of(m.id).is_mean(m, Protocol())]
        return [f"Ranks of {', '.join(curves)} are those of each image's own curve."] if curves else []
    fewest = min(metric_ranks.blocks for metric_ranks in ranks.values())
    if fewest >= FEWEST_DATASETS:
        return []
    widest = max(metric_ranks.critical_difference for metric_ranks in ranks.values())
    never = (
        f", and no average ranks can be {widest:.2f} apart" if widest > len(comparison.methods) - 1 else ""
    )
    return [
        f"{fewest} datasets are too few for a test of ranks (about {FEWEST_DATASETS} are needed){never}: "
        "rely on the differences on each dataset."
    ]


def rank_sentence(comparison: Comparison, metric: str, listed: bool = True) -> str:
    """Say in words which methods are best by their ranks of a metric, and list those that do not differ."""
    ranks, methods = comparison.ranks[metric], comparison.methods
    best = " and ".join(methods[k] for k in np.flatnonzero(ranks.mean == ranks.mean.min()))
    start = f"{METRICS[metric].words}: best average rank {best} ({ranks.mean.min():.2f})"
    if ranks.p >= ALPHA:
        return f"{start}; no methods differ significantly (Friedman p = {shown_p(ranks.p)})."
    if not ranks.groups:
        return f"{start}; all methods differ significantly."
    if not listed:
        return f"{start}."
    groups = "; ".join(", ".join(methods[k] for k in group) for group in ranks.groups)
    return f"{start}; not significantly different: {groups}."


def _made(comparison: Comparison) -> list[str]:
    tests = sum(difference.p is not None for difference in comparison.differences)
    kind = {"percentile": "percentile", "bca": "BCa"}[comparison.interval]
    units = " and ".join(dict.fromkeys(f"{difference.unit}s" for difference in comparison.differences))
    if not tests:
        return [f"signature: {signature}" for signature in comparison.signatures.values()]
    said = [
        f"{kind} intervals of a paired bootstrap over {units}, p of a paired permutation, adjusted by Holm "
        f"over {counted(tests, 'test')}; {comparison.resamples} resamples, seed {comparison.seed}"
    ]
    if comparison.caveat:
        said.append(comparison.caveat)
    return [*said, *(f"signature: {signature}" for signature in comparison.signatures.values())]


def comparison_json(comparison: Comparison) -> str:
    """Return a comparison as JSON, in full precision; what is undefined or not given is null."""
    made: dict[str, Any] = {
        "methods": comparison.methods,
        "resamples": comparison.resamples,
        "seed": comparison.seed,
        "interval": comparison.interval,
        "datasets": [
            {"dataset": dataset, "images": comparison.images[dataset], "signature": signature}
            for dataset, signature in comparison.signatures.items()
        ],
        "differences": [_record(difference) for difference in comparison.differences],
        "letters": [
            {"dataset": dataset, "metric": metric, "letters": comparison.letters(dataset, metric) or None}
            for dataset in comparison.images
            for metric in comparison.metrics
            if len(comparison.methods) > 2
        ],
        "ranks": [_ranks_record(comparison, metric) for metric in comparison.ranks],
    }
    return json_text(made)


def _record(difference: Difference) -> dict[str, Any]:
    better = (
        difference.a
        if difference.sign * difference.difference > TIE
        else difference.b
        if abs(difference.difference) > TIE
        else None
    )
    stated = {name: value for name, value in asdict(difference).items() if name != "unit"}
    return {
        **stated,
        "difference": difference.difference,
        "better": better,
        "significant": difference.significant,
    }


def _ranks_record(comparison: Comparison, metric: str) -> dict[str, Any]:
    ranks = comparison.ranks[metric]
    return {
        "metric": metric,
        "over": comparison.over,
        "blocks": ranks.blocks,
        "ranks": dict(zip(comparison.methods, ranks.mean.tolist(), strict=True)),
        "friedman": {"statistic": ranks.statistic, "p": ranks.p},
        "critical_difference": ranks.critical_difference,
        "not_significantly_different": [[comparison.methods[k] for k in group] for group in ranks.groups],
    }


def comparison_csv(comparison: Comparison) -> str:
    """Return the differences as CSV, a line each, in full precision."""
    records = [
        {**_record(difference), "signature": comparison.signatures[difference.dataset]}
        for difference in comparison.differences
    ]
    return sheet_text([list(records[0]), *(record.values() for record in records)])
