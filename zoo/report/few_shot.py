"""Errors over the number of examples: fine-tuned beside from scratch."""

import csv
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo import recipe as recipes
from zoo import shelf
from zoo.reading import Mistake
from zoo.report.tables import aligned, by_stage, chosen, demand, entry, markdown, ranged
from zoo.stages import Result

Errors = dict[int, list[Result]]


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
        named = by_stage(results)
        for name in (self.tuned, self.scratch, self.zero, self.pretrained):
            if name is not None:
                demand(named, name)
        tuned, scratch = (self._by_examples(named[name]) for name in (self.tuned, self.scratch))
        zero = named[self.zero] if self.zero is not None else []
        rows = self._rows(tuned, scratch, zero)
        told = self._pretrained(named)
        lines = [told, "", *markdown(rows)] if told else markdown(rows)
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
        shown = [told, "", *aligned(rows), "", f"table:    {files[0]} ({files[1].name})"]
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
            made = entry(f"few_shot/{n}/{self.title}", results, self.figure, same=n == 0)
            entries.append({**made, "baseline": statistics.mean(base) if base else None})
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
            rows.append(["0", ranged(self._values(zero)), "-", "-", "-"])
        for n in sorted({*tuned, *scratch}):
            pair = [self._values(found.get(n, [])) for found in (tuned, scratch)]
            ratio = (
                f"{statistics.mean(pair[1]) / statistics.mean(pair[0]):.2f}" if all(pair) else "-"
            )
            picked = " | ".join(chosen(found.get(n, [])) for found in (tuned, scratch))
            rows.append([str(n), ranged(pair[0]), ranged(pair[1]), ratio, picked])
        return rows

    def _pretrained(self, named: dict[str, list[Result]]) -> str:
        if self.pretrained is None:
            return ""
        values = self._values(named[self.pretrained])
        return f"pretrained model on its own test data: {self.figure} {ranged(values)}"

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
