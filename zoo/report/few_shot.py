"""What a chain shows at its end: a table, a plot, and the files they lie in."""

import csv
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo import recipe as recipes
from zoo import shelf
from zoo.checking import find, parameters
from zoo.reading import Mistake, near
from zoo.recipe import Chain
from zoo.stages import Result

Errors = dict[int, list[Result]]
BLOCKS = ("data", "metric", "tolerance")


def report(chain: Chain, results: Sequence[Result]) -> str:
    """Make the chain's report and return what to print.

    Raises:
        Mistake: the chain names no report, or an argument that it has not.
    """
    several = chain.report if isinstance(chain.report, list) else [chain.report or {}]
    return "\n\n".join(_one(dict(described), chain, results) for described in several)


def _one(described: dict[str, Any], chain: Chain, results: Sequence[Result]) -> str:
    path, given = described.get("class_path", ""), described.get("init_args") or {}
    made = find(str(path))
    if made is None:
        raise Mistake(f"report.class_path: no class {path!r}; there is zoo.report.FewShot")
    for key in given:
        known = parameters(made)
        if known is not None and key not in known:
            hint = near(key, known, "did you mean")
            raise Mistake(f"report.init_args.{key}: {path} has no such argument{hint}")
    return made(**given).write(results, chain.folder / "report")


class FewShot:
    """Errors over the number of examples: fine-tuned beside from scratch.

    Args:
        tuned: the stage that starts from released weights.
        scratch: the stage that starts from random ones.
        examples: the matrix key that holds the number of examples.
        zero: the stage that measures the released weights as they are.
        pretrained: the stage that made them; its own error is told beside.
        figure: what is compared.
        title: of the plot, and of the figures that are recorded.
        record: a stage or a released model whose card gets the table.
    """

    def __init__(
        self,
        tuned: str,
        scratch: str,
        examples: str,
        *,
        zero: str | None = None,
        pretrained: str | None = None,
        figure: str = "test/relative_l2",
        title: str = "",
        record: str | None = None,
    ) -> None:
        self.tuned, self.scratch, self.examples = tuned, scratch, examples
        self.zero, self.pretrained = zero, pretrained
        self.figure, self.title, self.record = figure, title, record

    def write(self, results: Sequence[Result], folder: Path) -> str:
        """Write few_shot.md, .csv and .png into `folder`; the text for the screen."""
        named = {
            name: [r for r in results if r.stage == name] for name in {r.stage for r in results}
        }
        for name in (self.tuned, self.scratch, self.zero, self.pretrained):
            if name is not None and name not in named:
                hint = near(name, named, "did you mean")
                raise Mistake(f"report: no stage {name!r}{hint}; there are {sorted(named)}")
        tuned, scratch = (self._by_examples(named[name]) for name in (self.tuned, self.scratch))
        zero = named[self.zero] if self.zero is not None else []
        rows = self._rows(tuned, scratch, zero)
        told = self._pretrained(named)
        lines = [told, "", *_markdown(rows)] if told else _markdown(rows)
        folder.mkdir(parents=True, exist_ok=True)
        with shelf.atomic_write(folder / "few_shot.md") as part:
            part.write_text("\n".join(lines) + "\n")
        self._csv(folder / "few_shot.csv", {"tuned": tuned, "scratch": scratch}, zero)
        with shelf.atomic_write(folder / "few_shot.png") as part:
            part.write_bytes(self._plot(tuned, scratch, zero))
        if self.record is not None:
            self._record(named, {**({0: zero} if zero else {}), **tuned}, scratch)
        pictures = self._pictures(tuned, folder)
        files = [folder / "few_shot.md", folder / "few_shot.csv", folder / "few_shot.png"]
        shown = [told, "", *_aligned(rows), "", f"table:    {files[0]} ({files[1].name})"]
        shown += [f"plot:     {files[2]}", *(f"picture:  {path}" for path in pictures)]
        releases = [self._smallest(tuned)] + (named[self.pretrained] if self.pretrained else [])
        shown += [f"release:  {result.release}" for result in releases]
        return "\n".join(shown).strip("\n")

    def _record(
        self, named: dict[str, list[Result]], tuned: dict[int, Any], scratch: Errors
    ) -> None:
        """Put the table into the card of the release that was adapted."""
        from zoo import release

        entries = []
        for n, results in tuned.items():
            base = self._values(scratch.get(n, []))
            entry = _entry(f"few_shot/{n}/{self.title}", results, self.figure, same=n == 0)
            entries.append({**entry, "baseline": statistics.mean(base) if base else None})
        stage = named.get(str(self.record))
        folder = stage[0].release if stage else release.resolve(str(self.record))
        release.add_figures(folder, entries)

    def _by_examples(self, results: Sequence[Result]) -> Errors:
        found: Errors = {}
        for result in results:
            if self.examples not in result.point:
                raise Mistake(
                    f"report.examples: {result.stage} has no matrix key {self.examples!r}"
                )
            found.setdefault(int(result.point[self.examples]), []).append(result)
        return dict(sorted(found.items()))

    def _values(self, results: Sequence[Result]) -> list[float]:
        return [result.figure(self.figure) for result in results]

    def _rows(self, tuned: Errors, scratch: Errors, zero: Sequence[Result]) -> list[list[str]]:
        seeds = max((len(found) for found in tuned.values()), default=1)
        told = f" (mean of {seeds} seeds, min to max)" if seeds > 1 else ""
        rows = [["examples", f"fine-tuned{told}", "from scratch", "scratch / fine-tuned", "chosen"]]
        if zero:
            rows.append(["0", _spread(self._values(zero)), "-", "-", "-"])
        for n in sorted({*tuned, *scratch}):
            pair = [self._values(found.get(n, [])) for found in (tuned, scratch)]
            ratio = (
                f"{statistics.mean(pair[1]) / statistics.mean(pair[0]):.2f}" if all(pair) else "-"
            )
            chosen = " | ".join(_chosen(found.get(n, [])) for found in (tuned, scratch))
            rows.append([str(n), _spread(pair[0]), _spread(pair[1]), ratio, chosen])
        return rows

    def _pretrained(self, named: dict[str, list[Result]]) -> str:
        if self.pretrained is None:
            return ""
        values = self._values(named[self.pretrained])
        return f"pretrained model on its own test data: {self.figure} {_spread(values)}"

    def _smallest(self, tuned: Errors) -> Result:
        return next(iter(tuned.values()))[0]

    def _pictures(self, tuned: Errors, folder: Path) -> list[Path]:
        """Prediction beside truth of the model that saw the fewest examples."""
        from zoo import release
        from zoo.exporting import module
        from zoo.plots.preview import preview, typical

        result = self._smallest(tuned)
        model: Any = release.load(result.release)
        if model.interface.dimension != 2:
            return []
        path = folder / "prediction.png"
        data = module(str(result.folder / "recipe.yaml"))
        with shelf.atomic_write(path) as part:
            part.write_bytes(preview(typical(model, data), model.interface))
        return [path]

    def _csv(self, path: Path, arms: dict[str, Errors], zero: Sequence[Result]) -> None:
        with shelf.atomic_write(path) as part, part.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["arm", "examples", "variant", "chosen", self.figure, "release"])
            for result in zero:
                table.writerow(["zero", 0, "", "", result.figure(self.figure), ""])
            for arm, found in arms.items():
                for n, results in found.items():
                    for one in results:
                        row = [recipes.variant(one.point), recipes.variant(one.chosen)]
                        table.writerow([arm, n, *row, one.figure(self.figure), one.release])

    def _plot(self, tuned: Errors, scratch: Errors, zero: Sequence[Result]) -> bytes:
        from zoo.plots.few_shot import Curve, few_shot

        curves = []
        for label, found, none in (("fine-tuned", tuned, zero), ("from scratch", scratch, [])):
            points: dict[int, Any] = {0: none} if none else {}
            points.update(found)
            curves.append(Curve(label, list(points), [self._values(p) for p in points.values()]))
        return few_shot(curves, title=self.title, quantity=self.figure)


