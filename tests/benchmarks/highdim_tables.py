"""Tables of high dimension from stored results, and the recommendation; no torch."""

import math
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.highdim_race import INSTEAD, RACING, TARGET, Race, race
from tests.benchmarks.highdim_store import Key, Store

NESTED, BESIDE = 10.0, 1.5
"""How many times faster than nested autograd, and than the next jet, the best one is wanted."""
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


def absent(store: Store, missing: Sequence[Key]) -> str:
    """Which trainings have no result, in words; nothing where there are all."""
    by: dict[tuple[str, int], list[str]] = {}
    for key in missing:
        by.setdefault((key.problem, key.dimension), []).append(store.titles(key.jet))
    count = len(store.known["jets"])
    told = [
        f"{name} {size} ({'all' if len(jets) == count else '; '.join(jets)})"
        for (name, size), jets in by.items()
    ]
    return f" Not trained yet: {', '.join(told)}." if told else ""


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
            own = one.get("by") == jet
            row += [str(one.get("steps", "")), told(one["took"]) if own else ""]
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
        one, step = store.find(Key(*TARGET, jet, seconds)), store.find(Key(*TARGET, jet))
        if one is not None and step is not None:
            square = "square" if one["biased"] else "halves"
            errors = [told(one[name]) for name in ("relative_l2", "beyond_time")]
            title = store.titles(jet).removesuffix(", halves").removesuffix(", squared")
            rows.append([title, square, milliseconds(step["ms"]), str(one["steps"]), *errors])
    return table(["jet", "residual", "ms a step", "steps", "relative L2", "beyond time"], rows)


def checked(store: Store, seconds: float) -> list[str]:
    """Jets that were trained themselves beside their stand-ins."""
    rows = []
    for jet in INSTEAD:
        one = store.find(Key(*TARGET, jet, seconds))
        own = store.find(Key(*TARGET, f"{jet}_itself", seconds))
        if one is not None and own is not None:
            row = [store.titles(jet), str(own["steps"]), told(own["relative_l2"], 5)]
            rows.append([*row, store.titles(INSTEAD[jet]), told(one["relative_l2"], 5)])
    head = ["jet", "steps", "relative L2 by itself", "stand-in", "relative L2 by it"]
    return table(head, rows)


def target(store: Store) -> list[str]:
    """CPU seconds to the goal by jet, and how far the best is ahead."""
    rows, found = [], {}
    for jet in dict.fromkeys([*store.known["jets"], *RACING]):
        one = race(store, jet)
        if one is None:
            continue
        if jet in store.known["jets"]:
            found[jet] = one
        times = [told(one.seconds), told(one.below)] if one.reached else ["", told(one.seconds)]
        by = INSTEAD.get(jet)
        how = "measured" if by is None else f"extrapolated: steps of {store.titles(by)}, own ms"
        row = [store.titles(jet), *times, str(one.steps), told(one.error), how]
        rows.append(row)
    head = ["jet", "CPU s to 1 %", "not yet after, s", "steps", "relative L2", "how"]
    return [*table(head, rows), "", *ahead(store, found)]


def ahead(store: Store, found: dict[str, Race]) -> list[str]:
    """The two targets of the project; of what has not come to the goal the time is a bound."""
    came = {j: one.seconds for j, one in found.items() if one.reached and j not in INSTEAD}
    if not came or len(found) < 2:
        return ["No jet has come to the goal yet beside another one."]
    best = min(came, key=lambda jet: came[jet])
    enough = BESIDE * came[best]
    others = {j: one for j, one in found.items() if j != best}
    short = [j for j, one in others.items() if not one.reached and one.seconds < enough]
    long = sorted((j for j in others if j not in short), key=lambda jet: others[jet].seconds)
    lines = []
    for other, wanted in (("nested", NESTED), *((j, BESIDE) for j in long[:1])):
        if other in others:
            times = others[other].seconds / came[best]
            bound = "" if others[other].reached else "at least "
            met = "met" if times >= wanted else "not shown" if bound else "not met"
            sure = others[other].below
            failed = "" if sure is None else f"; {sure / came[best]:.1f} times as long is too short"
            lines.append(
                f"{store.titles(best)} is {bound}{times:.1f} times faster than "
                f"{store.titles(other)} (target {wanted:g}: {met}{failed})."
            )
    if short:
        names = ", ".join(f"{store.titles(j)} ({told(others[j].error)})" for j in short)
        lines.append(f"Not tried for {enough:.0f} s, with the error that they came to: {names}.")
    return [" ".join(lines)]


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
    more than one jet is measured, and each that leads another problem; jets that lack one of them
    are left out.
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
        leads = {min(e, key=lambda jet: e[jet]) for e in errors.values()}
        errors = {p: e for p, e in errors.items() if leads <= set(e)}
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
