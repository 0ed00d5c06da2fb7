"""Several methods beside each other over seeds, and the gates that a claim must pass."""

import csv
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import shelf
from zoo.reading import Mistake, near
from zoo.report.tables import aligned, by_stage, demand, entry, markdown
from zoo.stages import Result, figures

SEED = ("seed", "seed_everything")
FAILS = "FAILS"
"""How the line of a gate begins that must hold and does not."""
Keys = dict[str, str]


@dataclass(frozen=True)
class Gate:
    """A bound on the ratio of one figure of two kinds of runs, on every seed or in the mean.

    Args:
        text: the claim.
        top: matrix keys (their last word) or `stage`, and values, of the runs above the line.
        bottom: of those below it; left out, the figure itself is bounded.
        figure: what is compared.
        bottom_figure: another figure below the line; the same if left out.
        high: the ratio's upper bound.
        low: its lower bound.
        mean: compare means over seeds, instead of demanding it of every seed.
        gate: whether it must hold; else it is only told.
    """

    text: str
    top: Keys = field(default_factory=dict)
    bottom: Keys | None = None
    figure: str = "test/relative_l2"
    bottom_figure: str | None = None
    high: float = math.inf
    low: float = -math.inf
    mean: bool = False
    gate: bool = True

    def ratios(self, runs: Sequence["Row"]) -> list[float]:
        """The ratio of each run above the line to the one below that shares its other keys."""
        if self.bottom is None:
            return self._alone(runs)
        other = self.bottom_figure or self.figure
        free = {*self.top, *self.bottom}
        found = []
        for a in _fitting(runs, self.top):
            rest = {key: value for key, value in a.keys.items() if key not in free}
            below = [
                b
                for b in _fitting(runs, self.bottom)
                if all(b.keys.get(key, value) == value for key, value in rest.items())
            ]
            found += [(a.figure(self.figure), b.figure(other)) for b in below]
        pairs = [(a, b) for a, b in found if a is not None and b is not None]
        if self.mean and pairs:
            return [statistics.mean(a for a, _ in pairs) / statistics.mean(b for _, b in pairs)]
        return [a / b for a, b in pairs]

    def _alone(self, runs: Sequence["Row"]) -> list[float]:
        values = [run.figure(self.figure) for run in _fitting(runs, self.top)]
        known = [value for value in values if value is not None]
        return [statistics.mean(known)] if self.mean and known else known

    def verdict(self, runs: Sequence["Row"]) -> list[str]:
        """Verdict, claim, bound and ratios, for a row of a table."""
        found = self.ratios(runs)
        bounds = [f">= {self.low:g}"] if self.low > -math.inf else []
        bounds += [f"<= {self.high:g}"] if self.high < math.inf else []
        told = "-"
        word = "not run"
        if found:
            holds = all(self.low <= value <= self.high for value in found)
            word = ("holds" if holds else FAILS) if self.gate else ("yes" if holds else "no")
            told = f"{min(found):.3g} to {max(found):.3g} ({len(found)})"
            told = f"{found[0]:.3g}" if len(found) == 1 else told
        every = "mean" if self.mean else "every run"
        return [word, self.text, f"{' and '.join(bounds)}, {every}", told]


@dataclass(frozen=True)
class Row:
    """One run: its matrix keys by their last word, and its figures."""

    keys: Keys
    known: dict[str, float]
    result: Result

    def figure(self, name: str) -> float | None:
        """A figure, or None where it was not measured."""
        return self.known.get(name)

    @property
    def label(self) -> str:
        """The keys without the seed and, where there is one stage alone, without it."""
        return ", ".join(v for k, v in self.keys.items() if k not in SEED)


