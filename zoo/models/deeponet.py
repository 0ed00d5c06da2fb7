import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.models.base import Interface
from zoo.models.operator import Operator
from zoo.models.parts import ends
from zoo.models.parts.affine import Affine
from zoo.models.parts.normaliser import Normaliser
from zoo.models.parts.perceptron import Perceptron
from zoo.models.parts.sensing import linear, spectral


class DeepONet(Operator):
    """Deep operator network: features h_k(x) = b_k t_k(x); outputs are linear in them.

    The branch b takes the fields on a fixed grid of sensors and the coefficients, the trunk t takes
    coordinates: b sees the whole box, so space is mixed. Each is a SiLU network beside a linear
    map of the same input. On a periodic box the trunk sees products of the cosines and sines of
    the waves 0 ... `waves` of each axis, elsewhere the coordinates, scaled to -1 ... 1.

    A periodic field goes to the sensors spectrally, restricted from a finer grid and interpolated
    from a coarser one; waves k with 2|k| >= min(n, sensors) are dropped. In other boxes it is
    interpolated linearly, and is constant beyond the last point of a grid.

    `branch="pointwise"` is the variant of Zhou et al.: both networks run at every pixel, the branch
    on its channels and (constant) coefficients, and each output is one product and a bias. It mixes
    no space, its features are its outputs, and it cannot be queried between pixels.

    Shapes:
        as in Operator; any grid; the grid has the points i L / n, i = 0 ... n-1.

    Args:
        interface: as in Model.
        normaliser: as in Model.
        rank: latent products, the width of the features; None is 128, or the outputs times the
            horizon when pointwise, which takes nothing else.
        sensors: grid of the sensors, for every axis or one for each.
        hidden: width of the hidden layers, for both networks or for branch and trunk.
        layers: hidden layers of the branch and of the trunk.
        waves: waves of each axis that the trunk sees; 0 is coordinates, None is 4 on a periodic box
            and 0 elsewhere and when pointwise.
        branch: "sensors" or "pointwise".

    Raises:
        ValueError: arguments that contradict each other; points that are none of the box.

    Accuracy:
        of the shipped deeponet-forecast-32, beside trivial predictors: MODEL_CARD.md. Time and
        memory of a step: tests/benchmarks/results_models.md.

    Source:
        Lu et al., Nature Machine Intelligence 2021 (arXiv 1910.03193), the unstacked network with
        a bias; here the sum over k has weights, one set for each output. Pointwise: Zhou et al.,
        arXiv 2406.08473 (released code): 3 hidden layers of 256, trunk on coordinates.
    """

    def __init__(
        self,
        interface: Interface,
        normaliser: Normaliser,
        *,
        rank: int | None = None,
        sensors: int | Sequence[int] = 16,
        hidden: int | Sequence[int] = (256, 128),
        layers: int = 3,
        waves: int | None = None,
        branch: Literal["sensors", "pointwise"] = "sensors",
    ) -> None:
        super().__init__()
        self.interface, self.normaliser = interface, normaliser.bind(interface)
        self.rank, self.layers, self.waves, self.branch = rank, layers, waves, branch
        self.sensors = sensors if isinstance(sensors, int) else list(sensors)
        self.hidden = hidden if isinstance(hidden, int) else list(hidden)
        self._refuse()
        d, straight = interface.dimension, branch == "sensors"
        outputs = interface.horizon * len(interface.outputs)
        self.width = (rank or 128) if straight else outputs
        periodic = straight and interface.boundary == "periodic"
        self._waves = (4 if periodic else 0) if waves is None else waves
        self._sensors = [sensors] * d if isinstance(sensors, int) else list(sensors)
        values = len(self._labels())
        sizes = [hidden] * 2 if isinstance(hidden, int) else list(hidden)
        seen = (2 * self._waves + 1) ** d if self._waves else d
        self.branch_net = Perceptron(values, sizes[0], layers, self.width, straight)
        self.trunk_net = Perceptron(seen, sizes[1], layers, self.width, straight)
        if straight:
            self.output = nn.Linear(self.width, outputs)
            nn.init.normal_(self.output.weight, std=1 / math.sqrt(self.width))
        else:
            self.output, self.bias = None, nn.Parameter(torch.zeros(outputs))

    def _refuse(self) -> None:
        want, d = self.interface, self.interface.dimension
        if self.branch not in ("sensors", "pointwise"):
            raise ValueError(f"branch={self.branch!r} must be 'sensors' or 'pointwise'")
        each = [self.sensors] if isinstance(self.sensors, int) else self.sensors
        if len(each) not in (1, d) or min(each) < 2:
            raise ValueError(
                f"sensors={self.sensors} must be at least 2, one for all or one for each of "
                f"{d} axes"
            )
        pair = [self.hidden] if isinstance(self.hidden, int) else self.hidden
        if len(pair) > 2 or min(*pair, self.layers, 1 if self.rank is None else self.rank) < 1:
            raise ValueError(
                f"hidden={self.hidden}, layers={self.layers}, rank={self.rank} must be positive; "
                "hidden may be two, for branch and trunk"
            )
        if self.branch == "pointwise" and self.rank is not None:
            raise ValueError(
                f"rank={self.rank} has no meaning when branch='pointwise', where each output is "
                "one product; leave rank out or take branch='sensors'"
            )
        if self.waves and (self.waves < 0 or want.boundary != "periodic"):
            raise ValueError(
                f"waves={self.waves} on a box that is {want.boundary}; it may not be negative, and "
                "is 0 (coordinates) unless the box is periodic"
            )

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        interface = Interface(inputs=("f",), outputs=("u",), coefficients=("k",), history=2)
        small = {"rank": 12, "sensors": 8, "hidden": 16, "layers": 2, "waves": 2}
        return {"interface": interface, "normaliser": Affine(), **small}

    def example(self, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Model."""
        return ends.fields(self.interface, (12,) * self.interface.dimension, rng)

    def body(
        self, u: Float[Tensor, "b t c *n"], p: Float[Tensor, "b p"] | None
    ) -> Float[Tensor, "b width *n"]:
        """As in Operator."""
        grid = u.shape[3:]
        t = self.trunk_net(self._embed(self._grid(u)))
        if self.branch == "sensors":
            h = self._sense(u, p)[:, None] * t
        else:
            channels = u.flatten(3).flatten(1, 2).mT
            if p is not None:
                channels = torch.cat([channels, p[:, None].expand(-1, len(t), -1)], 2)
            h = self.branch_net(channels) * t
        return h.mT.unflatten(2, grid)

    def project(self, h: Float[Tensor, "b width *n"]) -> Float[Tensor, "b t c *n"]:
        """As in Operator."""
        y = h.flatten(2).mT
        y = y + self.bias if self.output is None else self.output(y)
        return y.mT.reshape(
            len(h), self.interface.horizon, len(self.interface.outputs), *h.shape[2:]
        )

    def query(self, u: Tensor, points: Tensor, p: Tensor | None = None) -> Tensor:
        """The outputs at any points of the box; a periodic box goes on beyond its sides.

        On the grid's points it is `forward`.

        Shapes:
            u: (b, history, inputs, *n); points: (b, m, d), physical coordinates;
            result: (b, horizon, outputs, m).

        Raises:
            ValueError: points of another shape, not finite, or outside a box that is not periodic;
                the model is pointwise.
        """
        if self.output is None:
            raise ValueError(
                "a pointwise branch knows its pixels alone; query needs branch='sensors'"
            )
        self.check(u, p)
        self._check_points(points, len(u))
        return self._at(u, points, p)

    def forward(self, u: Tensor, p: Tensor | None = None) -> Tensor:
        """As in Operator; while gradients are recorded no features are made, equal to rounding."""
        if self.output is None or not torch.is_grad_enabled():
            return super().forward(u, p)
        self.check(u, p)
        return self._at(u, self._grid(u), p).unflatten(-1, u.shape[3:])

    def _at(self, u: Tensor, points: Tensor, p: Tensor | None) -> Tensor:
        """Outputs (b, t', c', m) at points (m, d) or (b, m, d)."""
        scaled, coefficients, state = self.normaliser.encode(
            u, p if self.interface.coefficients else None
        )
        assert self.output is not None
        # the weights go on the branch: sums over k then are one product of matrices, which takes
        # less time than features and their gradients
        weighted = self._sense(scaled, coefficients)[:, None] * self.output.weight
        y = weighted @ self.trunk_net(self._embed(points)).mT + self.output.bias[:, None]
        shape = (self.interface.horizon, len(self.interface.outputs))
        return self.normaliser.decode(y.unflatten(1, shape), state)

    def _check_points(self, points: Tensor, batch: int) -> None:
        want, box = self.interface, self.interface.box
        if points.ndim != 3 or points.shape[::2] != (batch, want.dimension):
            raise ValueError(
                f"points has shape {tuple(points.shape)}; this model needs ({batch}, m, "
                f"{want.dimension}): coordinates in the last axis"
            )
        if not bool(points.isfinite().all()):
            raise ValueError(
                f"points holds {int((~points.isfinite()).sum())} coordinates that are not finite"
            )
        outside = (points < 0) | (points > points.new_tensor(box))
        if want.boundary != "periodic" and bool(outside.any()):
            at = points[outside.any(-1)][0].tolist()
            raise ValueError(f"points holds {at}, outside the box from 0 to {list(box)}")

    def _grid(self, u: Tensor) -> Tensor:
        """Coordinates of the grid's points, (prod(n), d)."""
        axes = [
            torch.arange(n, dtype=u.dtype, device=u.device) * (side / n)
            for n, side in zip(u.shape[3:], self.interface.box, strict=True)
        ]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)

    def _embed(self, x: Tensor) -> Tensor:
        """What the trunk sees of points (..., d)."""
        part = x / x.new_tensor(self.interface.box)
        if not self._waves:
            inside = part.remainder(1) if self.interface.boundary == "periodic" else part
            return 2 * inside - 1
        k = torch.arange(1, self._waves + 1, dtype=x.dtype, device=x.device)
        angle = 2 * math.pi * part[..., None] * k
        one = torch.ones_like(part[..., None])
        # the factor makes the mean square of each function one
        each = torch.cat([one, math.sqrt(2) * angle.cos(), math.sqrt(2) * angle.sin()], -1)
        seen = each[..., 0, :]
        for axis in range(1, x.shape[-1]):
            seen = (seen[..., :, None] * each[..., axis, None, :]).flatten(-2)
        return seen

    def _sense(self, u: Tensor, p: Tensor | None) -> Tensor:
        """Branch values (b, rank) of fields brought to the sensors."""
        make = spectral if self.interface.boundary == "periodic" else linear
        for sensors in reversed(self._sensors):
            # the last axis goes to the front of space: after all of them they stand as before
            u = (u @ make(sensors, u.shape[-1], u.device).to(u.dtype).mT).movedim(-1, 3)
        values = u.flatten(1)
        return self.branch_net(values if p is None else torch.cat([values, p], 1))

    def _labels(self) -> list[str]:
        """Names of the branch's inputs; sensors of another grid are other inputs."""
        want = self.interface
        slots = want.slots("inputs")
        if self.branch == "sensors":
            name = "x".join(map(str, self._sensors))
            places = range(math.prod(self._sensors))
            slots = [f"{slot}.sensors.{name}.{i}" for slot in slots for i in places]
        return slots + want.slots("coefficients")

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """As in Model."""
        labels, outputs = self._labels(), self.interface.slots("outputs")
        first, last = "layers.0.weight", f"layers.{self.layers}"
        axes: dict[str, dict[int, list[str]]] = {f"branch_net.{first}": {1: labels}}
        if self.branch == "sensors":
            axes["branch_net.straight.weight"] = {1: labels}
            axes |= {"output.weight": {0: outputs}, "output.bias": {0: outputs}}
        else:
            axes["bias"] = {0: outputs}
            for net in ("branch_net", "trunk_net"):
                axes |= {f"{net}.{last}.{part}": {0: outputs} for part in ("weight", "bias")}
        return super().channel_axes() | axes
