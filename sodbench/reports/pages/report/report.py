"""The report of some scores: what it gathers, and the page."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path

from sodbench.analysis.against import Resampled, board_steps, board_tests, resampled_board
from sodbench.analysis.compare import adjusted, enough_resamples, paper_metrics
from sodbench.analysis.statistics.resampling import FEWEST_IMAGES
from sodbench.errors import OWN_NAMES, FileError, ScoresError, first_few, nearest
from sodbench.leaderboard.boards import read_boards
from sodbench.leaderboard.folder import boards_folder
from sodbench.metrics import METRICS, check_metrics, narrowed
from sodbench.protocol import PRESETS, differing
from sodbench.reports.pages.charts.chart import CHART_SCRIPTS
from sodbench.reports.pages.charts.theme import THEMES
from sodbench.reports.pages.page import rendered
from sodbench.reports.pages.report.explanations import explanations
from sodbench.reports.pages.report.gallery import MAX_SIZE, MEGABYTE, SIDE, gather_gallery
from sodbench.reports.pages.report.grouping import by_dataset
from sodbench.reports.pages.report.header import ranked_apart, signatures, warned
from sodbench.reports.pages.report.per_image import PER_IMAGE, gather_per_image
from sodbench.reports.pages.report.scores_table import Confidence, scores_table
from sodbench.reports.pages.report.sections import chart_sections
from sodbench.reports.pages.tables import tables_data
from sodbench.scoring.scores import Scores
from sodbench.utils.files import replacing
from sodbench.utils.process import Say, UnitBar, no_bar, release_freed_memory, step_counter
from sodbench.utils.text import counted
from sodbench.utils.urls import PathOrUrl

SEED = 0
FEW_MAPS = 10_000
"""Up to so many maps are resampled `MANY` times, of more `SOME` times, which takes seconds."""
MANY, SOME = 10_000, 1_000

OF_TABLE = 0.4
"""What the table of all images may take of the room beside charts and tables; pictures have the rest."""

PAGE_SUFFIXES = (".html", ".htm")

FRAME = (
    '<iframe title="{title}" srcdoc="{page}" sandbox="allow-scripts allow-downloads" '
    'allow="clipboard-write *" style="width: 100%; height: 48rem; border: 1px solid #888;"></iframe>'
)


@dataclass(frozen=True)
class ReportPage:
    """A page that needs nothing beside it.

    Parameters
    ----------
    title
        Of the page.
    page
        The page, in UTF-8.
    left_out
        What it does not show, and why.
    """

    title: str
    page: bytes = field(repr=False)
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.page)

    @property
    def html(self) -> str:
        """The page as text."""
        return self.page.decode()

    def save(self, path: str | Path) -> Path:
        """Write the page, whole or not at all.

        Raises
        ------
        FileError
            The file's suffix is not that of a page, or it cannot be written.
        """
        file = Path(path)
        check_page(file)
        with replacing(file) as part:
            part.write_bytes(self.page)
        return file

    def _repr_html_(self) -> str:
        """Show the page in a notebook, in a frame of its own."""
        return FRAME.format(title=html.escape(self.title), page=html.escape(self.html))


def check_page(file: Path, option: str = "") -> None:
    """Refuse a file that a browser would not open as a page; `option` names it in the message.

    Raises
    ------
    FileError
        Its suffix is not ``.html``.
    """
    if file.suffix.lower() not in PAGE_SUFFIXES:
        name = f"{option} " if option else ""
        raise FileError(
            f"{file}: {name}writes a page, not {file.suffix or 'a file without suffix'}. Pass "
            f"{file.with_suffix('.html')}."
        )


def report(
    scores: Scores | Iterable[Scores],
    *,
    metrics: str | Sequence[str] = (),
    baseline: str | None = None,
    resamples: int | None = None,
    boards: Path | None = None,
    data: Path | None = None,
    masks: PathOrUrl | None = None,
    maps: PathOrUrl | None = None,
    thumbnails: int = SIDE,
    max_size: float = MAX_SIZE / MEGABYTE,
    command: str = "",
    say: Say = lambda line: None,
    bar: UnitBar = no_bar,
) -> ReportPage:
    """Return a report of scores: tables, charts and pictures in one page.

    Parameters
    ----------
    scores
        Of one method or more on one dataset or more.
    metrics
        Ids, labels or sets; none: the paper's, or where there are none of these, all that were computed.
    baseline
        The method that the others are compared with, where they are scored alike; None: none.
    resamples
        Number of bootstrap resamples; of permutations at least as many. None: 10,000, of more than 10,000
        maps 1,000.
    boards
        Folder of leaderboards, which know the sizes of methods; None: the shipped one.
    data, masks, maps
        Where the pictures lie, if not where they were scored: the folder that holds dataset folders, the
        masks of the one dataset, and a folder of maps.
    thumbnails
        Pixels of a picture's longer side.
    max_size
        Megabytes of the page; pictures that have no room are left out, and named.
    command
        How it is made again, stated at its end.
    say
        Takes what a user should know.
    bar
        Shows the progress of each task.

    Raises
    ------
    ScoresError
        There are no scores, none of the baseline, or two that cannot be told apart; or `max_size` is below 1.
    MetricError
        A metric is unknown, or no scores have it.

    Examples
    --------
    >>> import sodbench
    >>> made = sodbench.report(sodbench.score_folder("preds/PiCANet/SOD", "SOD"))  # doctest: +SKIP
    >>> made.save("report.html")  # doctest: +SKIP
    """
    if not 1 <= max_size < inf:
        raise ScoresError(f"a page of at most {max_size:g} MB: expected 1 or more (--max-size).")
    stored = [scores] if isinstance(scores, Scores) else list(scores)
    given = _named(stored)
    called = {shown.method: own.method for shown, own in zip(given, stored, strict=True)}
    shown = _metrics(given, metrics)
    baseline = baseline or ""
    _check_baseline(given, baseline)
    if masks is not None and len(by_dataset(given)) > 1:
        several = first_few([*by_dataset(given)])
        raise ScoresError(
            f"{masks}: masks are those of one dataset, and there are scores on {several}. Choose one of "
            "these, or give the folder that holds dataset folders (--data)."
        )
    signed = signatures(given, shown)
    number = resamples or (MANY if sum(len(s.rows) for s in given) <= FEW_MAPS else SOME)
    confidence, said = _confidence(given, shown, baseline, number, bar)
    table = scores_table(given, shown, signed, confidence)
    sections = chart_sections(given, shown, read_boards(boards_folder(boards, say)), bar, called)
    release_freed_memory()
    explained = explanations(given, shown, bar)
    release_freed_memory()
    figures = [figure for section in sections for group in section.groups for figure in group.figures]
    figures += [*explained.gaps, *(each.chart for each in explained.methods if each.chart)]
    most = round(max_size * MEGABYTE)
    datasets, methods = list(by_dataset(given)), list(dict.fromkeys(s.method for s in given))
    title = f"{first_few(methods, 3)} on {first_few(datasets, 6)}"
    page = partial(
        rendered,
        "report.html.jinja",
        title=f"Report: {title}",
        heading=title,
        datasets=[
            {"name": name, "methods": len(board), "images": _images(board)}
            for name, board in by_dataset(given).items()
        ],
        methods=methods,
        metrics=[METRICS[name] for name in shown],
        signatures=signed,
        warnings=(*ranked_apart(given, shown), *warned(given)),
        table=table,
        baseline=baseline if confidence.differences else "",
        made=said,
        command=command,
        sections=sections,
        explained=explained,
        scripts=(*CHART_SCRIPTS, "gallery.js", "per_image.js"),
    )
    held = {**tables_data(), "chart-themes": THEMES, **{figure.id: figure.spec for figure in figures}}
    room = most - len(page(gallery=None, per_image=None, data=held))
    per_image = gather_per_image(given, shown[0], shown, budget=round(OF_TABLE * room), max_size=most)
    room -= per_image.size
    release_freed_memory()
    with bar("pictures", "image") as progress:
        gallery = gather_gallery(
            given,
            shown[0],
            shown,
            side=thumbnails,
            budget=room,
            max_size=most,
            data=data,
            masks=masks,
            maps=maps,
            called=called,
            progress=progress,
        )
    release_freed_memory()
    for notice in gallery.notices:
        say(notice)
    left_out = [*gallery.said, *filter(None, [gallery.room]), *per_image.said, *explained.lacks]
    whole = page(gallery=gallery, per_image=per_image, data={**held, PER_IMAGE: per_image.data})
    made = ReportPage(title, whole, tuple(left_out))
    if made.size <= most:
        return made
    return replace(
        made,
        left_out=(
            *left_out,
            f"Larger than the limit of {max_size:g} MB even without pictures and the table of all images.",
        ),
    )


def _images(board: Sequence[Scores]) -> str:
    return " or ".join(dict.fromkeys(f"{s.n}/{s.of}" for s in board))


def _named(scores: Sequence[Scores]) -> list[Scores]:
    """Return the scores; where a method was scored in several ways on a dataset, its name says in which.

    Raises
    ------
    ScoresError
        There are none, one has no images, or two were scored in the same way.
    """
    if not scores:
        raise ScoresError("no scores to report: expected those of one method or more.")
    if empty := [f"{s.method} on {s.dataset_name}" for s in scores if not s.rows]:
        raise ScoresError(f"{first_few(empty)}: no images were scored.")
    homes: dict[tuple[str, str], list[int]] = {}
    for k, s in enumerate(scores):
        homes.setdefault((s.dataset_name, s.method), []).append(k)
    named = list(scores)
    for (dataset, method), places in homes.items():
        if len(places) == 1:
            continue
        ways = [_way(scores[k], scores[places[0]]) for k in places]
        if len(set(ways)) < len(ways):
            raise ScoresError(
                f"{method}: found two scores of this method on {dataset}, expected one. Pass a folder once; "
                "score maps of another version with --method NAME."
            )
        for k, way in zip(places, ways, strict=True):
            named[k] = replace(scores[k], method=f"{method} ({way})")
    return named


def _way(scores: Scores, first: Scores) -> str:
    """Return how scores were made: the preset's name, or in what they differ from the first."""
    for name, preset in PRESETS.items():
        if narrowed(preset, scores.metrics) == scores.protocol:
            return name
    fields = differing(first.signature, scores.signature)
    return ", ".join(f"{key} {value}" for key, (_, value) in fields.items()) or "as scored"


