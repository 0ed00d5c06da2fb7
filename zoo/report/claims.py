"""What the paper says of pretraining strategies, set against the measured ratios.

Source: Zhou, Lorsung, Hemmasian, Barati Farimani, Strategies for Pretraining Neural Operators,
arXiv 2406.08473, abstract and conclusions; the thresholds of the headline are the project's own.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from zoo.report.measured import NONE, Grid

PHYSICS = ("derivative", "coefficient", "picl")
SORTING = ("binary", "timesort", "spacesort", "jigsaw")
MEAN, EACH, SYSTEMS = 0.7, 0.8, 2


@dataclass(frozen=True)
class Claim:
    """A claim, the figures that decide it, and whether they bear it out; None: not run.

    Where two means differ by no more than the seeds scatter, `close` says that nothing is decided.
    """

    text: str
    figures: str
    holds: bool | None
    close: bool = False

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.close and self.holds is not None:
            return "undecided, within the spread of the seeds"
        return {True: "agrees", False: "does not agree", None: "not run"}[self.holds]


def family(strategy: str, names: Sequence[str]) -> bool:
    """Whether a strategy's name begins with one of these, `_` and capitals aside."""
    return strategy.lower().replace("_", "").replace("-", "").startswith(tuple(names))


def claims(grid: Grid, near: Sequence[str], far: Sequence[str], transfer: str) -> list[Claim]:
    """Every claim, each computed from the ratios to scratch.

    Args:
        grid: the runs.
        near: systems of the pretraining data.
        far: other systems, or other ranges.
        transfer: the name of supervised pretraining among the strategies.
    """
    return list(_claims(grid, near, far, transfer))


def _claims(grid: Grid, near: Sequence[str], far: Sequence[str], transfer: str) -> Iterator[Claim]:
    # blocks in which something was pretrained; where nothing was, the claims read "not run"
    blocks = [n for n in grid.examples if grid.systems(n, near)] or [0]
    for n in blocks:
        yield _best(grid, grid.systems(n, near), n, transfer)
    for n in blocks:
        yield _shift(grid, grid.systems(n, near), n, transfer)
    yield _samples(grid, near, transfer)
    yield _headline(grid, grid.systems(blocks[0], near), blocks[0], transfer)
    yield _distance(grid, near, far, transfer)
    yield _sorting(grid, grid.systems(blocks[0], near), blocks[0], transfer)


def _best(grid: Grid, systems: Sequence[str], n: int, transfer: str) -> Claim:
    text = f"transfer or physics-based strategies are best in general (n = {n})"
    means = {s: grid.mean(s, systems, n) for s in grid.strategies}
    found = {s: mean for s, mean in means.items() if mean is not None}
    ours = [s for s in found if family(s, (*PHYSICS, _plain(transfer)))]
    others = [s for s in found if s not in ours]
    if not ours or not others:
        return Claim(text, "needs strategies of both kinds on every system", None)
    ranked = sorted({**found, NONE: 1.0}.items(), key=lambda pair: pair[1])
    told = "mean ratios: " + ", ".join(f"{s} {mean:.3f}" for s, mean in ranked)
    return _decided(text, told, ranked[0][0] in ours, list(found.values()))


def _shift(grid: Grid, systems: Sequence[str], n: int, transfer: str) -> Claim:
    text = f"shift augmentation helps transfer further (n = {n})"
    pair = [grid.mean(s, systems, n) for s in (f"{transfer}_shift", transfer)]
    spreads = [grid.spread(s, systems, n) for s in (f"{transfer}_shift", transfer)]
    if pair[0] is None or pair[1] is None:
        return Claim(text, f"needs {transfer} and {transfer}_shift on every system", None)
    told = f"mean ratio {_with(pair[0], spreads[0])} with, {_with(pair[1], spreads[1])} without"
    return _compared(text, told, (pair[1], pair[0]), spreads)


