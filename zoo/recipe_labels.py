"""Labels of a chain: matrix keys that name a variant and set no key of the recipe by themselves.

A word of a matrix key without a dot that is no key of a recipe, such as `strategy`, is a label.
It stands for itself in the names of recipes, `strategies/{strategy}.yaml`, and picks from `each`:

each:
  strategy:
    binary: {trainer.max_steps: 400}      # laid over `set`; values that are not told set nothing
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo import reading
from zoo.reading import Mistake, Source

KEYS = ("seed_everything", "model", "data", "trainer", "ckpt_path", "save_seconds")
PLACE = re.compile(r"\{([^{}]*)\}")


def is_label(word: str) -> bool:
    """Whether a word of a matrix key is a label, not a key of the recipe."""
    return word.isidentifier() and word not in KEYS


def labels(point: Mapping[str, Any]) -> dict[str, Any]:
    """The labels among the keys of a matrix or of one of its points, with what they hold."""
    return {word: v for key, v in point.items() for word in key.split() if is_label(word)}


def filled(path: Path, point: Mapping[str, Any]) -> Path:
    """A recipe's path with `{label}` replaced by the value at this point."""
    named = labels(point)
    return Path(PLACE.sub(lambda found: str(named.get(found[1], found[0])), str(path)))


def chosen(each: Mapping[str, Mapping[Any, Any]], point: Mapping[str, Any]) -> dict[str, Any]:
    """Keys that `each` sets for the labels of this point."""
    named = labels(point)
    keys: dict[str, Any] = {}
    for label, tables in each.items():
        keys.update(tables.get(named[label], {}))
    return keys


def check(
    source: Source, name: str, item: Mapping[str, Any], matrix: Mapping[str, list[Any]]
) -> None:
    """Placeholders, `each` and the values of labels, before files are looked for.

    Raises:
        Mistake: a placeholder or a key of `each` is no label, or a value cannot name a file.
    """
    known = labels(matrix)
    place = source.where(("stages", name, "recipe"))
    told = f"it has labels: {', '.join(known) or 'none'}"
    for one in item["recipe"] if isinstance(item["recipe"], list) else [item["recipe"]]:
        for word in PLACE.findall(str(one)):
            if word not in known:
                hint = reading.near(word, known, "did you mean")
                say = f"stages.{name}.recipe: {{{word}}} is no label of the matrix{hint}"
                raise Mistake(f"{say}\n  in {place}\n  {told}")
    for label, values in known.items():
        for value in values:
            if not isinstance(value, str | int | float) or isinstance(value, bool):
                where = source.where(("stages", name, "matrix"))
                say = f"stages.{name}.matrix.{label}: a label's value is a word or a number"
                raise Mistake(f"{say}, got {value!r}\n  in {where}")
    _check_each(source, name, item.get("each") or {}, known)


def _check_each(source: Source, name: str, each: Any, known: Mapping[str, Any]) -> None:
    place = source.where(("stages", name, "each"))
    for label, tables in each.items():
        if label not in known:
            hint = reading.near(str(label), known, "did you mean")
            say = f"stages.{name}.each: {label!r} is no label of the matrix{hint}"
            raise Mistake(f"{say}\n  in {place}\n  it has labels: {', '.join(known) or 'none'}")
        for value, keys in tables.items():
            if value not in known[label] or not isinstance(keys, Mapping):
                hint = reading.near(str(value), map(str, known[label]), "did you mean")
                say = f"stages.{name}.each.{label}: {value!r} needs to be a value of {label}{hint}"
                raise Mistake(f"{say}\n  in {place}\n  and to hold keys of the recipe")


def check_used(
    source: Source,
    name: str,
    recipes: Iterable[Path],
    matrix: Mapping[str, Any],
    each: Mapping[str, Any],
    inherited: Iterable[str],
) -> None:
    """Every label must matter: to a recipe's name, to `each`, or to the choice of a parent.

    Raises:
        Mistake: with the nearest key of a recipe, since a misspelt one looks like a label.
    """
    used = {*each, *inherited, *(w for path in recipes for w in PLACE.findall(str(path)))}
    for label in labels(matrix):
        if label not in used:
            hint = reading.near(label, KEYS, "did you mean")
            raise Mistake(
                f"stages.{name}.matrix: {label!r} is no key of a recipe, and no recipe, `each` or "
                f"parent uses it as a label{hint}\n  in {source.where(('stages', name, 'matrix'))}"
            )


def narrowed(
    matrix: Mapping[str, list[Any]], extra: Mapping[str, Any]
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """The matrix with labels cut down to the values that `--set` names, and the keys that remain.

    A key of the recipe that is set leaves the matrix; a label stays, with one value or a list.
    """
    words = labels(matrix)
    left = {}
    for key, values in matrix.items():
        told = [extra[word] for word in key.split() if word in words and word in extra]
        if told:
            left[key] = told[0] if isinstance(told[0], list) else told
        elif key not in extra:
            left[key] = values
    return left, {key: item for key, item in extra.items() if key not in words}
