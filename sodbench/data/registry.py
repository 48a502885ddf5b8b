"""The registry of datasets: those of ``datasets.toml``, and of the user's own file."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from shlex import quote
from typing import NamedTuple, TypeGuard
from unicodedata import normalize

from sodbench.errors import OWN_NAMES, DatasetError, ProtocolError, first_few, nearest
from sodbench.protocol import parse_mask_rule
from sodbench.utils.files import config_file, shipped
from sodbench.utils.text import shortened
from sodbench.utils.toml import FLAG, TEXT, Check, checked_table, parse_toml, toml_content

KINDS = (*("salient", "high resolution", "camouflaged", "RGB-D", "RGB-T", "co-salient", "video", "demo"),)
"""What datasets are for, in the order in which they are listed."""


class Fingerprint(NamedTuple):
    """The mean over masks of their share of foreground, which tells versions of a dataset's masks apart.

    `rule` says which levels count as foreground. `checked` is False for a value that another tool reports and
    that was not computed from the masks by sodbench.
    """

    share: float
    rule: str = ">128"
    checked: bool = False


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset's registry entry; its fields are the keys of ``datasets.toml``, explained there.

    `version` is 0 and `registered` False for masks of an unregistered dataset.

    Parameters
    ----------
    kind
        One of `KINDS`.
    confirmed
        False: no source confirms the `count` (0: not even reported), so it is not checked, and the
        signature names the masks by their content in place of `version`.
    grouped, groups
        Whether images lie in one folder a group or video (ids are ``group/name``), and how many groups
        there are, 0 if that is not known.
    fingerprint
        Mean share of foreground of the masks, None if it is not known.
    other_counts
        Other numbers of masks that circulate, and what such a copy is.
    empty_masks
        What a reader of scores should know where a considerable share of the masks is empty.
    """

    name: str
    version: int
    count: int = 0
    kind: str = "salient"
    role: str = "test"
    confirmed: bool = True
    grouped: bool = False
    groups: int = 0
    fingerprint: Fingerprint | None = None
    aliases: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    image_suffix: str = ".jpg"
    mask_suffix: str = ".png"
    mask_threshold: str | None = None
    distinctive: bool = False
    grey_masks: bool = False
    builtin: bool = False
    urls: tuple[str, ...] = ()
    hashes: str = ""
    get: str = ""
    removed: tuple[str, ...] = ()
    known_bad: tuple[str, ...] = ()
    other_counts: Mapping[str, str] = field(default_factory=dict, hash=False)
    empty_masks: str = ""
    traps: tuple[str, ...] = ()
    paper: str = ""
    doi: str = ""
    licence: str = ""
    registered: bool = True


def registry(extra: Path | None = None) -> dict[str, Dataset]:
    """Read the shipped datasets and the user's.

    Parameters
    ----------
    extra
        The user's file; by default SODBENCH_DATASETS, else ``datasets.toml`` in the user's config
        folder if there is one.

    Raises
    ------
    DatasetError
        A file is missing or malformed, or two datasets share a name. The message names file, entry and key.
    """
    datasets: dict[str, Dataset] = {}
    owner: dict[str, str] = {}
    for file in (shipped("data/datasets.toml", "datasets.toml").path, _own_file(extra)):
        for dataset in _read(file) if file else ():
            names = {fold(name): name for name in (*dataset.aliases, dataset.name)}
            if taken := names.keys() & owner.keys():
                key = min(taken)
                where = f"{file}: [{dataset.name}]"
                raise DatasetError(
                    f"{where}: the name {names[key]} already belongs to {owner[key]}. Choose another."
                )
            owner.update(dict.fromkeys(names, dataset.name))
            datasets[dataset.name] = dataset
    return datasets


def find(name: str) -> Dataset:
    """Return the dataset of this name or alias; case, ``-``, ``_`` and spaces do not matter.

    Raises
    ------
    DatasetError
        There is none; the message names the nearest ones.
    """
    check_no_path(name)
    dataset = lookup(name)
    if dataset is None:
        way = f". For the folder of that name: {_PATH_OPTIONS}" if os.path.isdir(name) else ""  # noqa: PTH112
        raise DatasetError(f"unknown dataset {name}; {nearest_dataset(name)}{way}")
    return dataset


def nearest_dataset(name: str) -> str:
    """Return a hint that names registered datasets of a very similar name, or all of them.

    >>> nearest_dataset("ECSD")
    'did you mean ECSSD?'
    """
    return nearest(name, list(registry()), alike=OWN_NAMES)


_PATH_OPTIONS = (
    "pass a folder of masks with --masks, one of photos with --images, and the one that holds dataset "
    "folders with --data."
)


def check_no_path(name: str) -> None:
    """Refuse a path where the name of a dataset is expected, and say which options take one.

    Raises
    ------
    DatasetError
        The name is a path.
    """
    if "/" in name or os.sep in name or name in (".", ".."):
        way = f"P{_PATH_OPTIONS[1:]}"
        if dataset := lookup(Path(name).name):
            way = f"Give the name {dataset.name}, with --data {quote(str(Path(name).parent))}."
        raise DatasetError(
            f"{name}: is a path, expected the name of a dataset (`sodbench datasets` lists them). {way}"
        )


