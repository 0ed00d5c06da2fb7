"""One cell of the table of high dimension, in a process of its own; `highdim_jets` starts it.

    python -m tests.benchmarks.highdim_cell manufactured 100 deflated 60

Without arguments it prints which cells there are and how each is trained.
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


def cell(problem: str, dimension: int, jet: str, seconds: float) -> dict[str, Any]:
    """Measure a step, then train for about so many CPU seconds where that is not zero."""
    torch.set_num_threads(1)
    if jet == "trivial":
        return Loop(problem, dimension, "forward").trivial()
    started = time.monotonic()
    loop = Loop(problem, dimension, jet)
    found = measured(loop)
    if seconds:
        steps = max(1, round(1e3 * seconds / found["median"]))
        loop = Loop(problem, dimension, jet)
        found |= {"steps": steps, "took": sum(timed(loop, steps)), **loop.errors()}
    told = {"settings": settings(problem, dimension, jet), "torch": str(torch.__version__)}
    way = {"block": loop.way.block(), "biased": loop.way.biased}
    return {**told, **way, **found, "wall": time.monotonic() - started}


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(json.dumps(cells()))
    else:
        name, size, way, seconds = sys.argv[1:]
        print(json.dumps(cell(name, int(size), way, float(seconds))))
