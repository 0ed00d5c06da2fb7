from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


def cut(u: Float[Tensor, "b t c *n"], counts: Sequence[int]) -> Tensor:
    """A window as blocks in a row: time outermost, then space in the order of its axes.

    Shapes:
        result: (b, m, t/m_0, c, *n/m_i), m the product of `counts`.

    Args:
        u: the window.
        counts: blocks along time and along each space axis.

    Raises:
        ValueError: the frames or the grid are not divided.
    """
    b, t, c, *n = u.shape
    _divided(u, counts)
    shape = [b, counts[0], t // counts[0], c]
    for points, blocks in zip(n, counts[1:], strict=True):
        shape += [blocks, points // blocks]
    return u.reshape(shape).permute(_order(len(n))).flatten(1, len(counts))


def join(blocks: Tensor, counts: Sequence[int]) -> Tensor:
    """The inverse of `cut`."""
    b, _, t, c, *n = blocks.shape
    order = _order(len(n))
    back = [order.index(axis) for axis in range(len(order))]
    whole = [b, counts[0] * t, c, *(m * k for m, k in zip(counts[1:], n, strict=True))]
    return blocks.unflatten(1, tuple(counts)).permute(back).reshape(whole)


def numbers(u: Tensor, sizes: Sequence[int]) -> tuple[int, ...]:
    """How many patches of `sizes` (frames, points per axis) a window holds along each axis.

    Raises:
        ValueError: a size does not divide the frames or the grid.
    """
    held = (u.shape[1], *u.shape[3:])
    names = ["history", *(f"the grid's axis {axis} of n" for axis in range(u.ndim - 3))]
    for name, have, size in zip(names, held, sizes, strict=True):
        if have % size:
            raise ValueError(
                f"{name}={have} is no multiple of the patch's {size}; "
                f"{_nearest(have, size)} would do, or another patch"
            )
    return tuple(have // size for have, size in zip(held, sizes, strict=True))


def rearranged(
    u: Float[Tensor, "b t c *n"], counts: Sequence[int], permutations: Int[Tensor, "k m"]
) -> tuple[Float[Tensor, "b t c *n"], Int[Tensor, " b"]]:
    """Each window with its blocks in another order, and which order: one drawn from a table.

    Block i of the result is block π_i of the window, with π the row that the label names.
    """
    label = torch.randint(len(permutations), (len(u),), device=u.device)
    rows = torch.arange(len(u), device=u.device)[:, None]
    return join(cut(u, counts)[rows, permutations[label]], counts), label


def _order(dimension: int) -> list[int]:
    """Axes (b, m_0, t, c, m_1, n_1, ...) to (b, m_0, m_1, ..., t, c, n_1, ...)."""
    outer = [4 + 2 * axis for axis in range(dimension)]
    return [0, 1, *outer, 2, 3, *(axis + 1 for axis in outer)]


def _divided(u: Tensor, counts: Sequence[int]) -> None:
    held = (u.shape[1], *u.shape[3:])
    names = ["history", *(f"the grid's axis {axis} of n" for axis in range(u.ndim - 3))]
    for name, have, count in zip(names, held, counts, strict=True):
        if have % count:
            raise ValueError(
                f"{name}={have} is not divided into {count} equal blocks; "
                f"{_nearest(have, count)} would be"
            )


def _nearest(have: int, part: int) -> str:
    below = have // part * part
    return f"{below} or {below + part}" if below else str(part)
