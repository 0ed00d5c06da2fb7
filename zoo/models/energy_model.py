import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Integer
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.models.parts.colours import one_hot_colours, read_colours
from zoo.models.parts.unscaled import Unscaled
from zoo.spin.lattice import Lattice
from zoo.spin.measured import chosen, ladder, measured
from zoo.spin.observables import Estimate

CHUNK = 2048
"""Lattices that are looked at together where there may be many."""


class EnergyModel(Model, ABC):
    """E(s) of lattices of spins, up to a constant of the lattice; k_B = 1.

    Shapes:
        s: colours 0 ... q - 1, (b, *n) integers, or one-hot colours (b, q, *n), in which the energy
        is differentiable; output (b,).
    Units:
        of the interface's output.

    Args:
        interface: its box is the lattice of the data, one unit a site; its `colours` are q, its
            `temperature` is that of the data.

    Raises:
        ValueError: the interface is of no spins.
    """

    def __init__(self, interface: Interface) -> None:
        super().__init__()
        if not interface.colours:
            raise ValueError(
                "interface.colours=0 is of a model of fields; a model of spins needs how many "
                "states a spin has, e.g. zoo.models.energy_model.spins((6, 6), 2, 4.0)"
            )
        self.interface = interface
        self.normaliser = Unscaled()

    @property
    def colours(self) -> int:
        """How many states a spin has."""
        return self.interface.colours

    @property
    def shape(self) -> tuple[int, ...]:
        """The lattice of the data that it was made for."""
        return tuple(int(side) for side in self.interface.box)

    @property
    def temperature(self) -> float | None:
        """T0, of the data that it was trained on."""
        return self.interface.temperature

    @abstractmethod
    def values(self, s: Float[Tensor, "b q *n"]) -> Float[Tensor, " b"]:
        """Energies of one-hot lattices that are checked."""

    @abstractmethod
    def shift(self, amount: float, shape: tuple[int, ...]) -> None:
        """Add a constant to the energy of lattices of a shape."""

    def on(self, shape: tuple[int, ...]) -> Lattice:
        """The lattice of a shape, if the model takes it.

        Raises:
            ValueError: it does not.
        """
        if len(shape) != self.interface.dimension:
            raise ValueError(
                f"a lattice of shape {tuple(shape)} has {len(shape)} axes; this "
                f"{type(self).__name__} is of {self.interface.dimension}"
            )
        return Lattice(tuple(shape))

    def energy(self, s: Tensor) -> Float[Tensor, " b"]:
        """Energies; shapes and units as in the class."""
        return self.values(self.one_hot(s))

    def forward(self, s: Tensor) -> Float[Tensor, " b"]:
        """The same."""
        return self.energy(s)

    def local(
        self, s: Integer[Tensor, "n c"], site: Integer[Tensor, " c"], lattice: Lattice
    ) -> Float64[Tensor, "c q"]:
        """Energy as a function of one spin's colour alone, up to a constant.

        Args:
            s: c lattices.
            site: the number of the spin, one for each lattice.
            lattice: their geometry.
        """
        every = s.T[:, None].repeat(1, self.colours, 1)
        places = site.long()[:, None, None].expand(-1, self.colours, 1)
        steps = torch.arange(self.colours, device=s.device, dtype=s.dtype)
        every.scatter_(2, places, steps[:, None].expand(len(every), -1, 1))
        found = self.energy(every.flatten(0, 1).unflatten(1, lattice.shape))
        return found.double().view(-1, self.colours)

    def one_hot(self, s: Tensor) -> Float[Tensor, "b q *n"]:
        """Lattices as `values` takes them, checked.

        Raises:
            ValueError: a shape or, of colours on a CPU, a number that the model does not take.
        """
        axes, dtype = self.interface.dimension, next(self.parameters()).dtype
        hot = one_hot_colours(s, self.colours, dimension=axes, dtype=dtype)
        self.on(tuple(hot.shape[2:]))
        return hot

    def uniform(
        self, count: int, rng: torch.Generator, shape: tuple[int, ...] | None = None
    ) -> Tensor:
        """Lattices (count, *n) of independent spins, uint8, of the data's shape if not told."""
        size = (count, *(self.shape if shape is None else shape))
        drawn = torch.randint(self.colours, size, generator=rng, device=rng.device)
        return drawn.to(torch.uint8)

    def example(self, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Model: three lattices of independent spins."""
        return {"s": self.uniform(3, rng)}

    @torch.no_grad()
    def pin(self, s: Integer[Tensor, " b *n"], energy: float | Tensor = 0.0) -> None:
        """Move the zero of energy so that its mean over these lattices is the mean of `energy`.

        Probabilities tell energies up to ln Z alone: pin the ground states where an absolute free
        energy is wanted.
        """
        device = next(self.parameters()).device
        found = [self.energy(part.to(device)).double() for part in s.split(CHUNK)]
        want = float(torch.as_tensor(energy, dtype=torch.float64).mean())
        self.shift(want - float(torch.cat(found).mean()), tuple(s.shape[1:]))

    def centre(
        self,
        rng: torch.Generator,
        *,
        mean: float = 0.0,
        count: int = 10_000,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        """Pin the mean over uniform lattices, which is 0 without a field for Ising and clocks.

        Source:
            Sprague et al., arXiv 2003.02647, the authors' code, with 10,000 of them.
        """
        self.pin(self.uniform(count, rng, shape), mean)

    @torch.no_grad()
    def observables(
        self,
        temperatures: Sequence[float] | Tensor,
        shape: tuple[int, ...] | None = None,
        *,
        chains: int = 256,
        sweeps: int = 1000,
        rng: torch.Generator,
    ) -> dict[str, Estimate]:
        """What the learned energy says at any temperatures, by chains that it drives.

        As `zoo.spin.observables`, per site, with free energy and entropy, and the model's zero of
        energy; the chains also run on a ladder of temperatures from infinity down.

        Args:
            temperatures: in any order.
            shape: of the lattice; that of the data if left out.
            chains: at each temperature.
            sweeps: recorded after thermalisation.
            rng: where all random numbers come from, on a CPU.
        """
        # driven chains are built on models
        from zoo.models.parts.driven import driven

        rungs, rows = ladder(torch.as_tensor(temperatures, dtype=torch.float64).flatten())
        dynamics = driven(self, rungs, shape)
        return chosen(measured(dynamics, chains=chains, sweeps=sweeps, rng=rng), rows)

    def finish(self, rng: torch.Generator) -> None:
        """As in Model: `centre`, since training tells energies up to a constant alone."""
        self.centre(rng)

    @torch.no_grad()
    def predict(self, states: Any) -> np.ndarray:
        """Energies of lattices of colours, numpy in, numpy out.

        Args:
            states: (*n) or (b, *n) array of whole numbers 0 ... q - 1.

        Shapes:
            result: () or (b,).

        Raises:
            ValueError: numbers that are no colours, or a lattice that the model does not take.
        """
        s = read_colours(states, self.colours, dimension=self.interface.dimension)
        device = next(self.parameters()).device
        found = [self.energy(part.to(device)).cpu() for part in s.split(CHUNK)]
        alone = np.ndim(states) == self.interface.dimension
        return torch.cat(found).numpy().reshape(() if alone else (len(s),))


def spins(shape: tuple[int, ...], colours: int, temperature: float | None = None) -> Interface:
    """The interface of models of spins: lattices `s` go in, an energy `E` comes out.

    Args:
        shape: of the lattices of the data.
        colours: states of a spin.
        temperature: T0 of the data, if they have one.
    """
    if temperature is not None and not 0 < temperature < math.inf:
        raise ValueError(f"temperature={temperature} must be finite and above 0")
    return Interface(
        ("s",),
        ("E",),
        units={"s": "1", "E": "J"},
        box=tuple(float(side) for side in shape),
        colours=colours,
        temperature=temperature,
    )
