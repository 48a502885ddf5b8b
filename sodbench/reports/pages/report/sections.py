"""The charts of a report, in sections with a sentence on how to read them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from sodbench.analysis.attributes import attribute_groups
from sodbench.analysis.breakdown import breakdown
from sodbench.analysis.statistics.ranks import friedman
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES
from sodbench.errors import LeaderboardError, first_few
from sodbench.leaderboard.boards import Board
from sodbench.leaderboard.submission import MethodFacts, entry_from
from sodbench.metrics import METRICS
from sodbench.reports.compare import FEWEST_DATASETS
from sodbench.reports.figures.panels import OF_CURVES, scores_curves
from sodbench.reports.figures.size import sized
from sodbench.reports.pages.charts.attributes import attribute_chart
from sodbench.reports.pages.charts.chart import ChartFigure
from sodbench.reports.pages.charts.curves import f_chart, pr_chart
from sodbench.reports.pages.charts.distribution import distribution_chart
from sodbench.reports.pages.charts.ranks import ranks_chart
from sodbench.reports.pages.charts.size import size_chart
from sodbench.reports.pages.charts.theme import Spec
from sodbench.reports.pages.report.grouping import alike, by_dataset, having
from sodbench.scoring.scores import Scores
from sodbench.utils.process import UnitBar, step_counter

RESAMPLES = 1_000
"""Of groups of images, as for the band of a curve."""

MOST_GROUPED = 10_000
"""Images of a dataset, over all methods, up to which they are resampled group by group."""


@dataclass(frozen=True)
class ChartGroup:
    """Charts side by side, folded under a title where there is one."""

    figures: tuple[ChartFigure, ...]
    title: str = ""


@dataclass(frozen=True)
class ChartSection:
    """A section: its title, in short, too; how its charts are read, the charts, and what they lack."""

    id: str
    title: str
    short: str
    reading: str
    groups: tuple[ChartGroup, ...]
    lacks: tuple[str, ...] = ()


def chart_sections(
    scores: Sequence[Scores],
    metrics: Sequence[str],
    boards: Mapping[str, Board],
    bar: UnitBar,
    called: Mapping[str, str],
) -> list[ChartSection]:
    """Return the sections that have a chart.

    Parameters
    ----------
    scores
        Each method once a dataset.
    metrics
        What is drawn, the first one unfolded.
    boards
        Which know the sizes of methods.
    bar
        Shows the progress of resampling.
    called
        Method -> its name on leaderboards.
    """
    sections = [
        _curves(scores),
        _distributions(scores, metrics),
        _ranks(scores, metrics),
        _sizes_of_objects(scores, metrics, bar),
        _sizes_of_models(scores, metrics, boards, bar, called),
    ]
    return [section for section in sections if section.groups]


def _curves(scores: Sequence[Scores]) -> ChartSection:
    groups: list[ChartGroup] = []
    lacks: list[str] = []
    boards = by_dataset(scores)
    among = list(dict.fromkeys(s.method for s in scores))
    numbers = count()
    for dataset, board in boards.items():
        groups_of_board = alike(board, OF_CURVES)
        for group in groups_of_board:
            (curves,) = scores_curves(group).values()
            said = dataset if len(group) == len(board) else f"{dataset}, {_names(group)}"
            figures = tuple(
                ChartFigure(f"chart-{kind}-{next(numbers)}", draw(curves, dataset, among), caption)
                for kind, draw, caption in (
                    ("pr", pr_chart, f"Precision and recall on {said}."),
                    ("f", f_chart, f"F-measure against the threshold on {said}."),
                )
            )
            groups.append(ChartGroup(figures))
        if len(groups_of_board) > 1:
            lacks.append(f"{dataset}: curves that were made differently have charts of their own.")
    return ChartSection(
        "curves",
        "Precision, recall and F",
        "Curves",
        "Each point of a curve is one threshold on the maps. Precision and recall: nearer to the upper right "
        "corner is better. F: higher is better, and a flat curve depends little on the threshold.",
        tuple(groups),
        tuple(lacks),
    )


def _by_metric(
    kind: str,
    scores: Sequence[Scores],
    metrics: Sequence[str],
    draw: Callable[[Sequence[Scores], str], tuple[Spec, str] | None],
) -> tuple[ChartGroup, ...]:
    """Return a group a metric, with a chart for each set of scores of a dataset that are alike in it."""
    groups: list[ChartGroup] = []
    numbers = count()
    for metric in metrics:
        figures = []
        for board in by_dataset(scores).values():
            for group in alike(having(board, metric), [metric]):
                if drawn := draw(group, metric):
                    figures.append(ChartFigure(f"chart-{kind}-{next(numbers)}", *drawn))
        if figures:
            label = METRICS[metric].label
            groups.append(ChartGroup(tuple(figures), f"By {label}" if groups else ""))
    return tuple(groups)


def _distributions(scores: Sequence[Scores], metrics: Sequence[str]) -> ChartSection:
    among = list(dict.fromkeys(s.method for s in scores))

    def draw(group: Sequence[Scores], metric: str) -> tuple[Spec, str] | None:
        values = {s.method: s.values(metric) for s in group}
        if all(np.isnan(own).all() for own in values.values()):
            return None
        dataset = group[0].dataset_name
        return (
            distribution_chart(values, metric, dataset, among),
            f"{METRICS[metric].label} of each image of {dataset}.",
        )

    return ChartSection(
        "distributions",
        "Scores of the images",
        "Distribution",
        "How the scores of single images spread: the wider an outline, the more images have that score. The "
        "bar is the middle half of the images, the mark in it their median. Max F of an image is that of its "
        "own curve.",
        _by_metric("distribution", scores, metrics, draw),
    )


def _ranks(scores: Sequence[Scores], metrics: Sequence[str]) -> ChartSection:
    boards = by_dataset(scores)
    groups: list[ChartGroup] = []
    lacks: list[str] = []
    several = len(boards) > 1
    for k, metric in enumerate(metrics):
        blocks, methods, why = _blocks(list(boards.values()), metric)
        if blocks is None:
            if why:
                lacks.append(f"{METRICS[metric].label}: {why}.")
            continue
        ranks = friedman(blocks, METRICS[metric].higher_is_better)
        over = "datasets" if several else "groups" if scores[0].counting.grouped else "images"
        figure = ChartFigure(
            f"chart-ranks-{k}",
            ranks_chart(methods, ranks, metric, over),
            f"Average ranks by {METRICS[metric].label} over {ranks.blocks} {over}.",
        )
        groups.append(ChartGroup((figure,), f"By {METRICS[metric].label}" if groups else ""))
    if several and groups and len(boards) < FEWEST_DATASETS:
        lacks.append(
            f"{len(boards)} datasets are too few for a test of ranks (about {FEWEST_DATASETS} are needed): "
            "rely on the differences on each dataset."
        )
    return ChartSection(
        "ranks",
        "Critical differences",
        "Ranks",
        "Average rank of each method, 1 the best. A bar joins methods that do not differ significantly by "
        "Friedman's test and Nemenyi's critical difference at the 5 % level.",
        tuple(groups),
        tuple(dict.fromkeys(lacks)),
    )


def _blocks(boards: Sequence[Sequence[Scores]], metric: str) -> tuple[np.ndarray | None, list[str], str]:
    """Return ``(blocks, methods)`` of a metric, the methods that all datasets have; or None, and why."""
    common = [
        s.method
        for s in boards[0]
        if all(any(o.method == s.method and metric in o.metrics for o in board) for board in boards)
    ]
    if len(common) < 3:
        return None, [], ""
    of_boards = [[next(s for s in board if s.method == method) for method in common] for board in boards]
    if any(len(alike(having(board, metric), [metric])) > 1 for board in of_boards):
        return None, [], "methods were scored differently, and have no common ranks"
    if any(s.rows.keys() != board[0].rows.keys() for board in of_boards for s in board):
        return None, [], "methods were scored on other images, and have no common ranks"
    if len(of_boards) > 1:
        values = np.array([[s.summary()[metric] for s in board] for board in of_boards])
        fewest = 2
    else:
        values = np.stack([s.counting.unit_values(s.values(metric)) for s in of_boards[0]], axis=1)
        fewest = FEWEST_IMAGES
    if int((~np.isnan(values).any(axis=1)).sum()) < fewest:
        units = "groups" if of_boards[0][0].counting.grouped else "images"
        return None, [], f"no ranks over fewer than {fewest} {units if fewest > 2 else 'datasets'}"
    return values, common, ""


def _sizes_of_objects(scores: Sequence[Scores], metrics: Sequence[str], bar: UnitBar) -> ChartSection:
    among = list(dict.fromkeys(s.method for s in scores))
    boards = by_dataset(scores)
    drawn: dict[tuple[str, str], list[tuple[Spec, str]]] = {}
    lacks: list[str] = []
    with bar("sizes of objects", "step") as progress:
        step = step_counter(progress, len(boards))
        for dataset, board in boards.items():
            lacks += _draw_sizes(dataset, board, metrics, among, drawn)
            step()
    numbers = count()
    groups: list[ChartGroup] = []
    for metric in metrics:
        figures = tuple(
            ChartFigure(f"chart-object-size-{next(numbers)}", *each)
            for dataset in boards
            for each in drawn.get((dataset, metric), ())
        )
        if figures:
            groups.append(ChartGroup(figures, f"By {METRICS[metric].label}" if groups else ""))
    return ChartSection(
        "object-sizes",
        "Size of the object",
        "Object size",
        "Scores of images whose object fills less than 10 %, 10 to 25 %, 25 to 50 %, and more of the image, "
        f"with 95 % intervals ({RESAMPLES:,} resamples; none for fewer than {FEWEST_IMAGES} images). Images "
        "with an empty mask are in no group.",
        tuple(groups),
        tuple(lacks),
    )


def _draw_sizes(
    dataset: str,
    board: Sequence[Scores],
    metrics: Sequence[str],
    among: Sequence[str],
    drawn: dict[tuple[str, str], list[tuple[Spec, str]]],
) -> list[str]:
    """Draw the charts of a dataset, and say what was too much to be resampled."""
    total = sum(len(s.rows) for s in board)
    if total > MOST_GROUPED:
        return [
            f"{dataset}: not drawn, as {total:,} maps take long to resample in groups; "
            "`sodbench compare --by size` does it."
        ]
    for group, common in _alike_in(board, metrics):
        if len(group) < 2 or any(s.rows.keys() != group[0].rows.keys() for s in group):
            continue
        table = group[0].table
        shares = dict(zip(table.ids, map(_share, *table.pixels.T.tolist()), strict=True))
        grouped = attribute_groups("size", shares)
        only = [replace(s, metrics=tuple(common)) for s in group]
        for one in breakdown(only, "size", grouped, common, resamples=RESAMPLES):
            if all(math.isnan(value) for each in one.groups for value in each.values):
                continue
            caption = f"{METRICS[one.metric].label} by the size of the object on {dataset}."
            drawn.setdefault((dataset, one.metric), []).append((attribute_chart(one, among), caption))
    return []


def _share(inside: float, outside: float) -> float:
    return float(inside) / float(inside + outside) if inside else float("nan")


def _alike_in(board: Sequence[Scores], metrics: Sequence[str]) -> Iterable[tuple[list[Scores], list[str]]]:
    """Yield scores that are alike in some metrics, which are taken together where the same scores are."""
    together: dict[tuple[str, ...], tuple[list[Scores], list[str]]] = {}
    for metric in metrics:
        for group in alike(having(board, metric), [metric]):
            together.setdefault(tuple(s.method for s in group), (group, []))[1].append(metric)
    return together.values()


def _sizes_of_models(
    scores: Sequence[Scores],
    metrics: Sequence[str],
    boards: Mapping[str, Board],
    bar: UnitBar,
    called: Mapping[str, str],
) -> ChartSection:
    own = list(dict.fromkeys(s.method for s in scores))
    sizes = {row.method: row.size_mb for board in boards.values() for row in board.entries if row.size_mb}
    facts = {method: sizes[name] for method, name in called.items() if name in sizes}
    without = [method for method in own if method not in facts]
    merged: dict[str, Board] = {}
    lacks: list[str] = []
    for s in scores:
        board = merged.get(s.dataset_name, boards.get(s.dataset_name))
        if board is None or s.method not in facts:
            continue
        try:
            row = entry_from(s, MethodFacts(size_mb=float(facts[s.method])))
        except LeaderboardError as error:
            lacks.append(str(error))
            continue
        merged[s.dataset_name] = board.put(row)
    metric, figures = metrics[0], []
    with bar("sizes of weights", "dataset") as progress:
        step = step_counter(progress, len(merged))
        for k, (dataset, board) in enumerate(merged.items()):
            if any(metric in row.values and row.size_mb for row in board.entries if row.method in own):
                shown, _ = sized(board, metric)
                caption = f"{METRICS[metric].label} against the size of the weights on {dataset}."
                figures.append(ChartFigure(f"chart-size-{k}", size_chart(shown, metric, own), caption))
            step()
    if figures and without:
        lacks.insert(
            0,
            f"No size is known of {first_few(without)}: `sodbench leaderboard add SCORES --boards DIR "
            "--size-mb MB`, then pass --boards DIR.",
        )
    return ChartSection(
        "model-sizes",
        "Size of the weights",
        "Model size",
        "Scores against the size of the weights' file, beside the rows of the leaderboard: filled are values "
        "as printed in papers, hollow are measured ones, red are those of this report. Upper left is best "
        "where higher is better.",
        (ChartGroup(tuple(figures)),) if figures else (),
        tuple(lacks),
    )


def _names(board: Sequence[Scores]) -> str:
    return first_few([s.method for s in board], 3)
