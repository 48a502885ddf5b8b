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
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sodbench.errors import ProtocolError, ScoresError, first_few, nearest
from sodbench.metrics import METRICS, PAPER_METRICS, PIXEL_METRICS, REVISIONS, revisions
from sodbench.metrics.emeasure import adaptive_e_from_levels, e_from_levels
from sodbench.metrics.fmeasure import adaptive_f_from_levels, f_from_pr, pr_from_found
from sodbench.metrics.histogram import LevelCounts, Reals, found_counts
from sodbench.metrics.mae import mae_from_levels
from sodbench.metrics.smeasure import s_from_halves
from sodbench.metrics.weighted_f import weighted_f_from_pr
from sodbench.protocol import FIXED_SIZES, Protocol, differing
from sodbench.version import __version__

if TYPE_CHECKING:
    import pandas as pd

SCORES_FORMAT = 1
"""Version of the folder format; raised when an older sodbench could misread a folder."""

DAMAGE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError),
    *(BadZipFile, zlib.error, ProtocolError),
)
"""What reading a damaged folder can raise."""

MISSING = ("error", "zero", "skip")
"""What to do about missing predictions."""

FILES = ("images.csv", "levels.npz", "meta.json")
"""The files of a scores folder; others in it are left alone."""

ROW_NOTES: Mapping[str, str] = {
    "missing": "prediction missing, scored as an all-zero map",
    "resized": "prediction resized to its mask, or both to one size",
    "jpeg-map": "prediction is a JPEG, which is lossy",
    "faint-map": "16-bit or float prediction that reaches level 1 at most",
    "constant-map": "prediction has one level only",
    "jpeg-mask": "mask is a JPEG, which is lossy",
    "mask-01": "mask with maximum 1, read as 0/255",
    "grey-mask": "mask with levels other than 0 and 255",
    "emptied-mask": "grey mask without a level above its threshold, taken as empty",
    "empty-mask": "empty mask",
    "full-mask": "mask without background",
    "edge-centroid": "mask centroid in the last row or column, where the original S-measure is NaN",
}
"""What a row may report of its image, and in which words."""


class Row(NamedTuple):
    """One image: level histograms, the numbers that need pixels (NaN = not computed), and remarks.

    `fg`, `bg` are ``(256,)`` counts inside and outside the object; `digest` names the content of
    the two files and `notes` are keys of `ROW_NOTES`.
    """

    id: str
    shape: tuple[int, int]
    fg: NDArray[np.uint32]
    bg: NDArray[np.uint32]
    s_object: float = math.nan
    s_region: float = math.nan
    w_precision: float = math.nan
    w_recall: float = math.nan
    r_precision: float = math.nan
    r_recall: float = math.nan
    soft_mae: float = math.nan
    notes: tuple[str, ...] = ()
    digest: str = ""


AT_ONCE = 512
"""Images whose curves are held in memory at once."""

NUMBERS = ("s_object", "s_region", "w_precision", "w_recall", "r_precision", "r_recall", "soft_mae")

POOLED = ("true positives", "false positives", "positives")
"""What is summed over all images, in place of means, where pixels are pooled."""

_P_FIELDS = ("normalise", "reciprocal", "eps")
DEPENDS: Mapping[str, tuple[str, ...]] = {
    "s_measure": (*_P_FIELDS, "s_centroid"),
    "weighted_f": _P_FIELDS,
    "relax_f": (*_P_FIELDS, "rho", "relax_threshold", "relax_element", "relax_border", "relax_distance"),
    "soft_mae": ("normalise", "in_floats", "eps", "mask_mae", "normalise_mae"),
}
"""What of a protocol the stored part of a row depends on, grey masks and resized maps apart."""


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


