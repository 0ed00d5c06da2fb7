import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.equation import check_fields, interval
from zoo.pde.errors import BlowUp, NoExact
from zoo.pde.marching import CACHE, alone, check_times, driven, inverse, march, on
from zoo.pde.spectrum import columns, kept, laplacian, modes, restricted, spread

__all__ = [
    "CACHE",
    "BlowUp",
    "Evolution",
    "NoExact",
    "columns",
    "kept",
    "laplacian",
    "modes",
    "restricted",
    "spread",
]


class Evolution(ABC):
    """u_t = L(p) u + N(u; p) on a periodic box, with L diagonal in Fourier space.

    A subclass states its coefficients and their ranges, the symbol of L, the nonlinearity N and a
    closed-form or manufactured solution; `rhs` and `evolve` follow, for any number of samples,
    each with its own coefficients, in one call.

    Shapes:
        fields (b, c, *n); coefficients p (b, P) in the order of `coefficients`; times (t,).
    """

    name: ClassVar[str]
    fields: ClassVar[tuple[str, ...]] = ("u",)
    degree: ClassVar[int] = 2
    """Factors in the products of N: `kept(box, degree)` are the waves that carry the solution."""
    growth: ClassVar[float] = 1e4
    """A field that exceeds 1 + max|u0| by this factor has blown up."""

    dimension: int
    _ranges: dict[str, tuple[float, float]]

    @property
    @abstractmethod
    def coefficients(self) -> tuple[str, ...]:
        """Names of the columns of p."""

    @property
    @abstractmethod
    def units(self) -> dict[str, str]:
        """Unit of each field and coefficient."""

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The interval each coefficient is drawn from: `_ranges`, which a constructor sets."""
        return dict(self._ranges)

    @property
    @abstractmethod
    def safe(self) -> dict[str, tuple[float, float]]:
        """The interval outside which a coefficient is refused."""

    @property
    def lengths(self) -> tuple[float, ...]:
        """Side lengths of the natural box."""
        return (2.0,) * self.dimension

    @property
    def frame(self) -> float:
        """The natural time from one frame to the next."""
        return 0.02

    def start(self, waves: Tensor) -> Tensor:
        """Initial fields (b, c, *n) made of any smooth ones; as they are, unless told otherwise."""
        return waves

    @property
    def symmetries(self) -> dict:
        """Lie point symmetries by name."""
        return {}

    @abstractmethod
    def linear(self, box: Box, p: Tensor) -> Tensor:
        """Fourier symbol of L, (b, c, *modes) or broadcastable to it, real or complex."""

    @abstractmethod
    def nonlinear(self, box: Box, u_hat: Tensor, p: Tensor) -> Tensor | None:
        """Waves of N(u; p), dealiased, (b, c, *modes); None when the equation is linear."""

    @abstractmethod
    def exact(self, box: Box, p: Tensor, times: Tensor) -> Tensor:
        """A solution in closed form, (b, t, c, *n), differentiable in `times`.

        Raises:
            NoExact: there is none, and why; `manufactured` then has one with a forcing.
        """

    def manufactured(self, box: Box, p: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Field u and forcing f, both (b, t, c, *n), with u_t = L u + N(u) + f in closed form."""
        u = self.exact(box, p, times)
        return u, torch.zeros_like(u)

    def conserved(self, box: Box, u: Tensor, p: Tensor) -> dict[str, Tensor]:
        """Quantities of (b, c, *n) that the solution keeps for all time, (b,) each."""
        return {}

    def draw(self, count: int, rng: torch.Generator) -> Tensor:
        """Coefficients (count, P), float64, uniform in `ranges`."""
        draws = torch.rand((count, len(self.ranges)), generator=rng, dtype=torch.float64)
        low, high = torch.tensor(list(self.ranges.values()), dtype=torch.float64).T
        return low + (high - low) * draws

    def carried(self, box: Box) -> Tensor | None:
        """Mask (*modes) of the waves that N reads and writes; L alone moves the others.

        None: `prepared` takes all waves. Otherwise it takes and gives the first `columns(mask)` of
        the last axis, with zeros where the mask has them: less to compute and to keep in the cache.
        """
        return None

    def prepared(self, box: Box, p: Tensor) -> Callable[[Tensor], Tensor] | None:
        """`nonlinear` with all that depends on box and p alone made once; None when linear."""
        shape = (len(p), len(self.fields), *modes(box))
        if self.nonlinear(box, torch.zeros(shape, dtype=torch.complex128), p) is None:
            return None
        return lambda u_hat: self._needed(self.nonlinear(box, u_hat, p))

    def rhs(self, box: Box, u: Tensor, p: Tensor) -> Tensor:
        """u_t = L u + N(u), (b, c, *n), in u's own dtype; computed in float64, differentiable."""
        with on(u.device):
            wide, coefficients = u.double(), p.double()
            u_hat = box.transform(wide)
            moved = self.linear(box, coefficients) * u_hat
            bent = self.nonlinear(box, u_hat, coefficients)
            return box.inverse(moved if bent is None else moved + bent).to(u.dtype)

    def evolve(
        self,
        box: Box,
        u0: Tensor,
        p: Tensor,
        times: Tensor,
        *,
        order: int = 4,
        steps: int = 1,
        forcing: Callable[[float], Tensor] | None = None,
    ) -> Tensor:
        """Frames (b, t, c, *n) at `times`, the first of which is u0.

        A linear equation without forcing takes one exact factor to each frame.

        Args:
            box: the grid of u0 and of the frames.
            u0: (b, c, *n), float64.
            p: (b, P), float64.
            times: (t,), uniform and rising.
            order: of the ETDRK scheme, 1 to 4.
            steps: ETDRK steps from frame to frame.
            forcing: f(t), (b, c, *n), added to u_t.

        Raises:
            BlowUp: which samples left the finite numbers, with their coefficients.
            ValueError: shapes, dtypes or times that do not fit.
        """
        self.check(box, u0, p, times, steps)
        # bookkeeping for gradients takes time
        plain = forcing is None and not (u0.requires_grad or p.requires_grad)
        size = max(
            1, CACHE // math.prod(u0.shape[1:]) if plain and u0.device.type == "cpu" else len(u0)
        )
        frames = u0.new_empty(len(u0), len(times), *u0.shape[1:])
        with on(u0.device), torch.inference_mode() if plain else contextlib.nullcontext():
            for part in (slice(k, k + size) for k in range(0, len(u0), size)):
                waves = self.spectra(
                    box, u0[part], p[part], times, order=order, steps=steps, forcing=forcing
                )
                for i, u_hat in enumerate(waves):
                    frames[part, i] = inverse(box, u_hat)
        samples = self.blown(frames).nonzero().flatten().tolist()
        if samples:
            raise self.blow_up(p, samples)
        return frames

    def spectra(
        self,
        box: Box,
        u0: Tensor,
        p: Tensor,
        times: Tensor,
        *,
        order: int = 4,
        steps: int = 1,
        forcing: Callable[[float], Tensor] | None = None,
    ) -> Iterator[Tensor]:
        """The waves (b, c, *modes) at each time, one after the other; nothing is checked."""
        u_hat, symbol = box.transform(u0), self.linear(box, p)
        bend, mask = self.prepared(box, p), self.carried(box)
        if forcing is not None and mask is not None:
            # a forcing reaches every wave
            mask, bend = None, Evolution.prepared(self, box, p)
        rate = driven(box, bend, forcing)
        if rate is None:
            return alone(u_hat, symbol, times.double() - times[0])
        return march(u_hat, symbol, rate, times, order=order, steps=steps, mask=mask)

    def blow_up(self, p: Tensor, samples: list[int]) -> BlowUp:
        """The error that names some samples of a batch and their coefficients."""
        named = [dict(zip(self.coefficients, p[i].tolist(), strict=True)) for i in samples]
        return BlowUp(self.name, samples, named)

    def blown(self, frames: Tensor) -> Tensor:
        """Which trajectories (b, t, c, *n) blew up, (b,) bool."""
        size = frames.detach().abs().flatten(2).amax(2)
        # not (x <= limit), so that NaN counts
        return ~(size <= self.growth * (1 + size[:, :1])).all(1)

    def check(self, box: Box, u0: Tensor, p: Tensor, times: Tensor, steps: int) -> None:
        """Refuse shapes, dtypes and times that do not fit, naming them."""
        shape = (len(self.fields), *box.shape)
        check_fields(u0, p, shape, self.coefficients, name=self.name, what="fields")
        check_times(times, steps, name=self.name)

    def _needed(self, waves: Tensor | None) -> Tensor:
        if waves is None:
            raise TypeError(f"{self.name}: nonlinear gave None for some fields and not for others")
        return waves

    def _ranged(self, **ranges: tuple[float, float]) -> dict[str, tuple[float, float]]:
        """The given ranges, in order and inside `safe`; for constructors."""
        return {name: self._within(name, value) for name, value in ranges.items()}

    def _within(self, name: str, value: tuple[float, float]) -> tuple[float, float]:
        low, high = interval(value, name)
        least, most = self.safe[name]
        if low < least or high > most:
            raise ValueError(
                f"{self.name}: {name}={[low, high]} leaves the safe range {[least, most]}; "
                "narrow it, or change `safe` in a subclass if you know better"
            )
        return low, high
