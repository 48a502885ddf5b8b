"""The ablation of the U2-Net paper: Table 1 from the networks' own configuration, Table 2, and Fig. 4.

*Conventions.* Table 1 is rendered from what builds the networks. In Table 2 scores and milliseconds are the
paper's, as printed, from one GTX 1080 Ti; no such network was trained again. Beside them stands what the
networks built here have: parameters, multiply-accumulates of the convolutions at 320x320, and the size of
the weights. The paper leaves parts of most of them open: the readings are in ``sodbench.models.networks``.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from sodbench.errors import SodbenchError, nearest
from sodbench.reports.formats import render_grids
from sodbench.reports.ranking import dense_ranks
from sodbench.reports.table import Cell, Grid

PRINTED = Path(__file__).parent / "ablation.csv"
"""Table 2 as the paper prints it, with notes on misprints."""

TABLE_2_COLUMNS = {
    "omron_max_f": ("OMRON", "maxF↑"),
    "omron_mae": ("OMRON", "MAE↓"),
    "ecssd_max_f": ("ECSSD", "maxF↑"),
    "ecssd_mae": ("ECSSD", "MAE↓"),
    "ms": ("", "ms↓"),
}
"""The columns that the paper prints: dataset and label."""

ROUNDS = 5
"""How often each network is timed."""


def ablation_tables(style: str, *, measure: bool = False, mark: str = "best3") -> str:
    """Write Tables 1 and 2.

    Parameters
    ----------
    style
        ``text``, ``latex``, ``markdown``, ``html`` or ``csv``; the last has an empty line between the two.
    measure
        Time all networks on this machine, which takes minutes on a CPU.
    mark
        How the best of each printed column are marked, one of `sodbench.reports.views.MARKS`.
    """
    from sodbench.models.predictor import need_torch

    need_torch()
    first = table_1_long() if style == "csv" else table_1()
    return render_grids((first, table_2(measure)), style, title="Ablation of U2-Net", mark=mark)


def table_1() -> Grid:
    """Return Table 1 as the paper sets it: for each architecture a line of blocks, and lines of I, M, O."""
    from sodbench.models.networks.unets import STAGE_NAMES, TABLE_1

    rows = [
        _row(name if key == "block" else "", "" if key == "block" else key.upper(), *values)
        for name, stages in TABLE_1.items()
        for key, values in zip(("block", "i", "m", "o"), zip(*stages, strict=True), strict=True)
    ]
    caption = "Blocks, their input (I), middle (M) and output (O) channels. This builds the networks."
    return Grid("Table 1", caption, ("Architecture", "", *STAGE_NAMES), tuple(rows), left=2)


def table_1_long() -> Grid:
    """Return Table 1 with a line for each stage."""
    from sodbench.models.networks.unets import STAGE_NAMES, TABLE_1

    rows = [
        _row(name, label, *stage)
        for name, stages in TABLE_1.items()
        for label, stage in zip(STAGE_NAMES, stages, strict=True)
    ]
    return Grid("Table 1", "", ("architecture", "stage", "block", "I", "M", "O"), tuple(rows), left=3)


def table_2(measure: bool = False) -> Grid:
    """Return Table 2: what the paper prints, and what the networks built here cost."""
    from sodbench.models.cost import cost
    from sodbench.models.networks import NETWORKS

    printed = printed_rows()
    ranks = {
        key: dense_ranks([row[key] for row in printed], label.endswith("↑"))
        for key, (_, label) in TABLE_2_COLUMNS.items()
    }
    times = _times([row["model"] for row in printed]) if measure else {}
    rows = []
    for k, row in enumerate(printed):
        about, _, note = row["note"].partition(": ")
        own = cost(NETWORKS[row["model"]])
        measured = [f"{own.parameters / 1e6:.2f}", f"{own.macs / 1e9:.2f}", f"{own.bytes / 1e6:.1f}"]
        measured += [f"{times[row['model']]:.0f}"] if measure else []
        rows.append(
            (
                Cell(row["architecture"], None, note if about == "architecture" else ""),
                *(Cell(row[key], ranks[key][k], note if about == key else "") for key in TABLE_2_COLUMNS),
                *_row(*measured),
            )
        )
    printed_heads = TABLE_2_COLUMNS.values()
    own_heads = ("10⁶ parameters", "GMAC", "MB", *["ms here"] * measure)
    caption = (
        "Scores and ms as the paper prints them (ms on its GTX 1080 Ti); nothing was trained again. "
        "Parameters, GMAC at 320x320 and MB (of the weights) are of the networks built here, parts of which "
        "the paper leaves open."
    )
    if measure:
        caption += f" ms here: medians of {ROUNDS}, taken in turn, on this machine ({_machine()})."
    return Grid(
        title="Table 2",
        caption=caption,
        head=("Architecture", *(label for _, label in printed_heads), *own_heads),
        rows=tuple(rows),
        left=1,
        groups=("", *(dataset for dataset, _ in printed_heads), *[""] * len(own_heads)),
        ranked="each printed column",
    )


def printed_rows() -> list[dict[str, str]]:
    """Return the rows of Table 2 as printed: model, architecture, group, `TABLE_2_COLUMNS`, note."""
    with PRINTED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cost_curves(
    blocks: Sequence[str], most: int = 64, i: int = 3, o: int = 64, size: int = 320
) -> dict[str, dict[int, int]]:
    """Count the multiply-accumulates of blocks for M up to `most`: block -> M -> count.

    Raises
    ------
    SodbenchError
        A block is unknown.
    """
    from sodbench.models.predictor import need_torch

    need_torch()
    from sodbench.models.cost import block_macs
    from sodbench.models.networks.unets import TABLE_1

    known = tuple(dict.fromkeys(stage.block for stages in TABLE_1.values() for stage in stages))
    for name in blocks:
        if name not in known:
            raise SodbenchError(f"unknown block {name!r}; {nearest(name, known)}")
    middle = sorted({1 + round(k * (most - 1) / 16) for k in range(17)})
    return {name: {m: block_macs(name, m, i, o, size) for m in middle} for name in blocks}


def _row(*values: object) -> tuple[Cell, ...]:
    return tuple(Cell(str(value)) for value in values)


def _times(names: Sequence[str]) -> dict[str, float]:
    """Return the median ms an image of each network, with random weights, as `sodbench run` runs it."""
    from sodbench.models.cost import interleaved
    from sodbench.models.networks import NETWORKS
    from sodbench.models.predictor import Predictor, build_network, choose_device, fix_cudnn

    device = choose_device("auto")
    from torch.backends import cudnn

    before = cudnn.benchmark, cudnn.allow_tf32
    fix_cudnn()
    try:
        predictors = {name: Predictor(build_network(NETWORKS[name]), device) for name in names}
        return interleaved(predictors, ROUNDS)
    finally:
        cudnn.benchmark, cudnn.allow_tf32 = before


def _machine() -> str:
    import torch

    from sodbench.models.predictor import choose_device

    device = choose_device("auto")
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type
