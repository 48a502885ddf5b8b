"""The table of options: an option that several commands take means one thing and is described once, here."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from sodbench.cli.completion import (
    METRIC_SETS,
    attribute_names,
    completed,
    dataset_names,
    metric_names,
    metric_set_names,
    model_names,
    stored_methods,
)
from sodbench.cli.output import say
from sodbench.cli.parameters import (
    FIGURE_FILE,
    FOLDER,
    PLACE,
    TABLE_FILE,
    TEXT_FILE,
    Command,
    ShardType,
    option,
)
from sodbench.utils.executors import KINDS, MANY_ITEMS, Workers

PRECISIONS = ("fp32", "bf16", "fp16")


def split_names(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Split comma-separated, repeatable options."""
    names: list[str] = []
    for value in values:
        given = [word.strip() for word in value.split(",") if word.strip()]
        if not given:
            raise click.BadParameter(f"{value!r} holds no name.", ctx, param)
        names += given
    return tuple(dict.fromkeys(names))


def names_option(
    *declarations: str, metavar: str = "NAME,NAME", **attributes: Any
) -> Callable[[Command], Command]:
    """Add an option that takes comma-separated names and may be repeated."""
    return option(*declarations, multiple=True, callback=split_names, metavar=metavar, **attributes)


def datasets_option(**attributes: Any) -> Callable[[Command], Command]:
    """Add ``--dataset`` of a command that takes several, as `datasets`."""
    return names_option("--dataset", "-d", "datasets", **{**_DATASET, **attributes})


def dataset_option(**attributes: Any) -> Callable[[Command], Command]:
    """Add ``--dataset`` of a command that takes one."""
    return option("--dataset", "-d", metavar="NAME", **{**_DATASET, **attributes})


_DATASET: dict[str, Any] = {
    "aliases": ("--datasets",),
    "help": "Registered dataset; see `sodbench datasets`.",
    "shell_complete": completed(dataset_names),
}


def metrics_option(shown: str) -> Callable[[Command], Command]:
    """Add ``--metrics``; `shown` says what is taken without it."""
    return names_option(
        "--metrics",
        show_default=shown,
        help=f"Ids, labels or sets ({', '.join(METRIC_SETS)}), in any case; `sodbench metrics` lists them.",
        shell_complete=completed(metric_set_names),
    )


def metric_option(*aliases: str) -> Callable[[Command], Command]:
    """Add ``--metric``."""
    return option(
        "--metric",
        aliases=aliases,
        default="max_f",
        show_default=True,
        help="Id or label of a metric, in any case.",
        shell_complete=completed(metric_names),
    )


def scores_option(**attributes: Any) -> Callable[[Command], Command]:
    """Add ``--scores``."""
    return option("--scores", type=FOLDER, help="Folder of stored scores.", **attributes)


def maps_option(**attributes: Any) -> Callable[[Command], Command]:
    """Add ``--maps``."""
    return option("--maps", type=PLACE, help="Folder of maps.", **attributes)


def figure_option(default: str | None, *aliases: str) -> Callable[[Command], Command]:
    """Add ``--out`` of a command that writes a figure."""
    return _out(type=FIGURE_FILE, default=default, show_default=bool(default), aliases=aliases)


def text_option() -> Callable[[Command], Command]:
    """Add ``--out`` of a command that writes text."""
    return _out(type=TABLE_FILE)


def _out(**attributes: Any) -> Callable[[Command], Command]:
    return option("--out", help="File to write; its suffix says the format.", **attributes)


def page_option(default: str) -> Callable[[Command], Command]:
    """Add ``--out`` of a command that writes a page."""
    return _out(type=FIGURE_FILE, default=default, show_default=True)


def resamples_option(default: int | None, shown: str | bool = True) -> Callable[[Command], Command]:
    """Add ``--resamples``; `shown` says what is taken without it."""
    return option(
        "--resamples", type=click.IntRange(100), default=default, show_default=shown,
        help="Number of bootstrap resamples, and of permutations.",
    )  # fmt: skip


def count_option(default: int, most: int | None = None) -> Callable[[Command], Command]:
    """Add ``--count``, and ``-k``."""
    return option(
        "--count", "-k", type=click.IntRange(1, most), default=default, show_default=True,
        help="Maximum number of images.",
    )  # fmt: skip


def width_option(default: str | None, shown: str | bool = True) -> Callable[[Command], Command]:
    """Add ``--width``; `shown` says what is taken without it."""
    return option(
        "--width", type=click.Choice(["single", "double"]), default=default, show_default=shown,
        help="Width of one column (3.5 inches) or of two (7.16).",
    )  # fmt: skip


def weights_option(shown: str) -> Callable[[Command], Command]:
    """Add ``--weights``; `shown` says what is taken without it."""
    return option(
        "--weights", type=FOLDER, show_default=shown, help="File of weights: .pth, .safetensors or .onnx."
    )


