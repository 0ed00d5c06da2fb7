"""Cells, tables and recorded figures that the reports share."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo import recipe as recipes
from zoo.reading import Mistake, near
from zoo.stages import Result

BLOCKS = ("data", "metric", "tolerance")


def by_stage(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The results of each stage."""
    named: dict[str, list[Result]] = {}
    for one in results:
        named.setdefault(one.stage, []).append(one)
    return named


def demand(named: Mapping[str, Any], name: str) -> None:
    """Refuse a report on a stage that the chain has not.

    Raises:
        Mistake: with the nearest name.
    """
    if name not in named:
        hint = near(name, named, "did you mean")
        raise Mistake(f"report: no stage {name!r}{hint}; there are {sorted(named)}")


def entry(name: str, results: Sequence[Result], figure: str, same: bool) -> dict[str, Any]:
    """One figure of metrics.json: the mean over runs that differ in their seed alone.

    Of one run of the very weights that the figure is told of, the blocks go along: such a figure
    can be measured again without training.
    """
    values = [result.figure(figure) for result in results]
    told = [stated(result.folder, figure) for result in results]
    return {
        "name": name,
        "value": statistics.mean(values),
        "spread": max(values) - min(values) if len(values) > 1 else None,
        "unit": "1",
        "n": told[0]["n"],
        "seeds": sorted({seed for each in told for seed in each["seeds"]}),
        "trivial": told[0]["trivial"],
        "trivials": told[0].get("trivials"),
        "remeasure": False,
        **({key: told[0].get(key) for key in BLOCKS} if same and len(results) == 1 else {}),
    }


def stated(folder: Path, figure: str) -> dict[str, Any]:
    """The whole entry of a figure that a run's test has written."""
    entries = json.loads((folder / "test.json").read_text())
    return next(entry for entry in entries if entry["name"] == figure)


def trivial_figures(folder: Path) -> dict[str, float]:
    """What the trivial predictors score in a run's test, as `<figure> by <predictor>`."""
    path = folder / "test.json"
    entries = json.loads(path.read_text()) if path.is_file() else []
    return {
        f"{one['name']} by {name}": value
        for one in entries
        for name, value in (one.get("trivials") or {}).items()
    }


def ranged(values: Sequence[float]) -> str:
    """The mean, and least to greatest where there are several."""
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.4f} to {max(values):.4f})"


def chosen(results: Sequence[Result]) -> str:
    """What the selection chose for these results."""
    counts = [recipes.variant(one.chosen) for one in results if one.chosen]
    return ", ".join(dict.fromkeys(counts)) or "-"


def markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown; the first row is its head."""
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return [lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table for the screen."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