class Methods:
    """A table of figures by method over seeds, every run, and the gates.

    Args:
        stages: the stages whose tested runs are compared.
        figures: the columns.
        gates: the claims, each with its bound.
        kind: the stem of the files.
        note: what a reader must know of the comparison, printed below the table.
        record: the runs whose releases get the table on their cards, by matrix keys or `stage`.
    """

    def __init__(
        self,
        stages: list[str],
        figures: list[str],
        *,
        gates: list[dict[str, Any]] | None = None,
        kind: str = "methods",
        note: str = "",
        record: dict[str, str] | None = None,
    ) -> None:
        if not kind.replace("_", "").replace("-", "").isalnum():
            raise Mistake(f"report.kind: {kind!r} is part of a file's name; letters, digits, _, -")
        self.stages, self.figures = list(stages), list(figures)
        self.gates = [_gate(one) for one in gates or []]
        self.kind, self.note, self.record = kind, note, record

    def write(self, results: Sequence[Result], folder: Path) -> str:
        """Write <kind>.md, .csv and .png into `folder`; the text for the screen."""
        from zoo.plots.methods import methods

        named = by_stage(results)
        runs = []
        for name in self.stages:
            demand(named, name)
            runs += [self._row(one) for one in named[name]]
        known = sorted({title for run in runs for title in run.known})
        for name in self.figures:
            if name not in known:
                raise Mistake(
                    f"report.figures: no run has {name!r}{near(name, known, 'did you mean')}; "
                    f"they have {known}"
                )
        groups: dict[str, list[Row]] = {}
        for run in runs:
            groups.setdefault(run.label, []).append(run)
        table = [["", *self.figures], *([label, *self._cells(g)] for label, g in groups.items())]
        verdicts = [["", "claim", "bound", "measured"], *(g.verdict(runs) for g in self.gates)]
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / self.kind
        with shelf.atomic_write(stem.with_suffix(".md")) as part:
            lines = [*markdown(table), "", "Mean (least to greatest over seeds)."]
            lines += [self.note] if self.note else []
            lines += ["", *markdown(verdicts)] if self.gates else []
            part.write_text("\n".join(lines) + "\n")
        _csv(stem.with_suffix(".csv"), runs)
        values = {
            title: {
                k: [run.known[title] for run in g if title in run.known] for k, g in groups.items()
            }
            for title in self.figures
        }
        with shelf.atomic_write(stem.with_suffix(".png")) as part:
            part.write_bytes(methods(values))
        if self.record is not None:
            self._record(groups, _fitting(runs, self.record))
        screen = [*aligned(table), "", *aligned(verdicts)] if self.gates else aligned(table)
        return "\n".join([*screen, "", f"table:    {stem}.md (.csv)", f"plot:     {stem}.png"])

    def _row(self, one: Result) -> Row:
        keys = {"stage": one.stage} if len(self.stages) > 1 else {}
        for key, item in one.point.items():
            keys[key.split()[0].rpartition(".")[2]] = str(item)
        return Row(keys, figures(one.folder), one)

    def _cells(self, group: Sequence[Row]) -> list[str]:
        cells = []
        for name in self.figures:
            values = [run.known[name] for run in group if name in run.known]
            text = f"{statistics.mean(values):.3g}" if values else "-"
            if len(values) > 1:
                text += f" ({min(values):.3g} to {max(values):.3g})"
            cells.append(text)
        return cells

    def _record(self, groups: Mapping[str, Sequence[Row]], chosen: Sequence[Row]) -> None:
        """Every method's figures onto the cards of the chosen runs."""
        from zoo import release

        entries = [
            {**entry(f"methods/{label}/{name.partition('/')[2]}", own, name, same=False)}
            for label, group in groups.items()
            for name in self.figures
            if (own := [run.result for run in group if name in run.known])
        ]
        for run in chosen:
            release.add_figures(run.result.release, entries)


def _gate(described: Mapping[str, Any]) -> Gate:
    known = Gate.__dataclass_fields__
    for key in described:
        if key not in known:
            raise Mistake(f"report.gates: no key {key!r}{near(key, known, 'did you mean')}")
    texts = {
        key: {k: str(v) for k, v in item.items()}
        for key, item in described.items()
        if key in ("top", "bottom") and item is not None
    }
    return Gate(**{**described, **texts})


def _fitting(runs: Sequence[Row], keys: Mapping[str, str]) -> list[Row]:
    return [r for r in runs if all(r.keys.get(k) == str(v) for k, v in keys.items())]


def _csv(path: Path, runs: Sequence[Row]) -> None:
    keys = list(dict.fromkeys(key for run in runs for key in run.keys))
    titles = sorted({t for run in runs for t in run.known if t.startswith("test/")})
    with shelf.atomic_write(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, *titles])
        for run in runs:
            writer.writerow(
                [*(run.keys.get(k, "") for k in keys), *(run.known.get(t, "") for t in titles)]
            )
