"""Several methods beside each other over seeds, and the gates that a claim must pass."""

import csv
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo import shelf
from zoo.card_tables import trivial_cell, trivial_rows
from zoo.reading import Mistake, near
from zoo.report.gate import Row, fitting, gate
from zoo.report.tables import aligned, by_stage, demand, entry, markdown, stated, trivial_figures
from zoo.stages import Result, figures, spent

SECONDS = "seconds"
"""The column of what the training of a run took."""


class Methods:
    """A table of figures by method over seeds, every run, and the gates.

    Args:
        stages: the stages whose tested runs are compared.
        figures: the columns.
        gates: the claims, each with its bound; `<figure> by <predictor>` is what a trivial
            predictor scores, such as persistence.
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
        self.gates = [gate(one) for one in gates or []]
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
        timed = [SECONDS] if any(SECONDS in run.known for run in runs) else []
        table = [
            ["", *self.figures, *timed],
            *([label, *self._cells(g, timed)] for label, g in groups.items()),
            *([*line, *("" for _ in timed)] for line in trivial_rows(self._trivials(groups))),
        ]
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
            self._record(groups, fitting(runs, self.record))
        screen = [*aligned(table), "", *aligned(verdicts)] if self.gates else aligned(table)
        return "\n".join([*screen, "", f"table:    {stem}.md (.csv)", f"plot:     {stem}.png"])

    def _row(self, one: Result) -> Row:
        keys = {"stage": one.stage} if len(self.stages) > 1 else {}
        for key, item in one.point.items():
            keys[key.split()[0].rpartition(".")[2]] = str(item)
        seconds = spent(one.folder)
        known = trivial_figures(one.folder) | figures(one.folder)
        return Row(keys, known | ({SECONDS: seconds} if seconds else {}), one)

    def _trivials(self, groups: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, str]]:
        """The best trivial predictor's cells, by method and figure."""
        return {
            label: {
                name: trivial_cell(stated(group[0].result.folder, name))
                if name in group[0].known and name.startswith("test/")
                else ""
                for name in self.figures
            }
            for label, group in groups.items()
        }

    def _cells(self, group: Sequence[Row], more: Sequence[str]) -> list[str]:
        cells = []
        for name in (*self.figures, *more):
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
            entry(f"methods/{label}/{name.partition('/')[2]}", own, name, same=False)
            for label, group in groups.items()
            for name in self.figures
            if (own := [run.result for run in group if name in run.known])
        ]
        entries += [
            _timed(label, values)
            for label, group in groups.items()
            if (values := [run.known[SECONDS] for run in group if SECONDS in run.known])
        ]
        for run in chosen:
            if run.result.release.is_dir():  # a stage that only tests has none
                release.add_figures(run.result.release, entries)


def _timed(label: str, values: Sequence[float]) -> dict[str, Any]:
    """The seconds of training of a method's runs, as a figure of cards."""
    return {
        "name": f"methods/{label}/{SECONDS}",
        "value": statistics.mean(values),
        "spread": max(values) - min(values) if len(values) > 1 else None,
        "unit": "s",
        "n": len(values),
        "seeds": [],
        "trivial": None,
        "remeasure": False,
    }


def _csv(path: Path, runs: Sequence[Row]) -> None:
    keys = list(dict.fromkeys(key for run in runs for key in run.keys))
    titles = sorted({t for run in runs for t in run.known if t.startswith("test/") or t == SECONDS})
    with shelf.atomic_write(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, *titles])
        for run in runs:
            writer.writerow(
                [*(run.keys.get(k, "") for k in keys), *(run.known.get(t, "") for t in titles)]
            )
