"""Time of chains that an EDNN drives: one whole run, nothing extrapolated.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.spin_driven [--model FOLDER] [--write]

CPU seconds of one thread. `--write` puts the table into results_spin_driven.md.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import torch

from tests.benchmarks.cpu_time import conditions
from tests.spin.exact_net import exact_net
from zoo import curves, release
from zoo.models.energy_model import EnergyModel
from zoo.models.parts.driven import driven
from zoo.spin.chains import Chains
from zoo.spin.cooled import cooled
from zoo.spin.settled import settled
from zoo.spin.tempering import Tempering

SIDE, CHAINS, SWEEPS = 24, 256, 2000
TEMPERATURES = torch.arange(49, 9, -1, dtype=torch.float64) / 10
"""4.9, 4.8 ... 1.0."""
PARTS = 20
"""Of the run, after each of which it is told how far it is."""


def told(what: str, sweeps: int, begun: float) -> None:
    """How far a long run is."""
    print(f"{what}: {sweeps} sweeps, {time.process_time() - begun:.0f} s", file=sys.stderr)


def chains(model: EnergyModel, side: int, count: int, sweeps: int) -> dict[str, float]:
    """A whole run: table, burn-in, then the sweeps that are measured.

    The standard error of |M| is that of the means of chains, which never meet: it needs no
    autocorrelation time.
    """
    begun = time.process_time()
    with torch.no_grad():
        dynamics = driven(model, TEMPERATURES, (side, side))
    assert isinstance(dynamics, Tempering)
    moved = Chains(dynamics, count, rng=torch.Generator().manual_seed(0))
    built = time.process_time()
    cooled(moved, dynamics.inside, 2 * side)
    settled(moved, 1, tell=lambda done: told("burn-in", done, built))
    assert moved.times is not None
    burnt, before = time.process_time(), moved.sweeps
    every = max(1, int(float(moved.times.max()) / 2))
    parts = []
    for _ in range(PARTS):
        parts.append(moved.record(-(-sweeps // (every * PARTS)), every=every))
        told("measured", moved.sweeps - before, burnt)
    order = torch.cat([part.order for part in parts])
    ended = time.process_time()
    error = order.mean(0).std(1) / math.sqrt(count)
    return {
        "build": built - begun,
        "burn": burnt - built,
        "burn_sweeps": before,
        "sweeps": moved.sweeps - before,
        "seconds": ended - burnt,
        "all": ended - begun,
        "error": float(error.max()),
        "at": float(TEMPERATURES[error.argmax()]),
        "tau": float(moved.times.max()),
        "every": every,
    }


def driven_rows(model: EnergyModel, side: int, count: int, sweeps: int) -> list[str]:
    """The table of a whole run."""
    found = chains(model, side, count, sweeps)
    each = found["seconds"] / (found["sweeps"] * side * side * count * len(TEMPERATURES))
    return [
        "| what | value |",
        "|---|---|",
        f"| table of tiles, s | {found['build']:.1f} |",
        f"| sweeps of the burn-in, till chains of both starts agree | {found['burn_sweeps']:.0f} |",
        f"| burn-in, s | {found['burn']:.0f} |",
        f"| sweeps measured, read every {found['every']:.0f} | {found['sweeps']:.0f} |",
        f"| **these sweeps, s** | **{found['seconds']:.0f}** |",
        f"| all together, s | {found['all']:.0f} |",
        f"| ns a spin and sweep, exchanges and reading included | {1e9 * each:.1f} |",
        f"| longest autocorrelation time, sweeps | {found['tau']:.1f} |",
        f"| **largest standard error of M** | **{found['error']:.4f}**, T = {found['at']:.1f} |",
    ]


def main() -> None:
    """Print the table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a released EDNN; else Ising itself, as an EDNN")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    told, model = "Ising itself, written as an EDNN", exact_net()
    if args.model:
        folder = release.resolve(args.model)
        model = curves.spin_model(folder)
        told = f"The released EDNN {release.describe(folder)['sha256'][:16]}"
    rows = driven_rows(model, SIDE, CHAINS, SWEEPS)
    lines = [
        "# Chains of spins, as `python -m tests.benchmarks.spin_driven` wrote it",
        "",
        conditions(),
        "",
        f"{told}: Metropolis by its table of tiles with exchanges of temperatures, {SIDE} by "
        f"{SIDE} sites, {len(TEMPERATURES)} temperatures from 1.0 to 4.9, {CHAINS} chains at each. "
        "The standard error is that of the means of chains, which never meet.",
        "",
        *rows,
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if args.write:
        Path(__file__).with_name("results_spin_driven.md").write_text(text)


if __name__ == "__main__":
    main()
