"""Scores as text: pure functions from scores to strings. Rounding is done only here."""

import csv
import io
import json
import math
from collections.abc import Sequence

from sodbench.data.locations import Status
from sodbench.data.verification import Report
from sodbench.leaderboard.boards import Board
from sodbench.metrics import METRICS, PAPER_METRICS
from sodbench.scoring.scores import Scores, finite


def text_table(scores: Sequence[Scores], decimals: int = 4) -> str:
    """Lay out scores for a terminal: a table a dataset, the signatures under it.

    Parameters
    ----------
    scores
        Scores with the same metrics.
    decimals
        Digits after the point.
    """
    blocks = []
    for dataset in dict.fromkeys(s.dataset for s in scores):
        rows = [s for s in scores if s.dataset == dataset]
        metrics = [name for name in METRICS if any(name in s.metrics for s in rows)]
        head = [
            "method",
            "n",
            *(f"{METRICS[m].label}{'↑' if METRICS[m].higher_is_better else '↓'}" for m in metrics),
        ]
        lines = [head]
        for s in rows:
            values = s.summary()
            lines.append(
                [printable(s.method), f"{s.n}/{s.of}", *(_shown(values.get(m), decimals) for m in metrics)]
            )
        blocks.append(f"{dataset.partition('@')[0]}\n{aligned(lines, left=(0,))}\n\n{_signatures(rows)}")
    return "\n\n".join(blocks)


def scores_json(scores: Sequence[Scores]) -> str:
    """Return scores as a JSON list, in full precision; undefined values are null."""
    return json.dumps(
        [
            {
                "method": s.method,
                "dataset": s.dataset.partition("@")[0],
                "n": s.n,
                "of": s.of,
                "signature": s.signature,
                "scores": {name: finite(value) for name, value in s.summary().items()},
            }
            for s in scores
        ],
        indent=2,
        allow_nan=False,
    )


def scores_csv(scores: Sequence[Scores]) -> str:
    """Return scores as CSV, a line each, in full precision; undefined values are empty."""
    metrics = [name for name in METRICS if any(name in s.metrics for s in scores)]
    lines = []
    for s in scores:
        values = s.summary()
        cells = [_full(values.get(m)) for m in metrics]
        lines.append([s.method, s.dataset.partition("@")[0], s.n, s.of, *cells, s.signature])
    return _csv(["method", "dataset", "n", "of", *metrics, "signature"], lines)


def images_csv(scores: Sequence[Scores]) -> str:
    """Return the per-image values as CSV, a line an image, in full precision."""
    metrics = [name for name in METRICS if any(name in s.metrics for s in scores)]
    lines = []
    for s in scores:
        frame = s.per_image()
        for image, row in zip(frame.index, frame.to_dict("records"), strict=True):
            cells = [_full(row.get(m)) for m in metrics]
            lines.append([s.method, s.dataset.partition("@")[0], image, *cells, row["notes"]])
    return _csv(["method", "dataset", "image", *metrics, "notes"], lines)


def board_text(board: Board) -> str:
    """Lay out a board for a terminal: its rows, under them their notes and the signature."""
    head = ["method", "year", "backbone", "MB", *(METRICS[m].label for m in PAPER_METRICS), "source"]
    lines = [head]
    for entry in board.entries:
        values = [entry.values.get(metric) for metric in PAPER_METRICS]
        digits = 3 if entry.source == "published" else 4
        shown = ["-" if value is None else f"{value:.{digits}f}" for value in values]
        facts = [entry.method, str(entry.year or "-"), entry.backbone or "-", str(entry.size_mb or "-")]
        lines.append([*facts, *shown, f"{entry.source}{' ' + entry.date if entry.date else ''}"])
    signatures = dict.fromkeys(entry.signature for entry in board.of("measured"))
    under = [f"signature of measured rows: {signature}" for signature in signatures]
    notes = [f"{entry.method} ({entry.source}): {entry.note}" for entry in board.entries if entry.note]
    return "\n".join([board.dataset, aligned(lines, left=(0, 2, 9)), *notes, *under])


def datasets_table(statuses: Sequence[Status]) -> str:
    """List datasets: name, role, images found and expected, place, and what is to be done."""
    lines = [["name", "role", "images", "where"]]
    for status in statuses:
        dataset = status.dataset
        if status.location is None:
            where, images = "not on this disk", str(dataset.count)
        else:
            whole = "complete" if status.complete else "NOT the whole dataset: `sodbench datasets verify`"
            where = f"{status.location.root} ({status.location.layout}; {whole})"
            images = f"{status.found}/{dataset.count}"
        lines.append([dataset.name, dataset.role, images, where])
    return aligned(lines, left=(0, 1, 3))


def verification_text(report: Report, most: int = 10) -> str:
    """Say what was found in a dataset: a line a kind of finding, `most` files of each."""
    location = report.location
    lines = [
        f"{location.dataset.name}: {report.found} masks of {report.expected}, {report.photos} photos "
        f"in {location.root} ({location.layout})"
    ]
    for kind, words in FINDINGS.items():
        files = getattr(report, kind)
        lines.append(f"{words}: {len(files) or 'none'}")
        lines += [f"  {file}" for file in files[:most]]
        lines += [f"  and {len(files) - most} more"] if len(files) > most else []
    return "\n".join([*lines, "ok" if report.ok else "NOT ok"])


FINDINGS = {
    "missing": "missing (mask without photo, photo without mask)",
    "extra": "extra",
    "unreadable": "unreadable",
    "mis_sized": "mask and photo of different sizes",
    "non_binary": "masks with levels other than 0 and 255",
    "empty": "empty masks",
    "full": "masks without background",
    "known_bad": "known to be wrong in some copies",
}
"""What a verification looks for, and in which words."""


def aligned(lines: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Lay out lines of cells as columns; those in `left` flush left."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(widths[k]) if k in left else cell.rjust(widths[k]) for k, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def _csv(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return text.getvalue()


def _signatures(rows: Sequence[Scores]) -> str:
    methods: dict[str, list[str]] = {}
    for s in rows:
        methods.setdefault(s.signature, []).append(printable(s.method))
    if len(methods) == 1:
        return f"signature: {next(iter(methods))}"
    return "\n".join(f"signature of {', '.join(names)}: {signature}" for signature, names in methods.items())


def printable(text: str, keep: str = "") -> str:
    """Keep control characters, and line breaks unless they are to be kept, out of a terminal.

    >>> printable("a" + chr(10)), printable("a" + chr(7) + "b", keep=chr(10))
    ('a?', 'a?b')
    """
    return "".join(letter if letter.isprintable() or letter in keep else "?" for letter in text)


def _shown(value: float | None, decimals: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{decimals}f}"


def _full(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else repr(float(value))
