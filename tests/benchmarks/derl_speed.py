"""What a step of DERL costs beside one on values, and physics-informed steps beside public ones.

    pip install -c constraints-cpu.txt -e ".[benchmarks]"
    OMP_NUM_THREADS=1 python -m tests.benchmarks.derl_speed --write

CPU time of one thread (`time.process_time`), the least of all steps; ours take turns, two steps at
a time in the first table and some 600 ms in the second, and a peer is run twice. A step is
zero_grad, loss, backward and Adam at torch's defaults. "closed" is the net's own jet
(`zoo.models.parts.perceptron_jet`), "autograd" the jet that every field has, the "textbook" nested
`torch.autograd.grad` on the net without any jet. All start from the same weights and points, and
their first losses are checked to agree. Through Task a step is all of Lightning's loop: loader,
terms, the watch for NaN, but as in a plain loop no logger, bar or checkpoint; "zoo fit" has them
too, and is the mean of ten steps after one of which logs are written, the least of such means;
"bare Lightning" is the plain loop's step alone in Lightning's loop. Peers train as their manuals
say; PINA's step is an epoch, since its batch is all points.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from tests.benchmarks.derl_cases import (
    ALLEN_CAHN,
    LEARNERS,
    METHODS,
    PINNS,
    SIZES,
    Case,
    apart,
    by_autograd,
    closed,
    plain,
    stepper,
    textbook,
    told,
)
from tests.benchmarks.derl_lightning import through_lightning
from tests.benchmarks.fno_speed import alternate

RESULTS = Path(__file__).with_name("results_derl.md")
TURN = 600.0  # ms

Way = Callable[[int], list[float]]
"""Milliseconds of each of so many steps."""


def timed(step: Callable[[], None]) -> Way:
    """Each step by itself."""

    def run(count: int) -> list[float]:
        found = []
        for _ in range(count):
            start = time.process_time()
            step()
            found.append(1e3 * (time.process_time() - start))
        return found

    return run


def race(ways: Mapping[str, Way], rounds: int) -> dict[str, float]:
    """Least of each, taking turns of about `TURN`, of which the first only warms up."""
    counts = {name: max(3, round(TURN / min(way(3)))) for name, way in ways.items()}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            best[name] = min(best[name], *way(counts[name]))
    return best


def methods(rounds: int) -> list[str]:
    """Steps of the methods on interior points alone, and their ratio to OUTL."""
    rows = [
        "| net | batch | Adam | step | OUTL ms | closed ms | of OUTL | autograd ms | of OUTL |",
        f"|{'---|' * 9}",
    ]
    for (layers, width), count in SIZES:
        for fused in (False, True):
            cases = {
                name: Case(ALLEN_CAHN, (layers, width), (count, 0, 0), terms)
                for name, terms in METHODS.items()
            }
            for name in list(METHODS)[1:]:
                ways = [(cases["OUTL"], closed), (cases[name], closed), (cases[name], by_autograd)]
                calls = [plain(case, make, fused) for case, make in ways]
                base, a, b = alternate(calls, "cpu", 10 * rounds)
                rows.append(
                    f"| {layers}x{width} | {count} | {'fused' if fused else 'default'} | {name} | "
                    f"{base:.2f} | {a:.2f} | {a / base:.2f} | {b:.2f} | {b / base:.2f} |"
                )
    return rows


def peer(name: str, path: str, pythons: list[str]) -> tuple[float | None, str]:
    """A public package's step, best of two runs, and its version or why there is none."""
    found: dict = {}
    for python in pythons:
        command = [python, "-m", "tests.benchmarks.derl_peers", name, path, "40"]
        runs = []
        for _ in range(2):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                found = {"missing": done.stderr.strip().splitlines()[-1]}
                break
            found = json.loads(done.stdout.splitlines()[-1])
            if "missing" in found:
                break
            runs.append(min(found["ms"]))
        if len(runs) == 2:
            return min(runs), f"{name} {found['version']}"
    return None, f"{name}: {found['missing']}"


def equations(rounds: int, pythons: list[str]) -> list[str]:
    """Our step through Task, plain loops of the same step, and the peers."""
    rows = [
        "| step | points | plain closed ms | Task ms | more | Task : plain | allowed "
        "| zoo fit ms | bare Lightning ms | textbook ms | DeepXDE ms | PINA ms |",
        f"|{'---|' * 12}",
    ]
    notes: set[str] = set()
    for title, case in (PINNS | LEARNERS).items():
        if apart(case) > 1e-5:
            raise SystemExit(f"{title}: not the same loss")
        ways: dict[str, Way] = {
            "plain": timed(plain(case, closed)),
            "task": partial(_lightning, case, "task"),
            "bare": partial(_lightning, case, "bare"),
            "fit": partial(_lightning, case, "fit"),
        }
        theirs: dict[str, float | None] = {}
        with tempfile.TemporaryDirectory() as folder:
            if case.terms == ("residual",):
                net, batch = case.net(), case.batch()
                ways["textbook"] = timed(
                    stepper(net, lambda c=case, n=net, b=batch: textbook(c, n, b))
                )
                path = f"{folder}/given.pt"
                torch.save(told(case), path)
                for name in ("DeepXDE", "PINA"):
                    theirs[name], note = peer(name, path, pythons)
                    notes.add(note)
        found = race(ways, rounds)
        a, b = found["plain"], found["task"]
        met = b <= 1.1 * a if a >= 5 else b - a <= 0.4
        other = found | {name: ms for name, ms in theirs.items() if ms is not None}
        rest = [f"{other[n]:.2f}" if n in other else "" for n in ("textbook", "DeepXDE", "PINA")]
        rule = "1.1 times" if a >= 5 else "0.4 more"
        points = "+".join(str(count) for count in case.counts if count)
        rows.append(
            f"| {title} | {points} | {a:.2f} | {b:.2f} | {b - a:.2f} | {b / a:.2f} | "
            f"{rule}: {'met' if met else 'not met'} | {found['fit']:.2f} | {found['bare']:.2f} | "
            f"{' | '.join(rest)} |"
        )
    return [*rows, "", *(f"{note}." for note in sorted(notes))]


def _lightning(case: Case, kind: Literal["bare", "task", "fit"], count: int) -> list[float]:
    return through_lightning(case, max(count, 10) + 1 if kind == "fit" else count + 1, kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", default=[], help="where else peers are")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help=f"also to {RESULTS.name}")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # Lightning's, about loaders without workers
    logging.disable(logging.CRITICAL)  # Lightning's remarks
    os.environ["PYTHONWARNINGS"] = "ignore"
    # as after making data: once a large block was freed, glibc keeps freed pages for later steps
    torch.ones(7_900_000)
    lines = [
        "# Steps of DERL, as tests/benchmarks/derl_speed.py wrote it",
        "",
        " ".join((__doc__ or "").split("\n\n")[2].split()),
        "",
        f"torch {torch.__version__}, one CPU thread, {given.rounds} rounds, beside other work.",
        "",
        "## Interior terms alone, steady Allen-Cahn",
        "",
        *methods(given.rounds),
        "",
        "## Whole steps",
        "",
        *equations(given.rounds, [sys.executable, *given.python]),
    ]
    print(*lines, sep="\n")
    if given.write:
        RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
