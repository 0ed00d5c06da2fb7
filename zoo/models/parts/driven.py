from collections.abc import Sequence

from torch import Tensor

from zoo.models.ednn import EDNN
from zoo.models.energy_model import EnergyModel
from zoo.models.parts.learned_energy import LearnedEnergy
from zoo.models.parts.net_metropolis import NetMetropolis
from zoo.models.parts.recurrent_metropolis import RecurrentMetropolis
from zoo.models.rnn import RNN
from zoo.spin.called_metropolis import CalledMetropolis
from zoo.spin.dynamics import Dynamics
from zoo.spin.tempering import Tempering
from zoo.spin.tile_metropolis import TileMetropolis


def driven(
    model: EnergyModel,
    temperatures: Sequence[float] | Tensor,
    shape: tuple[int, ...] | None = None,
    *,
    limit: int = 2**26,
) -> Dynamics:
    """The dynamics of a learned energy that takes least time, with exchanges of temperatures.

    Tiles are looked up in a table where there are few enough; else touched tiles are evaluated. A
    recurrence is run again from the changed spin on.

    Args:
        model: whose energy; on a CPU.
        temperatures: in order, if there are several.
        shape: of a lattice; that of the model's data if left out.
        limit: of the table, as in `EDNN.table`; half a minute and 172 MB for Q = 3 on 4 x 4 sites.
    """
    shape = model.on(model.shape if shape is None else tuple(shape)).shape
    if isinstance(model, EDNN):
        sites = model.side**model.interface.dimension
        tabulated = model.colours**sites <= limit
        inside: Dynamics = (
            TileMetropolis(model.tabulated(limit=limit), temperatures, shape)
            if tabulated
            else NetMetropolis(model, temperatures, shape)
        )
    elif isinstance(model, RNN) and model.cell == "gru":
        inside = RecurrentMetropolis(model, temperatures, shape)
    else:
        inside = CalledMetropolis(LearnedEnergy(model), temperatures, shape)
    return Tempering(inside) if len(inside.betas) > 1 else inside
