"""Tables of high dimension from stored results, and the recommendation; no torch."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.benchmarks.highdim_store import Key, Result, Store

GOAL = 0.01
TARGET = ("manufactured", 100)
EXACT = ("nested", "vectorised", "forward")
"""Jets whose training runs through the same weights, to round-off: a faster one stands for all."""
NAMES = {
    "manufactured": "Forced Allen-Cahn, manufactured (ForcedAllenCahn, Constrained)",
    "hjb": "Hamilton-Jacobi-Bellman (HamiltonJacobiBellman, Constrained)",
    "heat": "Heat in the ball (HeatBall, values weighted)",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def told(value: float | None, digits: int = 3) -> str:
    """A number, or nothing."""
    return "" if value is None else f"{value:.{digits}g}"


def milliseconds(value: float) -> str:
    """As many digits as a busy machine repeats."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def steps(store: Store) -> list[str]:
    """Milliseconds of a step, jets by problems and dimensions."""
    columns = [(p, int(d)) for p, sizes in store.known["settings"].items() for d in sizes]
    rows = []
    for jet, title in store.known["jets"].items():
        found = [store.find(Key(p, d, jet)) for p, d in columns]
        rows.append([title, *(milliseconds(one["ms"]) if one else "" for one in found)])
    return table(["ms a step", *(f"{p} {d}" for p, d in columns)], rows)


def problem(store: Store, name: str, seconds: float) -> list[str]:
    """Time, memory and errors of one problem, dimension by dimension."""
    head = ["d", "jet", "ms a step", "MB", "steps", "CPU s", "relative L2", "beyond time"]
    rows = []
    for size in map(int, store.known["settings"][name]):
        for jet, title in store.known["jets"].items():
            step, one = store.find(Key(name, size, jet)), store.find(Key(name, size, jet, seconds))
            if step is None:
                continue
            one = one or {}
            row = [str(size), title, milliseconds(step["ms"]), f"{step['memory']:.0f}"]
            row += [str(one.get("steps", "")), told(one.get("took"))]
            rows.append([*row, *(told(one.get(k)) for k in ("relative_l2", "beyond_time"))])
        one = store.find(Key(name, size, "trivial"))
        if one is not None:
            rows.append([str(size), "best function of time", *[""] * 4, told(one["time"]), "1"])
            best = f"best trivial: {one['best']}"
            rows.append([str(size), best, *[""] * 4, told(one["relative_l2"]), ""])
    return table(head, rows)


def otherwise(store: Store, seconds: float) -> list[str]:
    """Residuals squared and made of halves, beside each other."""
    rows = []
    for jet in ("deflated", "deflated_halves", "taylor_square", "taylor"):
        one = store.find(Key(*TARGET, jet, seconds))
        if one is not None:
            square = "square" if one["biased"] else "halves"
            errors = [told(one[name]) for name in ("relative_l2", "beyond_time")]
            rows.append([store.titles(jet), square, milliseconds(one["ms"]), *errors])
    return table(["jet", "residual", "ms a step", "relative L2", "beyond time"], rows)


class Reached(NamedTuple):
    """When a jet came to the goal.

    Args:
        seconds: on the line between two budgets in logarithms, or of the smallest.
        steps: likewise.
        budget: the smallest that came to it.
        first: whether no smaller one was tried.
    """

    seconds: float
    steps: float
    budget: float
    first: bool


def reached(store: Store, jet: str, budgets: Sequence[float]) -> Reached | None:
    """When a jet came to the goal; None where no budget did."""
    before: Result | None = None
    for budget in sorted(budgets):
        one = store.find(Key(*TARGET, jet, budget))
        if one is not None and one["relative_l2"] <= GOAL:
            if before is None:
                return Reached(one["took"], one["steps"], budget, True)
            ends = [math.log(e["relative_l2"]) for e in (before, one)]
            share = (ends[0] - math.log(GOAL)) / (ends[0] - ends[1])
            between = [before[k] * (one[k] / before[k]) ** share for k in ("took", "steps")]
            return Reached(*between, budget, False)
        before = one or before
    return None


