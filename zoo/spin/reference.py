from collections.abc import Sequence

from torch import Tensor

from zoo.spin.all_to_all import AllToAll
from zoo.spin.alternate import Alternate
from zoo.spin.called_energy import CalledEnergy
from zoo.spin.called_metropolis import CalledMetropolis
from zoo.spin.dense_heat_bath import DenseHeatBath
from zoo.spin.dynamics import Dynamics
from zoo.spin.energy import Energy
from zoo.spin.heat_bath import LIMIT, HeatBath, entries
from zoo.spin.metropolis import Metropolis
from zoo.spin.pairs import PairEnergy
from zoo.spin.random_flips import RandomFlips
from zoo.spin.tempering import Tempering
from zoo.spin.thermodynamics import inverse
from zoo.spin.tile_metropolis import TileMetropolis
from zoo.spin.tiles import TileEnergy
from zoo.spin.wolff import Wolff


def reference(
    energy: Energy, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
) -> Dynamics:
    """The dynamics that decorrelates an energy soonest, of those in this package.

    A heat bath in turn with Wolff's clusters where there is neither field nor disorder; elsewhere
    a heat bath, or Metropolis of tiles, with exchanges between temperatures if there are several.

    Args:
        energy: any.
        temperatures: in order, if there are several.
        shape: of a lattice.
    """
    if isinstance(energy, PairEnergy):
        inside: Dynamics = _local(energy, temperatures, shape)
        if energy.shape is None and not energy.levels.any():
            return Alternate(inside, Wolff(energy, temperatures, shape))
    elif isinstance(energy, AllToAll):
        inside = DenseHeatBath(energy, temperatures, shape)
    elif isinstance(energy, TileEnergy):
        inside = TileMetropolis(energy, temperatures, shape)
    elif isinstance(energy, CalledEnergy):
        inside = CalledMetropolis(energy, temperatures, shape)
    else:
        inside = RandomFlips(energy, temperatures, shape)
    return Tempering(inside) if len(inside.betas) > 1 else inside


def _local(
    energy: PairEnergy, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
) -> Dynamics:
    """A heat bath, or Metropolis where its table would be too large."""
    fits = entries(energy, len(inverse(temperatures)), energy.on(shape)) <= LIMIT
    return (HeatBath if fits else Metropolis)(energy, temperatures, shape)
