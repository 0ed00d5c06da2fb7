import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from zoo.models.base import Interface
from zoo.models.operator import Operator
from zoo.models.parts import ends
from zoo.models.parts.affine import Affine
from zoo.models.parts.galerkin import GalerkinAttention, lowest_waves, turns
from zoo.models.parts.normaliser import Normaliser


class OFormer(Operator):
    """Transformer over grid points, with a decoder that can be asked anywhere.

    Encoder: every point is a token, its frames, channels and coefficients lifted linearly; then
    `layers` times h <- h + attention(h), h <- h + MLP(h), with Galerkin attention, whose mean over
    points costs as much as a pointwise layer. Points enter by rotary embedding alone, so the tokens
    are a set, and a shift of the field shifts them.

    Decoder: a point x becomes the query z(x) = B sin(A γ(x) + a) + b of its Fourier features γ(x),
    cosines and sines of the lowest (2 modes + 1)^d waves; z reads the tokens, y = z + attention(z,
    h), y <- y + MLP(y): the features, which an MLP of half the width projects. On a box that is not
    periodic all waves have twice the box as their period.

    Shapes:
        as in Operator; any grid, and `query` at any points.

    Args:
        interface: as in Model.
        normaliser: as in Model.
        width: channels of tokens, queries and features.
        layers: blocks of the encoder.
        heads: of attention in the encoder.
        cross_heads: of attention in the decoder.
        head_width: channels of a head, an even number; pairs of channels take the lowest waves in
            turn, so (cross_)heads * head_width / 2 waves are resolved.
        modes: of the decoder's Fourier features, (2 modes + 1)^d counting cosines, sines and one.

    Raises:
        ValueError: `modes` or a count is not positive, or `head_width` is odd.

    Source:
        Li, Meidani, Farimani, TMLR 2023 (arXiv 2205.13671); decoder without its recurrence in time
        as in Zhou et al., arXiv 2406.08473 (48,241 parameters; here 43,441 at its widths:
        `head_width=32`). Differs in whole waves for the rotary embedding and the Fourier features
        (there random), tokens without coordinates, norms without mean (see GalerkinAttention), and
        values left as they are in the decoder, whose queries know no amplitude.
    """

    def __init__(
        self,
        interface: Interface,
        normaliser: Normaliser,
        *,
        width: int = 32,
        layers: int = 2,
        heads: int = 2,
        cross_heads: int = 4,
        head_width: int = 16,
        modes: int = 3,
    ) -> None:
        super().__init__()
        self.interface, self.normaliser = interface, normaliser.bind(interface)
        self.width, self.layers, self.modes = width, layers, modes
        self.heads, self.cross_heads, self.head_width = heads, cross_heads, head_width
        if min(width // 2, layers, modes) < 1:
            raise ValueError(
                f"width={width}, layers={layers}, modes={modes}: width is at least 2, the others 1"
            )
        d, count = interface.dimension, len(interface.coefficients)
        self.lift = nn.Linear(interface.history * len(interface.inputs), width)
        self.lift_coefficients = nn.Linear(count, width, bias=False) if count else None
        self.attention = nn.ModuleList(
            GalerkinAttention(width, heads, head_width) for _ in range(layers)
        )
        self.mlp = nn.ModuleList(PointwiseMLP(width) for _ in range(layers))
        features = (2 * modes + 1) ** d - 1
        self.position = nn.ModuleList([nn.Linear(features, width), nn.Linear(width, width)])
        self.cross = GalerkinAttention(width, cross_heads, head_width, level=False)
        self.cross_mlp = PointwiseMLP(width)
        half = width // 2
        self.hidden = nn.ModuleList([nn.Linear(width, half), nn.Linear(half, half)])
        self.output = nn.Linear(half, interface.horizon * len(interface.outputs))

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        interface = Interface(("u",), ("u",), ("nu",), dt=0.1, history=2)
        small = {"width": 8, "heads": 2, "cross_heads": 2, "head_width": 4, "modes": 1}
        return {"interface": interface, "normaliser": Affine(), **small, "layers": 1}

    def example(self, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Model."""
        return ends.fields(self.interface, (12,) * self.interface.dimension, rng)

    def query(
        self,
        u: Float[Tensor, "b t c *n"],
        points: Tensor,
        p: Float[Tensor, "b p"] | None = None,
    ) -> Float[Tensor, "b t2 c2 m"]:
        """The output at any points of the box, each sample at its own.

        Shapes:
            u, p: as in Operator; points: (b, m, d), in the units of the box; output
            (b, horizon, outputs, m).

        Raises:
            ValueError: the points are not (b, m, d).
        """
        self.check(u, p)
        d = self.interface.dimension
        if points.ndim != 3 or points.shape[0] != u.shape[0] or points.shape[2] != d:
            raise ValueError(
                f"points has shape {tuple(points.shape)}; it must be ({u.shape[0]}, m, {d}): m "
                "points for every sample, as coordinates in the box"
            )
        known = p if self.interface.coefficients else None
        scaled, coefficients, state = self.normaliser.encode(u, known)
        grid = self._grid(u)
        h = self._decode(self._encode(scaled, coefficients, grid), grid, points.to(grid.dtype))
        # the points as the last axis of a grid, since the normaliser knows the number of axes
        y = self.project(h.mT.unflatten(2, (*(1,) * (d - 1), -1)))
        return self.normaliser.decode(y, state).flatten(3)

    def body(
        self, u: Float[Tensor, "b t c *n"], p: Float[Tensor, "b p"] | None
    ) -> Float[Tensor, "b width *n"]:
        """As in Operator."""
        grid = self._grid(u)
        return self._decode(self._encode(u, p, grid), grid, grid).mT.unflatten(2, u.shape[3:])

    def _encode(self, u: Tensor, p: Tensor | None, grid: Tensor) -> Tensor:
        """Normalised fields to tokens (b, n, width)."""
        h = self.lift(u.flatten(3).flatten(1, 2).mT)
        if self.lift_coefficients is not None:
            # a constant channel adds the same vector at every point
            h = h + self.lift_coefficients(p)[:, None]
        waves = lowest_waves(self.heads * self.head_width // 2, self.interface.dimension)
        turn = turns(self._angles(grid, waves))
        for attention, mlp in zip(self.attention, self.mlp, strict=True):
            h = mlp(h + attention(h, turn, h, turn))
        return h

    def _decode(self, tokens: Tensor, grid: Tensor, points: Tensor) -> Tensor:
        """Tokens at the grid's points to features (b, m, width) at `points`, (b or 1, m, d)."""
        d = self.interface.dimension
        waves = lowest_waves(self.cross_heads * self.head_width // 2, d)
        turn = turns(self._angles(points, waves))
        turn_tokens = turn if points is grid else turns(self._angles(grid, waves))
        angles = self._angles(points, lowest_waves(((2 * self.modes + 1) ** d + 1) // 2, d)[1:])
        z = self.position[0](torch.cat((angles.cos(), angles.sin()), -1).to(tokens.dtype))
        z = self.position[1](torch.sin(z))
        return self.cross_mlp(z + self.cross(z, turn, tokens, turn_tokens))

    def _grid(self, u: Tensor) -> Tensor:
        """The grid's points in the box, (1, n, d)."""
        dtype = torch.float64 if u.dtype == torch.float64 else torch.float32
        sides = [
            torch.arange(n, dtype=dtype, device=u.device) * (length / n)
            for n, length in zip(u.shape[3:], self.interface.box, strict=True)
        ]
        return torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).flatten(0, -2)[None]

    def _angles(self, points: Tensor, waves: list[tuple[int, ...]]) -> Tensor:
        """Phases 2π m·x / L of the waves at the points, (b, m, waves)."""
        period = 1 if self.interface.boundary == "periodic" else 2
        sides = [2 * math.pi / (period * side) for side in self.interface.box]
        numbers = [[m * side for m, side in zip(k, sides, strict=True)] for k in waves]
        # no product of matrices: autocast would round the points
        return (points[:, :, None] * points.new_tensor(numbers)).sum(-1)

    def project(self, h: Float[Tensor, "b width *n"]) -> Float[Tensor, "b t c *n"]:
        """As in Operator."""
        y = h.movedim(1, -1)
        for layer in self.hidden:
            y = F.gelu(layer(y))
        y = self.output(y).movedim(-1, 1)
        return y.unflatten(1, (self.interface.horizon, len(self.interface.outputs)))

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """As in Model."""
        return ends.channel_axes(self.interface) | super().channel_axes()


class PointwiseMLP(nn.Module):
    """h + B gelu(A h + a) + b at every point.

    Shapes:
        h, result: (b, n, width).

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, h: Float[Tensor, "b n width"]) -> Float[Tensor, "b n width"]:
        """The sum."""
        return h + self.down(F.gelu(self.up(h)))
