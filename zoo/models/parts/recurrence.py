"""Recurrences along sites: what a site is told of those before it. Layout: site, batch, number."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Chain(nn.Module):
    """One gated recurrent layer along the sequence of sites, from a state of zeros.

    Args:
        inputs: numbers of a site.
        hidden: numbers of a state.
    Source:
        Cho et al., EMNLP 2014 (arXiv 1406.1078).
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, hidden)

    def forward(self, x: Float[Tensor, "m b inputs"]) -> Float[Tensor, "m b hidden"]:
        """States after each site."""
        return self.gru(x)[0]

    def start(self, batch: int) -> list[Tensor]:
        """What `step` remembers before the first site."""
        return [next(self.parameters()).new_zeros(batch, self.gru.hidden_size)]

    def step(self, memory: list[Tensor], x: Float[Tensor, "b inputs"]) -> Float[Tensor, "b hidden"]:
        """The state after one more site; `memory` is brought up to date."""
        memory[0] = torch.gru_cell(x, memory[0], *self.gru.parameters())
        return memory[0]


class Grid(nn.Module):
    """A gated recurrence in two dimensions, along the snake: a site is told by two before it.

    h = GRU([x', x''], W [h', h'']) of the neighbour before in its row (') and in the row before
    (''); zeros where there is none. Along the snake one of the two is the site before, so nothing
    earlier is hidden.

    Args:
        inputs: as in Chain.
        hidden: as in Chain.
        columns: sites in a row.
    Source:
        Hibat-Allah et al., Phys. Rev. Research 2 (2020), arXiv 2002.02973, for a recurrence in two
        dimensions; here gated as by Cho et al. with merged states.
    """

    def __init__(self, inputs: int, hidden: int, columns: int) -> None:
        super().__init__()
        self.columns = columns
        self.merge = nn.Linear(2 * hidden, hidden, bias=False)
        self.cell = nn.GRUCell(2 * inputs, hidden)

    def forward(self, x: Float[Tensor, "m b inputs"]) -> Float[Tensor, "m b hidden"]:
        """States of the sites after each site."""
        memory = self.start(x.shape[1])
        return torch.stack([self.step(memory, row) for row in x])

    def start(self, batch: int) -> list[Tensor]:
        """As in Chain: states of all sites, then what `step` was told of them, in turn."""
        weight = self.merge.weight
        return [weight.new_zeros(batch, weight.shape[0])]

    def step(self, memory: list[Tensor], x: Float[Tensor, "b inputs"]) -> Float[Tensor, "b hidden"]:
        """As in Chain."""
        memory.append(x)
        states, told = memory[::2], memory[1::2]
        site = len(states)
        row, place = divmod(site, self.columns)
        beside = site - 1 if place else None
        # the snake turns: above place j of a row is place j from the end of the row before
        above = site - 2 * place - 1 if row else None
        none = torch.zeros_like(states[0]), torch.zeros_like(x)
        pairs = [none if i is None else (states[i], told[i]) for i in (beside, above)]
        h, y = (torch.cat(parts, 1) for parts in zip(*pairs, strict=True))
        memory.append(self.cell(y, self.merge(h)))
        return memory[-1]


class Before(nn.Module):
    """Σ_{j<i} W_ij x_j for each site but the first, with weights of their own, zero at the start.

    Args:
        sites: of the lattice.
        inputs: numbers of a site, in x and in the sum.
    """

    later: Tensor

    def __init__(self, sites: int, inputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.weight = nn.Parameter(torch.zeros(((sites - 1) * inputs,) * 2))
        place = torch.arange((sites - 1) * inputs) // inputs
        # row j tells of site j, column i is for site i + 1
        self.register_buffer("later", (place >= place[:, None]).float(), persistent=False)

    def forward(self, x: Float[Tensor, "m b inputs"]) -> Float[Tensor, "m b inputs"]:
        """The sums for the sites after the first."""
        flat = x.movedim(0, 1).flatten(1)
        return (flat @ (self.weight * self.later)).unflatten(1, (-1, self.inputs)).movedim(1, 0)

    def at(self, x: Float[Tensor, "b m inputs"], site: int) -> Float[Tensor, "b inputs"]:
        """The sum for a site alone, of those before it."""
        end = site * self.inputs
        return x.flatten(1)[:, :end] @ self.weight[:end, end - self.inputs : end]

    def told(self, x: Float[Tensor, "b inputs"], site: int) -> Float[Tensor, "m b inputs"]:
        """What one site adds to the sums of those after it."""
        start = site * self.inputs
        row = x @ self.weight[start : start + self.inputs, start:]
        return row.unflatten(1, (-1, self.inputs)).movedim(1, 0)
