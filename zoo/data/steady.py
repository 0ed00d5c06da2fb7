import math
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from zoo.data import cache
from zoo.data.fields import SPLITS, Fields
from zoo.data.generated import Generated
from zoo.models.base import block
from zoo.pde.box import Box
from zoo.pde.equation import Equation
from zoo.pde.sources import GaussianBumps

CHUNK = 512


class Steady(Generated):
    """Sources and solutions of a steady equation, generated from a seed and cached by description.

    Solved in float64 on a grid that holds the sources' spectrum to 1e-8, restricted spectrally to
    the output grid, stored as float32.

    Args:
        equation: the equation, with its coefficient ranges.
        grid: points per side of the stored fields.
        train: training samples.
        validation: validation samples.
        test: test samples.
        seed: seed of everything drawn.
        source: what the sources are made of.
    """

    def __init__(
        self,
        equation: Equation,
        grid: int = 64,
        *,
        train: int = 2048,
        validation: int = 256,
        test: int = 256,
        seed: int = 0,
        source: GaussianBumps | None = None,
    ) -> None:
        super().__init__(equation, grid, train=train, validation=validation, test=test, seed=seed)
        self.source = source if source is not None else GaussianBumps()

    @property
    def inputs(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.equation.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.equation.outputs

    @property
    def box(self) -> tuple[float, ...]:
        """As in FieldSet."""
        return (1.0, 1.0)

    def fill(self, p: Tensor) -> dict[str, Tensor]:
        """As in FieldSet."""
        return self.equation.fill(p)

    def bytes(self, split: str) -> int:
        """Disk that a split takes in the cache."""
        fields = (len(self.inputs) + len(self.outputs)) * math.prod(self.shape())
        return 4 * self.count(split) * (fields + len(self.coefficients))

    def spec(self, split: str) -> dict[str, Any]:
        """The description under which a split is cached."""
        return {
            "generator": "steady/1",
            "equation": block(self.equation),
            "source": block(self.source),
            "grid": self.grid,
            "count": self.count(split),
            "split": split,
            "seed": self.seed,
        }

    def specs(self, split: str) -> list[dict[str, Any]]:
        """The descriptions of a split's pieces in the cache: one."""
        return [self.spec(split)]

    def split(self, split: str) -> Fields:
        """As in FieldSet."""
        data = cache.cached(self.spec(split), lambda: self._generate(split))
        return Fields(data["u"], data["y"], data["p"])

    def _generate(self, split: str) -> dict[str, Tensor]:
        count = self.spec(split)["count"]
        rng = torch.Generator().manual_seed(1_000_003 * self.seed + SPLITS.index(split))
        parts: list[tuple[Tensor, Tensor, Tensor]] = []
        drawn = 0
        console = Console()
        with Progress(transient=True, console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task(f"generating {self.name} {split}", total=count)
            for start in range(0, count, CHUNK):
                *part, tries = self._chunk(min(CHUNK, count - start), rng)
                parts.append((part[0].float(), part[1].float(), part[2]))
                drawn += tries
                progress.advance(bar, len(part[0]))
        columns = zip(*parts, strict=True) if parts else ([self._none()] for _ in range(3))
        f, u, p = (torch.cat(list(column)) for column in columns)
        return {
            "u": f[:, None, None],
            "y": u[:, None, None],
            "p": p,
            "drawn": torch.tensor(drawn),
        }

    def _none(self) -> Tensor:
        return torch.empty((0, *self.shape()))

    def _chunk(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor, int]:
        """`count` accepted samples on the output grid, and how many were drawn for them."""
        out = Box(self.box, self.shape())
        fine = out.refined(self.source.refinement(out))
        p = self.equation.draw(count, rng)
        f = self.source.draw(count, fine, rng, self.equation.zero_mean)
        u = self.equation.solve(fine, f, p)
        drawn, bad = count, torch.empty(0)
        for _ in range(1000):
            bad = (~self.equation.accepts(u, p)).nonzero()[:, 0]
            if not len(bad):
                return fine.restrict(f, out.shape), fine.restrict(u, out.shape), p, drawn
            drawn += len(bad)
            p[bad] = self.equation.draw(len(bad), rng)
            # sources keep their place, so that each keeps its sparsity
            f[bad] = self.source.draw(count, fine, rng, self.equation.zero_mean)[bad]
            u[bad] = self.equation.solve(fine, f[bad], p[bad])
        raise ValueError(
            f"{self.name}: {len(bad)} of {count} samples refused in 1000 tries with ranges "
            f"{self.ranges}; widen the ranges or the limit"
        )
