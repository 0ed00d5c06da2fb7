"""Zhou et al.'s finite-difference schemes on the periodic box [-1, 1]^2, one field at a time.

Heat: explicit Euler in time, central differences, 256^2, dt 1e-4. Burgers: explicit Euler, first
order upwind advection, central diffusion, 512^2, dt 5e-5. Their Burgers advances two components,
which start and stay equal; here there is one, in the scheme's favour. Each step runs in place over
buffers made once, on arrays that fit a processor's cache.
"""

import torch
from torch import Tensor

HEAT = (256, 1e-4)
BURGERS = (512, 5e-5)
"""Points a side and time step of arXiv 2406.08473."""


class FiniteDifferences:
    """u_t + u c·grad u = ν Δu by explicit Euler: upwind advection, central diffusion.

    Args:
        u: initial field (n, n), its dtype is that of the computation.
        step: time step.
        nu: ν.
        c: cx, cy; without them it is the heat equation, by the five-point formula.
        length: side of the box.
    """

    def __init__(
        self,
        u: Tensor,
        step: float,
        nu: float,
        c: tuple[float, float] | None = None,
        length: float = 2.0,
    ) -> None:
        n = len(u)
        self.padded = torch.nn.functional.pad(u[None, None], (1, 1, 1, 1), "circular")[0, 0]
        self.u = self.padded[1:-1, 1:-1]
        near = (self.padded[2:, 1:-1], self.padded[:-2, 1:-1])
        self.sides = (near, (self.padded[1:-1, 2:], self.padded[1:-1, :-2]))
        self.diffusion = step * nu * (n / length) ** 2
        self.c = [step * value * n / length / 2 for value in c] if c else None
        self.buffers = [torch.empty_like(u) for _ in range(4)]

    def advance(self, steps: int) -> Tensor:
        """The field (n, n) that many steps later; a view of the running one."""
        for _ in range(steps):
            self._heat() if self.c is None else self._burgers()
            self._wrap()
        return self.u

    def _heat(self) -> None:
        rate = self.buffers[0]
        (east, west), (north, south) = self.sides
        torch.add(east, west, out=rate).add_(north).add_(south)
        # u + d (sum of four - 4 u)
        self.u.mul_(1 - 4 * self.diffusion).add_(rate, alpha=self.diffusion)

    def _burgers(self) -> None:
        # upwind is central advection with the diffusion |u c| h / 2 on each side
        size, rate, second, first = self.buffers
        torch.abs(self.u, out=size)
        for axis, (c, (ahead, behind)) in enumerate(zip(self.c, self.sides, strict=True)):
            torch.add(ahead, behind, out=second).sub_(self.u, alpha=2)
            torch.sub(ahead, behind, out=first).mul_(self.u)
            if axis == 0:
                torch.mul(second, self.diffusion, out=rate)
            else:
                rate.add_(second, alpha=self.diffusion)
            rate.addcmul_(size, second, value=abs(c)).sub_(first, alpha=c)
        self.u.add_(rate)

    def _wrap(self) -> None:
        padded = self.padded
        padded[0], padded[-1] = padded[-2], padded[1]
        padded[:, 0], padded[:, -1] = padded[:, -2], padded[:, 1]
