"""The tables of these pages that follow from the program: ``python docs/tables.py`` writes them anew.

Each stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``; ``tests/docs/test_tables.py``
compares them.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from sodbench.data.registry import KINDS, Dataset, registry
from sodbench.metrics import METRICS, protocol_fields
from sodbench.protocol import ORIGINS, PRESETS, Protocol
from sodbench.protocol.conventions import CONVENTIONS, UNKNOWN
from sodbench.protocol.signature import DERIVED

DOCS = Path(__file__).parent
BETWEEN = re.compile(r"(<!-- table: (\w+) -->).*?(<!-- end of table -->)", re.DOTALL)

ALL = "all"
MANY = "IoU etc."
FAMILIES = {
    "fmeasure": "F",
    "mae": "MAE",
    "weighted_f": "wF",
    "smeasure": "S",
    "relaxed_f": "relaxed F",
    "emeasure": "E",
    "size_invariant": "SI",
    "context": "Cm",
    "hce": "HCE",
    "overlap": MANY,
    "auc": "AUC, AP",
    "mba": "mBA",
    "biou": "BIoU",
    "grey_biou": "grey BIoU",
}
"""What the families of metrics are called in the column that says what a field acts on."""


HEADINGS = {
    "salient": "Salient objects",
    "high resolution": "High resolution",
    "camouflaged": "Camouflaged objects",
    "RGB-D": "RGB-D",
    "RGB-T": "RGB-T",
    "co-salient": "Groups of images",
    "video": "Videos",
    "demo": "Built in",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: object) -> str:
    """Return some text as code, empty text as it is."""
    return f"`{text}`" if str(text) else ""


def presets() -> str:
    """Return the presets, and whose conventions they are."""
    return table(["`--protocol`", "whose conventions"], ([code(name), ORIGINS[name]] for name in PRESETS))


def protocol_table() -> str:
    """Return every field of a protocol, its values, what they mean and who uses them."""
    rows = []
    for spec in fields(Protocol):
        field, about = spec.name, spec.metadata
        shown = [code(f"--{field.replace('_', '-')}"), code(about["key"]), acted_on(field)]
        for value, (meaning, who) in values(field, about).items():
            rows.append([shown[0], code(value), meaning, who, *shown[1:]])
            shown = ["", "", ""]
    return table(["option", "value", "meaning", "who uses it", "in the signature", "acts on"], rows)


def values(field: str, about: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """Return the values of a field with their meaning and their users, the default first."""
    found = {}
    for convention in CONVENTIONS:
        if set(convention.protocol) == {field}:
            value = _shown(convention.protocol[field])
            found[value] = (convention.text, users(field, convention.protocol[field], convention.tools))
    further = [*about.get("choices", ()), *(getattr(preset, field) for preset in PRESETS.values())]
    for value in [*further, *(value for of, value in _MEANINGS if of == field)]:
        if _shown(value) not in found:
            found[_shown(value)] = (_MEANINGS[field, _shown(value)], users(field, value, ""))
    default = _shown(getattr(Protocol(), field))
    return {default: found.pop(default)} | found


_MEANINGS = {
    ("mask_threshold", "norm>128"): "masks: object above 128 after dividing by their maximum and times 255",
    ("normalise_mae", "max"): "for MAE alone, divided by their maximum",
    ("normalise_mae", "none"): "for MAE alone, divided by 255",
    ("resize", "exact"): "a map of another size than its mask is an error",
    ("resize", "bilinear"): "such a map is resized to its mask, bilinear",
    ("resize", "nearest"): "such a map is resized to its mask, nearest",
    ("degenerate", "skip"): "images with an empty mask or an all-zero map left out of every mean",
    ("group_average", "images"): "mean of all images",
    ("group_average", "groups"): "mean of the means of groups or videos (ids `group/name`)",
}
"""What values mean that are no convention which `explain` tries."""


def users(field: str, value: object, tools: str) -> str:
    """Return the presets that have a value, and who else is known to use it."""
    having = [code(name) for name, preset in PRESETS.items() if getattr(preset, field) == value]
    named = re.split(r", (?![^(]*\))", tools)
    shown_above = {"", UNKNOWN, "the default here"}
    others = [
        name for name in named if name not in shown_above and code(name.partition(" ")[0]) not in having
    ]
    shown = [ALL] if len(having) == len(PRESETS) else having
    return ", ".join([*shown, *others]) or "-"


def acted_on(field: str) -> str:
    """Return which metrics depend on a field."""
    found: dict[str, None] = {}
    for metric in METRICS:
        acting = protocol_fields([metric])
        acting |= {name for derived in acting & set(DERIVED) for name in DERIVED[derived]}
        if field in acting:
            found[FAMILIES[family(metric)]] = None
    return ALL if len(found) == len(FAMILIES) else ", ".join(found)


def family(metric: str) -> str:
    """Return the module that a metric is defined in."""
    return METRICS[metric].function.__module__.rpartition(".")[2]


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def datasets() -> str:
    """Return the registered datasets by kind, with what a user needs to know of them."""
    shipped = tomllib.loads((DOCS.parent / "datasets.toml").read_text("utf-8"))
    known = {name: dataset for name, dataset in registry().items() if name in shipped}
    parts = []
    for kind in KINDS:
        of_kind = [dataset for dataset in known.values() if dataset.kind == kind]
        parts.append(f"## {HEADINGS[kind]}\n\n" + "\n\n".join(map(dataset_entry, of_kind)))
    return "\n\n".join(parts)


def dataset_entry(dataset: Dataset) -> str:
    """Return what is known of a dataset."""
    lines = [f"### {dataset.name}", ""]
    lines += [f"- {line}" for line in facts(dataset)]
    return "\n".join(lines)


def facts(dataset: Dataset) -> list[str]:
    """Return what is known of a dataset, a sentence a line."""
    lines = [size(dataset)]
    if dataset.aliases:
        lines.append(f"Other names: {', '.join(map(code, dataset.aliases))}.")
    if dataset.masks:
        folders = [f"masks {', '.join(map(code, dataset.masks))}"]
        folders += [f"photos {', '.join(map(code, dataset.images))}"] if dataset.images else []
        lines.append(f"Folders, beside the common ones: {'; '.join(folders)}.")
    if dataset.get:
        lines.append(f"How to get it: {linked(dataset.get)}.")
    lines += [f"{code(url)}" for url in dataset.urls if url not in dataset.get]
    if dataset.hashes:
        lines.append(f"{dataset.hashes[0].upper()}{dataset.hashes[1:]}.")
    lines += [f"Trap: {trap}." for trap in dataset.traps]
    lines += [f"A copy with {count} images: {what}." for count, what in dataset.other_counts.items()]
    listed = {"Removed since older releases": dataset.removed, "Wrong in some copies": dataset.known_bad}
    for what, stems in listed.items():
        lines += [f"{what}: {', '.join(map(code, stems))}."] if stems else []
    if dataset.fingerprint:
        share, rule, checked = dataset.fingerprint
        source = "computed from the masks" if checked else "as another tool reports it"
        lines.append(f"Mean share of foreground ({code(rule)}): {share}, {source}.")
    if dataset.empty_masks:
        lines.append(f"Empty masks: {dataset.empty_masks}.")
    if dataset.paper:
        doi = f", [doi:{dataset.doi}](https://doi.org/{dataset.doi})" if dataset.doi else ""
        lines.append(f"Paper: {dataset.paper}{doi}.")
    if dataset.licence:
        lines.append(f"Licence: {dataset.licence}.")
    return lines


def size(dataset: Dataset) -> str:
    """Return how many images a dataset has, and what they are for."""
    if dataset.builtin:
        return "8 images, built in."
    known = f"{dataset.count} images" if dataset.count else "Number of images not known"
    doubt = "" if dataset.confirmed else " (no source confirms the number, so it is not checked)"
    groups = f", in {dataset.groups} groups or videos" if dataset.groups else ""
    grey = "; masks hold more levels than 0 and 255" if dataset.grey_masks else ""
    return f"{known}{doubt}{groups}; {'for training' if dataset.role == 'train' else 'a test set'}{grey}."


def linked(text: str) -> str:
    """Return a text in which addresses are code."""
    return re.sub(r"https?://[^\s,;)]+", lambda found: code(found[0]), text)


TABLES: Mapping[str, Callable[[], str]] = {
    "presets": presets,
    "protocol": protocol_table,
    "datasets": datasets,
}


def filled(page: str) -> str:
    """Return a page with its tables made anew."""
    return BETWEEN.sub(lambda found: f"{found[1]}\n\n{TABLES[found[2]]()}\n\n{found[3]}", page)


def main() -> None:
    """Write the tables of every page."""
    for file in sorted(DOCS.glob("*.md")):
        page = file.read_text("utf-8")
        if filled(page) != page:
            file.write_text(filled(page), encoding="utf-8")


if __name__ == "__main__":
    main()