def executor_option(shown: str, kinds: Sequence[str] = KINDS) -> Callable[[Command], Command]:
    """Add ``--executor``; `shown` says what is taken without it, `kinds` are those that the help lists."""
    return option(
        "--executor", type=click.Choice(KINDS), metavar=f"[{'|'.join(kinds)}]", show_default=shown,
        help="Where to compute; dask is a local cluster without --scheduler.",
    )  # fmt: skip


DATA_OPTION = option("--data", type=FOLDER, help="Folder that holds dataset folders  [SODBENCH_DATA].")
MASKS_OPTION = option("--masks", type=PLACE, help="Folder or zip of the masks of one dataset, or its URL.")
IMAGES_OPTION = option(
    "--images", type=PLACE, help="Folder or zip of photos, or its URL, in place of a dataset."
)
METHOD_OPTION = option(
    "--method", metavar="NAME", help="What to call the method  [the name of its folder, or of its scores]."
)
METHODS_OPTION = names_option(
    "--methods", help="Which methods, in this order  [all].", shell_complete=completed(stored_methods)
)
BASELINE_OPTION = option(
    "--baseline",
    metavar="NAME",
    help="Method to test all others against  [none].",
    shell_complete=completed(stored_methods),
)
HIGHLIGHT_OPTION = names_option(
    "--highlight", help="Methods drawn in red, on top  [U2-Net].", shell_complete=completed(stored_methods)
)
BOARDS_OPTION = option(
    "--boards",
    type=FOLDER,
    help="Folder of DATASET.csv  [SODBENCH_LEADERBOARDS, else the shipped one].",
)
BY_OPTION = option(
    "--by",
    "attribute",
    metavar="ATTRIBUTE",
    help="Break down by an image attribute (size, objects, border, thin or contrast), or by the lists in a "
    "folder: text files of image names.",
    shell_complete=completed(attribute_names),
)
STRIP_OPTION = option(
    "--strip",
    multiple=True,
    help="Affix to remove from names before pairing (of maps; in train of photos and masks). Repeatable.",
)
LOOSE_OPTION = option(
    "--loose-names",
    "loose",
    is_flag=True,
    help="Also pair names that differ only in case or leading zeros (IMG_7, img_007).",
)
SUBSET_OPTION = option(
    "--subset",
    is_flag=True,
    help="Allow a mask folder that holds only part of the dataset; the signature says n/N.",
)
FORCE_OPTION = option(
    "--force",
    is_flag=True,
    help="Replace stored scores of other maps, of another protocol or of more of the dataset.",
)
SHARD_OPTION = option(
    "--shard", type=ShardType(), metavar="K/N", help="Part K of N of the images, by position; for batch jobs."
)
JOBS_OPTION = option(
    "--jobs", "-j", type=click.IntRange(min=1), help="Threads or worker processes  [one per CPU]."
)
EXECUTOR_OPTION = executor_option(f"threads; processes from {MANY_ITEMS} new maps on")
SCHEDULER_OPTION = option(
    "--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers compute, e.g. tcp://host:8786."
)
JSON_OPTION = option("--json", "as_json", is_flag=True, help="Print JSON, in full precision.")
CSV_OPTION = option(
    "--csv", "csv_file", type=TEXT_FILE, help="Write the result as CSV, in full precision (-: to stdout)."
)
PER_IMAGE_OPTION = option("--per-image", "images_file", type=TEXT_FILE, help="Write per-image values as CSV.")
MODEL_OPTION = option(
    "--model",
    default="u2net",
    show_default=True,
    help="A model of `sodbench models`, or a name for your own.",
    shell_complete=completed(model_names),
)
MODEL_MODULE_OPTION = option(
    "--model-module", metavar="MODULE:FUNCTION", help="Function that builds a network of your own."
)
DEVICE_OPTION = option(
    "--device",
    default="auto",
    show_default=True,
    help="Device: auto, cpu, cuda, cuda:1, mps; of run also several, cuda:0,cuda:1.",
)
PRECISION_OPTION = option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="Floating-point precision of the network. Report only scores of fp32 maps: bf16 and fp16 move them.",
)
EXIF_OPTION = option("--exif", is_flag=True, help="Apply the photos' EXIF rotation.")


def options_of(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add several options, in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for added in reversed(options):
            command = added(command)
        return command

    return add


output_options = options_of(CSV_OPTION, PER_IMAGE_OPTION, JSON_OPTION)
"""Add ``--csv``, ``--per-image`` and ``--json``."""


def workers_of(
    executor: str | None, jobs: int | None, scheduler: str | None, preload: Sequence[str] = ()
) -> Workers:
    """Return the workers that ``--executor``, ``--jobs`` and ``--scheduler`` ask for; `preload` as there."""
    if scheduler and executor != "dask":
        raise click.UsageError("--scheduler is for --executor dask.")
    if scheduler and jobs:
        raise click.UsageError("--jobs is for workers of this machine; a scheduler has its own.")
    return Workers(executor, jobs, scheduler, preload, say)
