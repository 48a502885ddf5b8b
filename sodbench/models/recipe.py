"""How maps are made, as a value that is sent to other processes; each builds the network for itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sodbench.data.sources import ImageFile
from sodbench.errors import WeightsError
from sodbench.models.loading import load_weights, weights_sha256
from sodbench.models.pipeline import Mapped, Predict, Save, map_photos
from sodbench.models.predictor import Predictor, build_network, choose_device, fix_cudnn
from sodbench.models.run_record import Configuration

MapInto = Callable[[Path, Sequence[ImageFile], Callable[[int], None]], Mapped]
"""Writes into a folder the maps of photos, and calls its last argument with how many are done."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How maps are made.

    Parameters
    ----------
    configuration
        What determines the maps.
    factory
        ``module:function`` that builds the network.
    weights
        Absolute path of its weights.
    batch
        Photos per batch.
    workers
        Threads that prepare photos, and as many that write maps.
    """

    configuration: Configuration
    factory: str
    weights: Path
    batch: int
    workers: int

    def predictor(self, device: str) -> Predictor:
        """Build the network on a device of this process, whose settings of torch are changed.

        Raises
        ------
        WeightsError
            The device, the network or the weights are not there, or the weights are others.
        """
        chosen = choose_device(device)
        network = build_network(self.factory)
        load_weights(network, self.weights)
        digest = weights_sha256(self.weights)
        if digest != self.configuration.weights_sha256:
            raise WeightsError(
                f"{self.weights}: sha256 {digest}, expected {self.configuration.weights_sha256}: "
                "not the weights of the process that started this one. Put the same file there."
            )
        fix_cudnn()
        return Predictor(network, chosen, self.configuration.precision, self.configuration.compiled)

    def maps(
        self,
        photos: Iterable[ImageFile],
        predictor: Predict,
        save: Save,
        report: Callable[[int], None] = lambda done: None,
    ) -> Mapped:
        """Make a map of each photo; see `sodbench.models.pipeline.map_photos`."""
        return map_photos(
            photos,
            predictor,
            save,
            postprocess=self.configuration.postprocess,
            exif=self.configuration.exif,
            batch=self.batch,
            workers=self.workers,
            report=report,
        )