def _samples(grid: Grid, near: Sequence[str], transfer: str) -> Claim:
    text = "the gain shrinks with more samples"
    having = {
        n: {s for s in near if grid.ratio((transfer, s, n)) is not None} for n in grid.examples
    }
    numbers = [n for n, systems in having.items() if systems]
    common = [s for s in near if numbers and all(s in having[n] for n in numbers)]
    found = [(n, mean) for n in numbers if (mean := grid.mean(transfer, common, n)) is not None]
    means = [mean for _, mean in found]
    if len(means) < 2:
        return Claim(text, f"needs {transfer} at two numbers of samples on the same system", None)
    each = (f"{_with(m, grid.spread(transfer, common, n))} at n = {n}" for n, m in found)
    told = f"mean ratio of {transfer} over {', '.join(common)}: {', '.join(each)}"
    spreads = [grid.spread(transfer, common, n) for n in (found[0][0], found[-1][0])]
    return _compared(text, told, (means[-1], means[0]), spreads)


def _headline(grid: Grid, systems: Sequence[str], n: int, transfer: str) -> Claim:
    text = (
        f"error({transfer}) / error(scratch) is at most {MEAN} in the mean and at most {EACH} "
        f"in {SYSTEMS} systems or more (n = {n})"
    )
    mean = grid.mean(transfer, systems, n)
    if mean is None or len(systems) < SYSTEMS:
        return Claim(text, f"needs {transfer} on every system, and {SYSTEMS} of them", None)
    found = {s: grid.ratio((transfer, s, n)) or 0.0 for s in systems}
    low = sum(ratio <= EACH for ratio in found.values())
    told = ", ".join(f"{s} {ratio:.3f}" for s, ratio in found.items())
    told = f"mean {_with(mean, grid.spread(transfer, systems, n))}; {told}"
    return _decided(text, told, mean <= MEAN and low >= SYSTEMS, list(found.values()))


def _distance(grid: Grid, near: Sequence[str], far: Sequence[str], transfer: str) -> Claim:
    text = "the gain shrinks with distance from the pretraining data"
    for n in grid.examples:
        groups = [grid.systems(n, group) for group in (near, far)]
        pairs = [(group, grid.mean(transfer, group, n)) for group in groups]
        found = [(group, mean) for group, mean in pairs if mean is not None]
        if len(found) < 2:
            continue
        each = (f"{_with(m, grid.spread(transfer, g, n))} on {', '.join(g)}" for g, m in found)
        told = f"mean ratio of {transfer} at n = {n}: {'; '.join(each)}"
        spreads = [grid.spread(transfer, group, n) for group, _ in found]
        return _compared(text, told, (found[1][1], found[0][1]), spreads)
    return Claim(text, f"needs {transfer} near and far at the same number of samples", None)


def _sorting(grid: Grid, systems: Sequence[str], n: int, transfer: str) -> Claim:
    text = f"sorting tasks change the error less than transfer does (n = {n})"
    changes = {s: _change(grid, s, systems, n) for s in grid.strategies}
    sorting = {s: c for s, c in changes.items() if c is not None and family(s, SORTING)}
    mine = changes.get(transfer)
    if not sorting or mine is None:
        return Claim(text, f"needs {transfer} and a sorting task on every system", None)
    mean = statistics.mean(sorting.values())
    each = ", ".join(f"{s} {change:.3f}" for s, change in sorting.items())
    told = f"mean |1 - ratio|: {mean:.3f} ({each}) against {mine:.3f} of {transfer}"
    return _decided(text, told, mean < mine, [mean, mine])


def _change(grid: Grid, strategy: str, systems: Sequence[str], n: int) -> float | None:
    """The mean over systems of |1 - ratio|; None unless every system has one."""
    found = [grid.ratio((strategy, one, n)) for one in systems]
    told = [abs(1 - ratio) for ratio in found if ratio is not None]
    return statistics.mean(told) if told and len(told) == len(found) else None


def _decided(text: str, told: str, holds: bool, numbers: Sequence[float]) -> Claim:
    """A training that diverged decides nothing."""
    return Claim(text, told, holds if all(map(math.isfinite, numbers)) else None)


def _compared(
    text: str, told: str, pair: tuple[float, float], spreads: Sequence[float | None]
) -> Claim:
    """Whether the first mean is the greater, if by more than both spreads together allow."""
    margin = math.hypot(*(spread or 0.0 for spread in spreads))
    decided = _decided(text, told, pair[0] > pair[1], pair)
    return replace(decided, close=abs(pair[0] - pair[1]) <= margin)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _with(mean: float, spread: float | None) -> str:
    return f"{mean:.3f}" if spread is None else f"{mean:.3f} ± {spread:.3f}"
