import functools
import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.box import Box
from zoo.pde.evolution import kept
from zoo.pde.kdv import KdV
from zoo.pde.points.equation import PointEquation
from zoo.pde.points.known_jet import KnownJet
from zoo.pde.points.periodic_frames import STENCIL, PeriodicFrames
from zoo.pde.points.stored import stored

DISPERSION = 0.0025
GRID = 256
"""Points a period: of the 85 waves that stay free of aliasing the last are round-off."""
SPACING = 0.004
"""Of the frames in time."""
STEPS = 8
"""ETDRK4 steps a frame to begin with."""
TOLERANCE = 1e-9


class CosineKdV(PointEquation):
    """u_t + u u_x + ν u_xxx = 0 on the circle [-1, 1): u = cos πx breaks up into solitons.

    ν = 0.0025. The reference is `zoo.pde.kdv.KdV` with c = 1 and d = ν on a box of length 2, whose
    x begins at -1. Steps are halved until that moves no value by 15 times the tolerance of 1e-9,
    then the two finest runs are extrapolated. The grid leaves out the end that the period repeats.

    Units:
        dimensionless.

    Args:
        end: of the time interval, which begins at 0.
    Accuracy:
        3e-11 in u for t in [0, 1], against twice the steps, 1.5 times the grid and half the spacing
        of the frames.
    Source:
        Zabusky & Kruskal, Phys. Rev. Lett. 15 (1965), with their δ² = 0.022² here 0.05²; Trenta,
        Cossu & Bacciu, arXiv 2505.01391, whose own grid holds both ends of the period.
    """

    name: ClassVar[str] = "kdv"
    coordinates = ("t", "x")
    units = dict.fromkeys(("u", "t", "x"), "1")
    time: ClassVar[str | None] = "t"
    periodic: ClassVar[tuple[str, ...]] = ("x",)
    sided: ClassVar[bool] = False

    def __init__(self, end: float = 1.0) -> None:
        if not end > 0:
            raise ValueError(f"end={end} of the time interval must be after 0")
        self.end = end

    @property
    def region(self) -> dict[str, tuple[float, float]]:
        """As in PointEquation."""
        return {"t": (0.0, self.end), "x": (-1.0, 1.0)}

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        u_t, u_x = jet.gradient.unbind(-1)
        return u_t + jet.value * u_x + DISPERSION * jet.derivative(1, 1, 1)

    def initial(self, x: Tensor) -> dict[str, Tensor]:
        """As in PointEquation: cos πx."""
        return {"y": (math.pi * x[:, 1:2]).cos()}

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation; carries no graph."""
        return self.jet(x).value

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation: derivatives of the interpolant, not of the equation."""
        t, place = x.detach().double().unbind(1)
        frames = _frames(self.end)

        def derivative(axes: tuple[int, ...]) -> Tensor:
            in_space = sum(axes)
            value = frames.derivative(t, place, len(axes) - in_space, in_space)
            return value[:, None].to(x.dtype)

        return KnownJet(derivative, 2)


@functools.lru_cache(maxsize=4)
def _frames(end: float) -> PeriodicFrames:
    count = max(STENCIL, math.ceil(end / SPACING) + 1)
    spec = {"end": end, "count": count, "grid": GRID, "steps": STEPS, "dispersion": DISPERSION}
    frames = stored("kdv", {**spec, "tolerance": TOLERANCE}, lambda: reference(end, count))
    waves = int(kept(Box((2.0,), (GRID,))).sum())
    return PeriodicFrames(frames, spacing=end / (count - 1), length=2.0, start=-1.0, waves=waves)


def reference(end: float, count: int, grid: int = GRID, steps: int = STEPS) -> Tensor:
    """Frames (count, grid) at uniform times from 0 to `end`, extrapolated from two step lengths.

    Args:
        end: the last time.
        count: of the frames.
        grid: points a period.
        steps: ETDRK4 steps a frame to begin with.

    Raises:
        ArithmeticError: 16 times the steps still miss the tolerance.
    """
    box = Box((2.0,), (grid,))
    u0 = (math.pi * (box.points()[0] - 1)).cos()[None, None]
    p = torch.tensor([[1.0, DISPERSION]], dtype=torch.float64)
    times = torch.linspace(0, end, count, dtype=torch.float64)
    coarse = KdV().evolve(box, u0, p, times, steps=steps)[0, :, 0]
    for halvings in range(1, 5):
        fine = KdV().evolve(box, u0, p, times, steps=steps * 2**halvings)[0, :, 0]
        error = (fine - coarse) / 15
        if error.abs().max() < TOLERANCE:
            return fine + error
        coarse = fine
    raise ArithmeticError(
        f"kdv: values up to t={end} still move by more than {TOLERANCE} with {steps * 16} steps a "
        "frame; take an earlier end"
    )
