"""Scores: per-image rows and what a protocol makes of them; the only accumulator.

A row holds the two level histograms of a pair and the few numbers that need its pixels. Everything
else (P, R, F, E, MAE, other presets, aggregates) is computed from rows, sorted by image id before
any reduction, so that results are bit-equal in whatever order or parts the rows were made.
"""

import csv
import hashlib
import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sodbench.errors import ScoresError, first_few
from sodbench.metrics import PIXEL_METRICS, REVISIONS, check_metrics, revisions
from sodbench.metrics.emeasure import adaptive_e_from_levels, e_from_levels
from sodbench.metrics.fmeasure import adaptive_f_from_levels, f_from_pr, pr_from_found
from sodbench.metrics.histogram import LevelCounts, Reals, found_counts
from sodbench.metrics.mae import mae_from_levels
from sodbench.metrics.smeasure import s_from_halves
from sodbench.metrics.weighted_f import weighted_f_from_pr
from sodbench.protocol import Protocol, differing
from sodbench.scoring.rows import DEPENDS, NUMBERS, ROW_NOTES, Row, _levels_hold, _same
from sodbench.scoring.storage import DAMAGE, SCORES_FORMAT, _cell, _check_meta, _read_rows, _swap
from sodbench.utils.text import finite
from sodbench.version import __version__

if TYPE_CHECKING:
    import pandas as pd


AT_ONCE = 512
"""Images whose curves are held in memory at once."""


