from zoo.spin import kaufman
from zoo.spin.energy import Energy
from zoo.spin.enumeration import Enumeration
from zoo.spin.ising import Ising
from zoo.spin.lattice import Lattice
from zoo.spin.pairs import PairEnergy
from zoo.spin.thermodynamics import inverse
from zoo.spin.transfer import TransferMatrix

STATES = 2**18
"""How many states of a lattice are enumerated."""
ROW = 1024
"""How many states of a row a transfer matrix may have."""


def log_partition(energy: Energy, shape: tuple[int, ...], temperature: float) -> float | None:
    """Ln Z of the whole lattice where it is known exactly, else None.

    By Kaufman's formula, a transfer matrix or enumeration.
    """
    lattice, beta = energy.on(shape), inverse([temperature])
    if isinstance(energy, Ising) and solved(energy, lattice):
        # no derivative is taken: validation runs without them
        return float(kaufman.log_partition((shape[0], shape[1]), beta * energy.coupling))
    if isinstance(energy, PairEnergy) and short(energy, lattice):
        return float(TransferMatrix(energy, shape, limit=ROW).log_partition(beta))
    if energy.colours**lattice.sites <= STATES:
        return float(Enumeration(energy, shape, limit=STATES).log_partition(beta))
    return None


def solved(energy: Ising, lattice: Lattice) -> bool:
    """Whether Kaufman's formula holds."""
    return lattice.dimension == 2 and energy.coupling > 0 and not energy.field and not energy.second


def short(energy: PairEnergy, lattice: Lattice) -> bool:
    """Whether a row has few states, and no bond skips one."""
    states = energy.colours ** (lattice.sites // lattice.shape[0])
    return states <= ROW and all(bond.offset[0] in (0, 1) for bond in energy.bonds(lattice))
