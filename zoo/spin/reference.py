from collections.abc import Sequence

from torch import Tensor

from zoo.spin.all_to_all import AllToAll
from zoo.spin.called_energy import CalledEnergy
from zoo.spin.called_metropolis import CalledMetropolis
from zoo.spin.dense_heat_bath import DenseHeatBath
from zoo.spin.dynamics import Dynamics
from zoo.spin.energy import Energy
from zoo.spin.heat_bath import HeatBath
from zoo.spin.pairs import PairEnergy
from zoo.spin.random_flips import RandomFlips
from zoo.spin.swendsen_wang import SwendsenWang
from zoo.spin.tempering import Tempering
from zoo.spin.tile_metropolis import TileMetropolis
from zoo.spin.tiles import TileEnergy


def reference(
    energy: Energy, temperatures: Sequence[float] | Tensor, shape: tuple[int, ...]
) -> Dynamics:
    """The dynamics that decorrelates an energy soonest, of those in this package.

    Clusters where there is neither field nor disorder; elsewhere a heat bath, or Metropolis of
    tiles, with exchanges between temperatures where there are several.

    Args:
        energy: any.
        temperatures: in order, if there are several.
        shape: of a lattice.
    """
    if isinstance(energy, PairEnergy) and energy.shape is None and not energy.levels.any():
        return SwendsenWang(energy, temperatures, shape)
    if isinstance(energy, PairEnergy):
        inside: Dynamics = HeatBath(energy, temperatures, shape)
    elif isinstance(energy, AllToAll):
        inside = DenseHeatBath(energy, temperatures, shape)
    elif isinstance(energy, TileEnergy):
        inside = TileMetropolis(energy, temperatures, shape)
    elif isinstance(energy, CalledEnergy):
        inside = CalledMetropolis(energy, temperatures, shape)
    else:
        inside = RandomFlips(energy, temperatures, shape)
    return Tempering(inside) if len(inside.betas) > 1 else inside
