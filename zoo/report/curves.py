"""Curves that learned energies drive, beside those of the true energy, and the gates on them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo import curves, shelf
from zoo.curves import Sampling
from zoo.reading import Mistake, near
from zoo.report.curve_gates import CurveGate
from zoo.report.curve_tables import entries, page, table, write_csv
from zoo.report.deviations import Measured, references
from zoo.report.tables import aligned, by_stage, demand
from zoo.stages import Result


class Curves:
    """Learned curves over temperature beside the reference's, by lattice and seed, and the gates.

    Args:
        stages: the stages whose runs are measured: EDNNs, or RNNs used as energies.
        shapes: the lattices; a smaller one than the focus allows is an error.
        temperatures: a list, or low, high and step.
        sampling: of the learned energies, see `zoo.curves.Sampling`.
        gates: the claims, see `CurveGate`.
        kind: the stem of the files.
        note: what a reader must know, printed below the tables.
        record: the runs whose releases get their own figures on their cards, by matrix keys or
            `stage`; {} are all.
    """

    def __init__(
        self,
        stages: list[str],
        shapes: list[list[int]],
        *,
        temperatures: list[float] | dict[str, float] | None = None,
        sampling: dict[str, Any] | None = None,
        gates: list[dict[str, Any]] | None = None,
        kind: str = "curves",
        note: str = "",
        record: dict[str, str] | None = None,
    ) -> None:
        if not kind.replace("_", "").replace("-", "").isalnum():
            raise Mistake(f"report.kind: {kind!r} is part of a file's name; letters, digits, _, -")
        self.stages, self.kind, self.note, self.record = list(stages), kind, note, record
        self.shapes = [tuple(shape) for shape in shapes]
        usual = {"low": 1.0, "high": 4.9, "step": 0.1}
        self.temperatures = listed(usual if temperatures is None else temperatures)
        known = [one.name for one in fields(Sampling)]
        for key in sampling or {}:
            if key not in known:
                raise Mistake(f"report.sampling: no key {key!r}{near(key, known, 'did you mean')}")
        self.sampling = Sampling(**(sampling or {}))
        self.gates = [self._gate(one) for one in gates or []]

    def _gate(self, described: Mapping[str, Any]) -> CurveGate:
        known = [one.name for one in fields(CurveGate)]
        for key in described:
            if key not in known:
                raise Mistake(f"report.gates: no key {key!r}{near(key, known, 'did you mean')}")
        for key in ("figure", "high"):
            if key not in described:
                raise Mistake(f"report.gates: {dict(described)} needs {key!r}")
        shapes = tuple(tuple(shape) for shape in described.get("shapes", ()))
        for shape in shapes:
            if shape not in self.shapes:
                raise Mistake(f"report.gates: {list(shape)} is none of the report's shapes")
        run = {key: str(item) for key, item in described.get("run", {}).items()}
        return CurveGate(**{**described, "shapes": shapes, "run": run})

    def write(self, results: Sequence[Result], folder: Path) -> str:
        """Write <kind>.md, .csv and .png into `folder`; the text for the screen."""
        from zoo.plots.curves import Column, lattices

        named = by_stage(results)
        runs = []
        for name in self.stages:
            demand(named, name)
            for one in named[name]:
                runs += self._measure(one)
        rows = table(runs, self.gates)
        verdicts = [["", "claim", "bound", "measured"]]
        verdicts += [gate.verdict(runs) for gate in self.gates]
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / self.kind
        with shelf.atomic_write(stem.with_suffix(".md")) as part:
            part.write_text("\n".join(page(runs, self.gates, rows, verdicts, self.note)) + "\n")
        write_csv(stem.with_suffix(".csv"), runs)
        columns = {
            title: Column(
                self.temperatures,
                [(one.label, one.learned.found) for one in group],
                group[0].true.found,
            )
            for title, group in references(runs).items()
        }
        with shelf.atomic_write(stem.with_suffix(".png")) as part:
            part.write_bytes(lattices(columns))
        self._record(named, runs)
        screen = [*aligned(rows), "", *aligned(verdicts)] if self.gates else aligned(rows)
        return "\n".join([*screen, "", f"table:    {stem}.md (.csv)", f"plot:     {stem}.png"])

    def _keys(self, one: Result) -> dict[str, str]:
        keys = {"stage": one.stage}
        for key, item in one.point.items():
            keys[key.split()[0].rpartition(".")[2]] = str(item)
        return keys

    def _measure(self, one: Result) -> list[Measured]:
        """Every lattice of a run."""
        model = curves.spin_model(one.release)
        system = curves.system_of(one.release, model)
        if system is None:
            raise Mistake(
                f"report: {one.release} does not tell the energy that it has learned; give the "
                "stage's data a `system`"
            )
        found = []
        for shape in self.shapes:
            ours = curves.learned(one.release, self.temperatures, shape, self.sampling)
            theirs = curves.true(system, self.temperatures, shape)
            found.append(Measured(self._keys(one), shape, ours, theirs, system))
        return found

    def _record(self, named: Mapping[str, list[Result]], runs: Sequence[Measured]) -> None:
        """Each chosen run's figures onto its own card."""
        if self.record is None:
            return
        from zoo import release

        for stage in self.stages:
            for result in named[stage]:
                keys = self._keys(result)
                if all(keys.get(k) == str(v) for k, v in self.record.items()):
                    own = [one for one in runs if one.keys == keys]
                    release.add_figures(result.release, [e for one in own for e in entries(one)])


def listed(temperatures: Sequence[float] | Mapping[str, float]) -> Tensor:
    """Temperatures of a list, or from low to high by a step, rising.

    Raises:
        Mistake: a key is unknown or missing, or the list is empty.
    """
    if isinstance(temperatures, Mapping):
        if set(temperatures) != {"low", "high", "step"} or not temperatures["step"] > 0:
            raise Mistake(
                f"temperatures={dict(temperatures)}: a list, or low, high and a step above 0"
            )
        low, high, step = (temperatures[key] for key in ("low", "high", "step"))
        count = int((high - low) / step + 1e-9) + 1
        temperatures = [round(low + i * step, 10) for i in range(count)]
    found = torch.tensor(list(temperatures), dtype=torch.float64).unique()
    if not len(found) or not bool(((found > 0) & found.isfinite()).all()):
        raise Mistake(f"temperatures={found.tolist()}: at least one, all finite and above 0")
    return found
