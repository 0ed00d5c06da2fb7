import contextlib
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.equation import interval
from zoo.pde.etdrk import ETDRK, twice

CACHE = 16384
"""Grid values in one batch. Its tables and stages stay in the processor's cache, and its arrays are
so small that the allocator keeps them: larger ones go back to the system and are faulted in anew at
each operation, at twice the time."""


class NoExact(NotImplementedError):
    """An equation has no closed-form solution; the message says why."""


class BlowUp(ArithmeticError):
    """Trajectories that left the finite numbers or grew absurdly.

    Args:
        equation: its name.
        samples: the samples' numbers in the batch.
        coefficients: their coefficients by name, one dict a sample.
        hint: what to do.
    """

    def __init__(
        self,
        equation: str,
        samples: list[int],
        coefficients: list[dict[str, float]],
        hint: str = "more steps or a finer grid, or smaller coefficients or initial fields",
    ) -> None:
        self.samples = samples
        self.coefficients = coefficients
        told = "; ".join(
            f"sample {i} ({', '.join(f'{name}={value:.4g}' for name, value in c.items())})"
            for i, c in list(zip(samples, coefficients, strict=True))[:8]
        )
        more = f" and {len(samples) - 8} more" if len(samples) > 8 else ""
        super().__init__(f"{equation} blew up in {told}{more}: {hint}")


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

    @property
    @abstractmethod
    def coefficients(self) -> tuple[str, ...]:
        """Names of the columns of p."""

    @property
    @abstractmethod
    def units(self) -> dict[str, str]:
        """Unit of each field and coefficient."""

    @property
    @abstractmethod
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The interval each coefficient is drawn from."""

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
        with _on(u.device):
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
        # a tenth of the time is bookkeeping for gradients
        plain = forcing is None and not (u0.requires_grad or p.requires_grad)
        size = max(
            1, CACHE // math.prod(u0.shape[1:]) if plain and u0.device.type == "cpu" else len(u0)
        )
        frames = u0.new_empty(len(u0), len(times), *u0.shape[1:])
        with _on(u0.device), torch.inference_mode() if plain else contextlib.nullcontext():
            for part in (slice(k, k + size) for k in range(0, len(u0), size)):
                waves = self.spectra(
                    box, u0[part], p[part], times, order=order, steps=steps, forcing=forcing
                )
                for i, u_hat in enumerate(waves):
                    frames[part, i] = _field(box, u_hat)
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
        u_hat = box.transform(u0)
        symbol, bend = self.linear(box, p), self.prepared(box, p)
        yield u_hat
        if bend is None and forcing is None:
            yield from _alone(u_hat, symbol, times.double() - times[0])
            return
        start, step = float(times[0]), float(times[-1] - times[0]) / ((len(times) - 1) * steps or 1)
        mask, rest, decay = self.carried(box), u_hat, u_hat
        if forcing is not None and mask is not None:
            mask, bend = None, functools.partial(self.nonlinear, box, p=p)
        if mask is not None:
            # the others, and how they move from frame to frame
            rest, decay = u_hat * (1 - mask), (symbol * (step * steps)).exp()
            u_hat, symbol = (v[..., : columns(mask)].contiguous() for v in (u_hat * mask, symbol))
        scheme = ETDRK(symbol, step or 1.0, order)
        for i in range((len(times) - 1) * steps):
            u_hat = scheme.step(u_hat, _driven(box, bend, forcing, start + i * step, step))
            if (i + 1) % steps == 0:
                if mask is None:
                    yield u_hat
                else:
                    rest = rest * decay
                    yield _joined(rest, u_hat)

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
        columns, channels = len(self.coefficients), len(self.fields)
        if u0.shape[1:] != (channels, *box.shape) or p.shape != (len(u0), columns):
            raise ValueError(
                f"{self.name}: fields {tuple(u0.shape)} and coefficients {tuple(p.shape)}; needs "
                f"(b, {channels}, {', '.join(map(str, box.shape))}) and (b, {columns}) "
                f"{self.coefficients}"
            )
        if u0.dtype != torch.float64 or p.dtype != torch.float64:
            raise ValueError(
                f"{self.name}: got {u0.dtype} and {p.dtype}; the solver works in float64, since "
                "float32 coefficients alone cost eight digits"
            )
        gaps = times.double().diff()
        if len(gaps) and not (
            gaps.min() > 0 and (gaps - gaps.mean()).abs().max() < 1e-4 * gaps.mean()
        ):
            raise ValueError(f"{self.name}: times must rise uniformly, got {times.tolist()[:5]}...")
        if steps < 1:
            raise ValueError(f"{self.name}: steps={steps}; at least one step a frame")

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


def modes(box: Box) -> tuple[int, ...]:
    """Shape of a box's real transform."""
    return (*box.shape[:-1], box.shape[-1] // 2 + 1)


def kept(box: Box, degree: int = 2) -> Tensor:
    """Mask (*modes), float64: the waves whose products of `degree` factors alias on none of them.

    Waves with |k| < n / (degree + 1) on every side: the 2/3 rule for a product of two.
    """
    return _kept(box, degree, str(torch.get_default_device()))


def columns(mask: Tensor) -> int:
    """How many columns of the last axis a mask (*modes) of waves reaches."""
    return int(mask.flatten(0, -2).any(0).sum()) if mask.ndim > 1 else int(mask.sum())


@functools.lru_cache(maxsize=64)
def _kept(box: Box, degree: int, device: str) -> Tensor:
    # made under inference mode, a mask could never again be part of a gradient
    with torch.inference_mode(False):
        mask = torch.ones(modes(box), dtype=torch.float64)
        for axis, (n, length) in enumerate(zip(box.shape, box.lengths, strict=True)):
            k = box.waves(axis) * (length / (2 * math.pi))
            mask = mask * (k.abs() < n / (degree + 1) - 1e-9)
        return mask


def laplacian(box: Box) -> Tensor:
    """|k|² over the modes, (*modes): minus the symbol of the Laplacian."""
    return sum((box.waves(axis) ** 2 for axis in range(box.dimension)), torch.zeros(()).double())


def spread(p: Tensor, box: Box) -> Tensor:
    """One coefficient (b,) as (b, 1, 1, ...), to broadcast over channels and modes."""
    return p.view(-1, *(1,) * (box.dimension + 1))


def restricted(box: Box, u_hat: Tensor, shape: tuple[int, ...]) -> tuple[Box, Tensor]:
    """The coarser box and the waves on it; its Nyquist waves are dropped, as `Box.restrict` does.

    Shapes:
        u_hat: (..., *modes) of `box`.
    """
    if tuple(shape) == box.shape:
        return box, u_hat
    if any(new > old for new, old in zip(shape, box.shape, strict=True)):
        raise ValueError(f"restricted goes to a coarser grid; got {box.shape} to {shape}")
    small = Box(box.lengths, tuple(shape))
    for axis, new, old in zip(box.axes, small.shape, box.shape, strict=True):
        half = (new - 1) // 2
        parts = [u_hat.narrow(axis, 0, half + 1)]
        if new % 2 == 0:
            parts.append(torch.zeros_like(u_hat.narrow(axis, 0, 1)))
        if axis != -1:
            parts.append(u_hat.narrow(axis, old - half, half))
        u_hat = torch.cat(parts, axis)
    return small, u_hat * (math.prod(small.shape) / math.prod(box.shape))


def _alone(u_hat: Tensor, symbol: Tensor, elapsed: Tensor) -> Iterator[Tensor]:
    """û exp(L t) at every time but the first, by one table where the times are multiples of it."""
    if symbol.is_complex() or len(elapsed) < 2:
        for t in elapsed[1:]:
            yield u_hat * (symbol * t).exp()
        return
    even = torch.arange(len(elapsed), dtype=torch.float64) * elapsed[1]
    same = bool((elapsed - even).abs().max() <= 1e-13 * elapsed[-1])
    factor = twice((symbol * elapsed[1]).exp())
    pairs = torch.view_as_real(u_hat)
    for t in elapsed[1:]:
        pairs = pairs * factor if same else torch.view_as_real(u_hat) * twice((symbol * t).exp())
        yield torch.view_as_complex(pairs)


def _field(box: Box, u_hat: Tensor) -> Tensor:
    """`Box.inverse`, one axis after the other: irfftn copies what it is given."""
    first = box.axes[:-1]
    return torch.fft.irfft(torch.fft.ifftn(u_hat, dim=first) if first else u_hat, n=box.shape[-1])


def _joined(rest: Tensor, carried: Tensor) -> Tensor:
    """All waves from those that are not carried and the columns of those that are."""
    count = carried.shape[-1]
    return torch.cat([rest[..., :count] + carried, rest[..., count:]], -1)


def _driven(box, bend, forcing, start, step) -> Callable[[Tensor, float], Tensor]:
    """N and forcing together as a stage of ETDRK asks for them."""
    if forcing is None:
        return lambda u_hat, s: bend(u_hat)
    if bend is None:
        return lambda u_hat, s: box.transform(forcing(start + s * step))
    return lambda u_hat, s: bend(u_hat) + box.transform(forcing(start + s * step))


def _on(device: torch.device) -> contextlib.AbstractContextManager:
    """Make what a box creates (waves, points) on the fields' device."""
    return contextlib.nullcontext() if device.type == "cpu" else device
