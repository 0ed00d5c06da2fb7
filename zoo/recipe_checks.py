"""What a chain may say: its keys, its stages' parents and labels, and what `--set` may change."""

from collections.abc import Iterable, Mapping
from typing import Any

from zoo import reading, recipe_labels
from zoo.reading import Mistake, Source
from zoo.recipe_chain import Stage


def check_key(source: Source, key: tuple[str, ...], known: Iterable[str], what: str) -> None:
    """The last of these nested keys must be known.

    Args:
        source: the chain's file.
        key: keys from the outermost to the one in question.
        known: what it may be.
        what: it is a key of.

    Raises:
        Mistake: with the place in the file, near names and all that are known.
    """
    if key[-1] not in known:
        hint = reading.near(key[-1], known, "did you mean")
        raise Mistake(
            f"{'.'.join(key)}: {what} has no key {key[-1]!r}{hint}\n  in {source.where(key)}\n"
            f"  it has: {', '.join(known)}"
        )


def check_uses(source: Source, stages: tuple[Stage, ...]) -> None:
    """Every parent must be an earlier stage.

    Raises:
        Mistake: with the place in the file and near names.
    """
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


def check_labels(source: Source, stages: tuple[Stage, ...]) -> None:
    """Every label must matter, its parents' matrices counted; see `recipe_labels.check_used`.

    Raises:
        Mistake: with the nearest key of a recipe.
    """
    matrices = {stage.name: stage.matrix for stage in stages}
    for stage in stages:
        inherited = [w for name in stage.uses.values() for k in matrices[name] for w in k.split()]
        recipe_labels.check_used(
            source, stage.name, stage.recipes, stage.matrix, stage.each, inherited
        )


def assigned(source: Source, sets: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Keys and values that `--set` gives to each stage.

    Args:
        source: the chain's file.
        sets: `stage.key=value` or `*.key=value` each; a later one wins.

    Raises:
        Mistake: another form, no such stage, or a label that no stage has.
    """
    stages = source.content["stages"]
    extra: dict[str, dict[str, Any]] = {name: {} for name in stages}
    for word in sets:
        name, key, item = _assignment(word, list(stages))
        for each in _meant(source, name, key):
            extra[each][key] = item
    return extra


def _assignment(word: str, stages: list[str]) -> tuple[str, str, Any]:
    key, equals, item = word.partition("=")
    name, dot, rest = key.partition(".")
    if not equals or not dot:
        raise Mistake(f"--set {word}: write STAGE.key=value")
    if name != "*" and name not in stages:
        hint = reading.near(name, stages, "did you mean")
        raise Mistake(f"--set {word}: no stage {name!r}{hint}; there are {', '.join(stages)}")
    return name, rest, reading.value(item)


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
