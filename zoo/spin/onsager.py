import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from zoo.spin.thermodynamics import inverse

CRITICAL = 2.0 / math.log1p(math.sqrt(2.0))
"""T_c of Ising with J = 1 on the infinite square lattice, where sinh(2/T_c) = 1."""


def magnetisation(temperatures: Sequence[float] | Tensor) -> Float64[Tensor, " r"]:
    """(1 - sinh(2β)⁻⁴)^{1/8} below T_c, 0 above: the spontaneous |M| per site, J = 1.

    Source:
        Yang, Phys. Rev. 85 (1952), equation 96.
    """
    return (1 - (2 * inverse(temperatures)).sinh() ** -4).clamp(min=0) ** 0.125


def energy(temperatures: Sequence[float] | Tensor) -> Float64[Tensor, " r"]:
    """-coth(2β) [1 + (2/π)(2 tanh²(2β) - 1) K(κ)], κ = 2 sinh 2β / cosh² 2β, per site, J = 1.

    Source:
        Onsager, Phys. Rev. 65 (1944), equation 116.
    """
    k = 2 * inverse(temperatures)
    tanh = k.tanh()
    # 1 - κ² is the square of 2 tanh² - 1; the product of it with K vanishes at T_c
    small = 2 * tanh**2 - 1
    integral = math.pi / (2 * _agm(torch.ones_like(k), small.abs().clamp(min=1e-300)))
    return -(1 + 2 / math.pi * small * integral) / tanh


def free_energy(temperatures: Sequence[float] | Tensor) -> Float64[Tensor, " r"]:
    """-T [ln(2 cosh 2β) + (1/π) ∫₀^{π/2} ln ½(1 + √(1 - κ² sin²φ)) dφ], per site, J = 1.

    Accuracy:
        1e-12 at T_c, better elsewhere.
    Source:
        Onsager, Phys. Rev. 65 (1944), equations 109 and 110.
    """
    beta = inverse(temperatures)
    k = 2 * beta
    modulus = 2 * k.sinh() / k.cosh() ** 2
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(400))
    # nodes crowd where sin φ = 1, since the root is nearly singular there close to T_c
    t = 0.5 * (nodes + 1)
    complement = 0.5 * math.pi * t**4
    widths = 0.5 * math.pi * 4 * t**3 * 0.5 * weights
    root = (1 - (modulus[:, None] * complement.cos()) ** 2).clamp(min=0).sqrt()
    integral = ((0.5 * (1 + root)).log() * widths).sum(1)
    return -(math.log(2) + k.cosh().log() + integral / math.pi) / beta


def _agm(a: Tensor, b: Tensor) -> Tensor:
    """The arithmetic-geometric mean."""
    for _ in range(60):
        a, b = 0.5 * (a + b), (a * b).sqrt()
    return a
