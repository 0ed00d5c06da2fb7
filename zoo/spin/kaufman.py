import math
from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from zoo.spin.thermodynamics import Thermodynamics, from_partition


def kaufman(
    shape: tuple[int, int], temperatures: Sequence[float] | Tensor, coupling: float = 1.0
) -> Thermodynamics:
    """Exact thermodynamics of Ising without a field on a periodic box of N by M sites.

    Z = ½ (2 sinh 2K)^{NM/2} [Π 2cosh(½Mγ_{2r+1}) + Π 2sinh(½Mγ_{2r+1}) + Π 2cosh(½Mγ_{2r})
    + Π 2sinh(½Mγ_{2r})], r = 0 ... N - 1, K = βJ, cosh γ_l = cosh 2K coth 2K - cos(πl/N), and
    γ_0 = 2K + ln tanh K, negative above the critical temperature.

    Units:
        per site, in units of J's.

    Args:
        shape: N and M.
        temperatures: where.
        coupling: J above 0; nearest neighbours.

    Raises:
        ValueError: the shape is not of two sides, J is not above 0, or a temperature is not.
    Accuracy:
        1e-12 against enumeration of 4 by 4, and all printed digits of arXiv 2003.02647's anchors
        (tests/spin/test_exact.py).
    Source:
        Kaufman, Phys. Rev. 76 (1949); Ferdinand and Fisher, Phys. Rev. 185 (1969), equations 2.1
        to 2.6.
    """
    if len(shape) != 2 or min(shape) < 2 or coupling <= 0:
        raise ValueError(
            f"shape={tuple(shape)} with coupling={coupling} is not solved: two sides of at least "
            "2 sites and a ferromagnet are; enumerate others, or use a transfer matrix"
        )
    sites = shape[0] * shape[1]
    return from_partition(lambda beta: log_partition(shape, beta * coupling), temperatures, sites)


def log_partition(shape: tuple[int, int], k: Float64[Tensor, " r"]) -> Float64[Tensor, " r"]:
    """Ln Z of the whole lattice at K = βJ, in log space, with as many derivatives as wanted."""
    n, m = shape
    order = torch.arange(1, 2 * n, dtype=torch.float64, device=k.device)
    k = k.clamp(min=1e-9)[:, None]  # its limit at infinite temperature, where γ diverges
    cosh = (2 * k).cosh() / (2 * k).tanh() - (math.pi / n * order).cos()
    x = 0.5 * m * torch.acosh(cosh)  # of l = 1 ... 2n - 1; l = 0 has a sign of its own
    zero = 0.5 * m * (2 * k + k.tanh().log())[:, 0]
    odd, even = x[:, 0::2], x[:, 1::2]
    cosh_even, sinh_even = _log_cosh(even).sum(1), _log_sinh(even).sum(1)
    # 2 sinh of a signed argument as a difference of two terms: smooth through γ_0 = 0
    terms = [
        _log_cosh(odd).sum(1),
        _log_sinh(odd).sum(1),
        cosh_even + _log_cosh(zero[:, None])[:, 0],
        sinh_even + zero,
        sinh_even - zero,
    ]
    stacked = torch.stack(terms)
    top = stacked.detach().amax(0)
    signs = torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0], dtype=k.dtype, device=k.device)
    total = (signs[:, None] * (stacked - top).exp()).sum(0).log() + top
    log_sinh = 2 * k[:, 0] + (-torch.expm1(-4 * k[:, 0])).log()
    return total + 0.5 * n * m * log_sinh - math.log(2)


def _log_cosh(x: Tensor) -> Tensor:
    """Ln 2cosh x without overflow."""
    return x.abs() + torch.log1p((-2 * x.abs()).exp())


def _log_sinh(x: Tensor) -> Tensor:
    """Ln 2sinh x of x > 0 without overflow."""
    return x + torch.log1p(-(-2 * x).exp())