class Sweep:
    """One figure over a list of stages: other ranges, other grids.

    Args:
        rows: stages by their label, in order.
        kind: the first word of the recorded figures, such as shift or resolution.
        figure: what is told.
        rises: say whether the figure rises from row to row.
        record: a stage or a released model whose card gets the figures.
    """

    def __init__(
        self,
        rows: dict[str, str],
        kind: str,
        *,
        figure: str = "test/relative_l2",
        rises: bool = False,
        record: str | None = None,
    ) -> None:
        self.rows, self.kind, self.figure = rows, kind, figure
        self.rises, self.record = rises, record

    def write(self, results: Sequence[Result], folder: Path) -> str:
        """Write `<kind>.md` into `folder`; the text for the screen."""
        from zoo import release

        named: dict[str, list[Result]] = {}
        for one in results:
            named.setdefault(one.stage, []).append(one)
        for name in self.rows.values():
            if name not in named:
                hint = near(name, named, "did you mean")
                raise Mistake(f"report: no stage {name!r}{hint}; there are {sorted(named)}")
        title = self.figure.rpartition("/")[2]
        entries = [
            _entry(f"{self.kind}/{label}/{title}", named[stage], self.figure, same=True)
            for label, stage in self.rows.items()
        ]
        cells = [[self.kind, self.figure]]
        for label, stage in self.rows.items():
            cells.append([label, _spread([one.figure(self.figure) for one in named[stage]])])
        folder.mkdir(parents=True, exist_ok=True)
        with shelf.atomic_write(folder / f"{self.kind}.md") as part:
            part.write_text("\n".join(_markdown(cells)) + "\n")
        if self.record is not None:
            stage = named.get(self.record)
            place = stage[0].release if stage else release.resolve(self.record)
            release.add_figures(place, entries)
        values = [entry["value"] for entry in entries]
        order = "yes" if values == sorted(values) else "no"
        told = [f"rises from row to row: {order}"] if self.rises else []
        return "\n".join([*_aligned(cells), *told])


def _entry(name: str, results: Sequence[Result], figure: str, same: bool) -> dict[str, Any]:
    """One figure of metrics.json: the mean over runs that differ in their seed alone.

    Of one run of the very weights that the figure is told of, the blocks go along: such a figure
    can be measured again without training.
    """
    values = [result.figure(figure) for result in results]
    stated = [_stated(result.folder, figure) for result in results]
    return {
        "name": name,
        "value": statistics.mean(values),
        "spread": max(values) - min(values) if len(values) > 1 else None,
        "unit": "1",
        "n": stated[0]["n"],
        "seeds": sorted({seed for entry in stated for seed in entry["seeds"]}),
        "trivial": stated[0]["trivial"],
        "remeasure": False,
        **({key: stated[0].get(key) for key in BLOCKS} if same and len(results) == 1 else {}),
    }


def _stated(folder: Path, figure: str) -> dict[str, Any]:
    """The whole entry of a figure that a run's test has written."""
    entries = json.loads((folder / "test.json").read_text())
    return next(entry for entry in entries if entry["name"] == figure)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.4f} to {max(values):.4f})"


def _chosen(results: Sequence[Result]) -> str:
    counts = [recipes.variant(one.chosen) for one in results if one.chosen]
    return ", ".join(dict.fromkeys(counts)) or "-"


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return [lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