POOLED = ("true positives", "false positives", "positives")
"""What is summed over all images, in place of means, where pixels are pooled."""


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
        How rows become numbers.
    metrics
        Column ids that were asked for.
    rows
        By image id.
    missing
        What was done about missing predictions: ``error`` (there are none), ``zero`` or ``skip``.
    provenance
        Where and how the scores were made; no part of the signature.
    """

    method: str
    dataset: str
    of: int
    protocol: Protocol
    metrics: tuple[str, ...]
    rows: Mapping[str, Row]
    missing: str = "error"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many images were scored with a prediction of their own."""
        return sum("missing" not in row.notes for row in self.rows.values())

    @property
    def ids(self) -> list[str]:
        """Image ids, sorted: the order of every reduction."""
        return sorted(self.rows)

    @property
    def signature(self) -> str:
        """How these numbers were made: which images, every convention, which code.

        All but the last part must be equal for two rows to be compared.
        """
        parts = [f"data:{self.dataset}", f"n:{self.n}/{self.of}"]
        if self.n < self.of and self.missing != "error":
            parts.append(f"missing:{self.missing}")
        if len(self.rows) < self.of:
            parts.append(f"ids:{hashlib.sha256(chr(10).join(self.ids).encode()).hexdigest()[:8]}")
        return "|".join([*parts, self.protocol.signature(), f"rev:{revisions()}", f"sodbench:{__version__}"])

    def levels(self, images: Sequence[str]) -> LevelCounts:
        """Return the level histograms of some images, ``(images, 256)``."""
        rows = [self.rows[image] for image in images]
        fg, bg = (np.stack(side).astype(np.int64) for side in ([r.fg for r in rows], [r.bg for r in rows]))
        return LevelCounts(fg, bg)

    def _column(self, name: str) -> Reals:
        return np.array([getattr(self.rows[image], name) for image in self.ids])

    @cached_property
    def _by_level(self) -> tuple[dict[str, Reals], dict[str, Reals]]:
        """All that follows from the histograms: mean curves ``(K,)``, and per-image values ``(images,)``.

        Under ``pooled``, the sums of `POOLED` stand among the curves.

        Some images at a time, so that memory stays flat; curves are summed one image after the other,
        so that the sum does not depend on how many at a time.
        """
        ids = self.ids
        if not ids:
            raise ScoresError(f"{self.method} on {self.dataset}: no images were scored.")
        sums: dict[str, Reals] = {}
        values: dict[str, list[Reals]] = {}
        for start in range(0, len(ids), AT_ONCE):
            levels = self.levels(ids[start : start + AT_ONCE])
            curves = _curves(levels, self.protocol)
            for name, curve in curves.items():
                sums[name] = np.add.reduce(np.concatenate((sums[name][None], curve)) if start else curve)
            for name, found in {
                "max_f": curves["f"].max(axis=-1),
                "mean_f": curves["f"].mean(axis=-1),
                "max_e": curves["e"].max(axis=-1),
                "mean_e": curves["e"].mean(axis=-1),
                "mae": mae_from_levels(levels, self.protocol),
                "adp_f": adaptive_f_from_levels(levels, self.protocol),
                "adp_e": adaptive_e_from_levels(levels, self.protocol),
            }.items():
                values.setdefault(name, []).append(found)
        means = {name: total if name in POOLED else total / len(ids) for name, total in sums.items()}
        return means, {name: np.concatenate(parts) for name, parts in values.items()}

    @cached_property
    def _values(self) -> dict[str, Reals]:
        """Per-image values of every metric, ``(images,)``, in the order of `ids`."""
        _, by_level = self._by_level
        soft = self._column("soft_mae")
        precision, recall = self._column("r_precision"), self._column("r_recall")
        relaxed = f_from_pr(precision, recall, self.protocol.change(eps=0))
        w_precision, w_recall = self._column("w_precision"), self._column("w_recall")
        return {
            **by_level,
            "mae": np.where(np.isnan(soft), by_level["mae"], soft),
            "weighted_f": weighted_f_from_pr(w_precision, w_recall, self.protocol),
            "s_measure": s_from_halves(self._column("s_object"), self._column("s_region"), self.protocol),
            "relax_f": np.where(np.isnan(recall), np.nan, relaxed),
        }

    def curves(self) -> dict[str, Reals]:
        """Return the dataset's curves ``precision``, ``recall``, ``f``, ``e``, each ``(K,)``.

        Thresholds ascend. Precision and recall are means of the images, or those of all pixels; ``f``
        is F of them, or the mean of the images' F, as the protocol's `average` says.
        """
        mean = dict(self._by_level[0])
        if self.protocol.average == "pooled":
            tp, fp, positives = (mean.pop(name) for name in POOLED)
            mean["precision"], mean["recall"] = pr_from_found(tp, fp, positives, self.protocol)
        if self.protocol.average in ("mean-pr", "pooled"):
            mean["f"] = f_from_pr(mean["precision"], mean["recall"], self.protocol)
        return mean

    def summary(self) -> dict[str, float]:
        """Return the dataset's value of each metric asked for, NaN where it is defined on no image."""
        curves = self.curves()
        of_curves = {
            "max_f": curves["f"].max(),
            "mean_f": curves["f"].mean(),
            "max_e": curves["e"].max(),
            "mean_e": curves["e"].mean(),
        }
        if self.protocol.average == "mean-max":
            del of_curves["max_f"]
        return {
            name: float(of_curves[name]) if name in of_curves else self._mean(name) for name in self.metrics
        }

    def _mean(self, name: str) -> float:
        values = self._values[name]
        defined = values[~np.isnan(values)]
        return float(defined.mean()) if len(defined) else math.nan

    def undefined(self) -> dict[str, int]:
        """Count the images on which a metric asked for is undefined, where there are any."""
        counts = {name: int(np.isnan(self._values[name]).sum()) for name in self.metrics}
        return {name: count for name, count in counts.items() if count}

    def per_image(self) -> "pd.DataFrame":
        """Return one line an image (index ``image``), one column a metric, and ``notes``."""
        import pandas as pd

        frame = pd.DataFrame(
            {name: self._values[name] for name in self.metrics}, pd.Index(self.ids, name="image")
        )
        frame["notes"] = [" ".join(self.rows[image].notes) for image in self.ids]
        return frame

    def noted(self) -> dict[str, list[str]]:
        """Return the images that each note was made of, in the order of `ROW_NOTES`."""
        found = {note: [image for image in self.ids if note in self.rows[image].notes] for note in ROW_NOTES}
        return {note: images for note, images in found.items() if images}

    def merge(self, other: "Scores") -> "Scores":
        """Return the union of two parts of one evaluation.

        Raises
        ------
        ScoresError
            They differ in method, dataset, protocol or metrics, or share an image.
        """
        for name in ("method", "dataset", "of", "protocol", "metrics", "missing"):
            if getattr(self, name) != getattr(other, name):
                raise ScoresError(
                    f"cannot merge scores that differ in {name}: {_said(getattr(self, name))} "
                    f"and {_said(getattr(other, name))}."
                )
        both = sorted(self.rows.keys() & other.rows.keys())
        if both:
            raise ScoresError(f"cannot merge scores that share {len(both)} images ({first_few(both)}).")
        return replace(self, rows={**self.rows, **other.rows})

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
        moved = [image for image in self.ids if not _levels_hold(self.rows[image], self.protocol, wanted)]
        if moved:
            raise ScoresError(
                f"{self.method} on {self.dataset}: {len(moved)} images ({first_few(moved)}) have grey "
                "masks or resized maps, which the other protocol treats otherwise. Score the images again."
            )
        kept = tuple(
            m for m in self.metrics if m not in PIXEL_METRICS or _same(DEPENDS[m], self.protocol, wanted)
        )
        return replace(self, protocol=wanted, metrics=kept)

    def save(self, folder: Path) -> None:
        """Write the scores as a folder, whole or not at all: images.csv, levels.npz, meta.json.

        Raises
        ------
        ScoresError
            The folder cannot be written.
        """
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists() and not folder.is_dir():
                raise NotADirectoryError(20, "a file is in the way")
            part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            try:
                self._write(part)
                part.chmod(0o755)
                _swap(part, folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        except OSError as error:
            raise ScoresError(
                f"{folder}: cannot write scores ({error.strerror}). Pass another --out."
            ) from error

    def _write(self, folder: Path) -> None:
        rows = [self.rows[image] for image in self.ids]
        values = {name: self._values[name] for name in self.metrics} if rows else {}
        with (folder / "images.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["image", "height", "width", *values, *NUMBERS, "notes", "digest"])
            for k, row in enumerate(rows):
                shown = [_cell(column[k]) for column in values.values()]
                stored = [_cell(getattr(row, name)) for name in NUMBERS]
                writer.writerow([row.id, *row.shape, *shown, *stored, " ".join(row.notes), row.digest])
        none = np.zeros((0, 256), np.uint32)
        np.savez_compressed(
            folder / "levels.npz",
            images=np.array([row.id for row in rows], dtype=np.str_),
            fg=np.stack([row.fg for row in rows]) if rows else none,
            bg=np.stack([row.bg for row in rows]) if rows else none,
        )
        meta = {
            "format": SCORES_FORMAT,
            "method": self.method,
            "dataset": self.dataset,
            "of": self.of,
            "missing": self.missing,
            "metrics": list(self.metrics),
            "signature": self.signature,
            "revisions": dict(REVISIONS),
            "scores": {k: finite(v) for k, v in self.summary().items()} if rows else {},
            "provenance": dict(self.provenance),
        }
        (folder / "meta.json").write_text(
            json.dumps(meta, indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> "Scores":
        """Read a folder that `save` wrote.

        Raises
        ------
        ScoresError
            A file is missing or damaged, the format is newer, or the metrics have been revised.
        """
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            _check_meta(folder, meta)
            rows = _read_rows(folder)
            return cls(
                method=meta["method"],
                dataset=meta["dataset"],
                of=meta["of"],
                protocol=Protocol.parse(meta["signature"]),
                metrics=check_metrics(meta["metrics"]),
                rows=rows,
                missing=meta["missing"],
                provenance=meta["provenance"],
            )
        except FileNotFoundError as error:
            raise ScoresError(
                f"{folder}: no scores here ({Path(str(error.filename)).name} is missing)."
            ) from error
        except DAMAGE as error:
            raise ScoresError(f"{folder}: these scores are damaged ({error}). Score again.") from error


def _curves(levels: LevelCounts, protocol: Protocol) -> dict[str, Reals]:
    tp, fp = found_counts(levels, protocol)
    positives = levels.fg.sum(axis=-1)[..., None]
    precision, recall = pr_from_found(tp, fp, positives, protocol)
    pooled = dict(zip(POOLED, (tp, fp, positives), strict=True)) if protocol.average == "pooled" else {}
    return {
        "precision": precision,
        "recall": recall,
        "f": f_from_pr(precision, recall, protocol),
        "e": e_from_levels(levels, protocol),
        **pooled,
    }


def check_alike(scores: Sequence[Scores]) -> None:
    """Refuse scores that were made in different ways.

    Raises
    ------
    ScoresError
        Signatures differ in more than the program's version; the message has the parts that do.
    """
    for one in scores[1:]:
        if fields := differing(scores[0].signature, one.signature):
            listed = ", ".join(f"{key} {a} and {b}" for key, (a, b) in fields.items())
            raise ScoresError(f"{scores[0].method} and {one.method} were scored differently: {listed}.")


def _said(value: object) -> str:
    return value.signature() if isinstance(value, Protocol) else str(value)


def load_scores(paths: Sequence[Path]) -> list[Scores]:
    """Read every scores folder at or under some paths, sorted by dataset and method.

    Raises
    ------
    ScoresError
        There is none, or one is damaged.
    """
    folders = {
        f.parent.resolve(): f.parent
        for path in paths
        for f in sorted(path.rglob("meta.json"))
        if not f.parent.name.startswith(".")
    }.values()
    if not folders:
        raise ScoresError(
            f"{first_few([str(p) for p in paths])}: found no scores here; `sodbench score` makes them."
        )
    return sorted((Scores.load(folder) for folder in folders), key=lambda s: (s.dataset, s.method))
