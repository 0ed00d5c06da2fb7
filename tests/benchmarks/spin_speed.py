"""Time to sample Ising: against plain Numba loops of the same algorithms; and by tabulated tiles.

    pip install .[benchmarks]
    OMP_NUM_THREADS=1 python -m tests.benchmarks.spin_speed [--rounds 7] [--write]

CPU seconds of one thread (`time.process_time`), taking turns in one process, the least of all
rounds. `--write` puts the tables into results_spins.md.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks import spin_loops
from tests.benchmarks.cpu_time import conditions, least
from zoo.spin.chains import Chains
from zoo.spin.dynamics import Dynamics
from zoo.spin.heat_bath import HeatBath
from zoo.spin.ising import Ising
from zoo.spin.kaufman import kaufman
from zoo.spin.onsager import CRITICAL
from zoo.spin.swendsen_wang import SwendsenWang
from zoo.spin.tile_metropolis import TileMetropolis
from zoo.spin.tiles import TileEnergy
from zoo.spin.wolff import Wolff

CHAINS = 256
SWEEPS = 8


def loop(cls: type[Dynamics], side: int) -> tuple[np.ndarray, Callable[[], None]]:
    """Numba's lattices, and a call that advances them SWEEPS updates."""
    s = np.ones((CHAINS, side, side), np.int8)
    p = 1 - math.exp(-2 / CRITICAL)
    up = 1 / (1 + np.exp(-2 / CRITICAL * np.arange(-4.0, 5.0)))
    if cls is HeatBath:
        return s, lambda: spin_loops.heat_bath(s, up, SWEEPS)
    if cls is Wolff:
        return s, lambda: spin_loops.wolff(s, p, SWEEPS)
    return s, lambda: spin_loops.swendsen_wang(s, p, SWEEPS)


def apart(s: np.ndarray, call: Callable[[], None], tau: float) -> float:
    """Standard errors between the loop's energy and Kaufman's, after ten times τ."""
    side, means = s.shape[1], []
    for _ in range(math.ceil(10 * tau / SWEEPS)):
        call()
    for _ in range(16):
        call()
        bonds = s * np.roll(s, 1, 1) + s * np.roll(s, 1, 2)
        means.append(-bonds.mean((1, 2), dtype=float))
    chains = np.mean(means, 0)
    exact = float(kaufman((side, side), [CRITICAL]).energy)
    return float((chains.mean() - exact) / (chains.std() / math.sqrt(CHAINS)))


def row(cls: type[Dynamics], side: int, rounds: int) -> str:
    """One algorithm on one size: CPU time of both, and effective samples a second."""
    rng = torch.Generator().manual_seed(0)
    spin_loops.seed(0)
    chains = Chains(cls(Ising(), [CRITICAL], (side, side)), CHAINS, rng=rng)
    tau = float(chains.thermalise(limit=8192).times.max())
    s, theirs = loop(cls, side)
    z = apart(s, theirs, tau)
    ours, peer = least([lambda: chains.advance(SWEEPS), theirs], rounds)
    updates, spins = CHAINS * SWEEPS, CHAINS * SWEEPS * side * side
    effective = [updates / (2 * tau * seconds) for seconds in (ours, peer)]
    return (
        f"| {cls.__name__} | {side}² | {ours / updates * 1e6:.2f} | {peer / updates * 1e6:.2f} "
        f"| {spins / ours / 1e6:.0f} | {spins / peer / 1e6:.0f} | {peer / ours:.2f} | {tau:.1f} "
        f"| {effective[0]:.3g} | {effective[1]:.3g} | {z:+.1f} |"
    )


def ising_tiles() -> TileEnergy:
    """Ising by tiles of 4 by 4: each focus site has its bonds up and to the left."""
    bits = torch.arange(65536)[:, None] >> torch.arange(15, -1, -1) & 1
    spin = 2.0 * bits.view(-1, 4, 4) - 1
    focus = spin[:, 1:3, 1:3]
    return TileEnergy(-(focus * (spin[:, 0:2, 1:3] + spin[:, 1:3, 0:2])).sum((1, 2)))


def tile_row(side: int, rounds: int) -> str:
    """Tabulated tiles at 40 temperatures with 256 chains: 2,000 sweeps, extrapolated from 2."""
    temperatures = [1 + 0.1 * i for i in range(40)]
    rng = torch.Generator().manual_seed(0)
    dynamics = TileMetropolis(ising_tiles(), temperatures, (side, side))
    s = torch.randint(0, 2, (40, side * side, CHAINS), generator=rng).to(torch.uint8)
    (seconds,) = least([lambda: dynamics.sweep(s, rng, 2)], rounds)
    spins = 2 * s.numel()
    return (
        f"| {side}² | {spins / seconds / 1e6:.0f} | {seconds / spins * 1e9:.1f} "
        f"| {1000 * seconds:.0f} |"
    )


def table(rounds: int) -> str:
    """Both tables."""
    rows = [row(cls, side, rounds) for side in (16, 32) for cls in (HeatBath, Wolff, SwendsenWang)]
    tiles = [tile_row(side, max(1, rounds // 3)) for side in (8, 24)]
    lines = [
        "# Spins, as `python -m tests.benchmarks.spin_speed` wrote them",
        "## Beside plain Numba loops",
        conditions(),
        f"Ising at T_c, {CHAINS} chains. An update is a sweep of the checkerboard, one cluster "
        "(Wolff) or all clusters (Swendsen-Wang) of a chain; spins a second are sites of the "
        "lattice by updates. τ is the longer autocorrelation time of energy and |M| in updates, "
        "measured, and an effective sample is 2τ updates. The last column is the loop's energy "
        "less Kaufman's, in standard errors.",
        "| dynamics | lattice | our µs an update | Numba's | our 10⁶ spins/s | Numba's "
        "| times faster | τ | our effective samples/s | Numba's | loop's z |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    after = [
        "",
        "## Metropolis by tabulated tiles of 4 by 4",
        "",
        f"40 temperatures, {CHAINS} chains; seconds of 2,000 sweeps are EXTRAPOLATED from 2 "
        "and without exchanges; results_spin_driven.md has a whole run.",
        "",
        "| lattice | 10⁶ spins/s | ns a spin | s for 2,000 sweeps, extrapolated |",
        "|---|---|---|---|",
    ]
    top = "\n\n".join(lines[:4]) + "\n\n" + "\n".join(lines[4:])
    return "\n".join([top, *rows, *after, *tiles]) + "\n"


def main() -> None:
    """Print the tables, and write them if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    text = table(args.rounds)
    print(text)
    if args.write:
        Path(__file__).with_name("results_spins.md").write_text(text)


if __name__ == "__main__":
    main()
