"""A chain: stages of plain recipes, their parents, sweeps and selections, as `zoo run` takes it.

stages:
  pretrain:
    recipe: poisson.yaml                  # beside the chain; a list is merged from left to right
    test: true                            # measure the release on test data as well
  zero:
    recipe: few.yaml
    command: test                         # fit if left out
    uses: {model.init_from: pretrain}     # an earlier stage's release
  tuned:
    recipe: few.yaml
    set: {trainer.max_steps: 300}
    uses: {model.init_from: pretrain}
    matrix:                               # every combination is a run
      data.init_args.sets.0.init_args.limit: [8, 16]
      model.optimizer.init_args.lr: [1.0e-3, 3.0e-4]
      seed_everything data.init_args.seed: [0, 1]     # two keys, one value
    select:                               # the best of each group; it alone is tested
      over: [model.optimizer.init_args.lr]
      by: validation/relative_l2
  tasks:
    recipe: [net.yaml, "tasks/{strategy}.yaml"]       # labels: see zoo.recipe_labels
    matrix: {strategy: [binary, jigsaw], seed_everything: [0, 1]}
report: {class_path: zoo.report.FewShot, init_args: {...}}
"""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import zoo
from zoo import reading, recipe_labels, shelf
from zoo.reading import Mistake, Source

RUNS = Path("runs")
STAGE = ("recipe", "set", "uses", "matrix", "select", "command", "test", "each")
TOP = ("stages", "report")
Point = dict[str, Any]


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
        """The hash by which a finished run is known: recipe, parents' sha256, zoo's version."""
        shas = {key: sha_of(folder / "release") for key, folder in self.parents.items()}
        tree = self.tree()
        start = (tree.get("model") or {}).get("init_from")
        if isinstance(start, str) and start in shelf.checkpoints():
            shas["init_from"] = sha_of(shelf.checkpoints()[start])
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

    def runs(self, stage: Stage) -> list[Run]:
        """The commands of a stage."""
        return [
            Run(stage, p, self.place(stage, p), self._parents(stage, p)) for p in stage.points()
        ]

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
            fitting = [
                rest
                for rest, _ in parent.groups
                if all(mine.get(w, item) == item for k, item in rest.items() for w in k.split())
            ]
            if len(fitting) != 1:
                raise Mistake(
                    f"{stage.name}.uses.{key}: {len(fitting)} results of {name!r} fit "
                    f"{variant(point) or 'it'}; select one, or give both the same matrix key"
                )
            found[key] = self.outcome(parent, fitting[0])
        return found


def read(path: str | Path, out: str | Path | None = None, sets: Iterable[str] = ()) -> Chain:
    """Read a chain.

    Args:
        path: the chain's YAML.
        out: the folder of its runs; runs/<name> if None.
        sets: `stage.key=value` (or `*.key=value`) over what the chain says.

    Raises:
        Mistake: with the key, the file, the line, and near names.
    """
    source = reading.read(path)
    stages = source.content.get("stages")
    if not isinstance(stages, Mapping) or not stages:
        raise Mistake(
            f"{source.name} has no stages; a single recipe is run with: zoo fit -c {path}"
        )
    for key in source.content:
        _known(source, (key,), TOP, "a chain")
    sets = list(sets)
    extra: dict[str, dict[str, Any]] = {name: {} for name in stages}
    for word in sets:
        name, key, item = _assignment(word, list(stages))
        for each in _meant(source, name, key):
            extra[each][key] = item
    base = Path(path).parent
    made = tuple(_stage(source, base, name, item, extra[name]) for name, item in stages.items())
    _check_uses(source, made)
    _check_labels(source, made)
    report = source.content.get("report")
    folder = Path(out) if out is not None else RUNS / Path(path).stem
    return Chain(Path(path).stem, _relative(Path(path)), made, folder, report, tuple(sets))


def _stage(source: Source, base: Path, name: str, item: Any, extra: Mapping[str, Any]) -> Stage:
    key = ("stages", name)
    if not isinstance(item, Mapping) or "recipe" not in item:
        raise Mistake(f"stages.{name}: a stage needs a recipe\n  in {source.where(key)}")
    for one in item:
        _known(source, (*key, one), STAGE, "a stage")
    named = item["recipe"] if isinstance(item["recipe"], list) else [item["recipe"]]
    recipes = tuple(_relative(base / one) for one in named)
    matrix = item.get("matrix") or {}
    for one, values in matrix.items():
        if not isinstance(values, list) or not values:
            raise Mistake(f"stages.{name}.matrix.{one}: a list of values\n  in {source.where(key)}")
    recipe_labels.check(source, name, item, matrix)
    matrix, extra = recipe_labels.narrowed(matrix, extra)
    select = _select(source, name, item.get("select"), matrix, extra)
    command = item.get("command", "fit")
    if command not in ("fit", "validate", "test"):
        raise Mistake(f"stages.{name}.command: {command!r} is none of fit, validate, test")
    stage = Stage(
        name,
        recipes,
        {**(item.get("set") or {}), **extra},
        item.get("uses") or {},
        matrix,
        select,
        command,
        bool(item.get("test", select is not None)) and command == "fit",
        item.get("each") or {},
    )
    for recipe in dict.fromkeys(path for point in stage.kinds() for path in stage.files(point)):
        if not recipe.is_file():
            hint = reading.near(recipe.name, reading.siblings(recipe), "did you mean")
            raise Mistake(f"stages.{name}.recipe: no file {recipe}{hint}\n  in {source.where(key)}")
    return stage


