"""Random directions and coordinates, and the traces that they estimate."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from zoo.ops.products_jet import ProductsJet
from zoo.ops.traced_jet import Draw

BITS = 62
"""Signs in a 64-bit random number."""


@runtime_checkable
class Curved(Protocol):
    """A jet that knows second derivatives along directions, as PerceptronJet and ForwardJet do."""

    def twice(self, directions: Tensor, shares: Tensor | None = None) -> Tensor:
        """Σ_k w_k v_k·∇∇u v_k, (b, c), with directions (m, 1 or b, d) and shares (m, b)."""
        ...

    def twice_by(self, places: Tensor, shares: Tensor | None = None) -> Tensor:
        """The same along coordinates (m, 1 or b)."""
        ...


def signs(count: int, points: int, like: Tensor, size: int) -> Tensor:
    """Independent signs (count, points, size), ±1 with probability a half each."""
    total = count * points * size
    drawn = torch.randint(2**BITS, (-(-total // BITS), 1), device=like.device)
    bits = (drawn >> torch.arange(BITS, device=like.device)).bitwise_and_(1)
    flat = bits.flatten()[:total].to(like.dtype)
    return flat.mul_(2).sub_(1).view(count, points, size)


class Directions(Draw):
    """Means over directions of v·∇∇u v; E[v vᵀ] is the unit matrix.

    Args:
        jet: of the field.
        directions: (m, 1 or b, d).
    """

    def __init__(self, jet: Curved, directions: Tensor) -> None:
        self._jet, self._v = jet, directions

    def laplacian(self, axes: tuple[int, ...] | None) -> Tensor:
        """As in Draw."""
        return self._jet.twice(_only(self._v, axes)) / len(self._v)

    def trace(self, weights: Tensor) -> Tensor:
        """As in Draw: v·∇∇u (w v), by v √w where there are roots, or by polarisation."""
        v = self._v
        if not weights.requires_grad and bool((weights >= 0).all()):
            return self._jet.twice(v * weights.sqrt()) / len(v)
        both = torch.cat([v * (1 + weights), v * (1 - weights)])
        # 4 a·Ab = (a+b)·A(a+b) - (a-b)·A(a-b)
        quarter = torch.full((len(v), len(weights)), 0.25 / len(v), device=v.device, dtype=v.dtype)
        return self._jet.twice(both, torch.cat([quarter, -quarter]))


class Products(Draw):
    """Means over directions of v·(∇∇u v), the product by a reverse pass over the gradient.

    Args:
        jet: of the field.
        directions: (m, b, d).
    """

    def __init__(self, jet: ProductsJet, directions: Tensor) -> None:
        self._jet, self._v = jet, directions

    def laplacian(self, axes: tuple[int, ...] | None) -> Tensor:
        """As in Draw."""
        each = [(self._jet.product(v) * v[:, None]).sum(-1) for v in _only(self._v, axes)]
        return torch.stack(each).mean(0)

    def trace(self, weights: Tensor) -> Tensor:
        """As in Draw."""
        each = [(self._jet.product(v) * (v * weights)[:, None]).sum(-1) for v in self._v]
        return torch.stack(each).mean(0)


class Coordinates(Draw):
    """Second derivatives by some of N coordinates, times N over how many; none is taken twice.

    Args:
        jet: of the field.
        count: how many coordinates.
        points: b, or 1 for the same coordinates at all points.
        like: a tensor of the points' precision and device, with a column for each coordinate.
    """

    def __init__(self, jet: Curved, count: int, points: int, like: Tensor) -> None:
        self._jet, self._count, self._points, self._like = jet, count, points, like
        self._known: dict[tuple[int, ...] | None, Tensor] = {}

    def _places(self, axes: tuple[int, ...] | None) -> Tensor:
        """Coordinates (m, 1 or b): a random order, of which each point takes a stretch.

        Stretches begin at equal distances, so that the points together see all coordinates equally
        often; a stretch of a random order is a random set.
        """
        if axes not in self._known:
            device, size = self._like.device, self._like.shape[1]
            among = torch.tensor(range(size) if axes is None else axes, device=device)
            if self._count > len(among):
                raise ValueError(
                    f"directions={self._count} of {len(among)} coordinates; none is taken twice: "
                    "take no more than there are, or ForwardLaplacian for all"
                )
            order = among[torch.randperm(len(among), device=device)]
            start = torch.arange(self._points, device=device) * len(among) // self._points
            stretch = start + torch.arange(self._count, device=device)[:, None]
            self._known[axes] = order[stretch % len(among)]
        return self._known[axes]

    def laplacian(self, axes: tuple[int, ...] | None) -> Tensor:
        """As in Draw."""
        count = self._like.shape[1] if axes is None else len(axes)
        return self._jet.twice_by(self._places(axes)) * (count / self._count)

    def trace(self, weights: Tensor) -> Tensor:
        """As in Draw."""
        places = self._places(None)
        shares = weights.mT.gather(0, places.expand(-1, len(weights)))
        return self._jet.twice_by(places, shares) * (self._like.shape[1] / self._count)


def _only(v: Tensor, axes: tuple[int, ...] | None) -> Tensor:
    """The same with zeros in the other columns."""
    if axes is None:
        return v
    kept = torch.zeros(v.shape[-1], dtype=v.dtype, device=v.device)
    kept[list(axes)] = 1
    return v * kept
