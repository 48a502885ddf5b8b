"""Size-invariant metrics and the context measure against the original programs, on synthetic and real pairs.

A cell is empty where its program returned NaN or raised an error. Of ``pysodmetrics``: size-invariant
values of full masks and of 64 targets or more, SI-MAE where boxes cover the image, the context measure of an
oblique line. Of SI_Metric: empty masks. Of the context measure's authors: empty masks, objects on a line, and
small kernels, for which their filter is not made.
"""

import os

import pytest
from golden_pairs import real_pairs, synthetic_pairs

from sodbench.metrics import context_measure, si_f, si_mae, si_mean_f
from sodbench.metrics.size_invariant import targets
from sodbench.protocol import Protocol

PYSOD = Protocol.of("pysodmetrics")
SI_METRIC = Protocol(si_convention="si_metric")
MINMAX = Protocol(context_normalise="minmax")

SOURCES = {"synthetic": synthetic_pairs, "real": real_pairs}

needs_reference = pytest.mark.skipif(
    "SODBENCH_REFERENCE" not in os.environ, reason="SODBENCH_REFERENCE names no reference material"
)
sources = pytest.mark.parametrize("source", ["synthetic", pytest.param("real", marks=needs_reference)])

# metric, protocol, column, tolerance; numbers of cells of the synthetic and of the real pairs
COLUMNS = [
    (si_f, PYSOD, "pysod_si_f_mean_over_targets_of_max", 1e-12, 46, 120),
    (si_mean_f, PYSOD, "pysod_si_f_mean", 1e-12, 46, 120),
    (si_mae, PYSOD, "pysod_si_mae", 1e-12, 45, 116),
    (si_f, SI_METRIC, "simetricnative_si_maxf", 1e-12, 42, 98),
    (si_mean_f, SI_METRIC, "simetricnative_si_meanf", 1e-12, 42, 98),
    (si_mae, SI_METRIC, "simetricnative_si_mae", 1e-7, 50, 120),
    (context_measure, Protocol(), "contextmeasure_authors", 2e-8, 40, 120),
    (context_measure, Protocol(), "pysod_cm_raw", 2e-8, 53, 120),
    (context_measure, MINMAX, "pysod_cm", 2e-8, 53, 120),
    (context_measure, MINMAX.change(context_beta2=1.2), "pysod_cm_beta2_1_2", 2e-8, 53, 120),
]


def left_out(pair, column):
    """SI_Metric's F: its code for boxes loses overlaps, and mixes targets from the third on."""
    return column.startswith("simetric") and column.endswith("f") and pair.flagged("flag_simetric_not_bits")


@sources
@pytest.mark.parametrize(
    ("metric", "protocol", "column", "tolerance", "synthetic", "real"), COLUMNS, ids=[c[2] for c in COLUMNS]
)
def test_agreement(source, metric, protocol, column, tolerance, synthetic, real):
    cells = 0
    for pair in SOURCES[source]():
        expected = pair.value(column)
        if expected is not None and not left_out(pair, column):
            assert metric(pair.pred, pair.gt, protocol=protocol) == pytest.approx(
                expected, rel=0, abs=tolerance
            ), pair.name
            cells += 1
    assert cells == {"synthetic": synthetic, "real": real}[source]


@sources
def test_number_of_targets(source):
    for pair in SOURCES[source]():
        expected = pair.value("pysod_si_targets")
        if pair.gt.any():
            assert len(targets(pair.gt, PYSOD).boxes) == expected, pair.name
