"""An EDNN that is Ising exactly, so that what measures it has a known answer."""

import torch

from zoo.models.ednn import EDNN
from zoo.models.energy_model import spins

ISING = {
    "class_path": "zoo.spin.ising.Ising",
    "init_args": {"coupling": 1.0, "field": 0.0, "second": 0.0},
}


def exact_net(coupling=1.0, shape=(4, 4)):
    """σσ' = relu(σ + σ') + relu(-σ - σ') - 1, for the bonds up and left of each focus site."""
    model = EDNN(spins(shape, 2, 4.0), hidden=(16,))
    sites = torch.arange(16).view(4, 4)
    bonds = [
        (int(sites[i, j]), int(sites[i - di, j - dj]))
        for i in (1, 2)
        for j in (1, 2)
        for di, dj in ((1, 0), (0, 1))
    ]
    first, last = model.net[0], model.net[2]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for unit, (a, b) in enumerate(bonds):
            first.weight[2 * unit, [a, b]] = 1.0
            first.weight[2 * unit + 1, [a, b]] = -1.0
        last.weight.fill_(-coupling)
        last.bias.fill_(coupling * len(bonds))
    return model