def lookup(name: str) -> Dataset | None:
    """Return the dataset of this name or alias, or None."""
    named = {fold(key): d for d in registry().values() for key in (d.name, *d.aliases)}
    return named.get(fold(name))


def fold(name: str) -> str:
    """Return the form in which names are compared.

    >>> fold("DUT-OMRON") == fold("dut_omron")
    True
    """
    return re.sub(r"[-_ ]", "", normalize("NFC", name)).casefold()


def _own_file(extra: Path | None) -> Path | None:
    if extra is not None:
        return extra
    if chosen := os.environ.get("SODBENCH_DATASETS"):
        return Path(chosen)
    file = config_file("datasets.toml")
    return file if os.path.lexists(file) else None


def _read(file: Path) -> tuple[Dataset, ...]:
    return _parsed(file, toml_content(file))


@lru_cache(maxsize=4)
def _parsed(file: Path, data: bytes) -> tuple[Dataset, ...]:
    """Parse a file once for each content: one command looks up datasets many times."""
    return tuple(_dataset(file, name, table) for name, table in parse_toml(file, data).items())


def _dataset(file: Path, name: str, table: object) -> Dataset:
    where = f"{file}: [{name}]"
    if not isinstance(table, dict):
        raise DatasetError(f"{where}: found {shortened(table)}, expected a table of facts about a dataset.")
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise DatasetError(f"{where}: a name may hold letters, digits and _ . + - only.")
    facts = checked_table(where, table, _KEYS, DatasetError)
    needed = ("version", "count") if table.get("confirmed", True) else ("version",)
    if missing := [key for key in needed if key not in table]:
        raise DatasetError(f"{where}: {first_few(missing)} is missing.")
    if facts.get("groups") and not facts.get("grouped"):
        raise DatasetError(f"{where}: groups is {facts['groups']}, expected grouped = true beside it.")
    if known := facts.get("fingerprint"):
        facts["fingerprint"] = Fingerprint(**known)
    dataset = Dataset(name=name, **facts)
    if dataset.builtin:
        from sodbench.data.demo import demo_names

        return replace(dataset, count=len(demo_names()))
    if dataset.count == 0 and dataset.confirmed:
        raise DatasetError(f"{where}: count is 0, expected the number of masks.")
    return dataset


def _is_rule(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(parse_mask_rule(value))
    except ProtocolError:
        return False


def _is_fingerprint(value: object) -> bool:
    return (
        isinstance(value, dict)
        and {"share"} <= value.keys() <= {"share", "rule", "checked"}
        and isinstance(value["share"], float)
        and 0 < value["share"] < 1
        and _is_rule(value.get("rule", ">128"))
        and isinstance(value.get("checked", False), bool)
    )


def _is_folders(value: object) -> bool:
    return _is_strings(value) and not any(Path(v).is_absolute() or ".." in Path(v).parts for v in value)


def _is_strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(v, str) and v for v in value)


_TEXTS = ("a list of strings", _is_strings)
_FOLDERS = ("a list of folders inside the dataset's own", _is_folders)
_SUFFIX = ('a suffix such as ".png"', lambda v: isinstance(v, str) and re.fullmatch(r"\.\w+", v) is not None)
_KEYS: dict[str, Check] = {
    "version": ("a whole number from 1", lambda v: type(v) is int and v >= 1),
    "count": ("the number of masks", lambda v: type(v) is int and v >= 0),
    "kind": (f"one of {', '.join(KINDS)}", lambda v: v in KINDS),
    "role": ("test, train or demo", lambda v: v in ("test", "train", "demo")),
    "confirmed": FLAG,
    "grouped": FLAG,
    "groups": ("the number of groups", lambda v: type(v) is int and v >= 1),
    "fingerprint": (
        'a table such as {share = 0.235, rule = ">128", checked = true}, rule and checked optional',
        _is_fingerprint,
    ),
    "aliases": _TEXTS,
    "images": _FOLDERS,
    "masks": _FOLDERS,
    "image_suffix": _SUFFIX,
    "mask_suffix": _SUFFIX,
    "mask_threshold": ('a rule such as ">128"', _is_rule),
    "distinctive": FLAG,
    "grey_masks": FLAG,
    "builtin": FLAG,
    "urls": _TEXTS,
    "hashes": TEXT,
    "get": TEXT,
    "removed": _TEXTS,
    "known_bad": _TEXTS,
    "other_counts": (
        "a table of counts and strings",
        lambda v: isinstance(v, dict) and all(k.isdigit() and isinstance(t, str) for k, t in v.items()),
    ),
    "empty_masks": TEXT,
    "traps": _TEXTS,
    "paper": TEXT,
    "doi": TEXT,
    "licence": TEXT,
}


def dataset_name(name: str) -> str:
    """Return a registered dataset's name as it is registered, any other name unchanged."""
    dataset = lookup(name)
    return dataset.name if dataset else name
