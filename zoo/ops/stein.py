"""Derivatives of u(x) = E f(x + σz), z standard normal, from values of f alone (Stein's identity).

∇u = E[z f(x + σz)] / σ and ∇∇u = E[(z zᵀ - 1) f(x + σz)] / σ². Each estimate is the mean of its
integrand over m draws of z, and unbiased. Two changes leave the mean and cut the variance:

- control variate: f(x + σz) - f(x) in the place of f(x + σz), since the weights have mean zero;
- antithetic pairs: the odd half [f(x + σz) - f(x - σz)] / 2 for ∇u, and the even half
  [f(x + σz) + f(x - σz)] / 2 - f(x) for ∇∇u.

With both, the variance stays finite as σ → 0; without them that of the Laplacian grows as σ⁻⁴.

Shapes:
    z: (m, d), the same draws for all b points, or (b, m, d), each point's own; values (b, s, m, c)
    with s = 2 for x + σz and x - σz, s = 1 for x + σz alone.
Accuracy:
    Of the Laplacian of f = |x|²/2d, which is 1, with both changes: variance (d/2 + 6 + 12/d) / m;
    tests/ops/test_stein.py. In single precision values carry an error ε|f|, so that the Laplacian
    has one of order ε|f| √(d/m) / σ²: 0.2 % at σ = 0.01 and 15 % at 0.001.
Source:
    Stein, Ann. Statist. 9, 1135 (1981); He et al., AISTATS 2023 (arXiv 2202.09340), who write
    δ = σz. The square of a gradient without bias is not theirs.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

ROUNDING = 200
"""σ² is this many times the precision or more: rounding then adds half a percent of |f| to σ²u."""

Values = Float[Tensor, "b s m c"]
Half = Float[Tensor, "b m c"]
Draws = Float[Tensor, "*own m d"]


def value(values: Values) -> Float[Tensor, "b c"]:
    """u, the mean over draws; of pairs, its error is of second order in σ and not of first."""
    return values.mean((1, 2))


def odd(values: Values, base: Float[Tensor, "b c"] | None) -> Half:
    """What first derivatives are made of; `base` is f(x), None without control variate."""
    if values.shape[1] == 2:
        return (values[:, 0] - values[:, 1]) / 2
    return values[:, 0] if base is None else values[:, 0] - base[:, None]


def even(values: Values, base: Float[Tensor, "b c"] | None) -> Half:
    """What second derivatives are made of; `base` as in `odd`. Never detach it: f(x) has weights.

    Differences of nearly equal numbers are formed first, so that nothing is lost by rounding twice.
    """
    if base is None:
        return values.mean(1)
    return (values - base[:, None, None]).mean(1)


def gradient(odd: Half, z: Draws, sigma: float) -> Float[Tensor, "b c d"]:
    """∂u/∂x_i = E[z_i f] / σ, for the columns that z has."""
    own = "b" if z.ndim == 3 else ""
    return torch.einsum(f"bmc,{own}md->bcd", odd, z) / (z.shape[-2] * sigma)


def second(even: Half, z: Draws, sigma: float) -> Float[Tensor, "b c d"]:
    """∂²u/∂x_i² = E[(z_i² - 1) f] / σ², for the columns that z has."""
    return gradient(even, z.square() - 1, sigma) / sigma


def laplacian(even: Half, z: Draws, sigma: float) -> Float[Tensor, "b c"]:
    """Σ_i ∂²u/∂x_i² = E[(|z|² - d) f] / σ², over the columns that z has."""
    weight = z.square().sum(-1, keepdim=True) - z.shape[-1]
    return gradient(even, weight, sigma)[..., 0] / sigma


def trace(
    even: Half, z: Draws, sigma: float, weights: Float[Tensor, "b d"]
) -> Float[Tensor, "b c"]:
    """Σ_i w_i ∂²u/∂x_i², by weights of each point's own."""
    bent = torch.einsum(f"{'b' if z.ndim == 3 else ''}md,bd->bm", z.square() - 1, weights)
    return gradient(even, bent[..., None], sigma)[..., 0] / sigma


def mixed(even: Half, z: Draws, sigma: float, i: int, j: int) -> Float[Tensor, "b c"]:
    """∂²u/∂x_i∂x_j = E[(z_i z_j - 1 if i = j) f] / σ²."""
    weight = (z[..., i] * z[..., j] - float(i == j))[..., None]
    return gradient(even, weight, sigma)[..., 0] / sigma


def hessian(even: Half, z: Draws, sigma: float) -> Float[Tensor, "b c d d"]:
    """∂²u/∂x_i∂x_j; of m d² weights for all points, b m d² for each its own."""
    size = z.shape[-1]
    weight = z[..., :, None] * z[..., None, :] - torch.eye(size, dtype=z.dtype, device=z.device)
    return gradient(even, weight.flatten(-2), sigma).unflatten(-1, (size, size)) / sigma


def times_hessian(
    even: Half, z: Draws, sigma: float, direction: Float[Tensor, "b d"]
) -> Float[Tensor, "b c d"]:
    """Σ_j ∂²u/∂x_i∂x_j v_j = E[(z (z·v) - v) f] / σ², by directions of each point's own."""
    own = "b" if z.ndim == 3 else ""
    along = torch.einsum(f"{own}md,bd->bm", z, direction)[..., None] * even
    rest = even.mean(1)[..., None] * direction[:, None]
    return (gradient(along, z, sigma) * sigma - rest) / sigma**2


def own_square(odd: Half, z: Draws, sigma: float) -> Float[Tensor, "b c"]:
    """E |g_m|² of the single draws' gradients g_m = z_m f_m / σ, over the columns that z has."""
    return gradient(odd.square(), z.square().sum(-1, keepdim=True), sigma)[..., 0] / sigma


def cross_square(
    mean: Float[Tensor, "b c d"], own: Float[Tensor, "b c"], count: int
) -> Float[Tensor, "b c"]:
    """|∇u|² without bias: the mean of g_m·g_n over all pairs of different draws.

    It is (m |ḡ|² - E|g_m|²) / (m - 1), the average over all ways to halve the draws of the product
    of the halves' gradients; may be negative. |ḡ|² itself has the mean |∇u|² (1 + (d + 1) / m) for
    a linear f.

    Args:
        mean: ḡ, the gradient estimated from all draws.
        own: `own_square` of the same draws.
        count: m, two or more.
    """
    return (count * mean.square().sum(-1) - own) / (count - 1)


def check_precision(sigma: float, dtype: torch.dtype) -> None:
    """Refuse what rounding spoils.

    Raises:
        ValueError: σ too small for the precision, or matrix products of reduced precision.
    """
    precision = torch.finfo(dtype).eps
    least = math.sqrt(ROUNDING * precision)
    if sigma < least:
        raise ValueError(
            f"sigma={sigma} is too small for {dtype}: second differences of f are σ²Δf, and "
            f"rounding changes them by about {precision:.0e}·|f|; take sigma >= {least:.1g}, or "
            "double precision"
        )
    if dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest":
        raise ValueError(
            f"matrix products have precision {torch.get_float32_matmul_precision()!r}: rounding "
            "is then as large as the second differences; call "
            "torch.set_float32_matmul_precision('highest')"
        )
