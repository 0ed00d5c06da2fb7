from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.metrics.base import PerSystem
from zoo.models.base import Model
from zoo.ops.derivatives import directional
from zoo.ops.norms import relative_l2
from zoo.pde.box import Box
from zoo.pde.equation import Equation
from zoo.pde.sources import GaussianBumps

KINDS = ("inputs", "coefficients")


class Jacobian(PerSystem):
    """Relative L2 error of an operator's derivatives along fixed directions: J_u v and J_p q.

    The truth is the equation's: J_u v = solve(v, p), for the solution is linear in its source, and
    J_p q is the solver's own derivative, both in float64. Every sample is differentiated along the
    same directions, drawn from the seed: v as sources are, q_j normal with the standard deviation
    of a uniform draw from the range of coefficient j. A sample's figure is the mean over
    directions. `compute` gives `<system>/<inputs|coefficients>/jacobian`.

    Shapes:
        batch u (b,1,1,*n), p (b,P), dx (b,d), system (b,).

    Args:
        equations: those of the systems to measure, found by name; samples of others are left out.
        directions: how many of each kind.
        seed: of the directions.
        source: what v is made of.

    Raises:
        ValueError: an equation of no system, a model that is not steady, or one that does not know
            the equation's coefficients.
    """

    title = "jacobian"

    def __init__(
        self,
        equations: list[Equation],
        directions: int = 4,
        *,
        seed: int = 0,
        source: GaussianBumps | None = None,
    ) -> None:
        super().__init__()
        if directions < 1 or not equations:
            raise ValueError(f"directions={directions}, {len(equations)} equations: at least one")
        self.equations, self.directions, self.seed = list(equations), directions, seed
        self.source = source if source is not None else GaussianBumps()
        self.name_systems([one.name for one in equations])

    def name_systems(self, systems: list[str]) -> None:
        """As in PerSystem; two sums for each system."""
        for one in self.equations:
            if one.name not in systems:
                raise ValueError(f"no system {one.name!r} among {systems}; name one of them")
        self.numbers = [systems.index(one.name) for one in self.equations]
        self._size([f"{one.name}/{kind}" for one in self.equations for kind in KINDS])

    def update(self, model: Model, batch: dict[str, Any]) -> None:
        """As in PerSystem."""
        if model.interface.dt is not None:
            raise ValueError(
                f"Jacobian knows the truth of steady equations alone; the model has a time step "
                f"dt={model.interface.dt}"
            )
        for place, (number, equation) in enumerate(zip(self.numbers, self.equations, strict=True)):
            mine = batch["system"] == number
            if not bool(mine.any()):
                continue
            part = {key: batch[key][mine] for key in ("u", "p", "dx")}
            for kind, errors in enumerate(self._errors(model, equation, part)):
                self.total[2 * place + kind] += errors.double().sum()
                self.count[2 * place + kind] += len(errors)

    def compute(self) -> dict[str, Tensor]:
        """Means by system and kind, without their mean."""
        return {name: value for name, value in super().compute().items() if "/" in name}

    def _errors(
        self, model: Model, equation: Equation, batch: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The figure of each sample, (b,), for inputs and for coefficients."""
        u, p = batch["u"], batch["p"]
        columns = _columns(equation, model.interface.coefficients)
        sides = batch["dx"][0] * batch["dx"].new_tensor(u.shape[3:])
        box = Box(tuple(sides.tolist()), tuple(u.shape[3:]))
        sources, slopes = self.drawn(equation, box)
        sums = [torch.zeros(len(u), device=u.device) for _ in KINDS]
        for source, slope in zip(sources, slopes, strict=True):
            v = source.to(u).expand_as(u)
            q = torch.zeros_like(p)
            q[:, columns] = slope.to(p)
            truth = true_products(equation, box, u[:, 0, 0], p[:, columns], (v[:, 0, 0], slope))
            with torch.no_grad():
                _, along_u = directional(model, (u, p), (v, torch.zeros_like(p)))
                _, along_p = directional(model, (u, p), (torch.zeros_like(u), q))
            for total, found, true in zip(sums, (along_u, along_p), truth, strict=True):
                total += relative_l2(found[:, 0, 0].double().cpu(), true).to(total)
        return sums[0] / self.directions, sums[1] / self.directions

    def drawn(self, equation: Equation, box: Box) -> tuple[Tensor, Tensor]:
        """Directions of sources (k, *n) and of coefficients (k, P), float64, by the seed."""
        rng = torch.Generator().manual_seed(self.seed)
        fine = box.refined(self.source.refinement(box))
        v = self.source.draw(self.directions, fine, rng, equation.zero_mean)
        spread = [(high - low) / 12**0.5 for low, high in equation.ranges.values()]
        shape = (self.directions, len(spread))
        q = torch.randn(shape, generator=rng, dtype=torch.float64)
        return fine.restrict(v, box.shape), q * torch.tensor(spread, dtype=torch.float64)


def true_products(
    equation: Equation, box: Box, f: Tensor, p: Tensor, along: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """J_u v and J_p q of a steady equation's solution, both (b, *n), float64 on the CPU.

    Args:
        equation: whose solution.
        box: the grid.
        f: sources, (b, *n).
        p: the equation's coefficients, (b, P).
        along: v, broadcast to f, and q, broadcast to p.
    """
    f, p, v, q = (x.detach().cpu().double() for x in (f, p, *along))
    v, q = v.expand_as(f), q.expand_as(p)
    if equation.zero_mean:
        # stored in float32, their mean is zero only to rounding
        f, v = (x - x.mean(box.axes, keepdim=True) for x in (f, v))
    with torch.no_grad():
        _, slope = directional(lambda at: equation.solve(box, f, at), (p,), (q.contiguous(),))
    return equation.solve(box, v, p), slope


def _columns(equation: Equation, names: Sequence[str]) -> list[int]:
    missing = [name for name in equation.coefficients if name not in names]
    if missing:
        raise ValueError(
            f"the model has no coefficients {missing} of {equation.name}; it has {tuple(names)}"
        )
    return [names.index(name) for name in equation.coefficients]
