"""Time of an RNN's samples by the number of sites; its states are kept from site to site.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.spin_samples [--rounds 5] [--write]

CPU seconds of one thread, the least of several rounds, sizes taking turns. `--write` puts the table
into results_spin_samples.md.
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.cpu_time import conditions, least
from zoo.models.energy_model import spins
from zoo.models.rnn import RNN

SIDES, COUNT, HIDDEN = (8, 12, 16, 24, 32), 256, 64


def sample_rows(rounds: int) -> list[str]:
    """Samples of RNNs of growing lattices: time for each, and the power of the number of sites."""
    torch.manual_seed(0)
    rows, powers = [], []
    found: dict[bool, list[float]] = {}
    for direct in (False, True):
        nets = [RNN(spins((n, n), 2, 4.0), hidden=HIDDEN, direct=direct) for n in SIDES]
        rng = torch.Generator().manual_seed(0)
        calls = [partial(net.sample, COUNT, rng) for net in nets]
        found[direct] = least(calls, rounds)
        sites = np.log([n * n for n in SIDES])
        powers.append(float(np.polyfit(sites, np.log(found[direct]), 1)[0]))
    for i, n in enumerate(SIDES):
        cells = [f"{1e6 * found[d][i] / COUNT / n**2:.3f}" for d in (False, True)]
        cells += [f"{COUNT / found[d][i]:.0f}" for d in (False, True)]
        rows.append(f"| {n}² | {' | '.join(cells)} |")
    return [
        "| lattice | µs a site, recurrence | with direct sums | lattices/s | with direct sums |",
        "|---|---|---|---|---|",
        *rows,
        f"| time grows as sites to the power | {powers[0]:.2f} | {powers[1]:.2f} | | |",
    ]


def main() -> None:
    """Print the table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = sample_rows(args.rounds)
    lines = [
        "# Samples of RNNs, as `python -m tests.benchmarks.spin_samples` wrote it",
        "",
        conditions(),
        "",
        f"GRU of {HIDDEN}, {COUNT} lattices together; weights are untrained, they change no time.",
        "",
        *rows,
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if args.write:
        Path(__file__).with_name("results_spin_samples.md").write_text(text)


if __name__ == "__main__":
    main()
