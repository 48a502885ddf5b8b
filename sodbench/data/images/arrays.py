"""Arrays and tensors as the metrics take them: the rules of the reader of files, for what is in memory.

| values | read as |
|---|---|
| bool | 0 and 255 |
| uint8 | levels as they are |
| float, bfloat16 too | in [0, 1]: floor(255 v + 0.5), as for float files; anything else is an error |
| other types | an error: they do not say which value is white |
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sodbench.data.images.decoding import SaliencyMap, levels_of_float
from sodbench.errors import PredictionError, SodbenchError


def split_batch(values: Any, name: str) -> list[NDArray[Any]]:
    """Split a batch into the arrays of its images, ``(h, w)`` each.

    Parameters
    ----------
    values
        Array or tensor ``(h, w)``, ``(n, h, w)`` or ``(n, 1, h, w)``, on any device; or a list of ``(h, w)``
        or ``(1, h, w)``, which need not be of one size.
    name
        What messages call it.

    Raises
    ------
    PredictionError
        It has another shape.

    Examples
    --------
    >>> [image.shape for image in split_batch(np.zeros((2, 1, 4, 5)), "pred")]
    [(4, 5), (4, 5)]
    >>> [image.shape for image in split_batch([np.zeros((4, 5)), np.zeros((1, 2, 3))], "pred")]
    [(4, 5), (2, 3)]
    """
    if isinstance(values, Sequence) and not isinstance(values, str):
        parts = [split_batch(part, f"{name}[{k}]") for k, part in enumerate(values)]
        if odd := [f"{name}[{k}]" for k, part in enumerate(parts) if len(part) != 1]:
            raise PredictionError(f"{odd[0]}: a batch inside a list, expected one image, (h, w).")
        return [image for part in parts for image in part]
    array = _on_host(values, name)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3:
        raise PredictionError(
            f"{name} has the shape {array.shape}, expected (h, w), (n, h, w) or (n, 1, h, w)."
        )
    return list(array)


def levels_of_array(
    values: NDArray[Any], where: str, error: type[SodbenchError] = PredictionError
) -> SaliencyMap:
    """Return the levels of one image's values, by the rules above.

    Parameters
    ----------
    values
        ``(h, w)``.
    where
        What messages call it.
    error
        What to raise.

    Raises
    ------
    PredictionError
        The values are not of a type above, or floats outside of [0, 1].

    Examples
    --------
    >>> levels_of_array(np.array([[0.0, 0.5, 1.0]]), "pred").levels
    array([[  0, 128, 255]], dtype=uint8)
    """
    if values.size == 0:
        raise error(f"{where}: is empty, shape {values.shape}.")
    if values.dtype == np.bool_:
        return SaliencyMap(values * np.uint8(255), ())
    if values.dtype == np.uint8:
        return SaliencyMap(np.array(values, order="C"), ())
    if values.dtype.kind != "f":
        raise error(
            f"{where}: {values.dtype} values, expected float in [0, 1], uint8 levels or bool. "
            "Convert them, so that it is clear which value is white: values > 0 if they are 0 and 1, "
            "values.astype(np.uint8) if they are levels 0 to 255."
        )
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        hint = "These look like logits: apply a sigmoid first" if low < 0 else "Divide them by their maximum"
        raise error(
            f"{where}: float values from {low:.9g} to {high:.9g}, expected [0, 1]. {hint}, or pass uint8."
        )
    return levels_of_float(values, where, error)


def _on_host(values: Any, name: str) -> NDArray[Any]:
    """Return an array, or a tensor's values in the memory of this machine, as numpy has them."""
    if isinstance(values, np.ndarray):
        return values
    if not hasattr(values, "detach"):
        raise PredictionError(
            f"{name} is {type(values).__name__}, expected an array, a tensor or a list of them."
        )
    tensor = values.detach().cpu()
    try:
        return np.asarray(tensor.numpy())
    except TypeError:  # numpy has no bfloat16
        return np.asarray(tensor.float().numpy())