def check_metrics(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return metric ids in the order of `METRICS`, without repetition; ``paper``, ``all`` are sets of them.

    Raises
    ------
    ScoresError
        A name is not a metric, or none is given.

    Examples
    --------
    >>> check_metrics(["mae", "max_f"])
    ('max_f', 'mae')
    >>> check_metrics("paper")
    ('max_f', 'mae', 'weighted_f', 's_measure', 'relax_f')
    """
    groups = {"paper": PAPER_METRICS, "all": tuple(METRICS)}
    given = [names] if isinstance(names, str) else list(names)
    wanted = {metric for name in given for metric in groups.get(name, (name,))}
    for name in sorted(wanted - METRICS.keys()):
        raise ScoresError(f"unknown metric {name!r}; {nearest(name, (*METRICS, *groups))}")
    if not wanted:
        raise ScoresError(f"no metric asked for; valid: {', '.join(METRICS)}")
    return tuple(name for name in METRICS if name in wanted)


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


def finite(value: float) -> float | None:
    """Return the value, None for NaN: what JSON has for an undefined score.

    >>> finite(float("nan")) is None
    True
    """
    return None if math.isnan(value) else value


def reusable(row: Row, made: Protocol, wanted: Protocol, metrics: Iterable[str]) -> bool:
    """Tell whether a stored row holds all that another run needs, the files being the same."""
    if not _levels_hold(row, made, wanted):
        return False
    stored = {"s_measure": row.s_object, "weighted_f": row.w_recall, "relax_f": row.r_recall}
    for name in set(metrics) & stored.keys():
        known = not math.isnan(stored[name]) or (name == "weighted_f" and "empty-mask" in row.notes)
        if not (known and _same(DEPENDS[name], made, wanted)):
            return False
    return True


def _levels_hold(row: Row, made: Protocol, wanted: Protocol) -> bool:
    fields = []
    if "grey-mask" in row.notes:
        fields += ["mask_threshold", *(["eps"] if made.mask_threshold.startswith("norm") else [])]
        fields += DEPENDS["soft_mae"] if "soft" in (made.mask_mae, wanted.mask_mae) else ()
    if "resized" in row.notes or FIXED_SIZES.keys() & {made.resize, wanted.resize}:
        fields.append("resize")
    return _same(fields, made, wanted)


def _same(names: Iterable[str], one: Protocol, two: Protocol) -> bool:
    return all(getattr(one, name) == getattr(two, name) for name in names)


def _swap(part: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one, which stays if that fails."""
    old = part.with_name(part.name + "-old")
    if folder.exists():
        folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    if old.exists():
        for file in old.iterdir():
            if file.name not in FILES:
                file.rename(folder / file.name)
        shutil.rmtree(old, ignore_errors=True)


def _said(value: object) -> str:
    return value.signature() if isinstance(value, Protocol) else str(value)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _check_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    kinds = {"format": int, "method": str, "dataset": str, "of": int, "metrics": list, "provenance": dict}
    for key, kind in kinds.items():
        if not isinstance(meta[key], kind):
            raise ValueError(f"{key} in meta.json is {meta[key]!r}")
    if meta["missing"] not in MISSING:
        raise ValueError(f"missing in meta.json is {meta['missing']!r}")
    if meta["format"] > SCORES_FORMAT:
        raise ScoresError(
            f"{folder}: written by a newer sodbench (format {meta['format']}, "
            f"this one reads {SCORES_FORMAT}). Update sodbench."
        )
    old = [f"{k}{v} (now {REVISIONS.get(k)})" for k, v in meta["revisions"].items() if REVISIONS.get(k) != v]
    if old:
        raise ScoresError(f"{folder}: made by another revision of metrics: {', '.join(old)}. Score again.")


def _read_rows(folder: Path) -> dict[str, Row]:
    with np.load(BytesIO((folder / "levels.npz").read_bytes()), allow_pickle=False) as levels:
        images, fg, bg = levels["images"].tolist(), levels["fg"], levels["bg"]
    with (folder / "images.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    if [line["image"] for line in lines] != images or len(fg) != len(images) or len(bg) != len(images):
        raise ValueError("images.csv and levels.npz list different images")
    if any(h.shape != (len(images), 256) or h.dtype != np.uint32 for h in (fg, bg)):
        raise ValueError("levels.npz holds no histograms of 256 levels")
    rows = {}
    for k, line in enumerate(lines):
        shape = int(line["height"]), int(line["width"])
        if int(fg[k].sum()) + int(bg[k].sum()) != shape[0] * shape[1]:
            raise ValueError(f"histograms of {images[k]} do not add up to its size")
        numbers = {name: float(line[name] or "nan") for name in NUMBERS}
        notes = tuple(line["notes"].split())
        rows[images[k]] = Row(images[k], shape, fg[k], bg[k], **numbers, notes=notes, digest=line["digest"])
    return rows