def target(store: Store, budgets: Sequence[float]) -> list[str]:
    """CPU seconds to the goal by jet, and how far the best is ahead."""
    forward = reached(store, "forward", budgets)
    found: dict[str, float] = {}
    rows = []
    for jet, title in store.known["jets"].items():
        measured, step = reached(store, jet, budgets), store.find(Key(*TARGET, jet))
        if measured is not None:
            found[jet] = measured.seconds
            rule = "the smallest budget" if measured.first else "between two budgets"
            row = [f"{measured.budget:g}", told(measured.seconds), f"{measured.steps:.0f}", rule]
        elif jet in EXACT and forward is not None and step is not None:
            found[jet] = 1e-3 * forward.steps * step["ms"]
            rule = "extrapolated: steps of the forward Laplacian, times own ms"
            row = ["", told(found[jet]), f"{forward.steps:.0f}", rule]
        else:
            tried = [b for b in budgets if store.find(Key(*TARGET, jet, b))]
            row = ["", "", "", f"not in {max(tried):g} s" if tried else "not tried"]
        rows.append([title, *row])
    head = ["jet", "budget, s", "CPU s to 1 %", "steps", "how"]
    return [*table(head, rows), "", *ahead(store, found)]


def ahead(store: Store, found: dict[str, float]) -> list[str]:
    """The two targets of the project."""
    if len(found) < 2 or "nested" not in found:
        return ["No jet has come to the goal yet beside another one."]
    best, second = sorted(found, key=lambda jet: found[jet])[:2]
    gates = [("nested", 10.0), (second, 1.5)]
    return [
        f"{store.titles(best)} is {found[other] / found[best]:.1f} times faster than "
        f"{store.titles(other)} (target {wanted:g}: "
        f"{'met' if found[other] >= wanted * found[best] else 'not met'})."
        for other, wanted in gates
    ]


def poisson(store: Store, sizes: Sequence[int]) -> list[str]:
    """Our step on Poisson's equation beside a plain loop's, and the peers'."""
    head = ["d", "plain ms", "Task ms", "more", "Task : plain", "allowed", "bare Lightning ms"]
    rows, notes = [], {}
    for size in sizes:
        one = store.find(Key("poisson", size, "peers"))
        if one is None:
            continue
        ms, peers = one["ms"], one["peers"]
        a, b = ms["plain"], ms["task"]
        met = "met" if (b <= 1.1 * a if a >= 5 else b - a <= 0.4) else "not met"
        row = [str(size), *(f"{x:.2f}" for x in (a, b, b - a, b / a))]
        row += [f"{'1.1 times' if a >= 5 else '0.4 more'}: {met}", f"{ms['bare']:.2f}"]
        row += [f"{ms['textbook']:.2f}"]
        row += [f"{peer['ms']:.2f}" if "ms" in peer else "" for peer in peers.values()]
        rows.append(row)
        notes |= {f"{n} {p.get('version', p.get('missing'))}.": None for n, p in peers.items()}
    return [*table([*head, "textbook ms", "DeepXDE ms", "PINA ms"], rows), "", *notes]


def recommendation(store: Store, seconds: float) -> dict[str, Any]:
    """The jet of the least errors by dimension, as the package ships it.

    Of a jet the geometric mean of its errors over those of the best jet, over all problems in which
    more than one jet is measured; jets that lack one of them are left out.
    """
    rows = []
    for size in sorted({int(d) for sizes in store.known["settings"].values() for d in sizes}):
        errors: dict[str, dict[str, float]] = {}
        for name in store.known["settings"]:
            own = {j: store.find(Key(name, size, j, seconds)) for j in store.known["jets"]}
            # what diverged has no error
            kept = {j: one["relative_l2"] for j, one in own.items() if one and one["seconds"]}
            kept = {j: e if math.isfinite(e) else math.inf for j, e in kept.items()}
            if len(kept) > 1:
                errors[name] = {j: e / min(kept.values()) for j, e in kept.items()}
        jets = [j for j in store.known["jets"] if errors and all(j in e for e in errors.values())]
        score = {j: math.prod(e[j] for e in errors.values()) ** (1 / len(errors)) for j in jets}
        if len(score) < 2:
            continue
        best, second = sorted(score, key=lambda jet: score[jet])[:2]
        one = store.find(Key(next(iter(errors)), size, best, seconds))
        assert one is not None
        rows.append(
            {
                "dimension": size,
                "estimator": one["block"],
                "biased": one["biased"],
                "second": store.titles(second),
                "ahead": round(score[second] / score[best], 2),
                "problems": list(errors),
            }
        )
    return {"seconds": seconds, "dimensions": rows}


def recommended(found: dict[str, Any]) -> list[str]:
    """What is recommended, as a table."""
    rows = []
    for row in found["dimensions"]:
        path, given = (row["estimator"][key] for key in ("class_path", "init_args"))
        square = ", squared" if row["biased"] else ""
        told = f"{path.rpartition('.')[2]} {given or ''}".strip() + square
        rows.append([str(row["dimension"]), told, f"{row['ahead']:.2f}", row["second"]])
    return table(["d", "least errors", "times below the next", "the next"], rows)
