from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from zoo.models.parts.learned_energy import LearnedEnergy
from zoo.models.parts.recurrence import Chain
from zoo.models.rnn import RNN
from zoo.spin.dynamics import Dynamics
from zoo.spin.metropolis import proposed


@dataclass
class Trace:
    """What a recurrence has made of b lattices; sites stand in the order in which it met them.

    Shapes:
        colours (n, b); hot (n, b, q), as the recurrence sees them; states (n - 1, b, h) after each
        site; direct and raw (n - 1, b, r): direct sums and whole read-outs of the sites after the
        first; each (n - 1, b): their ln p(s_i | s_<i).
    """

    colours: Tensor
    hot: Tensor
    states: Tensor
    direct: Tensor
    raw: Tensor
    each: Tensor


class RecurrentMetropolis(Dynamics):
    """Metropolis with E = -T0 ln p of a recurrence: only what comes after a spin is run again.

    All chains propose at the same site, random in turn, so states before it are taken from the last
    proposal: half the steps of a whole pass, and for the new lattice alone.

    Args:
        model: with cell "gru".
        temperatures: as in Dynamics.
        shape: as in Dynamics; the model's if left out.

    Raises:
        ValueError: the model has another cell.
    """

    def __init__(
        self,
        model: RNN,
        temperatures: Sequence[float] | Tensor,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(
            LearnedEnergy(model), temperatures, model.shape if shape is None else shape
        )
        if not isinstance(model.recurrence, Chain):
            raise ValueError(
                f"cell={model.cell!r} keeps states that more than one site reads; take "
                "CalledMetropolis(LearnedEnergy(model), ...)"
            )
        self.model, self.gru = model, model.recurrence.gru

    @torch.no_grad()
    def sweep(self, s: UInt8[Tensor, "r n c"], rng: torch.Generator, sweeps: int = 1) -> None:
        """As in Dynamics: N proposals at random sites."""
        sites, t0 = self.model.order_of_sites.to(s.device), self.model.temperature or 1.0
        for group in self.groups(s.shape[1] * s.shape[2]):
            some = s[group]
            # minus ΔE / T is this much of Δ ln p
            scale = (t0 * self.betas[group]).to(s.device).repeat_interleave(s.shape[2])
            colours = some[:, sites].movedim(1, 0).flatten(1).long()
            for _ in range(sweeps):
                trace = self.trace(colours)
                for place in torch.randint(len(colours), (len(colours),), generator=rng).tolist():
                    self._propose(trace, place, scale, rng)
                colours = trace.colours
            back = colours.unflatten(1, (len(some), -1)).movedim(0, 1)
            some.copy_(back[:, self.model.place_of_site.to(s.device)])

    def trace(self, colours: Tensor) -> Trace:
        """A whole pass over lattices (n, b)."""
        m = self.model
        hot = self._hot(colours, colours[0])
        codes = m.codes(hot[:-1])
        states = m.recurrence(codes)
        plain = m.output(states)
        direct = torch.zeros_like(plain) if m.before is None else m.before(codes)
        raw = plain + direct
        return Trace(colours, hot, states, direct, raw, m.conditionals(raw, hot[1:]))

    def _hot(self, colours: Tensor, first: Tensor) -> Tensor:
        q = self.model.colours
        seen = colours if self.model.first is not None else (colours - first) % q
        return F.one_hot(seen, q).to(self.model.output.weight)

    def _propose(self, old: Trace, place: int, scale: Tensor, rng: torch.Generator) -> None:
        """Change the spin at a place of every lattice where it is accepted."""
        colour = proposed(old.colours[place].to(torch.uint8), self.model.colours, rng).long()
        if place == 0:
            new = self.trace(torch.cat([colour[None], old.colours[1:]]))
            start, gain = 0, (new.each - old.each).sum(0)
            if self.model.first is not None:
                odds = self.model.first.log_softmax(0)
                gain = gain + odds[colour] - odds[old.colours[0]]
        else:
            new, start = self._after(old, place, colour), place - 1
            gain = (new.each - old.each[start:]).sum(0)
        drawn = torch.rand(len(scale), generator=rng, device=rng.device, dtype=scale.dtype)
        taken = drawn.to(scale.device) < (scale * gain).exp()
        old.colours[place] = torch.where(taken, colour, old.colours[place])
        for name, first in (("hot", place), ("states", place), ("direct", place)):
            _take(getattr(old, name)[first:], getattr(new, name), taken)
        _take(old.raw[place:], new.raw, taken)
        _take(old.each[start:], new.each, taken)

    def _after(self, old: Trace, place: int, colour: Tensor) -> Trace:
        """The part of a trace from a changed site on; `each` begins with the site's own."""
        m = self.model
        hot = torch.cat([self._hot(colour, old.colours[0])[None], old.hot[place + 1 :]])
        own = m.conditionals(old.raw[place - 1 : place], hot[:1])
        if place == len(old.hot) - 1:
            none = old.raw[place:]
            return Trace(colour, hot, old.states[place:], none, none, own)
        codes = m.codes(hot[:-1])
        states = self.gru(codes, old.states[place - 1][None])[0]
        direct = old.direct[place:]
        if m.before is not None:
            change = codes[0] - m.codes(old.hot[place])
            direct = direct + m.before.told(change, place)
        raw = m.output(states) + direct
        each = torch.cat([own, m.conditionals(raw, hot[1:])])
        return Trace(colour, hot, states, direct, raw, each)


def _take(kept: Tensor, new: Tensor, taken: Tensor) -> None:
    """Put what is new into what is kept (m, b, ...) where it is taken (b,)."""
    at = taken if kept.ndim == 2 else taken[:, None]
    torch.where(at, new, kept, out=kept)
