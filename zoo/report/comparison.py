"""Pretraining strategies beside training from scratch, by system and number of examples."""

import csv
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo import shelf
from zoo.reading import Mistake, near
from zoo.report import measured
from zoo.report.claims import Claim, claims
from zoo.report.measured import NONE, Grid, Measured, deviation
from zoo.report.tables import aligned, by_stage, demand, entry, markdown
from zoo.stages import Result, figures

NOTE = (
    "Mean ± standard deviation over seeds; in brackets the ratio to none: the mean over seeds "
    "divided by that from scratch, over the seeds that both have, ± the standard deviation of the "
    "ratios seed by seed. The mean ratio is over the systems left of it. An empty cell was not run."
)
TRIVIAL = "trivial (best)"


class Comparison:
    """A table, a plot, every run, and the paper's claims against them.

    Args:
        scratch: the stage, or stages, that start from random weights.
        tuned: those that start from weights pretrained by each strategy.
        kind: the stem of the files, comparison_<kind>, so that a chain may have several.
        strategy: the label that holds the strategy.
        system: the label that holds what was fine-tuned on.
        examples: the matrix key that holds the number of examples.
        figure: what is compared.
        transfer: the strategy that is supervised pretraining.
        far: systems outside the pretraining data, or stages on such data, whose systems are then
            told as `<system> far`; their ratios stand apart.
        title: of the plot, and of the figures that are recorded.
        where: matrix keys and the value that a run must have to be told here, for a chain of
            several models.
        record: a stage, whose releases get the figures of their own strategy; a release, which
            gets those of `transfer`; or strategies with the release or stage of each.
    """

    def __init__(
        self,
        scratch: str | list[str],
        tuned: str | list[str],
        *,
        kind: str = "strategies",
        strategy: str = "strategy",
        system: str = "system",
        examples: str = "data.init_args.limit",
        figure: str = "test/relative_l2",
        transfer: str = "transfer",
        far: list[str] | None = None,
        title: str = "",
        where: dict[str, str] | None = None,
        record: str | dict[str, str] | None = None,
    ) -> None:
        if not kind.replace("_", "").replace("-", "").isalnum():
            raise Mistake(f"report.kind: {kind!r} is part of a file's name; letters, digits, _, -")
        self.scratch = [scratch] if isinstance(scratch, str) else list(scratch)
        self.tuned = [tuned] if isinstance(tuned, str) else list(tuned)
        self.kind, self.strategy, self.system, self.examples = kind, strategy, system, examples
        self.figure, self.transfer, self.far = figure, transfer, list(far or ())
        self.title, self.record, self.where = title, record, dict(where or {})

    def write(self, results: Sequence[Result], folder: Path) -> str:
        """Write comparison_<kind>.md, .csv and .png into `folder`; the text for the screen."""
        named = by_stage(results)
        for name in (*self.scratch, *self.tuned):
            demand(named, name)
            named[name] = [one for one in named[name] if self._wanted(one)]
        if not any(named[name] for name in (*self.scratch, *self.tuned)):
            raise Mistake(f"report.where: no run has {self.where}")
        runs = self._runs(named)
        grid, systems = Grid(runs), list(dict.fromkeys(run.system for run in runs))
        away = self._away(runs, systems)
        groups = [[s for s in systems if s not in away], [s for s in systems if s in away]]
        tables = {f"n = {n}": _rows(grid, runs, groups, n) for n in grid.examples}
        told = claims(grid, groups[0], groups[1], self.transfer)
        stem = folder / f"comparison_{self.kind}"
        folder.mkdir(parents=True, exist_ok=True)
        with shelf.atomic_write(stem.with_suffix(".md")) as part:
            part.write_text(self._page(tables, told))
        _csv(stem.with_suffix(".csv"), runs, grid, self.figure)
        plot = self._plot(grid, systems, stem.with_suffix(".png"))
        if self.record is not None:
            self._record(named, runs, self.record)
        shown = [line for head, rows in tables.items() for line in (head, *aligned(rows), "")]
        shown += [f"{one.verdict}: {one.text}: {one.figures}" for one in told]
        return "\n".join([*shown, "", f"table:    {stem}.md (.csv)", *plot])

    def _wanted(self, one: Result) -> bool:
        words = {word: item for key, item in one.point.items() for word in key.split()}
        return all(str(words.get(key)) == str(value) for key, value in self.where.items())

    def _away(self, runs: Sequence[Measured], systems: Sequence[str]) -> set[str]:
        """The systems that are outside the pretraining data."""
        for name in self.far:
            known = [*systems, *self.scratch, *self.tuned]
            if name not in known:
                hint = near(name, known, "did you mean")
                raise Mistake(f"report.far: no system or stage {name!r}{hint}; there are {known}")
        return {run.system for run in runs if {run.system, run.result.stage} & set(self.far)}

    def _runs(self, named: Mapping[str, Sequence[Result]]) -> list[Measured]:
        found = [self._run(one, NONE) for name in self.scratch for one in named[name]]
        for name in self.tuned:
            for one in named[name]:
                found.append(self._run(one, str(self._key(one, self.strategy, "strategy"))))
                if found[-1].strategy == NONE:
                    raise Mistake(f"report.tuned: {name} has a strategy {NONE!r}: that is scratch")
        if all(run.value is None for run in found):
            known = sorted({title for run in found for title in figures(run.result.folder)})
            hint = near(self.figure, known, "did you mean")
            raise Mistake(f"report.figure: no run has {self.figure!r}{hint}; they have {known}")
        return found

    def _run(self, one: Result, strategy: str) -> Measured:
        system = str(self._key(one, self.system, "system"))
        return Measured(
            strategy,
            f"{system} far" if one.stage in self.far else system,
            int(self._key(one, self.examples, "examples")),
            measured.seed(one.point),
            measured.value(one.folder, self.figure),
            measured.trivial(one.folder, self.figure),
            one,
        )

    def _key(self, one: Result, key: str, argument: str) -> Any:
        words = {word: item for name, item in one.point.items() for word in name.split()}
        if key not in words:
            hint = near(key, words, "did you mean")
            raise Mistake(
                f"report.{argument}: {one.stage} has no matrix key {key!r}{hint}; "
                f"it has {measured.known_labels([one])}"
            )
        return words[key]

    def _page(self, tables: Mapping[str, list[list[str]]], told: Sequence[Claim]) -> str:
        lines = [f"# {self.title or self.kind}: {self.figure}", "", NOTE]
        for head, rows in tables.items():
            lines += ["", f"## {head}", "", *markdown(rows)]
        lines += ["", "## What the paper says", ""]
        lines += [f"- {one.text}: **{one.verdict}** ({one.figures})" for one in told]
        return "\n".join(lines) + "\n"

    def _plot(self, grid: Grid, systems: Sequence[str], path: Path) -> list[str]:
        from zoo.plots.comparison import comparison

        blocks: dict[str, dict[str, dict[str, tuple[float, list[float]]]]] = {}
        for strategy, system, n in grid.values:
            case = (strategy, system, n)
            mean = grid.ratio(case)
            if strategy != NONE and mean is not None and math.isfinite(mean):
                rows = blocks.setdefault(f"n = {n}", {}).setdefault(strategy, {})
                rows[system] = mean, grid.ratios(case)
        if not blocks:
            return ["plot:     none, no strategy has a ratio to scratch"]
        blocks = {f"n = {n}": blocks[f"n = {n}"] for n in grid.examples if f"n = {n}" in blocks}
        with shelf.atomic_write(path) as part:
            part.write_bytes(comparison(blocks, title=self.title, quantity=self.figure))
        return [f"plot:     {path}"]

    def _record(
        self,
        named: Mapping[str, Sequence[Result]],
        runs: Sequence[Measured],
        record: str | Mapping[str, str],
    ) -> None:
        """Put each strategy's figures into the cards of the releases that it made."""
        from zoo import release

        pairs = {self.transfer: record} if isinstance(record, str) else record
        for strategy, place in pairs.items():
            for one in named.get(place, ()):
                own = str(one.point.get(self.strategy, strategy))
                if not self._wanted(one):
                    continue
                if own == strategy or isinstance(record, str):
                    release.add_figures(one.release, self._entries(runs, own))
            if place not in named:
                release.add_figures(release.resolve(place), self._entries(runs, strategy))

    def _entries(self, runs: Sequence[Measured], strategy: str) -> list[dict[str, Any]]:
        found: dict[tuple[int, str], dict[str, list[Measured]]] = {}
        for run in runs:
            if run.value is not None and run.strategy in (strategy, NONE):
                both = found.setdefault((run.examples, run.system), {})
                both.setdefault(run.strategy, []).append(run)
        entries = []
        for (n, system), both in sorted(found.items()):
            if strategy not in both:
                continue
            title = f"{self.title} {system}".strip()
            results = [run.result for run in both[strategy]]
            made = entry(f"few_shot/{n}/{title}", results, self.figure, same=False)
            base = [run.value for run in both.get(NONE, []) if run.value is not None]
            entries.append({**made, "baseline": statistics.mean(base) if base else None})
        return entries


