"""Datasets and their verification as text."""

from collections.abc import Sequence

from sodbench.data.locations import Status, other_count
from sodbench.data.registry import KINDS, Dataset, Fingerprint, lookup
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
    """List datasets by kind: name, role, images found and expected, place, and what is to be done."""
    lines = [["name", "role", "images", "where"]]
    for kind in KINDS:
        of_kind = [status for status in statuses if status.dataset.kind == kind]
        if of_kind:
            lines += [[kind, "", "", ""], *map(_line, of_kind)]
    text = aligned(lines, left=(0, 1, 3))
    if any(not status.dataset.confirmed for status in statuses):
        text += "\n?: no source confirms this number of images, so it is not checked"
    return printable(text, keep="\n")


def _line(status: Status) -> list[str]:
    dataset = status.dataset
    number = _number(dataset)
    if status.location is None:
        where, images = "not on this disk", number
    else:
        whole = {
            True: "complete",
            False: "NOT the whole dataset: `sodbench datasets verify`",
            None: "whether it is complete is not known",
        }[status.complete]
        where = f"{status.location.root} ({status.location.layout}; {whole})"
        images = f"{status.masks}/{number}"
    return [f"  {dataset.name}", dataset.role, images, where]


def _number(dataset: Dataset) -> str:
    """Write how many images a dataset has; with a question mark if that is not confirmed."""
    return str(dataset.count) if dataset.confirmed else f"{dataset.count or ''}?"


def dataset_text(status: Status) -> str:
    """Say what the registry knows of a dataset, and where it is on this disk."""
    dataset, place = status.dataset, status.location
    number = f"{_number(dataset)} images"
    if dataset.groups:
        number += f" in {counted(dataset.groups, 'group')}"
    if not dataset.confirmed:
        number += " (no source confirms the number of images, so it is not checked)"
    known = dataset.fingerprint
    folders = "; ".join(
        f"{kind} in {' or '.join(names)}"
        for kind, names in (("photos", dataset.images), ("masks", dataset.masks))
        if names
    )
    facts = {
        "kind": f"{dataset.kind}, {dataset.role}",
        "size": number,
        "other versions": [f"{count}: {text}" for count, text in dataset.other_counts.items()],
        "also called": ", ".join(dataset.aliases),
        "on this disk": f"{place.root} ({place.layout}; {counted(status.masks, 'mask')})" if place else "no",
        "folders": folders,
        "ids": "group/name: images lie in a folder for each group" if dataset.grouped else "",
        "mean foreground": f"{_share(known.share)} of a mask ({known.rule}; {_word(known)})" if known else "",
        "empty masks": dataset.empty_masks,
        "traps": list(dataset.traps),
        "to get it": dataset.get,
        "links": list(dataset.urls),
        "paper": f"{dataset.paper}{dataset.doi and ', doi:'}{dataset.doi}",
        "licence": dataset.licence,
    }
    lines = [dataset.name]
    for name, fact in facts.items():
        texts = [fact] if isinstance(fact, str) else fact
        lines += [f"  {'' if k else name:<16}{text}" for k, text in enumerate(text for text in texts if text)]
    return printable("\n".join(lines), keep="\n")


def _share(share: float) -> str:
    return f"{share:.6f}".removeprefix("0")


def _word(known: Fingerprint) -> str:
    return "checked" if known.checked else "reported by another tool, not checked"


def verification_text(report: Report, most: int = 10) -> str:
    """Say what was found in a dataset: a line a kind of finding, `most` files of each."""
    location = report.location
    dataset = lookup(location.dataset.name) or location.dataset
    confirmed = location.dataset.version > 0
    of = f" of {report.expected}" if confirmed or not dataset.registered else ""
    groups = f" in {counted(report.groups, 'group')}" if report.groups else ""
    lines = [
        f"{dataset.name}: {counted(report.masks, 'mask')}{of}{groups}, {counted(report.photos, 'photo')} "
        f"in {location.root} ({location.layout})"
    ]
    if not dataset.confirmed:
        said = f"; {dataset.count} are reported" if dataset.count else ""
        lines.append(f"number of images: not checked, as no source confirms it{said}")
    for kind, words in FINDINGS.items():
        files = getattr(report, kind)
        lines.append(f"{words}: {len(files) or 'none'}")
        lines += [f"  {file}" for file in files[:most]]
        lines += [f"  and {len(files) - most} more"] if len(files) > most else []
    if share := report.share:
        lines.append(f"mean share of foreground: {_share(share)}{_compared(report)}")
    lines += _empty_masks(report, dataset)
    count = "" if report.masks == report.expected else f": {report.masks} of {report.expected} masks"
    if location.dataset.groups not in (0, report.groups):
        count += f"{', ' if count else ': '}{report.groups} of {counted(location.dataset.groups, 'group')}"
    if known := other_count(dataset, report.masks):
        count += f". {known}"
    return printable("\n".join([*lines, "ok" if report.ok else f"NOT ok{count}"]), keep="\n")


def _compared(report: Report) -> str:
    """Say whether the mean share of foreground is the known one."""
    known = report.location.dataset.fingerprint
    if known is None:
        return ""
    value = f"{_share(known.share)} by {known.rule}, {_word(known)}"
    if report.fingerprint is None:
        return f" (not compared with the known value, {value}, as masks are missing or unreadable)"
    if report.fingerprint:
        return f", equals the known value ({value})"
    return f", differs from the known value ({value}): another version of the masks, or another mask rule"


def _empty_masks(report: Report, dataset: Dataset) -> list[str]:
    """Say which metrics the empty masks decide, where they are a considerable share."""
    if not report.empty:
        return []
    from sodbench.metrics import METRICS
    from sodbench.scoring.notices import CONSIDERABLE, on_empty_mask

    if len(report.empty) < CONSIDERABLE * report.masks:
        return []
    worst, undefined = (", ".join(METRICS[name].label for name in names) for names in on_empty_mask())
    known = f" {dataset.name}: {dataset.empty_masks}." if dataset.empty_masks else ""
    return [
        f"{len(report.empty)} of {counted(report.masks, 'mask')} are empty; they decide scores: there even "
        f"an empty map, which is right, has the worst {worst}, and {undefined} is undefined.{known}"
    ]
