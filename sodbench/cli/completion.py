"""What a shell completes: names of datasets, metrics, models, methods and attributes.

Nothing heavy is imported, since a shell waits for the answer.
"""

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from sodbench.errors import SodbenchError

METRIC_IDS = (
    "max_f", "mae", "weighted_f", "s_measure", "relax_f", "mean_f", "adp_f", "max_e", "mean_e", "adp_e",
    "si_f", "si_mean_f", "si_mae", "context",
    "hce",
    "max_iou", "mean_iou", "adp_iou", "bin_iou", "max_dice", "mean_dice", "adp_dice", "bin_dice",
    "min_ber", "mean_ber", "adp_ber", "bin_ber", "max_oa", "mean_oa", "adp_oa", "bin_oa",
    "max_specificity", "mean_specificity", "adp_specificity", "bin_specificity",
    "min_fpr", "mean_fpr", "adp_fpr", "bin_fpr", "max_kappa", "mean_kappa", "adp_kappa", "bin_kappa",
    "max_precision", "mean_precision", "adp_precision", "bin_precision",
    "max_recall", "mean_recall", "adp_recall", "bin_recall", "auc", "ap",
    "mba", "biou", "max_grey_biou", "mean_grey_biou",
)  # fmt: skip
"""The ids of sodbench's own metrics; `sodbench.metrics` has them too, and imports numba."""

METRIC_SETS = ("paper", "default", "dis", "cod", "hr", "all")
"""The names of sets of metrics that are no common part of their ids."""

ATTRIBUTES = ("size", "objects", "border", "thin", "contrast")
"""The attributes of images, without the code that computes them."""

Names = Callable[[click.Context], Iterable[str]]


def completed(names: Names) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Complete a name, or the last of several with commas between them."""

    def complete(ctx: click.Context, param: click.Parameter, text: str) -> list[str]:
        before, comma, begun = text.rpartition(",")
        taken = before.split(",")
        try:
            known = list(names(ctx))
        except (SodbenchError, OSError, ValueError, RecursionError, csv.Error):
            return []
        return [
            f"{before}{comma}{name}"
            for name in known
            if name.casefold().startswith(begun.casefold()) and name not in taken
        ]

    return complete


def dataset_names(ctx: click.Context) -> Iterable[str]:
    """Return the names of registered datasets."""
    from sodbench.data.registry import registry

    return registry()


def metric_names(ctx: click.Context) -> Iterable[str]:
    """Return the ids of the metrics."""
    return METRIC_IDS


def metric_set_names(ctx: click.Context) -> Iterable[str]:
    """Return the ids of the metrics, and the names of sets of them."""
    return (*METRIC_IDS, *METRIC_SETS)


def attribute_names(ctx: click.Context) -> Iterable[str]:
    """Return the names of the attributes of images."""
    return ATTRIBUTES


def model_names(ctx: click.Context) -> Iterable[str]:
    """Return the names of the models that have published weights."""
    from sodbench.models.registry import known_models

    return known_models()


def stored_methods(ctx: click.Context) -> Iterable[str]:
    """Return the methods of the scores, maps or boards that the command is given, else of ``scores``."""
    names = set()
    for value in (tuple(ctx.args), ctx.params.get("scores"), ctx.params.get("own")):
        for path in value if isinstance(value, tuple) else (value,):
            names |= _methods_below(Path(path)) if path else set()
    if "preds" in ctx.params:
        names |= {folder.name for path in ctx.args for folder in Path(path).iterdir() if folder.is_dir()}
    names = names or _methods_below(Path("scores"))
    if "boards" in ctx.params and (ctx.params["boards"] or not names):
        names |= _methods_on_boards(ctx.params["boards"])
    return sorted(names)


def _methods_below(folder: Path) -> set[str]:
    names = set()
    for file in folder.rglob("meta.json"):
        meta: Any = json.loads(file.read_text("utf-8"))
        if isinstance(meta, dict) and isinstance(meta.get("method"), str):
            names.add(meta["method"])
    return names


def _methods_on_boards(boards: Path | None) -> set[str]:
    from sodbench.leaderboard.folder import boards_folder

    names = set()
    for file in boards_folder(boards).glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as lines:
            names |= {row["method"] for row in csv.DictReader(lines) if row.get("method")}
    return names