def _rows(
    grid: Grid, runs: Sequence[Measured], groups: Sequence[list[str]], n: int
) -> list[list[str]]:
    """The rows of one table: none, each strategy, and the best trivial predictor."""
    tagged = zip(groups, ("mean ratio", "mean ratio (far)"), strict=True)
    pairs = [(found, tag) for group, tag in tagged if (found := grid.systems(n, group))]
    told = [group for group, _ in pairs]
    head = [word for group, tag in pairs for word in (*group, tag)]
    rows = [["strategy", *head]]
    for strategy in (NONE, *grid.strategies):
        cells = []
        for group in told:
            cells += [_cell(grid, (strategy, system, n)) for system in group]
            mean = None if strategy == NONE else grid.mean(strategy, group, n)
            cells.append("" if mean is None else _pm(mean, grid.spread(strategy, group, n), 2))
        rows.append([strategy, *cells])
    lowest = [w for group in told for w in (*(_trivial(runs, s, n) for s in group), "")]
    return [*rows, [TRIVIAL, *lowest]] if any(lowest) else rows


def _cell(grid: Grid, case: measured.Case) -> str:
    values = list(grid.values.get(case, {}).values())
    if not values:
        return ""
    told = _pm(statistics.mean(values), deviation(values), 4)
    ratio = None if case[0] == NONE else grid.ratio(case)
    return told if ratio is None else f"{told} ({_pm(ratio, deviation(grid.ratios(case)), 2)})"


def _trivial(runs: Sequence[Measured], system: str, n: int) -> str:
    """The test data are the same for every run of a system, and so is this, seeds aside."""
    told = [run.trivial for run in runs if (run.system, run.examples) == (system, n)]
    known = [item for item in told if item is not None]
    return f"{statistics.mean(known):.4f}" if known else ""


def _pm(mean: float, spread: float | None, digits: int) -> str:
    told = f"{mean:.{digits}f}"
    return told if spread is None else f"{told} ± {spread:.{digits}f}"


def _csv(path: Path, runs: Sequence[Measured], grid: Grid, figure: str) -> None:
    """Every single run, also those that were not measured."""
    head = ["strategy", "system", "examples", "seed", figure, "ratio", "trivial", "learning_rate"]
    with shelf.atomic_write(path) as part, part.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*head, "seconds", "stage", "folder"])
        for run in runs:
            pair = grid.pairs((run.strategy, run.system, run.examples)).get(run.seed)
            ratio = pair[0] / pair[1] if pair and run.strategy != NONE else None
            told = [run.strategy, run.system, run.examples, run.seed, run.value, ratio, run.trivial]
            row = [*told, run.rate, run.seconds, run.result.stage, run.result.folder]
            table.writerow(["" if item is None else item for item in row])
