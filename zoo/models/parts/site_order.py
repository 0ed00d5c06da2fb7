"""In which order an autoregressive model meets the sites of a lattice."""

from typing import Literal

import torch
from jaxtyping import Int64
from torch import Tensor

from zoo.spin.lattice import Lattice

Order = Literal["spiral", "snake", "raster"]


def site_order(order: Order, lattice: Lattice) -> Int64[Tensor, " n"]:
    """The number of the site that is met first, second, ...; its argsort is the inverse.

    - raster: as the sites are numbered, the last axis fastest;
    - snake: every second row backwards, so that each site is a neighbour of the one before;
    - spiral: outward from the centre of a rectangle in growing squares; of an even number of rows
      or columns it starts at the lower of the two in the middle.

    Raises:
        ValueError: an unknown order, or a spiral on other than two axes.
    """
    if order == "raster":
        return lattice.numbers.flatten()
    if order == "snake":
        return _snake(lattice.numbers).flatten()
    if order != "spiral":
        raise ValueError(f"order={order!r} must be 'spiral', 'snake' or 'raster'")
    if lattice.dimension != 2:
        raise ValueError(
            f"order='spiral' needs two axes, the lattice {lattice.shape} has {lattice.dimension}; "
            "take order='snake'"
        )
    return _spiral(*lattice.shape)


def _snake(numbers: Tensor) -> Tensor:
    """Blocks along the first axis, each a snake, every second one from its end."""
    if numbers.ndim == 1:
        return numbers
    blocks = [_snake(block).flatten() for block in numbers]
    return torch.stack([b.flip(0) if i % 2 else b for i, b in enumerate(blocks)])


def _spiral(rows: int, columns: int) -> Tensor:
    place, step, length = ((rows - 1) // 2, (columns - 1) // 2), (0, 1), 1
    found: list[int] = []
    while True:
        for _ in range(2):
            for _ in range(length):
                if 0 <= place[0] < rows and 0 <= place[1] < columns:
                    found.append(place[0] * columns + place[1])
                    if len(found) == rows * columns:
                        return torch.tensor(found)
                place = (place[0] + step[0], place[1] + step[1])
            step = (step[1], -step[0])
        length += 1
