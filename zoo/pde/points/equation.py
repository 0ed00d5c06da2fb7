from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import AutogradJet, Jet


class PointEquation(ABC):
    """R(x, u, ∂u, ...) = 0 in a region, with what holds at its sides, given at points.

    A subclass states the residual from a jet, a solution (closed form, or a reference computed to
    1e-9), and the values at its sides. The region is a box of intervals; where the domain is
    another one, `inside` tells and `draw` obeys it.

    Shapes:
        points x (b, D): coordinates, then parameters, in the order of `coordinates` and
        `parameters`; values (b, outputs); residual (b, equations).
    """

    name: ClassVar[str]
    coordinates: tuple[str, ...]
    parameters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ("u",)
    units: Mapping[str, str]
    time: ClassVar[str | None] = None
    """The coordinate at one end of which values are known; None for a steady problem."""
    terminal: ClassVar[bool] = False
    """Whether that is time's high end: the equation then runs backwards from terminal values."""
    periodic: ClassVar[tuple[str, ...]] = ()
    """Coordinates whose two ends are one point."""
    sided: ClassVar[bool] = True
    """Whether values are given at the sides (those that are neither periodic nor in time)."""
    walled: ClassVar[bool] = False
    """Whether an equation holds at the sides instead of values: `side_residual`."""
    closed: ClassVar[str] = ""
    """Why there is no solution, where there is none."""

    @property
    @abstractmethod
    def region(self) -> dict[str, tuple[float, float]]:
        """Closed interval of each coordinate, then of each parameter, in the order of x."""

    @abstractmethod
    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """What a solution makes zero, (b, equations), the forcing included."""

    def solution(self, x: Tensor) -> Tensor:
        """The solution at points (b, D), in x's own precision where it is a closed form.

        Raises:
            ValueError: there is none; the text says why.
        """
        raise ValueError(f"{self.name} has no reference solution: {self.closed}")

    def jet(self, x: Tensor) -> Jet:
        """The solution with its derivatives; overridden where it is no closed form."""
        return AutogradJet(self.solution, x, len(self.coordinates))

    def forcing(self, x: Tensor, jet: Jet) -> Tensor | None:
        """The source f that the field would solve, (b, equations), where the equation has one.

        What "error in the forcing" means: the same operator on a field, without the source.
        """
        return None

    def ansatz(self, x: Tensor) -> tuple[Jet, Jet] | None:
        """Jets of g and b, where g + b·N meets what is known at sides and ends whatever N is.

        In closed form, as d passes of automatic differentiation would cost what an estimator saves;
        None where there is no smooth one.
        """
        return None

    def approximations(self, x: Tensor) -> dict[str, Tensor]:
        """Closed forms that come close to the solution without being it, by name, (b, outputs).

        What a trained field has to beat, beside the best functions of few variables.
        """
        return {}

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """Points (count, D) of the domain, float64 on the generator's device.

        Uniform unless the problem has a law of its own; parameters too.
        """
        found = self._uniform(count, rng)
        keep = self.inside(found)
        while not bool(keep.all()):
            found[~keep] = self._uniform(int((~keep).sum()), rng)
            keep = self.inside(found)
        return found

    def draw_initial(self, count: int, rng: torch.Generator) -> Tensor:
        """Points as `draw` gives them, moved to the end of time at which values are known.

        Raises:
            ValueError: a steady problem has no such end.
        """
        if self.time is None:
            raise ValueError(f"{self.name} is steady: it has no initial or terminal values")
        found = self.draw(count, rng)
        found[:, self.axis(self.time)] = self.region[self.time][self.terminal]
        return found

    def distance(self, x: Tensor) -> Tensor:
        """How far each point lies outside the domain, (b,); zero inside. Time counts too."""
        bounds = list(self.region.values())[: len(self.coordinates)]
        low, high = torch.tensor(bounds, dtype=x.dtype, device=x.device).T
        own = x[:, : len(bounds)]
        return torch.maximum(low - own, own - high).clamp(min=0).norm(dim=1)

    def boundary(self, x: Tensor) -> Tensor:
        """Values at a side of the region; the solution's."""
        return self.solution(x)

    def side_residual(self, x: Tensor, jet: Jet) -> Tensor | None:
        """What a solution makes zero at a side, (b, equations), where `walled`; None elsewhere."""
        return None

    def draw_sides(self, count: int, rng: torch.Generator) -> Tensor:
        """Points (count, D), float64, spread over the sides by their area, the rest uniform.

        Sides are the two ends of each coordinate that is neither periodic nor time. How many points
        a side gets is its share of the area, to within one.

        Raises:
            ValueError: no coordinate has sides.
        """
        names = list(self.coordinates) if self.sided or self.walled else []
        axes = [i for i, n in enumerate(names) if n != self.time and n not in self.periodic]
        if not axes:
            raise ValueError(
                f"{self.name} has no sides: its coordinates are periodic, time or unbounded; draw "
                "no boundary points where `sided` and `walled` are false"
            )
        drawn, device = self._uniform(count, rng), rng.device
        ends = torch.tensor(list(self.region.values()), dtype=torch.float64, device=device)[axes]
        # a face's area is the volume over the length across it
        share = (1 / (ends[:, 1] - ends[:, 0])).repeat_interleave(2).cumsum(0)
        level = torch.rand(1, dtype=torch.float64, generator=rng, device=device)
        level = (torch.arange(count, device=device) + level) / count
        face = torch.searchsorted(share / share[-1], level).clamp(max=2 * len(axes) - 1)
        columns = torch.tensor(axes, device=device)[face // 2]
        drawn[torch.arange(count, device=device), columns] = ends.flatten()[face]
        return drawn[torch.randperm(count, generator=rng, device=device)]

    def _uniform(self, count: int, rng: torch.Generator) -> Tensor:
        """Coordinates uniform in the region, parameters as `draw_parameters` draws them."""
        bounds = list(self.region.values())[: len(self.coordinates)]
        low, high = torch.tensor(bounds, dtype=torch.float64, device=rng.device).T
        drawn = torch.rand(
            count, len(bounds), dtype=torch.float64, generator=rng, device=rng.device
        )
        return torch.cat([low + (high - low) * drawn, self.draw_parameters(count, rng)], 1)

    def initial(self, x: Tensor) -> dict[str, Tensor]:
        """What is known at the initial or terminal time: `y` (b, outputs), `dy` where slopes are.

        Either is NaN where nothing is known of an output or of a derivative; `dy` is (b, outputs,
        coordinates).
        """
        return {"y": self.solution(x)}

    def draw_parameters(self, count: int, rng: torch.Generator) -> Tensor:
        """Parameters (count, P), float64; uniform in the region."""
        bounds = torch.tensor(
            [self.region[name] for name in self.parameters],
            dtype=torch.float64,
            device=rng.device,
        ).view(-1, 2)
        drawn = torch.rand(
            count, len(bounds), dtype=torch.float64, generator=rng, device=rng.device
        )
        return bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) * drawn

    def inside(self, x: Tensor) -> Tensor:
        """Which points lie in the domain, (b,) bool, where it is not the whole region."""
        return torch.ones(len(x), dtype=torch.bool, device=x.device)

    def axis(self, name: str) -> int:
        """The column of a coordinate or parameter."""
        return (*self.coordinates, *self.parameters).index(name)
