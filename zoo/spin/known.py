import torch
from torch import Tensor

from zoo.spin.energy import Energy
from zoo.spin.enumeration import Enumeration
from zoo.spin.observables import Estimate
from zoo.spin.pairs import PairEnergy
from zoo.spin.thermodynamics import inverse
from zoo.spin.transfer import TransferMatrix

STATES = 2**16
"""How many states of a lattice are enumerated."""
COUNTED, ROW = 64, 256
"""How many states a row may have: with its magnetisation, and of a glass without."""


def known(
    energy: Energy, shape: tuple[int, ...], temperatures: Tensor
) -> dict[str, Estimate] | None:
    """Observables of a small lattice without chains, as `observables` names them, of no error.

    By a transfer matrix or enumeration; a glass whose rows are too long to count its spins has
    energies alone. None where both would take long.

    Args:
        energy: any.
        shape: of the lattice.
        temperatures: (r,), finite.
    """
    lattice = energy.on(tuple(shape))
    if isinstance(energy, PairEnergy):
        row = energy.colours ** (lattice.sites // shape[0])
        near = all(bond.offset[0] in (0, 1) for bond in energy.bonds(lattice))
        counted = row <= COUNTED and energy.colours == 2
        if near and (counted or (row <= ROW and energy.shape is not None)):
            return _by_rows(energy, shape, temperatures, counted)
    if energy.colours**lattice.sites > STATES:
        return None
    states = Enumeration(energy, shape, limit=STATES)
    moments = {k: states.mean(states.orders**k, temperatures) for k in (1, 2, 4)}
    found = states.thermodynamics(temperatures)._asdict()
    return _told(found, moments, temperatures, lattice.sites)


def _by_rows(
    energy: PairEnergy, shape: tuple[int, ...], temperatures: Tensor, counted: bool
) -> dict[str, Estimate]:
    matrix, moments = TransferMatrix(energy, shape, limit=ROW), {}
    sites = matrix.lattice.sites
    if counted:
        laws = torch.stack([matrix.counts(t) for t in temperatures.tolist()])
        order = (2 * torch.arange(sites + 1).double() / sites - 1).abs()
        moments = {k: laws @ order**k for k in (1, 2, 4)}
    return _told(matrix.thermodynamics(temperatures)._asdict(), moments, temperatures, sites)


def _told(
    found: dict[str, Tensor], moments: dict[int, Tensor], temperatures: Tensor, sites: int
) -> dict[str, Estimate]:
    if moments:
        m, mm, mmmm = moments[1], moments[2], moments[4]
        found["magnetisation"] = m
        found["susceptibility"] = sites * inverse(temperatures) * (mm - m**2)
        found["binder"] = 1 - mmmm / (3 * mm**2)
    return {name: Estimate(value, torch.zeros_like(value)) for name, value in found.items()}