def _metrics(scores: Sequence[Scores], asked: str | Sequence[str]) -> tuple[str, ...]:
    if not asked:
        return paper_metrics(scores)
    metrics = check_metrics(asked)
    if absent := [name for name in metrics if not any(name in s.metrics for s in scores)]:
        scores[0].check_computed(absent)
    return metrics


def _check_baseline(scores: Sequence[Scores], baseline: str) -> None:
    methods = list(dict.fromkeys(s.method for s in scores))
    if baseline and baseline not in methods:
        hint = nearest(baseline, methods, OWN_NAMES)
        raise ScoresError(f"baseline {baseline}: no scores of this method here; {hint}")
    if baseline and len(methods) == 1:
        raise ScoresError(f"baseline {baseline}: no other method to compare with it. Give scores of one.")


def _confidence(
    scores: Sequence[Scores], metrics: Sequence[str], baseline: str, resamples: int, bar: UnitBar
) -> tuple[Confidence, list[str]]:
    """Resample all datasets; return what it gives, and sentences on how."""
    boards = by_dataset(scores)
    tests = sum(board_tests(board, metrics, baseline) for board in boards.values()) if baseline else 0
    permutations = max(resamples, enough_resamples(tests))
    total = sum(board_steps(board, baseline) for board in boards.values())
    found: dict[str, Resampled] = {}
    with bar("intervals", "step") as progress:
        step = step_counter(progress, total)
        for dataset, board in boards.items():
            found[dataset] = resampled_board(
                board, metrics, baseline, resamples=resamples, permutations=permutations, step=step
            )
    differences = adjusted([d for board in found.values() for d in board.differences])
    units = "groups of images" if any(s.counting.grouped for s in scores) else "images"
    said = []
    if any(board.intervals for board in found.values()):
        said.append(
            f"Intervals are 95 % percentile intervals of a bootstrap over {units} ({resamples:,} resamples, "
            f"seed {SEED})."
        )
    if few := [name for name, board in boards.items() if board[0].counting.units < FEWEST_IMAGES]:
        said.append(f"{first_few(few)}: fewer than {FEWEST_IMAGES} {units}, too few for intervals and tests.")
    if differences:
        said.append(
            f"Differences are method minus {baseline}; p is that of a paired permutation ({permutations:,} "
            f"permutations, seed {SEED}), adjusted by Holm's method for {counted(len(differences), 'test')}. "
            "A difference is significant where p is below .05 and its paired 95 % interval excludes 0."
        )
    for dataset, resampled in found.items():
        said += [f"Not compared with {baseline}: {reason}" for reason in resampled.apart.values()]
        if baseline and all(s.method != baseline for s in boards[dataset]):
            said.append(f"{dataset}: no scores of {baseline}, so no differences.")
    return Confidence(found, differences, baseline), said
