import math

from zoo.spin.clock import Clock
from zoo.spin.energy import Energy
from zoo.spin.ising import Ising
from zoo.spin.onsager import CRITICAL
from zoo.spin.potts import Potts


def critical_temperature(energy: Energy) -> float | None:
    """T_c on the infinite square lattice where it is known in closed form, else None.

    Ising without field and second neighbours, Potts, and the clock of two or three colours, which
    is Ising and Potts of 3J/2.
    """
    if isinstance(energy, Ising):
        plain = energy.coupling > 0 and not energy.field and not energy.second
        return CRITICAL * energy.coupling if plain else None
    if isinstance(energy, Potts):
        return energy.critical_temperature if energy.coupling > 0 else None
    if isinstance(energy, Clock) and energy.coupling > 0 and energy.colours in (2, 3):
        two = energy.colours == 2
        return energy.coupling * (CRITICAL if two else 1.5 / math.log1p(math.sqrt(3)))
    return None
