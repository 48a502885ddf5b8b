"""What to compute, and how files are paired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sodbench.data.pairing import Pairing, pair
from sodbench.data.sources import ImageFile
from sodbench.errors import DatasetError, PredictionError, nearest
from sodbench.metrics import DEFAULT_METRICS, narrowed
from sodbench.protocol import Protocol
from sodbench.utils.shards import Shard
from sodbench.utils.text import counted

MISSING = ("error", "zero", "skip")
"""What to do about missing predictions."""


@dataclass(frozen=True)
class Plan:
    """What to compute of which images, and how files are paired; `protocol` is narrowed to `metrics`."""

    protocol: Protocol
    metrics: tuple[str, ...] = DEFAULT_METRICS
    missing: str = "error"
    strip: tuple[str, ...] = ()
    loose: bool = False
    subset: bool = False
    jobs: int | None = None
    shard: Shard | None = None

    def __post_init__(self) -> None:
        if self.missing not in MISSING:
            raise PredictionError(f"missing={self.missing!r} is unknown; {nearest(self.missing, MISSING)}")
        if self.jobs is not None and self.jobs < 1:
            raise PredictionError(f"jobs={self.jobs} must be at least 1.")
        if self.shard and self.subset:
            raise PredictionError(
                f"--shard {self.shard} goes without --subset: shards are merged into scores of all images."
            )
        object.__setattr__(self, "protocol", narrowed(self.protocol, self.metrics))

    def pairings(
        self, methods: Mapping[str, Sequence[ImageFile]], masks: Sequence[ImageFile]
    ) -> dict[str, Pairing]:
        """Pair each method's maps with the masks, those of the shard if there is one.

        Raises
        ------
        DatasetError, PredictionError
            Two files have one id (see `sodbench.data.pairing.pair`), or the shard has no image.
        """
        pairings = {name: pair(maps, masks, self.strip, loose=self.loose) for name, maps in methods.items()}
        if self.shard is None:
            return pairings
        ours = set(self.shard.take(sorted(mask.stem for mask in masks)))
        if not ours:
            raise DatasetError(
                f"shard {self.shard}: there are {counted(len(masks), 'mask')}, so this shard has no image. "
                "Take fewer shards."
            )
        return {
            name: Pairing(
                tuple(each for each in pairing.pairs if each[0] in ours),
                tuple(image for image in pairing.missing if image in ours),
                pairing.extra,
            )
            for name, pairing in pairings.items()
        }