def _select(
    source: Source, name: str, item: Any, matrix: Mapping[str, Any], extra: Mapping[str, Any]
) -> Select | None:
    if item is None:
        return None
    for one in item:
        _known(source, ("stages", name, "select", one), ("over", "by", "mode"), "select")
    over = tuple(key for key in item.get("over", ()) if key not in extra)
    for key in over:
        if key not in matrix:
            hint = reading.near(key, matrix, "did you mean")
            place = source.where(("stages", name, "select"))
            raise Mistake(
                f"stages.{name}.select.over: {key!r} is not in the matrix{hint}\n  in {place}"
            )
    if item.get("mode", "min") not in ("min", "max"):
        raise Mistake(f"stages.{name}.select.mode: {item['mode']!r} is neither min nor max")
    by = str(item.get("by", "validation/relative_l2"))
    if by.startswith("test/"):
        raise Mistake(
            f"stages.{name}.select.by: {by!r} would choose on test data; use validation/...\n"
            f"  in {source.where(('stages', name, 'select', 'by'))}"
        )
    return Select(over, by, item.get("mode", "min"))


def _check_uses(source: Source, stages: tuple[Stage, ...]) -> None:
    earlier: list[str] = []
    for stage in stages:
        for key, name in stage.uses.items():
            if name not in earlier:
                hint = reading.near(str(name), earlier, "did you mean")
                place = source.where(("stages", stage.name, "uses", key))
                raise Mistake(
                    f"stages.{stage.name}.uses.{key}: no earlier stage {name!r}{hint}\n  in {place}"
                )
        earlier.append(stage.name)


def _check_labels(source: Source, stages: tuple[Stage, ...]) -> None:
    matrices = {stage.name: stage.matrix for stage in stages}
    for stage in stages:
        inherited = [w for name in stage.uses.values() for k in matrices[name] for w in k.split()]
        recipe_labels.check_used(
            source, stage.name, stage.recipes, stage.matrix, stage.each, inherited
        )


def _meant(source: Source, name: str, key: str) -> list[str]:
    """The stages that an assignment `name.key=value` goes to; a label only where there is one."""
    stages = source.content["stages"]
    named = list(stages) if name == "*" else [name]
    if not recipe_labels.is_label(key):
        return named
    blocks = {one: stages[one] for one in named if isinstance(stages[one], Mapping)}
    matrices = {one: block.get("matrix") or {} for one, block in blocks.items()}
    found = [one for one, matrix in matrices.items() if key in recipe_labels.labels(matrix)]
    if not found:
        known = {*recipe_labels.KEYS, *(w for m in matrices.values() for w in m)}
        hint = reading.near(key, sorted(known), "did you mean")
        raise Mistake(f"--set {name}.{key}: neither a key of a recipe nor a label{hint}")
    return found


def _known(source: Source, key: tuple[str, ...], known: Iterable[str], what: str) -> None:
    if key[-1] not in known:
        hint = reading.near(key[-1], known, "did you mean")
        raise Mistake(
            f"{'.'.join(key)}: {what} has no key {key[-1]!r}{hint}\n  in {source.where(key)}\n"
            f"  it has: {', '.join(known)}"
        )


def _assignment(word: str, stages: list[str]) -> tuple[str, str, Any]:
    key, equals, item = word.partition("=")
    name, dot, rest = key.partition(".")
    if not equals or not dot:
        raise Mistake(f"--set {word}: write STAGE.key=value")
    if name != "*" and name not in stages:
        hint = reading.near(name, stages, "did you mean")
        raise Mistake(f"--set {word}: no stage {name!r}{hint}; there are {', '.join(stages)}")
    return name, rest, reading.value(item)


def _relative(path: Path) -> Path:
    here = Path.cwd()
    whole = path.resolve()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def variant(point: Mapping[str, Any]) -> str:
    """A folder's name for a point of a matrix: `limit=8,lr=0.001,seed_everything=0`."""
    short = {key: key.split()[0].rpartition(".")[2] for key in point}
    doubled = [name for name in short.values() if list(short.values()).count(name) > 1]
    names = {
        key: key.split()[0].replace(".", "_") if name in doubled else name
        for key, name in short.items()
    }
    parts = []
    for key, item in point.items():
        told = text(item)
        plain = "".join(c if c.isalnum() or c in ".-_+@" else "_" for c in told)
        parts.append(f"{names[key]}={plain if len(plain) <= 40 else digest(item)[:12]}")
    return ",".join(parts)


def text(item: Any) -> str:
    """A value as one word of a command line."""
    return item if isinstance(item, str) else json.dumps(item)


def digest(item: Any) -> str:
    """sha256 of plain data."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, default=str).encode()).hexdigest()


def sha_of(release: Path) -> str | None:
    """The sha256 of a release's weights as it states it; None without one."""
    config = release / "config.json"
    return json.loads(config.read_text())["sha256"] if config.is_file() else None
