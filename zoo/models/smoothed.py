import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from zoo.models.base import Interface
from zoo.models.field import Estimator, Field
from zoo.models.mlp import MLP
from zoo.models.parts.inner import inner_field
from zoo.models.parts.normaliser import Normaliser
from zoo.models.parts.shifted import Shifted, shifted
from zoo.ops import stein
from zoo.ops.jets import Jet
from zoo.ops.joined_jet import JoinedJet
from zoo.ops.noise import HeldNoise, Noise, SeededNoise, normal
from zoo.ops.stein_jet import SteinJet

ROWS = 8192
"""Evaluations at a time, as many as a processor's cache holds; constant, so that numbers repeat."""


@dataclass(frozen=True)
class Draws:
    """How the noise of a smoothed model is drawn.

    Own draws cost more; shared ones make the errors of a batch's points alike, so that they do not
    average out. For d = 100, K = 256, 50 points and three layers of 64, sharing takes 0.7 of the
    time and gives 4.7 times the variance of the gradient of a heat equation's loss; for d = 10, 0.9
    and 16; for d = 1000, 0.2 and 1.9, but 0.5 of the time at width 256 (one CPU thread).

    Args:
        shared: whether all points of a batch have the same draws in training, or each its own as in
            the paper. In eval they are always the same.
        seed: of the fixed draws in eval.
        kept: evaluations whose intermediate numbers are kept for the backward pass; those of the
            others are computed again. It bounds the memory: 3 MB a thousand at three layers of
            256, and the draws themselves.
    """

    shared: bool = False
    seed: int = 0
    kept: int = 2**17


