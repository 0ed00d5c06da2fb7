"""CPU time of one thread, and a line on the machine it was measured on."""

import math
import os
import time
from collections.abc import Callable, Sequence

import torch


def least(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The least CPU seconds of each, taking turns; the first round warms up."""
    best = [math.inf] * len(calls)
    for i in range(rounds + 1):
        for j, call in enumerate(calls):
            start = time.process_time()
            call()
            best[j] = min(best[j], time.process_time() - start) if i else math.inf
    return best


def conditions() -> str:
    """Version, date and load, for the head of a table."""
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return (
        f"torch {torch.__version__}, {time.strftime('%Y-%m-%d %H:%M')}, one thread, CPU time; "
        f"load of the {os.cpu_count()} cores over 1, 5 and 15 minutes: {load}."
    )
