from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from zoo.models.base import Interface
from zoo.models.operator import Operator
from zoo.models.parts import ends
from zoo.models.parts.affine import Affine
from zoo.models.parts.convnext import ConvNeXt
from zoo.models.parts.convnext_attention import Attention
from zoo.models.parts.convnext_patches import gather, scatter
from zoo.models.parts.normaliser import Normaliser

STRIDE = 2


class UNet(Operator):
    """U-Net of ConvNeXt blocks: down over levels of halved grids, and up again beside them.

    Patches of the fields are lifted linearly to the first level. A level has `blocks` blocks on the
    way down and as many on the way up; a step down is a linear map of 2 x ... x 2 cells, a step up
    its mirror image, to which a linear map of the level's own field is added: the same as a
    pointwise layer over both, concatenated. The last level has its blocks once, and attention if
    wanted. Patches are unfolded to cells at the end, and a linear map of the fields is added.
    Coefficients scale and shift inside every block. Space has 1 to 3 dimensions; kernels act on
    cells, so that the grid belongs to the model. On a periodic box a roll by `factor` cells of the
    input rolls the output.

    Shapes:
        as in Operator; features have `widths[0]` channels.

    Args:
        interface: as in Model; on a box that is not periodic, fields go on as zeros, or for
            "neumann" as their last cell.
        normaliser: as in Model.
        widths: channels of each level, the finest first.
        blocks: ConvNeXt blocks of each level and way, one for all or one for each.
        kernel: side of the depthwise kernels in cells, odd.
        patch: side of the cells that the first level takes together; 1 for none.
        attention: heads of the attention over the coarsest level's cells; 0 for none.
        grid: cells along each axis, one for all or one for each; None takes every grid that the
            levels divide, at the user's own risk: what was learnt holds at one cell size.

    Raises:
        ValueError: another grid, one that the levels do not divide, or arguments that make no net.

    Accuracy:
        of the shipped unet-forecast-32, beside trivial predictors: MODEL_CARD.md. Time and memory
        of a step: tests/benchmarks/results_models.md.

    Source:
        Ronneberger et al., MICCAI 2015 (arXiv 1505.04597); blocks of Liu et al., CVPR 2022 (arXiv
        2201.03545). In place of the one of Zhou et al. (arXiv 2406.08473) of widths 16, 32, 64 and
        1,011,201 parameters, which has linear attention at every level. Of 8 frames, patch 1 and
        four heads these widths give 156,513 parameters here, and (42, 84, 168) give 1,030,009.
    """

    resolution: ClassVar[Literal["free", "fixed"]] = "fixed"

    def __init__(
        self,
        interface: Interface,
        normaliser: Normaliser,
        *,
        widths: Sequence[int] = (32, 64, 128),
        blocks: int | Sequence[int] = 2,
        kernel: int = 5,
        patch: int = 2,
        attention: int = 0,
        grid: int | Sequence[int] | None = 32,
    ) -> None:
        super().__init__()
        self.interface, self.normaliser = interface, normaliser.bind(interface)
        self.widths, self.width = list(widths), widths[0] if widths else 0
        self.blocks = blocks if isinstance(blocks, int) else list(blocks)
        self.kernel, self.patch, self.attention = kernel, patch, attention
        self.grid = grid if grid is None or isinstance(grid, int) else list(grid)
        counts = self._counts()
        self._refuse_arguments()
        cells, inputs = patch**interface.dimension, interface.history * len(interface.inputs)
        self.lift = nn.Linear(cells * inputs, self.width)
        levels, steps = list(zip(widths, counts, strict=True)), list(pairwise(widths))
        self.down = nn.ModuleList(self._level(*level) for level in levels)
        self.up = nn.ModuleList(self._level(*level) for level in levels[:-1])
        near = STRIDE**interface.dimension
        self.coarsen = nn.ModuleList(nn.Linear(near * fine, coarse) for fine, coarse in steps)
        self.refine = nn.ModuleList(nn.Linear(coarse, near * fine) for fine, coarse in steps)
        self.skip = nn.ModuleList(nn.Linear(fine, fine, bias=False) for fine, _ in steps)
        self.look = Attention(widths[-1], attention) if attention else None
        self.unfold = nn.Linear(self.width, cells * self.width)
        self.around = nn.Linear(inputs, self.width, bias=False)
        self.hidden = nn.Linear(self.width, self.width)
        self.output = nn.Linear(self.width, interface.horizon * len(interface.outputs))

    def _counts(self) -> list[int]:
        if isinstance(self.blocks, int):
            return [self.blocks] * len(self.widths)
        return self.blocks

    def _level(self, width: int, count: int) -> nn.ModuleList:
        space = (self.kernel, self.interface.dimension, self.interface.boundary)
        coefficients = len(self.interface.coefficients)
        return nn.ModuleList(ConvNeXt(width, *space, coefficients) for _ in range(count))

    def _refuse_arguments(self) -> None:
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths={self.widths} must name the channels of one level or more")
        if len(self._counts()) != len(self.widths) or min(self._counts()) < 1:
            raise ValueError(
                f"blocks={self.blocks} must be positive, one for all or one for each of "
                f"{len(self.widths)} levels (widths={self.widths})"
            )
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel} must be odd, so that it has a middle cell")
        if self.patch < 1 or self.attention < 0:
            raise ValueError(
                f"patch={self.patch} must be at least 1 and attention={self.attention} at least 0"
            )
        if self.grid is not None:
            sides = self._sides()
            if len(sides) != self.interface.dimension:
                raise ValueError(
                    f"grid={self.grid} must be one for all or one for each of "
                    f"{self.interface.dimension} axes"
                )
            self._refuse_division(sides)

    @property
    def factor(self) -> int:
        """Cells of the grid along the side of one cell of the coarsest level."""
        return self.patch * STRIDE ** (len(self.widths) - 1)

    def _sides(self) -> tuple[int, ...]:
        least = self.factor * -(-16 // self.factor)  # any grid will do: the first one from 16 up
        grid = least if self.grid is None else self.grid
        return (grid,) * self.interface.dimension if isinstance(grid, int) else tuple(grid)

    def _refuse_division(self, sides: Sequence[int]) -> None:
        if any(n < 1 or n % self.factor for n in sides):
            raise ValueError(
                f"grid {tuple(sides)} is not a multiple of {self.factor} on every axis (patch="
                f"{self.patch} times 2 for each of {len(self.widths) - 1} steps down); resample "
                "it, or have fewer widths or a smaller patch"
            )

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        interface = Interface(("u",), ("u",), ("nu", "c"), box=(2.0, 2.0), dt=0.02, history=2)
        small = {"widths": [8, 12], "blocks": 1, "attention": 2, "grid": 16}
        return {"interface": interface, "normaliser": Affine(), **small}

    def example(self, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Model."""
        return ends.fields(self.interface, self._sides(), rng)

    def check(self, u: Tensor, p: Tensor | None) -> None:
        """As in Operator; the grid is the model's own."""
        super().check(u, p)
        if self.grid is None:
            self._refuse_division(u.shape[3:])
        elif u.shape[3:] != self._sides():
            raise ValueError(
                f"u has grid {tuple(u.shape[3:])}; this model was built for {self._sides()} and "
                "its kernels act on cells; resample u, or build the model with another grid "
                "(grid=None takes every one that its levels divide)"
            )

    def body(
        self, u: Float[Tensor, "b t c *n"], p: Float[Tensor, "b p"] | None
    ) -> Float[Tensor, "b width *n"]:
        """As in Operator."""
        fields = u.flatten(1, 2).movedim(1, -1)
        h, finer = self.lift(gather(fields, self.patch)), []
        for i, level in enumerate(self.down):
            for block in level.children():
                h = block(h, p)
            if i < len(self.coarsen):
                finer.append(h)
                h = self.coarsen[i](gather(h, STRIDE))
        if self.look is not None:
            h = self.look(h)
        for i in reversed(range(len(self.up))):
            h = scatter(self.refine[i](h), STRIDE) + self.skip[i](finer[i])
            for block in self.up[i].children():
                h = block(h, p)
        return (scatter(self.unfold(h), self.patch) + self.around(fields)).movedim(-1, 1)

    def project(self, h: Float[Tensor, "b width *n"]) -> Float[Tensor, "b t c *n"]:
        """As in Operator."""
        y = self.output(F.gelu(self.hidden(h.movedim(1, -1)))).movedim(-1, 1)
        return y.unflatten(1, (self.interface.horizon, len(self.interface.outputs)))

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """As in Model; an input has one label for each cell of a patch."""
        want = self.interface
        cells = range(self.patch**want.dimension)
        axes = {
            "lift.weight": {1: [f"{s}.cell{i}" for i in cells for s in want.slots("inputs")]},
            "around.weight": {1: want.slots("inputs")},
            "output.weight": {0: want.slots("outputs")},
            "output.bias": {0: want.slots("outputs")},
        }
        if want.coefficients:
            names = [name for name, _ in self.named_parameters() if ".condition." in name]
            axes |= {name: {1: want.slots("coefficients")} for name in names}
        return super().channel_axes() | axes
