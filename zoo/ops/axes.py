"""Some of a tensor's last entries, by coordinate."""

from collections.abc import Sequence

import torch
from torch import Tensor


def chosen(tensor: Tensor, axes: Sequence[int] | None) -> Tensor:
    """The entries along the last axis at these coordinates; all of them if left out.

    A view where they follow each other, as those of space do behind time: the gradient of a general
    choice writes one entry after another.
    """
    if axes is None:
        return tensor
    places = range(tensor.shape[-1])
    wanted = [places[axis] for axis in axes]
    first = wanted[0] if wanted else 0
    if wanted == list(range(first, first + len(wanted))):
        return tensor[..., first : first + len(wanted)]
    return tensor.index_select(-1, torch.tensor(wanted, device=tensor.device))
