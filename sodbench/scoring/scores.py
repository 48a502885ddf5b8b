"""Scores: per-image rows and what a protocol makes of them; the only accumulator.

A row holds the two level histograms of a pair and the few numbers that need its pixels. Everything
else (P, R, F, E, MAE, other presets, aggregates) is computed from rows, sorted by image id before
any reduction, so that results are bit-equal in whatever order or parts the rows were made.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sodbench.errors import MetricError, ScoresError, first_few
from sodbench.metrics import (
    METRICS,
    PARTS,
    STATISTICS,
    check_metrics,
    family_of,
    find_metric,
    metric_differences,
    metric_ids,
    narrowed,
    part_of,
    protocol_fields,
    revisions_of,
    stated_fields,
)
from sodbench.metrics.histogram import Above, LevelCounts, Reals
from sodbench.metrics.parts import Curve, Cut, Images
from sodbench.protocol import OPTIONAL, Protocol, Signature, differing, split_dataset
from sodbench.scoring.counting import Counting, degenerate
from sodbench.scoring.levels import At
from sodbench.scoring.rows import ROW_NOTES, Row, lost_numbers, statistics_hold
from sodbench.scoring.storage import (
    DIGESTS,
    DamageError,
    Unknown,
    images_file,
    levels_file,
    meta_record,
    moved_families,
    read_folder,
    read_rows,
    unknown_of,
    write_folder,
)
from sodbench.scoring.table import RowTable
from sodbench.utils.text import counted, finite
from sodbench.version import __version__

if TYPE_CHECKING:
    import pandas as pd


CURVES: Mapping[str, Curve] = {name: curve for part in PARTS.values() for name, curve in part.curves.items()}
"""The curves of every part, by name."""


@dataclass(frozen=True)
class Scores:
    """The scores of one method on one dataset.

    Parameters
    ----------
    method, dataset
        Their names; `dataset` with its version, as the signature says it: ``SOD@1``.
    of
        How many images the whole dataset has.
    protocol
        How rows become numbers; fields that act on none of the metrics are at their defaults.
    metrics
        Column ids that were asked for.
    rows
        By image id; kept as a `sodbench.scoring.table.RowTable`.
    missing
        What was done about missing predictions: ``error`` (there are none), ``zero`` or ``skip``.
    provenance
        Where and how the scores were made; no part of the signature.
    unknown
        What of a stored folder's metrics this program does not know, and keeps.
    outdated
        Whether they were read from a folder without digests, or of older revisions of metrics.
    """

    method: str
    dataset: str
    of: int
    protocol: Protocol
    metrics: tuple[str, ...]
    rows: Mapping[str, Row]
    missing: str = "error"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    unknown: Unknown = Unknown()
    outdated: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        given, acting = self.protocol, narrowed(self.protocol, self.metrics)
        table = RowTable.of(self.rows)
        if acting != given:
            object.__setattr__(self, "protocol", acting)
            table = table.without(lost_numbers(given, acting)).known()
            object.__setattr__(self, "unknown", Unknown())  # whether they depend on it cannot be told
        object.__setattr__(self, "rows", table)

    @property
    def table(self) -> RowTable:
        """The rows, by columns."""
        return cast(RowTable, self.rows)

    @property
    def dataset_name(self) -> str:
        """The dataset's name without its version."""
        return split_dataset(self.dataset)[0]

    @property
    def precision(self) -> str:
        """The floating-point precision in which maps were made; ``fp32`` unless their record says another."""
        return str(self.provenance.get("precision", "fp32"))

    @cached_property
    def n(self) -> int:
        """How many images were scored with a prediction of their own."""
        return sum("missing" not in notes for notes in self.table.notes)

    @property
    def ids(self) -> list[str]:
        """Image ids, sorted: the order of every reduction."""
        return list(self.table.ids)

    @property
    def signature(self) -> str:
        """How these numbers were made, as one line: which images, every convention, which code."""
        return str(self.sign())

    def sign(self, metrics: Iterable[str] = ()) -> Signature:
        """Return how some metrics (none: all that were asked for) were made, as a value."""
        shown = tuple(metrics) or self.metrics
        name, version = split_dataset(self.dataset)
        part = len(self.rows) < self.of
        return Signature(
            dataset=name,
            version=version,
            n=self.n,
            of=self.of,
            protocol=narrowed(self.protocol, shown),
            revisions=revisions_of(shown, self.protocol),
            missing=self.missing if self.n < self.of and self.missing != "error" else "",
            ids=hashlib.sha256(chr(10).join(self.ids).encode()).hexdigest()[:8] if part else "",
            sodbench=__version__,
            stated=OPTIONAL & protocol_fields(shown),
        )

    @cached_property
    def counting(self) -> Counting:
        """How the images, in the order of `ids`, count in the dataset's values."""
        return Counting(self.ids, self.protocol)

    def left_out(self) -> list[str]:
        """Return the images with an empty mask or an all-zero map, if the protocol treats them otherwise."""
        if self.protocol.degenerate == "kept":
            return []
        table = self.table
        out = [k for part in table.parts() for k in degenerate(table.levels.counts(part))]
        return [image for image, is_out in zip(table.ids, out, strict=True) if is_out]

    def _images(self, at: At) -> Images:
        """Return what is stored of some images, for the metrics' parts."""
        table = self.table
        count = len(table.notes[at] if isinstance(at, slice) else at)
        nothing = np.full(count, np.nan)
        statistics = {
            name: table.numbers[name][at] if name in table.numbers else nothing for name in STATISTICS
        }
        return Images(table.levels.counts(at), statistics)

    def levels(self, images: Sequence[str]) -> LevelCounts:
        """Return the level histograms of some images, ``(images, 256)``."""
        return self.table.levels.counts(self.table.at(images))

    def _pass(
        self, metrics: Sequence[str], curves: Mapping[str, Curve]
    ) -> tuple[dict[str, Reals], dict[str, Reals]]:
        """Go over the rows once: values of some metrics ``(images,)``, and sums that curves are made of.

        Some images at a time, so that memory stays flat; columns are summed one image after the other,
        so that the sum does not depend on how many at a time.
        """
        table, protocol = self.table, self.protocol
        if not table:
            raise ScoresError(f"{self.method} on {self.dataset}: no images were scored.")
        counting, averaged = self.counting, {name: curve.averaged(protocol) for name, curve in curves.items()}
        by_key = {made_of.key: made_of for made_of in averaged.values()}
        reduced = {METRICS[name].curve for name in metrics} - {""}
        sums: dict[str, Reals] = {}
        values: dict[str, list[Reals]] = {name: [] for name in metrics}
        for part in table.parts():
            images = self._images(part)
            above: dict[Cut, Above] = {}
            columns: dict[str, Reals] = {}
            own: dict[str, Reals] = {}
            for name, curve in curves.items():
                cut, made_of = curve.cut(protocol), averaged[name]
                if cut not in above:
                    above[cut] = cut(images.levels, protocol)
                if made_of.key not in columns:
                    columns[made_of.key] = made_of.columns(above[cut], protocol)
                if name in reduced:
                    own[name] = (
                        made_of.curve(columns[made_of.key], protocol)
                        if made_of.linear
                        else curve.of_images(above[cut], protocol)
                    )
            for key, column in columns.items():
                counted_columns = counting.columns(column, by_key[key], images.levels)
                sums[key] = counting.added(sums.get(key), counted_columns, part.start)
            for name in metrics:
                metric = METRICS[name]
                of_images = (
                    metric.values(images, protocol) if metric.values else metric.reduced(own[metric.curve])
                )
                values[name].append(counting.values(of_images, images.levels))
        return {name: np.concatenate(chunks) for name, chunks in values.items()}, sums

    @cached_property
    def _asked(self) -> tuple[dict[str, Reals], dict[str, Reals]]:
        """What `_pass` gives of the metrics asked for."""
        return self._pass(self.metrics, self._reduced_curves)

    @property
    def _reduced_curves(self) -> dict[str, Curve]:
        """The curves that metrics asked for are reductions of."""
        named = {METRICS[name].curve for name in self.metrics}
        return {name: curve for name, curve in CURVES.items() if name in named}

    def _dataset_curves(self, curves: Mapping[str, Curve], sums: Mapping[str, Reals]) -> dict[str, Reals]:
        """Make a dataset's curves ``(K,)`` of the sums over its images."""
        averaged = {name: curve.averaged(self.protocol) for name, curve in curves.items()}
        return {name: self.counting.curve(made_of, sums[made_of.key]) for name, made_of in averaged.items()}

    def values(self, metric: str) -> Reals:
        """Return a metric of each image, ``(images,)`` in the order of `ids`, NaN where it is undefined.

        Under ``degenerate="skip"`` it is NaN of the images that are left out, too, and under ``zero`` 0.

        Raises
        ------
        MetricError
            The metric is unknown, or was not computed.
        """
        name = find_metric(metric).id
        self.check_computed([name])
        return self._asked[0][name]

    def extended(self, metrics: Iterable[str]) -> "Scores":
        """Return these scores with more metrics, as far as they follow from the level histograms.

        Raises
        ------
        MetricError
            A metric is unknown.
        """
        wanted = {name for name in metric_ids(metrics) if part_of(name).statistics is None}
        if wanted <= {*self.metrics}:
            return self
        return replace(self, metrics=check_metrics([*self.metrics, *wanted]))

    def check_computed(self, metrics: Iterable[str]) -> None:
        """Refuse metrics that were not computed.

        Raises
        ------
        MetricError
            One was not; the message says which there are.
        """
        if absent := [name for name in metrics if name not in self.metrics]:
            were = "was" if len(absent) == 1 else "were"
            raise MetricError(
                f"{self.method} on {self.dataset_name}: {', '.join(absent)} {were} not computed, only "
                f"{', '.join(self.metrics) or 'no metric'}. Score again with --metrics {','.join(absent)}."
            )

    @cached_property
    def _curves(self) -> dict[str, Reals]:
        _, sums = self._asked
        always = {name for part in PARTS.values() if not part.optional for name in part.curves}
        wanted = {
            name: curve
            for name, curve in CURVES.items()
            if name in always or (name in self._reduced_curves and curve.over_thresholds(self.protocol))
        }
        lacking = {
            name: curve for name, curve in wanted.items() if curve.averaged(self.protocol).key not in sums
        }
        if lacking:
            sums = sums | self._pass((), lacking)[1]
        return self._dataset_curves(wanted, sums)

    def curves(self) -> dict[str, Reals]:
        """Return the dataset's curves ``precision``, ``recall``, ``f``, ``e``, each ``(K,)``.

        Thresholds ascend. Precision and recall are means of the images, or those of all pixels; ``f``
        is F of them, or the mean of the images' F, as the protocol's `average` says. Beside them stand
        the curves that other metrics asked for are taken of.
        """
        return dict(self._curves)

    def _repr_html_(self) -> str:
        """Show the scores in a notebook: a value a metric, and the signature."""
        from html import escape

        values = self.summary() if self.rows else {}
        head = "".join(f"<th>{escape(METRICS[name].arrowed)}</th>" for name in values)
        cells = [f"{value:.{METRICS[name].decimals(4)}f}" for name, value in values.items()]
        row = "".join(f"<td>{'-' if cell == 'nan' else cell}</td>" for cell in cells)
        title = f"{escape(self.method)} on {escape(self.dataset_name)}, {self.n}/{self.of} images"
        return (
            f"<table><caption>{title}</caption><tr>{head}</tr><tr>{row}</tr></table>"
            f"<small><code>{escape(self.signature)}</code></small>"
        )

    def summary(self) -> dict[str, float]:
        """Return the dataset's value of each metric asked for, NaN where it is defined on no image."""
        values, sums = self._asked
        curves = self._dataset_curves(self._reduced_curves, sums)
        summary = {}
        for name in self.metrics:
            metric = METRICS[name]
            if metric.curve and not metric.by_image(self.protocol):
                summary[name] = float(metric.reduced(curves[metric.curve]))
            else:
                summary[name] = self.counting.mean(values[name])
        return summary

    def undefined(self) -> dict[str, int]:
        """Count the images on which a metric asked for is undefined, where there are any."""
        counts = {name: int(np.isnan(self.values(name)).sum()) for name in self.metrics}
        return {name: count for name, count in counts.items() if count}

    def per_image(self) -> "pd.DataFrame":
        """Return one line an image (index ``image``), one column a metric, and ``notes``."""
        import pandas as pd

        frame = pd.DataFrame(
            {name: self.values(name) for name in self.metrics}, pd.Index(self.ids, name="image")
        )
        frame["notes"] = [" ".join(notes) for notes in self.table.notes]
        return frame

    def noted(self) -> dict[str, list[str]]:
        """Return the images that each note was made of, in the order of `ROW_NOTES`."""
        noted: dict[str, list[str]] = {note: [] for note in ROW_NOTES}
        for image, notes in zip(self.table.ids, self.table.notes, strict=True):
            for note in notes:
                if note in noted:
                    noted[note].append(image)
        return {note: images for note, images in noted.items() if images}

    def merge(self, other: "Scores") -> "Scores":
        """Return the union of two parts of one evaluation.

        Raises
        ------
        ScoresError
            They differ in method, dataset, protocol, metrics or the precision of the maps, or share an image.
        """
        for name in ("method", "dataset", "of", "protocol", "metrics", "missing", "precision"):
            if getattr(self, name) != getattr(other, name):
                raise ScoresError(
                    f"cannot merge scores that differ in {name}: {_said(getattr(self, name))} "
                    f"and {_said(getattr(other, name))}."
                )
        both = sorted(self.rows.keys() & other.rows.keys())
        if both:
            raise ScoresError(
                f"cannot merge scores that share {counted(len(both), 'image')} ({first_few(both)})."
            )
        return replace(self, rows=RowTable.joined([self.table, other.table]))

    def under(self, protocol: str | Protocol) -> "Scores":
        """Return these scores under another protocol, without the images.

        Metrics whose stored part depends on a field that changed are left out: S, weighted F and
        relaxed F under another normalisation, for example.

        Raises
        ------
        ScoresError
            Not even the level histograms hold, since some masks are grey and would be binarised
            otherwise, or some maps were resized otherwise.
        """
        wanted = Protocol.of(protocol)
        if wanted == self.protocol:
            return self
        rows = self.table.held(self.protocol, wanted)
        if moved := sorted(self.table.keys() - rows.keys()):
            images = f"{counted(len(moved), 'image')} ({first_few(moved)})"
            raise ScoresError(
                f"{self.method} on {self.dataset_name}: {images} {'has' if len(moved) == 1 else 'have'} grey "
                "masks or resized maps, which the other protocol treats otherwise. Score the images again."
            )
        kept = tuple(
            name
            for name in self.metrics
            if not part_of(name).needs_pixels or statistics_hold(part_of(name), self.protocol, wanted)
        )
        return replace(self, protocol=wanted, metrics=kept, rows=rows, unknown=Unknown())

    def save(self, folder: str | Path) -> None:
        """Write the scores as a folder, whole or not at all: images.csv, levels.npz, meta.json.

        Raises
        ------
        FileError
            The folder cannot be written.
        """
        table = self.table
        meta = {
            "method": self.method,
            "dataset": self.dataset,
            "of": self.of,
            "missing": self.missing,
            "metrics": self.metrics,
            "signature": self.signature,
            "revisions": revisions_of(METRICS, self.protocol),
            "scores": {k: finite(v) for k, v in self.summary().items()} if table else {},
            "provenance": dict(self.provenance),
        }
        record = meta_record(meta, self.unknown if len(table.unknown) == len(table) else Unknown())
        values = {name: self.values(name) for name in self.metrics} if table else {}
        write_folder(Path(folder), images_file(table, values), levels_file(table), record)

    @classmethod
    def load(cls, folder: str | Path, *, moved: bool = False) -> "Scores":
        """Read a folder that `save` wrote.

        Parameters
        ----------
        folder
            Of scores.
        moved
            Take scores whose metrics have been revised since, without the numbers that have moved.

        Raises
        ------
        ScoresError
            A file is missing or damaged, the format is newer, or its metrics have been revised.
        """
        folder = Path(folder)
        stored = read_folder(folder)
        meta = stored.meta
        protocol, old = Protocol.parse(meta["signature"]), moved_families(meta)
        used = {family_of(name) for name in meta["metrics"] if name in METRICS}
        if not moved and (
            listed := ", ".join(
                f"{family}{number} (now {PARTS[family].revision_under(protocol)})"
                for family, number in old.items()
                if family in used
            )
        ):
            raise ScoresError(f"{folder}: made by another revision of metrics: {listed}. Score again.")
        known = [name for name in meta["metrics"] if name in METRICS and family_of(name) not in old]
        try:
            rows = read_rows(stored, known)
        except Exception as error:
            raise DamageError(folder, error) from error
        lost = [name for family in old for name in _statistics_of(family)]
        scores = cls(
            method=meta["method"],
            dataset=meta["dataset"],
            of=meta["of"],
            protocol=protocol,
            metrics=check_metrics(known) if known else (),
            rows=rows.without(lost),
            missing=meta["missing"],
            provenance=meta["provenance"],
            unknown=unknown_of(meta),
            outdated=DIGESTS not in meta or bool(old),
        )
        fields = differing(meta["signature"], scores.signature, stated_fields(scores.metrics))
        if wrong := [f"{key} {a}, not {b}" for key, (a, b) in fields.items() if key != "rev"]:
            raise DamageError(folder, f"the signature says {', '.join(wrong)} as the rest does")
        return scores


def _statistics_of(family: str) -> tuple[str, ...]:
    stored = PARTS[family].statistics
    return stored.names if stored else ()


def check_alike(scores: Sequence[Scores], metrics: Iterable[str] | None = None) -> None:
    """Refuse scores that were made in different ways.

    Parameters
    ----------
    scores
        Of several methods on one dataset.
    metrics
        What is to be compared; by default every metric that all have.

    Raises
    ------
    ScoresError
        Signatures differ in something that the metrics depend on; the message has the parts that do.
    """
    first, *others = scores
    for other in others:
        asked = [*metrics] if metrics is not None else [m for m in first.metrics if m in other.metrics]
        if fields := metric_differences(first.signature, other.signature, asked):
            listed = ", ".join(f"{key} {a} and {b}" for key, (a, b) in fields.items())
            raise ScoresError(f"{first.method} and {other.method} were scored differently: {listed}.")


def _said(value: object) -> str:
    return value.signature() if isinstance(value, Protocol) else str(value)
