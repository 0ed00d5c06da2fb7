import copy

from zoo.spin.chains import Chains
from zoo.spin.dynamics import Dynamics


def cooled(chains: Chains, inside: Dynamics, sweeps: int) -> None:
    """Let chains that start at random cool from each temperature to the next.

    A lattice that is put from disorder straight below the transition can freeze with a wall across
    it, and exchanges of temperatures need thousands of sweeps to take all of these away. Ordered
    chains stay as they are: that the two agree is still to be shown.

    Args:
        chains: new ones, half of them started at random; temperatures from the hottest down.
        inside: their dynamics without exchanges, one that reads its temperatures at every sweep.
        sweeps: at each temperature.
    """
    first = chains.s.shape[2] // 2
    lattices = chains.s[:1, :, first:].clone()
    for row in range(len(inside.betas)):
        one = copy.copy(inside)
        one.betas, one.temperatures = inside.betas[row, None], inside.temperatures[row, None]
        one.sweep(lattices, chains.rng, sweeps)
        chains.s[row, :, first:] = lattices[0]
