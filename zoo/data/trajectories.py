import math
from collections.abc import Mapping
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from zoo.data import cache
from zoo.data.fields import SPLITS, Fields
from zoo.data.generated import Generated
from zoo.data.window import Timeline
from zoo.models.base import block
from zoo.pde.box import Box
from zoo.pde.evolution import Evolution
from zoo.pde.simulate import simulate
from zoo.pde.waves import RandomWaves

CHUNK = 50


class Trajectories(Generated):
    """Solutions of an equation in time from random initial fields, generated from a seed.

    Solved in float64 on a grid and with a step that meet `tolerance`, restricted spectrally to the
    output grid, stored as float32. Data are cached in chunks of 50 trajectories: a generation that
    was killed goes on where it was, and more samples contain the fewer.

    Args:
        equation: the equation, with its coefficient ranges.
        grid: points per side of the stored fields.
        timeline: number of frames and time between them; 32 at the equation's natural time step if
            left out.
        train: training trajectories.
        validation: validation trajectories.
        test: test trajectories.
        seed: seed of everything drawn.
        side: physical length of the box's sides; the equation's natural box if left out.
        initial: what the initial fields are made of.
        tolerance: relative error of the solver that is allowed.
        label: the set's name; the equation's if left out.
        channels: names under which the fields are given; the equation's own if left out.

    Raises:
        ValueError: a count makes no sense, or the channels are not those of the equation.
    """

    def __init__(
        self,
        equation: Evolution,
        grid: int = 32,
        *,
        timeline: Timeline | None = None,
        train: int = 1000,
        validation: int = 100,
        test: int = 100,
        seed: int = 0,
        side: float | None = None,
        initial: RandomWaves | None = None,
        tolerance: float = 1e-3,
        label: str | None = None,
        channels: list[str] | None = None,
    ) -> None:
        super().__init__(equation, grid, train=train, validation=validation, test=test, seed=seed)
        if channels is not None and len(channels) != len(equation.fields):
            raise ValueError(
                f"channels={channels}: {equation.name} has the fields {equation.fields}; "
                "name each of them, in this order"
            )
        self.timeline = timeline if timeline is not None else Timeline(32, equation.frame)
        self.side = side
        self.initial = initial if initial is not None else RandomWaves()
        self.tolerance = tolerance
        self.label = label
        self.channels = channels
        self.dt, self.length = self.timeline.dt, self.timeline.frames

    @property
    def name(self) -> str:
        """As in FieldSet."""
        return self.label if self.label is not None else self.equation.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return tuple(self.channels) if self.channels is not None else self.equation.fields

    @property
    def outputs(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.inputs

    @property
    def units(self) -> Mapping[str, str]:
        """As in FieldSet."""
        own: Evolution = self.equation
        named = dict(zip(own.fields, self.inputs, strict=True))
        return {named.get(name, name): unit for name, unit in own.units.items()}

    @property
    def box(self) -> tuple[float, ...]:
        """As in FieldSet."""
        if self.side is None:
            return tuple(self.equation.lengths)
        return (float(self.side),) * self.equation.dimension

    def bytes(self, split: str) -> int:
        """Disk that a split takes in the cache."""
        fields = self.timeline.frames * len(self.inputs) * math.prod(self.shape())
        return self.count(split) * (4 * fields + 8 * len(self.coefficients))

    def spec(self, split: str, chunk: int = 0) -> dict[str, Any]:
        """The description under which a chunk of a split is cached."""
        return {
            "generator": "trajectories/1",
            "equation": block(self.equation),
            "initial": block(self.initial),
            "grid": self.grid,
            "box": list(self.box),
            "frames": self.timeline.frames,
            "dt": self.timeline.dt,
            "tolerance": self.tolerance,
            "seed": self.seed,
            "split": split,
            "chunk": chunk,
            "size": min(CHUNK, self.count(split) - CHUNK * chunk),
        }

    def specs(self, split: str) -> list[dict[str, Any]]:
        """The descriptions of a split's chunks in the cache."""
        return [self.spec(split, chunk) for chunk in range(-(-self.count(split) // CHUNK))]

    def split(self, split: str) -> Fields:
        """As in FieldSet: whole trajectories, the initial field as u, the last as y."""
        parts: list[dict[str, Tensor]] = []
        console = Console(stderr=True)
        with Progress(transient=True, console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task(f"{self.name} {split}", total=self.count(split))
            for spec in self.specs(split):
                parts.append(cache.cached(spec, lambda spec=spec: self._generate(spec)))
                progress.advance(bar, spec["size"])
        none = torch.empty((0, self.timeline.frames, len(self.inputs), *self.shape()))
        frames = torch.cat([part["frames"] for part in parts]) if parts else none
        width = len(self.coefficients)
        p = torch.cat([part["p"] for part in parts]) if parts else torch.empty((0, width)).double()
        return Fields(frames[:, :1], frames[:, -1:], p, frames)

    def _generate(self, spec: Mapping[str, Any]) -> dict[str, Tensor]:
        place = SPLITS.index(spec["split"]) + 10 * spec["chunk"]
        seed, size = 1_000_003 * self.seed + place, spec["size"]
        p = self.equation.draw(size, torch.Generator().manual_seed(seed))

        def initial(box: Box) -> Tensor:
            # the same fields on whatever grid the solver asks for
            rng = torch.Generator().manual_seed(seed + 500_009)
            waves = self.initial.draw(size, box, rng, len(self.equation.fields))
            return self.equation.start(waves)

        box = Box(self.box, self.shape())
        frames, _ = simulate(
            self.equation, box, initial, p, self.timeline.times(), tolerance=self.tolerance
        )
        return {"frames": frames.float(), "p": p}
