"""How long a jet trains until the goal: which schedules are tried, and which came to it; no torch.

A schedule ends with a learning rate of zero, so that each length is a training of its own. Lengths
grow until one comes to the goal at the points of validation; then the interval between it and the
longest that did not is halved, in logarithms.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from tests.benchmarks.highdim_store import Key, Result, Store

GOAL = 0.01
TARGET = ("manufactured", 100)
RACING = ("deflated", "forward", "taylor", "coordinates", "deflated_halves")
"""Jets that are trained for the goal."""
INSTEAD = {"nested": "forward", "vectorised": "forward", "hutchinson": "taylor"}
"""Jets whose numbers another one gives in less time, to round-off.

Nested and vectorised autograd are as exact as the forward Laplacian; Hutchinson's estimate is v·∇∇u
v along the signs v that stochastic Taylor draws from the same generator.
"""


class Race(NamedTuple):
    """The shortest schedule that came to the goal, or the longest where none did.

    Args:
        seconds: its steps times the least time of a step.
        steps: how many.
        error: relative L2 at the points of the test, which chose nothing.
        reached: whether it came to the goal.
        below: the longest schedule that did not, in such seconds; None if none is shorter.
    """

    seconds: float
    steps: int
    error: float
    reached: bool
    below: float | None


def bracket(found: dict[float, Result]) -> tuple[float | None, float | None]:
    """The longest budget that missed the goal below the shortest that came to it, and that one."""
    hits = [b for b, one in found.items() if one["validation"] <= GOAL]
    high = min(hits, default=None)
    misses = [b for b in found if b not in hits and (high is None or b < high)]
    return max(misses, default=None), high


def following(
    found: dict[float, Result], budgets: Sequence[float], first: float, halvings: int
) -> float | None:
    """The next budget to try, beginning with `first`; None where the goal is found or given up."""
    if not found:
        return first
    low, high = bracket(found)
    if high is None:
        return min((b for b in budgets if b > max(found)), default=None)
    if low is None:
        return max((b for b in budgets if b < high), default=None)
    # one halving of a doubling leaves a factor of √2
    if high / low > 1.02 * 2 ** (0.5**halvings):
        return float(round(math.sqrt(low * high)))
    return None


def race(store: Store, jet: str) -> Race | None:
    """How far a jet or its stand-in came, in the jet's own time; None where neither was trained."""
    found = store.trainings(*TARGET, INSTEAD.get(jet, jet))
    step = store.find(Key(*TARGET, jet))
    if not found or step is None:
        return None
    low, high = bracket(found)
    one, each = found[max(found) if high is None else high], 1e-3 * step["ms"]
    below = None if low is None or high is None else each * found[low]["steps"]
    return Race(each * one["steps"], one["steps"], one["relative_l2"], high is not None, below)
