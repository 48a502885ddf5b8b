"""Scores of maps that are arrays or tensors, one batch after the other: for one's own loop."""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from warnings import warn

import numpy as np

from sodbench.data.images.arrays import levels_of_array, split_batch
from sodbench.data.images.decoding import FILE_NOTES
from sodbench.data.images.maps import binarised, fitted, resized_mask
from sodbench.data.registry import lookup
from sodbench.data.sources import digest_of
from sodbench.errors import DatasetError, PredictionError, ScoresError, first_few
from sodbench.metrics import DEFAULT_METRICS, check_metrics, narrowed
from sodbench.protocol import Protocol, fixed_size
from sodbench.scoring.pairs import MASK_WAY, prepare_mask, score_pair
from sodbench.scoring.rows import Row
from sodbench.scoring.scores import Scores
from sodbench.utils.text import counted

WAY = 'take a protocol with resize="bilinear"'
"""What to do about maps of another size than their masks."""


class Scorer:
    """An accumulator: `update` with maps and masks as a loop makes them, then `compute` their scores.

    *How values become levels.* Metrics are defined on the 256 levels of 8-bit maps. A float in [0, 1] becomes
    floor(255 v + 0.5), so that it scores as its saved PNG would. Logits are an error and are not squashed
    silently: whether a network's output still needs a sigmoid is a choice that changes scores, and values
    that happen to lie in [0, 1] would hide it. Masks follow the rules for files: 0/1, 0/255 and bool are
    read, floats in [0, 1] become levels, and the protocol's rule says which levels are object.

    Parameters
    ----------
    dataset
        Name for the signature. A registered one also gives its version, its count and its mask rule; of
        another the images counted are the whole dataset.
    method
        What the scores are called.
    protocol
        A preset's name, a signature, or a Protocol.
    metrics
        Column ids, or ``paper``, ``all``.

    Raises
    ------
    ProtocolError, MetricError, DatasetError
        The protocol or a metric is unknown, or the dataset's name has other characters than those of a name.

    Examples
    --------
    >>> scorer = Scorer(metrics=["max_f", "mae"])
    >>> gt = np.eye(4, dtype=bool)
    >>> scorer.update(np.stack([gt * 0.8, gt * 0.5]), np.stack([gt, gt]))
    >>> scores = scorer.compute()
    >>> scores.n, scores.summary()
    (2, {'max_f': 1.0, 'mae': 0.0})
    """

    def __init__(
        self,
        *,
        dataset: str = "own",
        method: str = "own",
        protocol: str | Protocol = "u2net",
        metrics: str | Iterable[str] = DEFAULT_METRICS,
    ) -> None:
        self.method = method
        self._registered = lookup(dataset)
        if not re.fullmatch(r"\w[\w.+-]*", dataset):
            raise DatasetError(f"dataset {dataset!r}: a name may hold letters, digits and _ . + - only.")
        self.dataset = self._registered.name if self._registered else dataset
        self.protocol = Protocol.of(protocol)
        if self._registered and self._registered.mask_threshold:
            self.protocol = self.protocol.change(mask_threshold=self._registered.mask_threshold)
        self.metrics = check_metrics(metrics)
        self.protocol = narrowed(self.protocol, self.metrics)
        self._rows: dict[str, Row] = {}

    def update(self, pred: Any, gt: Any, id: str | Sequence[str] | None = None) -> None:
        """Add one image, or a batch of them; all of it or, if it raises, nothing.

        Parameters
        ----------
        pred, gt
            Arrays or tensors on any device, ``(h, w)``, ``(n, h, w)`` or ``(n, 1, h, w)``: float in [0, 1],
            uint8 levels or bool. Or lists of ``(h, w)``, which need not be of one size.
        id
            Of the image, or of each image of the batch; by default they are numbered. Where several processes
            each score a part, pass ids, since `merge` refuses the same id twice.

        Raises
        ------
        PredictionError
            Values, types, sizes or numbers of images do not fit, or an id is there already.
        DatasetError
            A mask cannot be used; see `sodbench.data.images.maps.mask_from`.
        """
        preds, masks = split_batch(pred, "pred"), split_batch(gt, "gt")
        if len(preds) != len(masks):
            raise PredictionError(
                f"pred has {counted(len(preds), 'image')} and gt {len(masks)}; expected as many."
            )
        first = len(self._rows)
        ids = [f"{first + k:06}" for k in range(len(preds))] if id is None else _ids(id)
        if len(ids) != len(preds):
            raise PredictionError(
                f"{counted(len(ids), 'id')} for {counted(len(preds), 'image')}; expected as many."
            )
        if twice := sorted({name for name in ids if name in self._rows or ids.count(name) > 1}):
            raise PredictionError(f"{first_few(twice)}: scored already, expected each id once.")
        rows = [self._row(*of_image) for of_image in zip(ids, preds, masks, strict=True)]
        if scaled := [row.id for row in rows if "mask-01" in row.notes]:
            warn(f"gt of {first_few(scaled)}: {FILE_NOTES['mask-01']}", stacklevel=2)
        self._rows |= {row.id: row for row in rows}

    def _row(self, image: str, pred: Any, gt: Any) -> Row:
        protocol = self.protocol
        mask = binarised(
            levels_of_array(gt, f"gt of {image}", DatasetError),
            f"gt of {image}",
            rule=protocol.mask_threshold,
            eps=protocol.eps,
            graded=bool(self._registered and self._registered.grey_masks),
            way=MASK_WAY,
        )
        decoded = levels_of_array(pred, f"pred of {image}")
        digest = f"{_digest(mask.levels)}-{_digest(decoded.levels)}"
        how = protocol.resize
        if size := fixed_size(how):
            mask, how = resized_mask(mask, size), "bilinear"
        levels = fitted(decoded, f"pred of {image}", shape=mask.gt.shape, resize=how, way=WAY)
        prepared = prepare_mask(mask, protocol, self.metrics)
        return score_pair(image, levels, prepared, protocol, self.metrics, digest)

    def compute(self) -> Scores:
        """Return the scores of what was added so far.

        Raises
        ------
        ScoresError
            Nothing was added.
        """
        if not self._rows:
            raise ScoresError(f"{self.method} on {self.dataset}: nothing to compute, update was not called.")
        if self._registered and self._registered.confirmed:
            version, of = f"{self._registered.version}", self._registered.count
        else:
            masks = sorted((name, row.digest.partition("-")[0]) for name, row in self._rows.items())
            version, of = digest_of(repr(masks).encode()), len(self._rows)
        rows = dict(self._rows)
        return Scores(self.method, f"{self.dataset}@{version}", of, self.protocol, self.metrics, rows)

    def reset(self) -> None:
        """Forget what was added."""
        self._rows = {}

    def merge(self, other: "Scorer") -> None:
        """Add what another process or part of the loop has added.

        Raises
        ------
        ScoresError
            It has another dataset, protocol or metrics, or shares an image.
        """
        for name in ("method", "dataset", "protocol", "metrics"):
            if getattr(self, name) != getattr(other, name):
                raise ScoresError(f"cannot merge scorers that differ in {name}.")
        if both := sorted(self._rows.keys() & other._rows.keys()):
            raise ScoresError(
                f"cannot merge scorers that share {counted(len(both), 'image')} ({first_few(both)}). "
                "Pass ids to update."
            )
        self._rows |= other._rows


def _ids(id: str | Sequence[str]) -> list[str]:
    given = [id] if isinstance(id, str) or not isinstance(id, Sequence) else list(id)
    if odd := [name for name in given if not isinstance(name, str)]:
        raise PredictionError(f"id {odd[0]!r} is {type(odd[0]).__name__}, expected a str, or a list of them.")
    if odd := [name for name in given if not name or not name.isprintable()]:
        raise PredictionError(f"id {odd[0]!r}: expected printable characters.")
    return given


def _digest(levels: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    """Name an array's content, its shape included."""
    return digest_of(repr(levels.shape).encode() + levels.tobytes())
