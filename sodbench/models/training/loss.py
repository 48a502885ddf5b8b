"""Deep supervision: the losses of the fused map and of every side output, and their weighted sum.

Qin et al., U2-Net, eq. 1-2. Binary cross-entropy is taken on logits, which is the same function without
overflow, and as the mean over pixels and photos, as in the authors' code; eq. 2 prints the sum over pixels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sodbench.errors import TrainingError
from sodbench.utils.text import counted


def check_outputs(outputs: object, shape: Sequence[int]) -> None:
    """Raise an error unless a network's output is logits of this shape, or several of them.

    Raises
    ------
    TrainingError
        It is anything else.
    """
    wanted = tuple(shape)
    several = outputs if isinstance(outputs, tuple | list) else (outputs,)
    for output in several:
        actual = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        if actual != wanted:
            raise TrainingError(
                f"the network gives {actual}, expected logits {wanted}, or several of them, fused map first."
            )


def losses(outputs: Tensor | Sequence[Tensor], target: Tensor) -> Tensor:
    """Return the loss of each output.

    Parameters
    ----------
    outputs
        Logits (n, 1, h, w), fused map first; a single output counts as the fused one.
    target
        (n, 1, h, w) in [0, 1].

    Examples
    --------
    >>> losses([torch.zeros(1, 1, 2, 2)] * 2, torch.ones(1, 1, 2, 2))
    tensor([0.6931, 0.6931])
    """
    outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
    return torch.stack([F.binary_cross_entropy_with_logits(logits.float(), target) for logits in outputs])


def total(parts: Tensor, weights: Sequence[float]) -> Tensor:
    """Return the weighted sum of the outputs' losses.

    Raises
    ------
    TrainingError
        There are more or fewer weights than outputs.
    """
    if len(parts) != len(weights):
        raise TrainingError(
            f"loss_weights has {counted(len(weights), 'number')}, expected {len(parts)}: one for each of the "
            "network's outputs, fused map first."
        )
    return parts @ parts.new_tensor(weights)
