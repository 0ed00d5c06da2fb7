"""What a chain is made of: stages, their runs, and where the results lie."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import zoo
from zoo import reading, recipe_labels, shelf
from zoo.reading import Mistake
from zoo.recipe_names import digest, sha_of, text, variant

Point = dict[str, Any]
START = "model.init_from"


@dataclass(frozen=True)
class Select:
    """Keep the best run of each group of runs that differ in `over` alone."""

    over: tuple[str, ...]
    by: str = "validation/relative_l2"
    mode: Literal["min", "max"] = "min"


@dataclass(frozen=True)
class Stage:
    """One stage: recipes merged, keys set over them, parents, a sweep, a selection.

    Names of recipes may hold `{label}`; `files` gives those of one point.
    """

    name: str
    recipes: tuple[Path, ...]
    set: Mapping[str, Any] = field(default_factory=dict)
    uses: Mapping[str, str] = field(default_factory=dict)
    matrix: Mapping[str, list[Any]] = field(default_factory=dict)
    select: Select | None = None
    command: Literal["fit", "validate", "test"] = "fit"
    test: bool = False
    each: Mapping[str, Mapping[Any, Mapping[str, Any]]] = field(default_factory=dict)

    def files(self, point: Point) -> tuple[Path, ...]:
        """The recipes of one point of the matrix."""
        return tuple(recipe_labels.filled(path, point) for path in self.recipes)

    def kinds(self) -> list[Point]:
        """A point of the matrix for each combination of labels: their recipes may differ."""
        found: dict[str, Point] = {}
        for point in self.points():
            found.setdefault(json.dumps(recipe_labels.labels(point)), point)
        return list(found.values())

    def points(self) -> list[Point]:
        """Every combination of the matrix, the last key fastest."""
        values = itertools.product(*self.matrix.values())
        return [dict(zip(self.matrix, value, strict=True)) for value in values]

    @cached_property
    def groups(self) -> list[tuple[Point, list[Point]]]:
        """What remains of the matrix after the selection, and the runs that compete there."""
        over = self.select.over if self.select else ()
        found: dict[str, tuple[Point, list[Point]]] = {}
        for point in self.points():
            rest = {key: item for key, item in point.items() if key not in over}
            found.setdefault(json.dumps(rest, sort_keys=True), (rest, []))[1].append(point)
        return list(found.values())


@dataclass(frozen=True)
class Run:
    """One `zoo` command of a stage, and the folder it works in."""

    stage: Stage
    point: Point
    folder: Path
    parents: Mapping[str, Path]

    @property
    def title(self) -> str:
        """Stage and variant, for a line on the screen."""
        return f"{self.stage.name}  {variant(self.point)}".rstrip()

    @property
    def recipes(self) -> tuple[Path, ...]:
        """The recipes, from left to right."""
        return self.stage.files(self.point)

    def keys(self) -> dict[str, Any]:
        """Keys that the stage and the matrix set; a matrix key may name several, with spaces."""
        told = {k: v for key, v in self.point.items() for k in key.split()}
        matrix = {key: item for key, item in told.items() if not recipe_labels.is_label(key)}
        return {**self.stage.set, **recipe_labels.chosen(self.stage.each, self.point), **matrix}

    def options(self) -> dict[str, Any]:
        """Keys that the run sets over its recipes, parents last."""
        return {**self.keys(), **{key: str(f / "release") for key, f in self.parents.items()}}

    def argv(self) -> list[str]:
        """The command's arguments, which also work by hand."""
        words = [self.stage.command]
        for recipe in self.recipes:
            words += ["-c", str(recipe)]
        for key, item in self.options().items():
            words += [f"--{key}", text(item)]
        return [*words, "--trainer.default_root_dir", str(self.folder)]

    def tree(self) -> dict[str, Any]:
        """The merged recipe with everything set but the parents."""
        tree: dict[str, Any] = {}
        for recipe in self.recipes:
            tree = reading.merge(tree, reading.read(recipe).content)
        for key, item in self.keys().items():
            reading.put(tree, key, item)
        return tree

    def spec(self) -> str:
        """The hash by which a finished run is known: recipe, parents' sha256, zoo's version.

        A parent is an earlier stage's release, or a shipped one that the recipe names.
        """
        shas = {key: sha_of(folder / "release") for key, folder in self.parents.items()}
        tree, shipped = self.tree(), shelf.checkpoints()
        for key, name in reading.starts(tree):
            replaced = any(f"{key}.".startswith(f"{other}.") for other in self.parents)
            if name in shipped and (key == START or not replaced):
                shas["init_from" if key == START else key] = sha_of(shipped[name])
        return digest([zoo.__version__, self.stage.command, tree, shas])


@dataclass(frozen=True)
class Chain:
    """Stages in order, where they run, and what reports on them."""

    name: str
    path: Path
    stages: tuple[Stage, ...]
    folder: Path
    report: Mapping[str, Any] | list[Mapping[str, Any]] | None = None
    sets: tuple[str, ...] = ()

    def stage(self, name: str) -> Stage:
        """The stage of this name; a Mistake with near names without one."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = [stage.name for stage in self.stages]
        raise Mistake(
            f"no stage {name!r}{reading.near(name, names, 'did you mean')}; there are {names}"
        )

    @cached_property
    def _known(self) -> dict[str, list[Run]]:
        """Runs by stage: a sweep has thousands, and they are asked for again and again."""
        return {}

    @cached_property
    def _fitting(self) -> dict[tuple[str, str], list[Point]]:
        """Results of a stage by what a run and they have in common."""
        return {}

    def runs(self, stage: Stage) -> list[Run]:
        """The commands of a stage."""
        if stage.name not in self._known:
            self._known[stage.name] = [
                Run(stage, p, self.place(stage, p), self._parents(stage, p)) for p in stage.points()
            ]
        return self._known[stage.name]

    def place(self, stage: Stage, point: Point) -> Path:
        """Where a variant works."""
        return self.folder / stage.name / variant(point)

    def outcome(self, stage: Stage, rest: Point) -> Path:
        """Where the result of a variant lies: the selected copy where there is a selection."""
        if stage.select is None:
            return self.place(stage, rest)
        return self.folder / stage.name / "selected" / variant(rest)

    def _parents(self, stage: Stage, point: Point) -> dict[str, Path]:
        found = {}
        mine = {word: item for key, item in point.items() for word in key.split()}
        for key, name in stage.uses.items():
            parent = self.stage(name)
            words = {word for rest, _ in parent.groups[:1] for k in rest for word in k.split()}
            case = (name, repr([(word, mine[word]) for word in sorted(words & set(mine))]))
            if case not in self._fitting:
                self._fitting[case] = [
                    rest
                    for rest, _ in parent.groups
                    if all(mine.get(w, item) == item for k, item in rest.items() for w in k.split())
                ]
            fitting = self._fitting[case]
            if len(fitting) != 1:
                raise Mistake(
                    f"{stage.name}.uses.{key}: {len(fitting)} results of {name!r} fit "
                    f"{variant(point) or 'it'}; select one, or give both the same matrix key"
                )
            found[key] = self.outcome(parent, fitting[0])
        return found
