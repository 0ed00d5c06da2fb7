"""Tables of learned curves: a row for each lattice, every temperature, and all in a file."""

import csv
import itertools
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from zoo import shelf
from zoo.curves import Curve, Shape
from zoo.report.curve_gates import CurveGate
from zoo.report.deviations import CROSSING, Measured, crossings, lattice, references
from zoo.report.gate import SEED
from zoo.report.tables import markdown

COLUMNS = ("magnetisation", "energy", "energy_relative_mean", "heat_capacity_peak")
TOLD = ("magnetisation", "energy")
"""Observables whose curves stand in the page."""
READING = (
    "the largest difference from the reference over temperatures, per site; `relative_mean` is the "
    "mean over temperatures by the reference's value, `peak` the steps of temperature between the "
    "two maxima. τ is the longest autocorrelation time in sweeps."
)


def _groups(runs: Sequence[Measured]) -> dict[tuple[str, Shape], list[Measured]]:
    groups: dict[tuple[str, Shape], list[Measured]] = {}
    for one in runs:
        groups.setdefault((one.label, one.shape), []).append(one)
    return groups


def table(runs: Sequence[Measured], gates: Sequence[CurveGate]) -> list[list[str]]:
    """A row for each kind of runs and lattice."""
    own = (gate.figure for gate in gates if gate.figure != CROSSING)
    names = list(dict.fromkeys((*COLUMNS, *own)))
    rows = [["", "lattice", *names, "largest s.e. of M", "reference's", "longest τ", "C peaks"]]
    for (label, shape), group in _groups(runs).items():
        cells = [_cell([one.deviation(name) for one in group]) for name in names]
        first = group[0].true
        rows.append(
            [
                *(label, lattice(shape), *cells),
                f"{max(map(_error, (one.learned for one in group))):.2g}",
                "exact" if first.exact else f"{_error(first):.2g}",
                f"{max(float(one.learned.times.max()) for one in group):.3g}",
                _peaks(group),
            ]
        )
    return rows


def page(
    runs: Sequence[Measured],
    gates: Sequence[CurveGate],
    rows: list[list[str]],
    verdicts: list[list[str]],
    note: str,
) -> list[str]:
    """The lines of the page: figures, gates, crossings and curves."""
    lines = [*markdown(rows), "", "Mean (least to greatest over seeds) of " + READING]
    lines += [note] if note else []
    lines += ["", *markdown(verdicts)] if gates else []
    for gate in gates:
        if gate.figure == CROSSING:
            lines += ["", *markdown(_crossed(runs, gate))]
    for name in TOLD:
        lines += _curve(runs, name)
    return lines


def _curve(runs: Sequence[Measured], name: str) -> list[str]:
    """The curves of an observable, for the page; nothing where no lattice has it twice."""
    head, columns = ["T"], []
    for title, beside in references(runs).items():
        if name not in beside[0].true.found or name not in beside[0].learned.found:
            continue
        head.append(f"reference {title}")
        columns.append([f"{x:.4f}" for x in beside[0].true.found[name].value.tolist()])
        for (label, shape), group in _groups(beside).items():
            head.append(f"{label} {lattice(shape)}")
            every = torch.stack([one.learned.found[name].value for one in group])
            columns.append([_ranged(values) for values in every.T.tolist()])
    if not columns:
        return []
    t = [f"{x:g}" for x in runs[0].learned.temperatures.tolist()]
    return ["", f"## {name}", "", *markdown([head, *map(list, zip(t, *columns, strict=True))])]


def _error(curve: Curve) -> float:
    return float(curve.found["magnetisation"].error.max()) if "magnetisation" in curve.found else 0


def _cell(found: Sequence[Any]) -> str:
    values = [one.value for one in found if one is not None]
    return _ranged(values, ".3g") if values else "-"


def _ranged(values: Sequence[float], form: str = ".4f") -> str:
    mean = f"{statistics.mean(values):{form}}"
    return f"{mean} ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else mean


def _peaks(group: Sequence[Measured]) -> str:
    pairs = [one.peak("heat_capacity") for one in group]
    ours = ", ".join(dict.fromkeys(f"{a:g}" for a, _ in pairs))
    return f"{ours}; reference {pairs[0][1]:g}"


def _crossed(runs: Sequence[Measured], gate: CurveGate) -> list[list[str]]:
    """Every crossing of Binder's cumulants."""
    groups: dict[str, list[Measured]] = {}
    for one in runs:
        if not gate.shapes or one.shape in gate.shapes:
            groups.setdefault(", ".join(one.keys.values()), []).append(one)
    sizes = sorted(gate.shapes or {one.shape for one in runs}, key=math.prod)
    pairs = [f"{lattice(a)} and {lattice(b)}" for a, b in itertools.pairwise(sizes)]
    rows = [["crossing of Binder's cumulants", *pairs]]
    for label, group in groups.items():
        rows.append([label, *(f"{t:.4f} ± {error:.4f}" for t, error in crossings(group))])
    return rows


def entries(one: Measured) -> list[dict[str, Any]]:
    """A run's figures on one lattice, for its card."""
    seeds = [int(item) for key, item in one.keys.items() if key in SEED]
    found = [(name, one.deviation(name)) for name in COLUMNS]
    return [
        {
            "name": f"curves/{one.lattice}/{name}",
            "value": deviation.value,
            "unit": "J" if name == "energy" else "1",
            "seeds": seeds,
            "remeasure": False,
        }
        for name, deviation in found
        if deviation is not None
    ]


def write_csv(path: Path, runs: Sequence[Measured]) -> None:
    """Every observable at every temperature of every run."""
    keys = list(dict.fromkeys(key for run in runs for key in run.keys))
    head = [*keys, "lattice", "observable", "T", "learned", "learned_error"]
    with shelf.atomic_write(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*head, "reference", "reference_error"])
        for run in runs:
            own = [run.keys.get(key, "") for key in keys]
            for name, ours in run.learned.found.items():
                theirs = run.true.found.get(name)
                for i, t in enumerate(run.learned.temperatures.tolist()):
                    cells = [f"{float(x[i]):.8g}" for x in (*ours, *(theirs or ()))]
                    writer.writerow([*own, run.lattice, name, f"{t:g}", *cells])
