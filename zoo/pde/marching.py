"""How waves move from frame to frame: by one exact factor, or by ETDRK steps."""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from zoo.pde.box import Box
from zoo.pde.etdrk import ETDRK, twice
from zoo.pde.spectrum import columns

CACHE = 16384
"""Grid values in one batch. Its tables and stages stay in the processor's cache, and its arrays are
so small that the allocator keeps them: larger ones go back to the system and are faulted in anew at
each operation."""


def alone(u_hat: Tensor, symbol: Tensor, elapsed: Tensor) -> Iterator[Tensor]:
    """û exp(L t) at every time, by one table where the times are multiples of the second.

    Args:
        u_hat: û at time zero, the first of all, (b, c, *modes).
        symbol: L.
        elapsed: the times.
    """
    yield u_hat
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


def march(
    u_hat: Tensor,
    symbol: Tensor,
    rate: Callable[[Tensor, float], Tensor],
    times: Tensor,
    *,
    order: int,
    steps: int,
    mask: Tensor | None = None,
) -> Iterator[Tensor]:
    """û of û_t = L û + N(û, t) at every time, by ETDRK steps.

    Args:
        u_hat: û at the first time, (b, c, *modes).
        symbol: L.
        rate: N, of the waves and the time.
        times: uniform and rising.
        order: of the scheme, 1 to 4.
        steps: from frame to frame.
        mask: the waves (*modes) that N reads and writes, if not all: then N takes and gives the
            columns that the mask reaches alone, and L alone moves the other waves.
    """
    yield u_hat
    count = (len(times) - 1) * steps
    start, step = float(times[0]), float(times[-1] - times[0]) / (count or 1)
    rest, decay = u_hat, u_hat
    if mask is not None:
        # the others, and how they move from frame to frame
        rest, decay = u_hat * (1 - mask), (symbol * (step * steps)).exp()
        u_hat, symbol = (v[..., : columns(mask)].contiguous() for v in (u_hat * mask, symbol))
    scheme = ETDRK(symbol, step or 1.0, order)
    for i in range(count):
        now = start + i * step
        u_hat = scheme.step(u_hat, lambda v, s, now=now: rate(v, now + s * step))
        if (i + 1) % steps == 0:
            if mask is None:
                yield u_hat
            else:
                rest = rest * decay
                yield _joined(rest, u_hat)


def driven(
    box: Box,
    bend: Callable[[Tensor], Tensor] | None,
    forcing: Callable[[float], Tensor] | None,
) -> Callable[[Tensor, float], Tensor] | None:
    """The waves of a nonlinearity and of a forcing f(t) together; None without either."""
    if forcing is None:
        return None if bend is None else lambda u_hat, t: bend(u_hat)
    if bend is None:
        return lambda u_hat, t: box.transform(forcing(t))
    return lambda u_hat, t: bend(u_hat) + box.transform(forcing(t))


def check_times(times: Tensor, steps: int, *, name: str) -> None:
    """Refuse times that do not rise uniformly, and less than one step from each to the next."""
    gaps = times.double().diff()
    if len(gaps) and not (gaps.min() > 0 and (gaps - gaps.mean()).abs().max() < 1e-4 * gaps.mean()):
        raise ValueError(f"{name}: times must rise uniformly, got {times.tolist()[:5]}...")
    if steps < 1:
        raise ValueError(f"{name}: steps={steps}; at least one step a frame")


def inverse(box: Box, u_hat: Tensor) -> Tensor:
    """`Box.inverse`, one axis after the other: irfftn copies what it is given."""
    first = box.axes[:-1]
    return torch.fft.irfft(torch.fft.ifftn(u_hat, dim=first) if first else u_hat, n=box.shape[-1])


def on(device: torch.device) -> contextlib.AbstractContextManager:
    """Make what a box creates (waves, points) on the fields' device."""
    return contextlib.nullcontext() if device.type == "cpu" else device


def _joined(rest: Tensor, carried: Tensor) -> Tensor:
    """All waves from those that are not carried and the columns of those that are."""
    count = carried.shape[-1]
    return torch.cat([rest[..., :count] + carried, rest[..., count:]], -1)
