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

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo import reading, recipe_labels
from zoo.reading import Mistake, Source
from zoo.recipe_chain import Chain, Point, Run, Select, Stage
from zoo.recipe_checks import assigned, check_key, check_labels, check_uses
from zoo.recipe_names import digest, sha_of, text, variant

__all__ = [
    "Chain",
    "Point",
    "Run",
    "Select",
    "Stage",
    "digest",
    "read",
    "sha_of",
    "text",
    "variant",
]

RUNS = Path("runs")
STAGE = ("recipe", "set", "uses", "matrix", "select", "command", "test", "each")
TOP = ("stages", "report")


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
        check_key(source, (key,), TOP, "a chain")
    sets = list(sets)
    extra = assigned(source, sets)
    base = Path(path).parent
    made = tuple(_stage(source, base, name, item, extra[name]) for name, item in stages.items())
    check_uses(source, made)
    check_labels(source, made)
    report = source.content.get("report")
    folder = Path(out) if out is not None else RUNS / Path(path).stem
    return Chain(Path(path).stem, _relative(Path(path)), made, folder, report, tuple(sets))


def _stage(source: Source, base: Path, name: str, item: Any, extra: Mapping[str, Any]) -> Stage:
    key = ("stages", name)
    if not isinstance(item, Mapping) or "recipe" not in item:
        raise Mistake(f"stages.{name}: a stage needs a recipe\n  in {source.where(key)}")
    for one in item:
        check_key(source, (*key, one), STAGE, "a stage")
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
        check_key(source, ("stages", name, "select", one), ("over", "by", "mode"), "select")
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


def _relative(path: Path) -> Path:
    here = Path.cwd()
    whole = path.resolve()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole
