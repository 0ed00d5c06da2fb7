"""Results of cells as JSON lines, the last one of a cell counting; no torch."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

Result = dict[str, Any]


class Key(NamedTuple):
    """A cell; seconds are zero where a step alone is measured."""

    problem: str
    dimension: int
    jet: str
    seconds: float = 0.0


class Store:
    """Results by cell, kept in a file that grows by a line each.

    Args:
        path: of the file; it need not be there.
        known: how cells are trained, as `highdim_cell` prints it: results of other settings, and
            failures, are left alone.
    """

    def __init__(self, path: Path, known: dict[str, Any]) -> None:
        self.path, self.known = path, known
        self._found: dict[Key, Result] = {}
        for line in path.read_text().splitlines() if path.is_file() else ():
            self._keep(json.loads(line))

    def _keep(self, result: Result) -> None:
        key = Key(*(result[name] for name in Key._fields))
        if result.get("settings") == self.settings(key):
            self._found[key] = result

    def settings(self, key: Key) -> str | None:
        """How a cell is trained; None for what is not trained."""
        by_size = self.known["settings"].get(key.problem, {})
        return by_size.get(str(key.dimension), {}).get(key.jet)

    def add(self, key: Key, result: Result) -> None:
        """Keep a result, in the file too."""
        line = {**key._asdict(), **result}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self._keep(line)

    def find(self, key: Key) -> Result | None:
        """The result of a cell; of a step alone, the fastest of all measured."""
        if key.seconds or self.settings(key) is None:
            return self._found.get(key)
        same = [one for k, one in self._found.items() if k[:3] == key[:3] and "ms" in one]
        return min(same, key=lambda one: one["ms"], default=None)

    def trainings(self, problem: str, dimension: int, jet: str) -> dict[float, Result]:
        """Results of one jet by the seconds that it was given, where they were validated."""
        return {
            key.seconds: one
            for key, one in sorted(self._found.items())
            if key[:3] == (problem, dimension, jet) and "validation" in one
        }

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """The cells that have no result."""
        return [key for key in dict.fromkeys(keys) if self.find(key) is None]

    def results(self) -> list[Result]:
        """All of them."""
        return list(self._found.values())

    def titles(self, jet: str) -> str:
        """What a jet is called in tables."""
        return {**self.known["jets"], **self.known["otherwise"]}[jet]