class Smoothed(Field):
    """A field smoothed by noise on its coordinates: u(x) = E f(x + δ), δ ~ N(0, σ² 1).

    Derivatives of u follow from values of f (Stein's identity), so that no derivative of f is ever
    taken: with y± = f(x ± δ), ∇u = E[δ (y₊ - y₋)] / 2σ² and
    Δu = E[(|δ|² - σ²d)(y₊ + y₋ - 2f(x))] / 2σ⁴. A jet's value and derivatives are made of the same
    draws. Parameters are not shifted. f must be defined beyond the region; nothing is clipped.

    In training draws are fresh, from PyTorch's global generator. In eval they are fixed, the same
    for all points and devices, and each point is computed by itself: results do not depend on the
    batch, and a jet's value is the prediction.

    Values are means over the pairs x ± δ where there are pairs: the error of a mean over K
    evaluations, σ|∇f|/√K, is then of second order in σ. The paper's values are plain means.

    Shapes:
        as in Field.

    Units:
        σ is in those of the coordinates, all alike.

    Args:
        interface: as in Field.
        inner: f, any Field; in a recipe its interface is left out, and is this model's.
        sigma: σ.
        samples: K, evaluations of f at each point in training, besides f(x); pairs are half as
            many.
        kind: "antithetic" takes pairs and f(x), "control" f(x) alone, "vanilla" neither.
        biased: |∇u|² as the square of one estimate, as in the paper, and not without bias.
        eval_samples: K in eval.
        draws: how noise is drawn.

    Raises:
        BlockError: `inner` has another interface.
        ValueError: σ that is not positive, or too small for the precision when a jet is made; no
            samples, or an odd number of them for pairs; matrix products of reduced precision.

    Accuracy:
        The relative error of Δu for a quadratic is √((d/2 + 6 + 12/d) / M), M = K/2: 0.66 for
        d = 100 and K = 256. u is f to σ²Δf/2. Waves are damped by exp(-σ²k²/2): none beyond 1/σ.

    Source:
        He et al., AISTATS 2023 (arXiv 2202.09340): σ = 0.01, K = 2048, each point's own draws.
        Their values are plain means, and their squares biased.
    """

    def __init__(
        self,
        interface: Interface,
        inner: Field | Callable[[Interface], Field],
        *,
        sigma: float = 0.01,
        samples: int = 256,
        kind: Literal["antithetic", "control", "vanilla"] = "antithetic",
        biased: bool = False,
        eval_samples: int = 2048,
        draws: Draws | None = None,
    ) -> None:
        super().__init__()
        self.interface = interface
        self.inner = inner_field(inner, interface)
        self.sigma, self.samples, self.kind = sigma, samples, kind
        self.biased, self.eval_samples = biased, eval_samples
        self.draws = Draws() if draws is None else draws
        if not 0 < sigma < math.inf:
            raise ValueError(f"sigma={sigma} must be positive; the inner model alone has none")
        if self.draws.kept < 1:
            raise ValueError(f"kept={self.draws.kept} evaluations; one at least is computed")
        step = 2 if kind == "antithetic" else 1
        for name, count in (("samples", samples), ("eval_samples", eval_samples)):
            if count < 1 or count % step:
                raise ValueError(
                    f"{name}={count} for kind={kind!r}: they count evaluations, "
                    + ("two for each pair; take an even number" if step == 2 else "one or more")
                )

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        inner = MLP(**MLP.tiny())
        return {"interface": inner.interface, "inner": inner, "samples": 8, "eval_samples": 8}

    @property
    def normaliser(self) -> Normaliser:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The inner model's."""
        return self.inner.normaliser

    @property
    def unsmoothed(self) -> Field:
        """f, which is u to σ²Δf/2 and costs one evaluation."""
        return self.inner

    def beyond(self, x: Tensor) -> Tensor:
        """As in Field: what f is made for, and σ around it."""
        return (self.inner.beyond(x) - self.sigma).clamp(min=0)

    @property
    def radius(self) -> float:
        """As in Field: σ, and what f averages over."""
        return self.sigma + self.inner.radius

    def forward(self, x: Tensor) -> Tensor:
        """As in Field; in full precision under autocast too."""
        self.check(x)
        with torch.autocast(x.device.type, enabled=False):
            step, kept = self._chunks(x)
            if self.training:
                return stein.value(self._values(shifted(self.inner, x), self._fresh(x), step, kept))
            noise = self._fixed(x)
            each = (self._values(shifted(self.inner, row), noise, step, kept) for row in x.split(1))
            return torch.cat([stein.value(values) for values in each])

    def jet(self, x: Tensor, by: Estimator | None = None) -> Jet:
        """As in Field; forward derivatives need the draws of eval, not the fresh ones."""
        if not self.training:
            self._fixed(x)  # made before torch.func.vmap, which refuses to draw
        return super().jet(x, by)

    def own_jet(self, x: Tensor) -> Jet:
        """As in Field."""
        stein.check_precision(self.sigma, x.dtype)
        with torch.autocast(x.device.type, enabled=False):
            step, kept = self._chunks(x)
            if self.training:
                return self._jet(x, self._fresh(x), step, kept)
            noise, rows = self._fixed(x), x.split(1)
            jets = [self._jet(row, noise, step, kept) for row in rows]
            return JoinedJet(jets, [len(row) for row in rows])

    def _jet(self, x: Tensor, noise: Noise, step: int, kept: int) -> SteinJet:
        near = shifted(self.inner, x)
        base = None if self.kind == "vanilla" else near.here()
        values = self._values(near, noise, step, kept)
        return SteinJet(values, base, noise=noise, sigma=self.sigma, biased=self.biased)

    def _values(self, near: Shifted, noise: Noise, step: int, kept: int) -> Tensor:
        """f(x ± σz), (b, s, m, c), `step` draws at a time."""

        def some(start: int, stop: int) -> Tensor:
            return near.there(self.sigma * noise.part(start, stop), self.kind == "antithetic")

        found = []
        for start in range(0, noise.count, step):
            piece = start, min(start + step, noise.count)
            again = piece[1] > kept and torch.is_grad_enabled()
            values = checkpoint(some, *piece, use_reentrant=False) if again else some(*piece)
            found.append(cast("Tensor", values))
        return found[0] if len(found) == 1 else torch.cat(found, 2)

    def _count(self) -> int:
        """M, the draws of one point."""
        count = self.samples if self.training else self.eval_samples
        return count // 2 if self.kind == "antithetic" else count

    def _chunks(self, x: Tensor) -> tuple[int, int]:
        """Draws at a time, and how many of them are not computed again in the backward pass."""
        each = 2 if self.kind == "antithetic" else 1
        kept = self.draws.kept // (each * max(1, len(x)))
        if not self.training:
            return ROWS // each, kept
        rows = min(ROWS, self.draws.kept) if x.device.type == "cpu" else self.draws.kept
        return max(1, rows // (each * max(1, len(x)))), kept

    def _fresh(self, x: Tensor) -> Noise:
        count, columns = self._count(), x[:, : len(self.interface.inputs)]
        try:
            seed = int(torch.randint(2**62, ()))
        except RuntimeError as error:  # torch's word on random numbers inside its vmap
            raise ValueError(
                f"samples={self.samples} are drawn afresh in training, which torch.func.vmap does "
                "not allow, and Vectorised, ForwardLaplacian, StochasticTaylor and Deflated use "
                "it: call eval(), which holds the draws fixed, or leave the estimator out, as the "
                "model estimates derivatives itself"
            ) from error
        if self.draws.shared:
            rng = torch.Generator(x.device).manual_seed(seed)
            shape = (count, columns.shape[1])
            return HeldNoise(torch.randn(shape, generator=rng, dtype=x.dtype, device=x.device))
        noise = SeededNoise(seed, len(x), count, columns)
        return HeldNoise(noise.part(0, count)) if len(noise.pieces()) == 1 else noise

    def _fixed(self, x: Tensor) -> Noise:
        return HeldNoise(normal(self.draws.seed, self._count(), len(self.interface.inputs)).to(x))

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """As in Model."""
        return {f"inner.{name}": axes for name, axes in self.inner.channel_axes().items()}
