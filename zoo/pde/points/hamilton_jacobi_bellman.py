import math
from typing import ClassVar

import torch
from torch import Tensor

from zoo.ops.jets import Jet
from zoo.pde.points.radial_jet import Partials, RadialJet
from zoo.pde.points.whole_space import WholeSpace

NODES = 96
"""Of the quadrature: half as many give 1e-8 up to μ = 4, 1e-4 at μ = 20."""


class HamiltonJacobiBellman(WholeSpace):
    """u_t + Δu - μ |∇u|² = 0 on R^N, u(T, x) = ln((1 + r²)/2): linear-quadratic control.

    u = -(1/μ) ln E e^(-μ g(x + √(2τ) Y)) with τ = T - t, Y ~ N(0, I). There
    (2/(1 + q))^μ = 2^μ/Γ(μ) ∫ λ^(μ-1) e^(-(1 + q)λ) dλ, and the mean of each e^(-λq) over Y is
    (1 + 4λτ)^(-N/2) e^(-λr²/(1 + 4λτ)): one integral over λ is left in any dimension, and
    derivatives are moments of λ/(1 + 4λτ) under it. It is a trapezoidal sum after λ = e^(z - e^-z).

    In high dimension u hardly depends on x under its own law: the best function of t alone has a
    relative error of 0.9 % for N = 250; judge a method on N = 10 to 50, beside `approximations`.

    Units:
        dimensionless.

    Args:
        dimension: N.
        end: T.
        control: μ, the strength of the control.
    Accuracy:
        1e-12 in u and, of the largest value of each, in its derivatives, against five times the
        nodes, for μ from 0.1 to 20 and N up to 1000.
    Source:
        Han, Jentzen & E, PNAS 115 (2018); He et al., AISTATS 2023, N = 250, μ = T = 1, and its law
        of points. They take the mean over Y by sampling, as `monte_carlo` does.
    """

    name: ClassVar[str] = "hamilton_jacobi_bellman"
    brownian: ClassVar[bool] = True

    def __init__(self, dimension: int = 4, *, end: float = 1.0, control: float = 1.0) -> None:
        super().__init__(dimension, end)
        if not control > 0:
            raise ValueError(f"control={control} must be positive")
        self.control = control

    def last(self, x: Tensor) -> Jet:
        """As in WholeSpace: g = ln((1 + r²)/2)."""
        return RadialJet(x, _terminal)

    def solution(self, x: Tensor) -> Tensor:
        """As in PointEquation.

        Raises:
            ValueError: a time after T, where there is no solution.
        """
        points = x.double()
        weight, _, _ = self._integrand(points[:, 0], points[:, 1:].square().sum(1))
        return (self._scale - weight.logsumexp(1) / self.control)[:, None].to(x.dtype)

    def jet(self, x: Tensor) -> Jet:
        """As in PointEquation; raises what `solution` does."""
        return RadialJet(x, self._partials)

    @property
    def _scale(self) -> float:
        return math.lgamma(self.control) / self.control - math.log(2)

    def _integrand(self, t: Tensor, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithm of the summands, λ/(1 + 4λτ), and τ: (b, nodes) twice and (b, 1)."""
        left = self.end - t[:, None]
        # single precision may round the last time up
        if not bool((left >= -1e-6 * self.end).all()):
            raise ValueError(f"t={float(t.max())}: the solution ends at {self.end}")
        left, q = left.clamp(min=0), q[:, None]
        # where the integrand has its mass; the integral does not depend on it
        mass = (1 + q + 2 * self.dimension * left).detach()
        low, high = -math.log(40 / self.control), (45 * mass).log() + math.log(1 + self.control)
        z = low + (high - low) * torch.linspace(0, 1, NODES, dtype=q.dtype, device=q.device)
        log_rate = z - (-z).exp() - mass.log()
        rate = log_rate.exp()
        spread = 1 + 4 * rate * left
        moment = rate / spread
        step = ((high - low) / (NODES - 1)).log() + torch.log1p((-z).exp())
        gaussian = -self.dimension / 2 * spread.log() - q * moment
        return self.control * log_rate - rate + gaussian + step, moment, left

    def _partials(self, t: Tensor, q: Tensor) -> Partials:
        """Cumulants of what t and q do to the integrand's logarithm."""
        weight, m, _ = self._integrand(t, q)
        total = weight.logsumexp(1)
        share = (weight - total[:, None]).exp()
        n, q = self.dimension, q[:, None]

        def mean(values: Tensor) -> Tensor:
            return (share * values).sum(1) / -self.control

        # dm/dt = 4 m², as dm/dτ = -4 m²
        rate = 2 * n * m - 4 * q * m.square()
        faster = 8 * n * m.square() - 32 * q * m**3
        off, swing = m - _mean(share, m), rate - _mean(share, rate)
        return {
            (0, 0): self._scale - total / self.control,
            (1, 0): mean(rate),
            (0, 1): mean(-m),
            (2, 0): mean(swing.square() + faster),
            (1, 1): mean(-swing * off - 4 * m.square()),
            (0, 2): mean(off.square()),
        }

    def monte_carlo(
        self, x: Tensor, draws: int, rng: torch.Generator, chunk: int = 1024
    ) -> tuple[Tensor, Tensor]:
        """The mean over Y by sampling, (b, 1), and its standard error, (b, 1).

        All points share the draws, so that their errors go together.

        Args:
            x: the points.
            draws: how many Y, 2 or more.
            rng: on the device of x.
            chunk: how many are held at once.
        """
        space, root = x[:, 1:].double(), (2 * (self.end - x[:, :1].double())).sqrt()
        square = space.square().sum(1, keepdim=True)
        sums: list[Tensor] = []
        for start in range(0, draws, chunk):
            shape = (min(chunk, draws - start), self.dimension)
            y = torch.randn(shape, dtype=torch.float64, generator=rng, device=x.device)
            q = square + 2 * root * (space @ y.T) + root.square() * y.square().sum(1)
            power = -self.control * ((1 + q) / 2).log()
            sums.append(torch.stack([power.logsumexp(1), (2 * power).logsumexp(1)]))
        first, second = torch.stack(sums).logsumexp(0) - math.log(draws)
        spread = torch.expm1(second - 2 * first).clamp(min=0) / (draws - 1)
        value, error = -first / self.control, spread.sqrt() / self.control
        return value[:, None].to(x.dtype), error[:, None].to(x.dtype)

    def approximations(self, x: Tensor) -> dict[str, Tensor]:
        """As in PointEquation: g of the mean square, ln((1 + r² + 2Nτ)/2)."""
        square = x[:, 1:].square().sum(1, keepdim=True)
        return {
            "mean_square": ((1 + square + 2 * self.dimension * (self.end - x[:, :1])) / 2).log()
        }

    def residual(self, x: Tensor, jet: Jet) -> Tensor:
        """As in PointEquation."""
        spread = jet.laplacian(self.places) - self.control * jet.square_gradient(self.places)
        return jet.derivative(0) + spread


def _terminal(t: Tensor, q: Tensor) -> Partials:
    slope = 1 / (1 + q)
    return {(0, 0): ((1 + q) / 2).log(), (0, 1): slope, (0, 2): -slope.square()}


def _mean(share: Tensor, values: Tensor) -> Tensor:
    return (share * values).sum(1, keepdim=True)
