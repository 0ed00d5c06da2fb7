"""Fine-tuned releases beside training from scratch at the same budget, on their own cards."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.reading import Mistake
from zoo.report.tables import aligned, by_stage, demand
from zoo.stages import Result


class Beside:
    """Puts the error of training from scratch into the test figures of fine-tuned releases.

    A run from scratch belongs to a fine-tuned one if all its matrix keys but the seed are equal;
    the baseline is the mean over its seeds.

    Args:
        tuned: the stage whose releases get the baseline.
        scratch: the stage of equal budget from random weights; both were tested.
        figure: what is shown on the screen.
    """

    def __init__(self, tuned: str, scratch: str, *, figure: str = "test/relative_l2") -> None:
        self.tuned, self.scratch, self.figure = tuned, scratch, figure

    def write(self, results: Sequence[Result], folder: Path) -> str:
        """Add the baselines; the text for the screen."""
        from zoo import release

        named = by_stage(results)
        for name in (self.tuned, self.scratch):
            demand(named, name)
        rows = [["run", "fine-tuned", "from scratch"]]
        for one in named[self.tuned]:
            same = self._same(one, named[self.scratch])
            entries = []
            for entry in release.figures(one.release):
                base = [other.figure(entry["name"]) for other in same]
                if entry["name"].startswith("test/"):
                    entries.append({**entry, "baseline": statistics.mean(base)})
            release.add_figures(one.release, entries)
            base = statistics.mean(other.figure(self.figure) for other in same)
            told = ", ".join(f"{key}={item}" for key, item in one.point.items())
            rows.append([told, f"{one.figure(self.figure):.4g}", f"{base:.4g}"])
        return "\n".join(aligned(rows))

    def _same(self, one: Result, scratch: Sequence[Result]) -> list[Result]:
        mine = _words(one)
        found = [
            other
            for other in scratch
            if all(mine.get(key) == item for key, item in _words(other).items())
        ]
        if not found:
            raise Mistake(
                f"report: no run of {self.scratch!r} has the keys of {one.point}; give both stages "
                "the same matrix keys beside the strategy and the seed"
            )
        return found


def _words(one: Result) -> dict[str, Any]:
    """Matrix keys without the seeds."""
    words = {word: item for key, item in one.point.items() for word in key.split()}
    return {
        key: item for key, item in words.items() if not key.endswith(("seed", "seed_everything"))
    }
