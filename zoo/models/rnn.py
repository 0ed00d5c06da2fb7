import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from zoo.models.base import Interface
from zoo.models.energy_model import spins
from zoo.models.parts.recurrence import Before, Chain, Grid
from zoo.models.parts.site_order import Order, site_order
from zoo.models.sampler import Sampler
from zoo.spin.energy import Energy
from zoo.spin.lattice import Lattice

TINY = 1e-12
"""The least probability that a read-out of means gives."""


class RNN(Sampler):
    """Autoregressive p(s) = p(s₁) Π_{i≥2} p(s_i | s_<i) by a recurrence along the sites.

    Symmetric, the recurrence sees each colour relative to the first site's, (s_i - s₁) mod Q, and
    p(s₁) = 1/Q: p is then exactly unchanged when all colours move on by one (all Ising spins flip).
    A field breaks that symmetry: the first site then has parameters of its own.

    Spins enter as -1 and +1, more colours one-hot. Read-outs: logits of p(s_i | s_<i), a logistic
    or softmax; or means, p = |1 + σ m| / 2 of two colours and |m_{s_i}| of more, whose best value
    by squared error is the conditional mean. Means outside [-1, 1] make no normalised p.

    Direct, each site has weights of its own for all sites before it, beside the recurrence: a
    logistic autoregression, which is exact to first order in 1/T and knows one bond from another,
    as a glass needs. Sampling takes one step of the recurrence a site; the direct sums grow with
    the square of the sites and cost less than the steps up to some thousand of them.

    Shapes:
        as in EnergyModel; the lattice is that of the data alone.

    Args:
        interface: as in Sampler.
        system: the energy whose lattices are learned; its disorder, if any, is then the model's.
        hidden: numbers in a state.
        cell: "gru", or "gru2d" on the snake of two axes.
        order: "spiral", "snake" or "raster", see `site_order`; None is the spiral of two axes, else
            and for "gru2d" the snake.
        readout: "logits" or "mean".
        symmetric: whether all colours are alike.
        direct: whether each site has weights for those before.

    Raises:
        ValueError: arguments that contradict each other or the interface.

    Source:
        Sprague et al., arXiv 2003.02647: spiral, GRU, read-outs of means by squared error, p(s₁) =
        1/Q. Different: logits by cross entropy are the default, colours are relative, and direct.
    """

    resolution = "fixed"
    order_of_sites: Tensor
    place_of_site: Tensor

    def __init__(
        self,
        interface: Interface,
        system: Energy | None = None,
        *,
        hidden: int = 64,
        cell: Literal["gru", "gru2d"] = "gru",
        order: Order | None = None,
        readout: Literal["logits", "mean"] = "logits",
        symmetric: bool = True,
        direct: bool = True,
    ) -> None:
        super().__init__(interface)
        self.system, self.hidden, self.cell, self.order = system, hidden, cell, order
        self.readout, self.symmetric, self.direct = readout, symmetric, direct
        lattice = Lattice(self.shape)
        self._refuse(lattice)
        q = self.colours
        inputs = 1 if q == 2 else q
        grid = cell == "gru2d"
        self.recurrence = Grid(inputs, hidden, self.shape[1]) if grid else Chain(inputs, hidden)
        self.output = nn.Linear(hidden, inputs)
        self.first = None if symmetric else nn.Parameter(torch.zeros(q))
        self.before = Before(lattice.sites, inputs) if direct else None
        usual: Order = "spiral" if lattice.dimension == 2 and not grid else "snake"
        sites = site_order(usual if order is None else order, lattice)
        self.register_buffer("order_of_sites", sites, persistent=False)
        self.register_buffer("place_of_site", sites.argsort(), persistent=False)

    def _refuse(self, lattice: Lattice) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden={self.hidden} must be positive")
        if self.cell not in ("gru", "gru2d") or self.readout not in ("logits", "mean"):
            raise ValueError(
                f"cell={self.cell!r}, readout={self.readout!r} must be 'gru' or 'gru2d', and "
                "'logits' or 'mean'"
            )
        if self.cell == "gru2d" and (lattice.dimension != 2 or self.order not in (None, "snake")):
            raise ValueError(
                f"cell='gru2d' runs along the snake of two axes, got order={self.order!r} on "
                f"{lattice.shape}; leave order out, or take cell='gru'"
            )
        if self.system is not None and self.system.colours != self.colours:
            raise ValueError(
                f"system has {self.system.colours} colours, the interface {self.colours}; take "
                "the energy that the data are drawn from"
            )
        self.on(lattice.shape)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """As in Model."""
        return {"interface": spins((3, 3), 2, 4.0), "hidden": 8}

    def on(self, shape: tuple[int, ...]) -> Lattice:
        """As in EnergyModel: the data's shape alone."""
        if self.system is not None:
            self.system.on(shape)  # says so where another size is another glass
        if tuple(shape) != self.shape:
            raise ValueError(
                f"this RNN is of lattices of shape {self.shape}, got {tuple(shape)}: its number "
                "of sites is fixed; other sizes are an EDNN's, trained against it"
            )
        return super().on(shape)

    def log_probabilities(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """As in Sampler."""
        hot = self.along(s)
        known = s.new_full((len(s),), -math.log(self.colours))
        first = known if self.first is None else hot[0] @ self.first.log_softmax(0)
        return first + self.conditionals(self.raw(hot), hot[1:]).sum(0)

    def squared_error(self, s: Tensor) -> Float[Tensor, " b"]:
        """As in Sampler; of more than two colours, summed over the parts of a one-hot vector."""
        hot = self.along(self.one_hot(s))
        error = (self._means(self.raw(hot)) - self.codes(hot[1:])).square().sum(-1)
        if self.first is not None:
            mean = self.codes(self.first.softmax(0))
            error = torch.cat([(mean - self.codes(hot[:1])).square().sum(-1), error])
        return error.mean(0)

    @torch.no_grad()
    def sample(
        self, count: int, rng: torch.Generator, *, sharpness: Float[Tensor, " b"] | None = None
    ) -> UInt8[Tensor, " b *n"]:
        """As in Sampler: one step of the recurrence for each site, from the state before."""
        q, sites = self.colours, len(self.order_of_sites)
        u = torch.rand(sites, count, generator=rng, device=rng.device).to(self.output.weight)
        power = None if sharpness is None else sharpness.to(u)[:, None]
        start = u.new_zeros(q) if self.first is None else self.first
        own = drawn(start.softmax(0).expand(count, q), u[0], power)
        # relative to the first site, that is colour 0 itself
        found = [own if self.first is not None else torch.zeros_like(own)]
        memory = self.recurrence.start(count)
        codes = u.new_empty(count, sites, self.output.out_features)
        for site in range(1, sites):
            codes[:, site - 1] = self.codes(F.one_hot(found[-1], q).to(u))
            raw = self.output(self.recurrence.step(memory, codes[:, site - 1]))
            if self.before is not None:
                raw = raw + self.before.at(codes, site)
            found.append(drawn(self._distribution(raw), u[site], power))
        s = torch.stack(found, 1)[:, self.place_of_site]
        if self.first is None:
            s = (s + own[:, None]) % q
        return s.to(torch.uint8).view(count, *self.shape)

    def along(self, s: Tensor) -> Tensor:
        """One-hot colours as the recurrence sees them, (n, b, q)."""
        hot = s.flatten(2).permute(2, 0, 1).index_select(0, self.order_of_sites)
        if self.first is not None:
            return hot
        parts = [hot[0, :, a, None] * hot.roll(-a, 2) for a in range(self.colours)]
        return torch.stack(parts).sum(0)

    def conditionals(self, raw: Tensor, hot: Tensor) -> Tensor:
        """Ln p(s_i | s_<i) from read-outs (m, b, r) and one-hot colours (m, b, q) of sites."""
        if self.readout == "mean":
            return self._chance(raw, hot).clamp_min(TINY).log()
        if self.colours == 2:
            return hot[..., 1] * raw[..., 0] - F.softplus(raw[..., 0])
        return (hot * raw.log_softmax(-1)).sum(-1)

    def codes(self, hot: Tensor) -> Tensor:
        """One-hot colours or their means (..., q) as numbers that go in and come out."""
        return hot[..., 1:] - hot[..., :1] if self.colours == 2 else hot

    def raw(self, hot: Tensor) -> Tensor:
        """Read-outs for the second site and those after it."""
        codes = self.codes(hot[:-1])
        raw = self.output(self.recurrence(codes))
        return raw if self.before is None else raw + self.before(codes)

    def _means(self, raw: Tensor) -> Tensor:
        """Conditional means of codes."""
        if self.readout == "mean":
            return raw
        return torch.tanh(raw / 2) if self.colours == 2 else raw.softmax(-1)

    def _chance(self, raw: Tensor, hot: Tensor) -> Tensor:
        """|1 + σ m| / 2 or |m_s| of a read-out of means."""
        told = (raw * self.codes(hot)).sum(-1)
        return (1 + told).abs() / 2 if self.colours == 2 else told.abs()

    def _distribution(self, raw: Tensor) -> Tensor:
        """Probabilities (..., q) that samples are drawn from."""
        means = self._means(raw)
        if self.colours == 2:
            up = ((1 + means) / 2).clamp(0, 1)
            return torch.cat([1 - up, up], -1)
        parts = means.abs() + TINY
        return parts / parts.sum(-1, keepdim=True)


def drawn(p: Float[Tensor, "b q"], u: Float[Tensor, " b"], power: Tensor | None = None) -> Tensor:
    """A colour for each row of probabilities, raised to a power (b, 1), from uniform numbers."""
    if power is not None:
        p = p.clamp_min(TINY).pow(power)
        p = p / p.sum(1, keepdim=True)
    return (u[:, None] >= p.cumsum(1)[:, :-1]).sum(1)
