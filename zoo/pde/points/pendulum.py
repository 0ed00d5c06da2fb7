import math
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.known_jet import KnownJet

ORDER = 18
"""Terms of a Taylor step; with `REACH`, what is left out is round-off."""
REACH = 0.6
"""A step in units of the shortest time in the region, 1/√(g/l) or 1/(highest speed)."""
BATCH = 1024
"""Trajectories that are integrated together: their series stay in the processor's cache."""


class Pendulum(PointEquation):
    """u'' + (g/l) sin u + (b/m) u' = 0 from any u(0) = u0, u'(0) = v0, which are parameters.

    The reference is a Taylor series of order 18 in every step; the series of the step that holds a
    time gives the value there, so a point between two steps is as accurate as their ends.

    Units:
        SI; u in radians.

    Args:
        damping: b; 0 conserves the energy.
        mass: m.
        length: l.
        gravity: g.
        angle: u0 lies in ±angle.
        speed: v0 lies in ±speed.
        end: of the time interval, which begins at 0.
    Accuracy:
        1e-13 in u and u' over the region, against half the step and six more terms.
    Source:
        Trenta, Cossu & Bacciu, arXiv 2505.01391, the pendulum, whose own reference is solved to
        1e-3 (relative). Series of sin and cos: Hairer, Nørsett & Wanner, Solving Ordinary
        Differential Equations I, I.8.
    """

    name: ClassVar[str] = "pendulum"
    coordinates = ("t",)
    parameters: ClassVar[tuple[str, ...]] = ("u0", "v0")
    units = MappingProxyType({"u": "rad", "t": "s", "u0": "rad", "v0": "rad/s"})
    time: ClassVar[str | None] = "t"
    sided: ClassVar[bool] = False

    def __init__(
        self,
        damping: float = 0.5,
        *,
        mass: float = 1.0,
        length: float = 10.0,
        gravity: float = 9.81,
        angle: float = math.pi / 4,
        speed: float = 1.5,
        end: float = 10.0,
    ) -> None:
        for name, value in (("mass", mass), ("length", length), ("gravity", gravity)):
            if not value > 0:
                raise ValueError(f"{name}={value} of a pendulum must be positive")
        if not damping >= 0:
            raise ValueError(f"damping={damping} must be 0 or more: friction takes energy away")
        self.damping = damping
        self.mass = mass
        self.length = length
        self.gravity = gravity
        self.angle = angle
        self.speed = speed
        self.end = end

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        sides = {"u0": (-self.angle, self.angle), "v0": (-self.speed, self.speed)}
        return {"t": (0.0, self.end), **sides}

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        swing = self.gravity / self.length * jet.value.sin()
        drag = self.damping / self.mass * jet.gradient[..., 0]
        return jet.second([0])[..., 0] + swing + drag

    def initial(self, x: Tensor) -> dict[str, Tensor]:
        """As in PointEquation: the angle u0 and the speed v0."""
        return {"y": x[:, 1:2], "dy": x[:, 2:3, None]}

    def field(self, state: Tensor) -> Tensor:
        """The vector field of phase space: (u, u') to (u', u''), (b, 2) both."""
        u, v = state.unbind(1)
        bend = -self.gravity / self.length * u.sin() - self.damping / self.mass * v
        return torch.stack([v, bend], 1)

    def energy(self, state: Tensor) -> Tensor:
        """Energy m l² u'²/2 + m g l (1 - cos u) of (u, u'), (b,): falls, or stays if undamped."""
        u, v = state.unbind(1)
        moving = self.mass * self.length**2 * v**2 / 2
        return moving + self.mass * self.gravity * self.length * (1 - u.cos())

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation; carries no graph."""
        return self.states(x)[:, :1]

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation: u' and all that follows by the equation from u and u'."""
        u, v = self.states(x.double()).unbind(1)

        def derivative(axes: tuple[int, ...]) -> Tensor:
            order = len(axes)
            value = math.factorial(order) * self._series(u, v, order)[0, order]
            return value[:, None].to(x.dtype)

        return KnownJet(derivative, 1)

    @torch.no_grad()
    def states(self, x: Tensor) -> Tensor:
        """The reference (u, u') at points (b, 3) of time and initial values, (b, 2).

        Rows with equal initial values share one integration.

        Raises:
            ValueError: a time before 0 or no number, or initial values so far outside the region
                that the steps are too long.
        """
        t = x[:, 0].double()
        if not bool((t >= 0).all()):
            raise ValueError(f"{self.name}: t={float(t.min())}; the reference begins at t = 0")
        starts, group = _grouped(x[:, 1:3].double(), t)
        result = t.new_empty(len(t), 2)
        order, ends = group.argsort(), group.bincount().cumsum(0)[BATCH - 1 :: BATCH].cpu()
        for i, rows in enumerate(order.tensor_split(ends)):
            if len(rows):
                some = starts[i * BATCH : (i + 1) * BATCH]
                result[rows] = self._march(some, t[rows], group[rows] - i * BATCH)
        return result.to(x.dtype)

    def _march(self, starts: Tensor, t: Tensor, group: Tensor) -> Tensor:
        """(u, u') at times t, (b, 2), of the trajectories that `group` names by their starts."""
        result = t.new_empty(len(t), 2)
        u, v = starts.unbind(1)
        index = (t / self.step).long()
        for i, rows in enumerate(index.argsort().split(index.bincount().tolist())):
            series = self._series(u, v, ORDER)
            if len(rows):
                mine = series.index_select(2, group[rows])
                result[rows] = _summed(mine, t[rows] - i * self.step).T
            u, v = _summed(series, torch.full_like(u, self.step))
            self._check(series)
        return result

    @property
    def step(self) -> float:
        """Length of a Taylor step: the energy bounds the speed, and the speed the series."""
        rate = self.gravity / self.length
        return REACH / math.sqrt(self.speed**2 + 4 * rate)

    def _series(self, u: Tensor, v: Tensor, order: int) -> Tensor:
        """Taylor coefficients of u and u' in time, (2, order + 1, b)."""
        rate, drag = self.gravity / self.length, self.damping / self.mass
        series, turned = u.new_empty(2, order + 1, len(u)), u.new_empty(2, order + 1, len(u))
        series[0, 0], series[1, 0] = u, v
        # sin u and cos u, latest first: (sin u)' = u' cos u and (cos u)' = -u' sin u
        turned[0, order], turned[1, order] = u.sin(), u.cos()
        for k in range(order):
            v = series[1, k]
            series[0, k + 1] = v / (k + 1)
            series[1, k + 1] = (-rate * turned[0, order - k] - drag * v) / (k + 1)
            sine, cosine = (turned[:, order - k :] * series[1, : k + 1]).sum(1) / (k + 1)
            turned[0, order - k - 1], turned[1, order - k - 1] = cosine, -sine
        return series

    def _check(self, series: Tensor) -> None:
        left = float(series[:, -1].abs().max()) * self.step**ORDER if series.numel() else 0.0
        if not left < 1e-12:
            raise ValueError(
                f"{self.name}: a Taylor step of {self.step:.3g} leaves {left:.1e}; initial values "
                f"lie far outside angle={self.angle:.3g}, speed={self.speed:.3g}: widen these"
            )


def _grouped(starts: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Different initial values (g, 2), the earliest to end first, and which a row has, (b,)."""
    # three sorts of numbers are ten times faster than one of rows
    (_, u), (values, v) = (column.unique(return_inverse=True) for column in starts.unbind(1))
    _, group = (u * len(values) + v).unique(return_inverse=True)
    last = t.new_zeros(int(group.max()) + 1 if len(t) else 0)
    place = last.scatter_reduce(0, group, t, "amax").argsort().argsort()
    group = place[group]
    return starts.new_empty(len(place), 2).index_copy(0, group, starts), group


def _summed(series: Tensor, t: Tensor) -> Tensor:
    """Σ c_k t^k of (2, terms, b), (2, b)."""
    total = series[:, -1]
    for k in range(series.shape[1] - 2, -1, -1):
        total = total * t + series[:, k]
    return total
