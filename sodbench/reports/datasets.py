"""Datasets and their verification as text."""

from collections.abc import Sequence

from sodbench.data.locations import Status
from sodbench.data.verification import Report
from sodbench.utils.text import aligned, counted, printable

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
            images = f"{status.masks}/{dataset.count}"
        lines.append([dataset.name, dataset.role, images, where])
    return printable(aligned(lines, left=(0, 1, 3)), keep="\n")


def verification_text(report: Report, most: int = 10) -> str:
    """Say what was found in a dataset: a line a kind of finding, `most` files of each."""
    location = report.location
    lines = [
        f"{location.dataset.name}: {counted(report.masks, 'mask')} of {report.expected}, "
        f"{counted(report.photos, 'photo')} "
        f"in {location.root} ({location.layout})"
    ]
    for kind, words in FINDINGS.items():
        files = getattr(report, kind)
        lines.append(f"{words}: {len(files) or 'none'}")
        lines += [f"  {file}" for file in files[:most]]
        lines += [f"  and {len(files) - most} more"] if len(files) > most else []
    count = "" if report.masks == report.expected else f": {report.masks} of {report.expected} masks"
    return printable("\n".join([*lines, "ok" if report.ok else f"NOT ok{count}"]), keep="\n")
