"""One figure over a list of stages."""

from collections.abc import Sequence
from pathlib import Path

from zoo import shelf
from zoo.report.tables import aligned, by_stage, demand, entry, markdown, ranged
from zoo.stages import Result


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

        named = by_stage(results)
        for name in self.rows.values():
            demand(named, name)
        title = self.figure.rpartition("/")[2]
        entries = [
            entry(f"{self.kind}/{label}/{title}", named[stage], self.figure, same=True)
            for label, stage in self.rows.items()
        ]
        cells = [[self.kind, self.figure]]
        for label, stage in self.rows.items():
            cells.append([label, ranged([one.figure(self.figure) for one in named[stage]])])
        folder.mkdir(parents=True, exist_ok=True)
        with shelf.atomic_write(folder / f"{self.kind}.md") as part:
            part.write_text("\n".join(markdown(cells)) + "\n")
        if self.record is not None:
            stage = named.get(self.record)
            place = stage[0].release if stage else release.resolve(self.record)
            release.add_figures(place, entries)
        values = [one["value"] for one in entries]
        order = "yes" if values == sorted(values) else "no"
        told = [f"rises from row to row: {order}"] if self.rises else []
        return "\n".join([*aligned(cells), *told])
