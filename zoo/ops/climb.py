from collections.abc import Sequence

import torch
from torch import Tensor


class Climb:
    """Tangents T_{l+1} = W (σ'(z_l) T_l) through the layers, and what reaches them back.

    Some directions at a time; numbers in between lie in memory that all pieces use, as fresh memory
    costs as much as the numbers themselves.

    Args:
        slopes: σ'(z_l), (b, n_l).
        weights: W between hidden layers, one fewer than slopes.
        lower: whether the first layer's tangent i is zero in the units before the i-th.
    """

    def __init__(self, slopes: Sequence[Tensor], weights: Sequence[Tensor], lower: bool) -> None:
        self.slopes, self.weights, self.lower = slopes, weights, lower
        self._rooms: dict[int, Tensor] = {}

    def _room(self, place: int, *shape: int) -> Tensor:
        """Memory of this shape."""
        like, size = self.slopes[0], torch.Size(shape).numel()
        if place not in self._rooms or self._rooms[place].numel() < size:
            self._rooms[place] = like.new_empty(size)
        return self._rooms[place][:size].view(shape)

    def _seen(self, layer: int, start: int) -> slice:
        """Units of a layer that tangents from `start` on may reach."""
        return slice(start if self.lower and layer == 0 else 0, None)

    def _bent(self, layer: int, z: Tensor, seen: slice) -> Tensor:
        """σ' T, as a matrix."""
        slope = self.slopes[layer][:, seen]
        room = self._room(0, len(z), *slope.shape)
        return torch.mul(z[..., seen], slope, out=room).flatten(0, 1)

    def up(self, z: Tensor, start: int) -> list[Tensor]:
        """The tangents of all layers before their σ.

        Args:
            z: those of the first layer, (m, 1 or b, n).
            start: which of all directions is the first of these.
        """
        found = [z]
        for layer, weight in enumerate(self.weights):
            seen = self._seen(layer, start)
            t = self._bent(layer, found[-1], seen)
            found.append((t @ weight[:, seen].mT).view(len(z), -1, len(weight)))
        return found

    def squares(self, z: Tensor, shares: Tensor | None) -> Tensor:
        """Σ_k w_k z_k², (b or 1, n)."""
        square = torch.mul(z, z, out=self._room(0, *z.shape))
        if shares is not None:
            square = square * shares[..., None]
        return square.sum(0)

    def begin(self, to_squares: Sequence[Tensor]) -> None:
        """Begin to go down.

        Args:
            to_squares: what reaches `squares` of each layer, (b, n).
        """
        self.to_squares = [2 * one for one in to_squares]
        self.to_slopes = [torch.zeros_like(one) for one in self.slopes]
        self.to_weights = [torch.zeros_like(one) for one in self.weights]

    def to_shares(self, risen: Sequence[Tensor]) -> Tensor:
        """What reaches w, (m, b)."""
        each = zip(self.to_squares, risen, strict=True)
        return torch.stack([(z * z * to).sum(-1) for to, z in each]).sum(0) / 2

    def down(self, risen: Sequence[Tensor], shares: Tensor | None, start: int) -> Tensor:
        """What reaches the first layer's tangents; what reaches the rest is added to the sums.

        The result may lie in memory that the next piece uses.

        Args:
            risen: as `up` gives them.
            shares: of the directions, (m, b).
            start: as in `up`.
        """
        wide = None if shares is None else shares[..., None]
        top, own = len(risen) - 1, risen[0].shape[1] > 1 or len(self.slopes[0]) == 1
        g = self._room(1, len(risen[0]), *self.to_squares[top].shape)
        torch.mul(self.to_squares[top], risen[top], out=g)
        g = g if wide is None else g.mul_(wide)
        for layer in reversed(range(top)):
            seen, z = self._seen(layer, start), risen[layer]
            t = self._bent(layer, z, seen)
            self.to_weights[layer][:, seen].addmm_(g.flatten(0, 1).mT, t)
            room = self._room(2 + layer % 2, len(t), z.shape[-1])
            g = torch.mm(g.flatten(0, 1), self.weights[layer], out=room).view(
                len(z), -1, len(room[0])
            )
            met = torch.mul(g[..., seen], z[..., seen], out=t.view(len(z), -1, t.shape[-1]))
            self.to_slopes[layer][:, seen] += met.sum(0)
            g.mul_(self.slopes[layer])
            if layer or own:
                also = z if wide is None else z * wide
                g.addcmul_(self.to_squares[layer], also)
        if own:
            return g
        if top == 0:
            return g.sum(1, keepdim=True)
        # the same tangent at all points: what reaches its squares is one product
        to = self.to_squares[0]
        to = to.sum(0) if shares is None else (shares @ to)[:, None]
        return torch.addcmul(g.sum(1, keepdim=True), risen[0], to)
