from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.metrics.classical import Classical
from zoo.metrics.frame_metric import FrameMetric, rms
from zoo.ops.resampling import resampled
from zoo.pde.box import Box
from zoo.pde.equation import Equation
from zoo.pde.evolution import Evolution

FINER = 2
"""The solver's grid, in points per point and side: products of two waves fit."""


def step_residual(
    equation: Evolution,
    frames: Float[Tensor, "b t c *n"],
    p: Float[Tensor, "b p"],
    box: Box,
    dt: float,
    steps: int = 4,
) -> Float[Tensor, "b t-1 c *n"]:
    """u(t + dt) - S(u(t)), with the solution operator S over one frame; zero for a solution.

    On a grid twice as fine, and without the Nyquist waves, which carry no phase.

    Args:
        equation: whose solution operator.
        frames: dt apart.
        p: coefficients in the equation's order.
        box: the grid.
        dt: time between frames.
        steps: ETDRK steps of fourth order that S takes.
    """
    before, after = frames[:, :-1], frames[:, 1:]
    b, t = before.shape[:2]
    fine = tuple(FINER * n for n in box.shape)
    solver = Classical(equation, fine, steps)
    coefficients = p.double().repeat_interleave(t, 0)
    stepped = solver.march(before.flatten(0, 1), coefficients, box, dt, frames=1)
    kept = resampled(resampled(after.double(), fine), box.shape)
    return kept - stepped.view(b, t, *stepped.shape[2:])


class EquationResidual(FrameMetric):
    """What a prediction leaves of its equation, over the root mean square of the truth.

    In time ‖û(t) - S(û(t - dt))‖, where S is one frame of the zoo's own solver and the frame before
    the first prediction is the last one that went in: an error that is made anew in each frame, not
    one that has grown. Steady: ‖L û + f‖ / ‖f‖.

    The truth itself has a residual too, that of the solver and grid it comes from.

    Args:
        equation: the law; its fields are the channels, by name or else in their order.
        frames: as in FrameMetric.
        channels: as in FrameMetric.
        inputs: names of the channels of the batch's `u`; the output channels if left out.
        coefficients: names of the columns of the batch's `p`; the equation's if left out.
        offset: frames from the last one that goes in to the first prediction.
        steps: that S takes from frame to frame.

    Raises:
        ValueError: the equation has other fields, or a coefficient that the batch has not.
    """

    titles: ClassVar[tuple[str, ...]] = ("residual",)

    def __init__(
        self,
        equation: Evolution | Equation,
        frames: int = 1,
        *,
        channels: list[str] | None = None,
        inputs: list[str] | None = None,
        coefficients: list[str] | None = None,
        offset: int = 1,
        steps: int = 4,
    ) -> None:
        super().__init__(frames, channels)
        self.equation, self.offset, self.steps = equation, offset, steps
        self.inputs = list(self.channels) if inputs is None else list(inputs)
        self.coefficients = list(equation.coefficients if coefficients is None else coefficients)
        missing = [name for name in equation.coefficients if name not in self.coefficients]
        if missing:
            raise ValueError(
                f"{equation.name} has the coefficients {equation.coefficients}, the data "
                f"{self.coefficients}; add {missing} or leave the residual out"
            )
        self.columns = [self.coefficients.index(name) for name in equation.coefficients]
        self.order = order(equation, self.channels)

    def parts(
        self, prediction: Tensor, target: Tensor, batch: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """As in FrameMetric."""
        grid = tuple(target.shape[3:])
        box = Box(tuple(float(h) * n for h, n in zip(batch["dx"][0], grid, strict=True)), grid)
        p = batch["p"][:, self.columns].double()
        if isinstance(self.equation, Equation):
            f = batch["u"][:, 0, self.inputs.index(self.equation.inputs[0])].double()
            error = self.equation.residual(box, prediction[:, 0, 0], f, p)
            return rms(error[:, None, None])[..., None], rms(f[:, None, None])[..., None]
        places = [self.inputs.index(name) for name in self.channels]
        before = batch["u"][:, -1:, places].double()
        frames, dt = torch.cat([before, prediction], 1)[:, :, self.order], float(batch["dt"][0])
        spans = [(slice(0, None), 1)]
        if self.offset > 1:  # the first frame lies further ahead than the others
            spans = [(slice(0, 2), self.offset), (slice(1, None), 1)]
        error = torch.cat(
            [
                step_residual(self.equation, frames[:, part], p, box, jump * dt, jump * self.steps)
                for part, jump in spans
                if frames[:, part].shape[1] > 1
            ],
            1,
        )
        back = [self.order.index(i) for i in range(len(self.order))]
        return rms(error[:, :, back])[..., None], rms(target)[..., None]


def order(equation: Evolution | Equation, channels: Sequence[str]) -> list[int]:
    """Where the equation's fields stand among channels: by name, or else as they come.

    Raises:
        ValueError: there are more or fewer.
    """
    fields = equation.outputs if isinstance(equation, Equation) else equation.fields
    if len(fields) != len(channels):
        raise ValueError(f"{equation.name} has the fields {fields}, the data {channels}")
    if set(fields) == set(channels):
        return [channels.index(name) for name in fields]
    return list(range(len(fields)))
