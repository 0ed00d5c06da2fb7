"""One cell of the table of high dimension, in a process of its own; `highdim_jets` starts it.

    python -m tests.benchmarks.highdim_cell manufactured 100 nested 0 nested
    python -m tests.benchmarks.highdim_cell manufactured 100 nested 285 forward

The first measures a step, the second trains for so many, by the jet that is named last. Without
arguments it prints which cells there are and how each is trained.
"""

import json
import resource
import statistics
import sys
import time
from typing import Any

import torch

from tests.benchmarks.highdim_cases import (
    DIMENSIONS,
    JETS,
    LAYERS,
    OTHERWISE,
    PROBLEMS,
    WIDTH,
    Loop,
)

MEASURED = 2.0
"""CPU seconds of steps that are timed, three steps at least."""


def settings(problem: str, dimension: int, jet: str) -> str:
    """How a cell is trained; a stored result of other settings is not taken for it."""
    of, way = PROBLEMS[problem], (JETS | OTHERWISE)[jet]
    square = "square" if way.biased else "halves"
    net = f"{LAYERS}x{WIDTH} {of.activation}"
    adam = f"Adam {of.rate(dimension)} {of.betas} {of.schedule}"
    return f"{way.block()}, {square}; {net}; {adam}; {of.counts} points, weight {of.weight}"


def cells() -> dict[str, Any]:
    """Titles of jets, and settings by problem, dimension and jet."""
    ways = JETS | OTHERWISE
    return {
        "jets": {name: way.title for name, way in JETS.items()},
        "otherwise": {name: way.title for name, way in OTHERWISE.items()},
        "settings": {
            p: {str(d): {jet: settings(p, d, jet) for jet in ways} for d in DIMENSIONS}
            for p in PROBLEMS
        },
    }


def timed(loop: Loop, steps: int) -> list[float]:
    """CPU seconds of each of so many steps, with the whole schedule."""
    found = []
    for number in range(steps):
        start = time.process_time()
        loop.step(number, number / steps)
        found.append(time.process_time() - start)
    return found


def peak() -> float:
    """The most memory that this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(loop: Loop) -> dict[str, float]:
    """Memory that steps take beyond what the process had, least and median time of a step."""
    before = peak()
    spent = sum(timed(loop, 2))
    memory = peak() - before
    # as after making data: once a large block was freed, glibc keeps freed pages for later steps
    torch.ones(7_900_000)
    each = timed(loop, min(300, max(3, round(2 * MEASURED / spent))))
    return {"memory": memory, "ms": 1e3 * min(each), "median": 1e3 * statistics.median(each)}


def trained(problem: str, dimension: int, by: str, steps: int) -> dict[str, Any]:
    """Errors after so many steps by a jet, and the CPU seconds that they took."""
    loop = Loop(problem, dimension, by)
    return {"steps": steps, "by": by, "took": sum(timed(loop, steps)), **loop.errors()}


def cell(problem: str, dimension: int, jet: str, steps: int, by: str) -> dict[str, Any]:
    """Measure a step, or train for so many by another jet that gives the same numbers."""
    torch.set_num_threads(1)
    if jet == "trivial":
        return Loop(problem, dimension, "forward").trivial()
    started, way = time.monotonic(), (JETS | OTHERWISE)[jet]
    told = {"settings": settings(problem, dimension, jet), "torch": str(torch.__version__)}
    told |= {"block": way.block(), "biased": way.biased}
    if steps:
        found = trained(problem, dimension, by, steps)
    else:
        found = measured(Loop(problem, dimension, jet))
    return {**told, **found, "wall": time.monotonic() - started}


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(json.dumps(cells()))
    else:
        name, size, way, steps, by = sys.argv[1:]
        print(json.dumps(cell(name, int(size), way, int(steps), by)))
