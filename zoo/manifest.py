"""What stands in a release's JSON files, config.json and metrics.json: read, checked, written.

Nothing here imports torch, so that listing costs nothing.
"""

import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo import shelf
from zoo.shelf import ReleaseError

FORMAT = 2
WEIGHTS = "model.safetensors"
PROBE = "probe.safetensors"
CONFIG = ("format", "zoo_version", "model", "sha256", "lineage", "about")
TRAINED = "training_inputs"
"""Key of config.json: what the training's inputs were like, as `zoo.trust` writes it; None where
that is not known: of formats before 2, and of models that take no fields."""
ABOUT = (
    *("name", "equations", "architecture", "dimension", "objective"),
    *("licence", "citation", "ranges", "summary"),
)
FIGURE = (
    *("name", "value", "unit", "tolerance", "n", "seeds", "spread", "baseline", "trivial"),
    *("data", "metric", "seconds", "remeasure"),
)
"""Keys of a figure. `spread` is the greatest value minus the least over `seeds`, `baseline` the
same training from scratch, `trivial` the best predictor that learns nothing, `tolerance` the
absolute change that `verify` allows. Names are `<split>/<system>/<title>`,
`few_shot/<examples>/<title>`, `resolution/<grid>/<title>` or `shift/<ranges>/<title>`."""
OPTIONAL = ("baseline_spread", "trivials")
"""Keys of some figures. `trivials` holds what each predictor scores that learns nothing, by name;
`trivial` is the best of them."""
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda config: {**config, TRAINED: None},
}
"""From the format of a key to the next; applied in turn, so that older releases stay readable.
`format` stays what stands in the file."""


def describe(folder: str | Path) -> dict[str, Any]:
    """The config.json of a release as a dictionary in today's format, without torch.

    Raises:
        ReleaseError: it is missing, damaged, has unknown keys, or was written by a newer zoo.
    """
    path = Path(folder) / "config.json"
    config = read_json(path, dict)
    number = config.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ReleaseError(f"{path}: format={number!r} is no format number; it is no release")
    if number > FORMAT:
        raise ReleaseError(
            f"{path}: format={number} was written by a newer zoo ({config.get('zoo_version')}); "
            f"this one reads up to {FORMAT}: pip install --upgrade physics-zoo"
        )
    for step in range(number, FORMAT):
        config = UPGRADES[step](config)
    refuse_unknown(config, (*CONFIG, TRAINED), str(path))
    if not isinstance(config.setdefault(TRAINED, None), dict | None):
        raise ReleaseError(f"{path}: {TRAINED}={config[TRAINED]!r} must be a dict or null")
    for key, kind in zip(CONFIG, (int, str, dict, str, list, dict), strict=True):
        if not isinstance(config.get(key), kind):
            raise ReleaseError(
                f"{path}: {key}={config.get(key)!r} must be a {kind.__name__}; fetch it again"
            )
    for entry in config["lineage"]:
        parent(entry)
    return config


def write(folder: Path, config: Mapping[str, Any]) -> None:
    """Write a release's config.json, in today's format."""
    write_json(folder / "config.json", {**config, "format": FORMAT})


def figures(folder: str | Path) -> list[dict[str, Any]]:
    """The measured figures of a release: its metrics.json.

    Raises:
        ReleaseError: it is missing or damaged.
    """
    path = Path(folder) / "metrics.json"
    return [figure(entry) for entry in read_json(path, list)]


def figure(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One figure with all its keys and plain numbers.

    Raises:
        ReleaseError: a key is unknown, or name or value are missing or not finite.
    """
    if not isinstance(entry, Mapping):
        raise ReleaseError(f"a figure is a mapping of {FIGURE}, not {entry!r}")
    refuse_unknown(entry, (*FIGURE, *OPTIONAL), "metrics")
    given = plain(entry, f"figure {entry.get('name')!r}")
    for key in ("name", "value"):
        if given.get(key) is None:
            raise ReleaseError(f"figure {given} has no {key!r}; measure it first")
    if given.get("remeasure") and not (given.get("data") and given.get("metric")):
        raise ReleaseError(f"figure {given['name']!r} has remeasure but no data and metric block")
    more = {key: given[key] for key in OPTIONAL if given.get(key) is not None}
    return {key: given.get(key) for key in FIGURE} | more


def merged(
    old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Figures of both, the new ones in place of old ones of the same name."""
    both = {entry["name"]: figure(entry) for entry in old}
    return list((both | {entry["name"]: figure(entry) for entry in new}).values())


def parent(entry: Mapping[str, Any]) -> dict[str, str]:
    """One step of a lineage: stage, name and sha256.

    Raises:
        ReleaseError: it holds anything else.
    """
    if not isinstance(entry, Mapping) or set(entry) != {"stage", "name", "sha256"}:
        raise ReleaseError(f"lineage entry {entry} must hold stage, name and sha256 alone")
    return {key: str(entry[key]) for key in ("stage", "name", "sha256")}


def told(about: Mapping[str, Any]) -> dict[str, Any]:
    """What the card says beyond figures, with all its keys.

    Raises:
        ReleaseError: a key is unknown, or a value is not plain.
    """
    refuse_unknown(about, ABOUT, "about")
    empty = {"equations": [], "dimension": 0, "ranges": {}, "licence": "Apache-2.0"}
    given = {key: value for key, value in about.items() if value is not None}
    return {key: "" for key in ABOUT} | empty | plain(given, "about")


def plain(value: Any, where: str) -> Any:
    """Plain JSON types; a number of numpy or torch becomes a float or an int.

    Raises:
        ReleaseError: JSON cannot hold it, or it is not finite.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, where) for item in value]
    if callable(getattr(value, "item", None)):
        value = value.item()
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ReleaseError(f"{where} is a {type(value).__name__}; JSON holds plain types only")
    if isinstance(value, float) and not math.isfinite(value):
        raise ReleaseError(f"{where}={value} is not finite; such a figure is not released")
    return value


def refuse_unknown(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse a key that is not known, and name the nearest one.

    Raises:
        ReleaseError: there is such a key.
    """
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {list(known)}"
            raise ReleaseError(f"{where}: unknown key {key!r}; {hint}")


def write_json(path: Path, value: Any) -> None:
    """Write JSON at once, in a form that git shows line by line."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    with shelf.atomic_write(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, kind: type) -> Any:
    """A JSON file that holds a `kind`.

    Raises:
        ReleaseError: it is missing, no JSON, or holds something else.
    """
    if not path.is_file():
        raise ReleaseError(f"{path} is missing; {path.parent} is no whole release: fetch it again")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{path} is no JSON ({error}); fetch the release again") from error
    if not isinstance(value, kind):
        raise ReleaseError(f"{path} holds a {type(value).__name__}, not a {kind.__name__}")
    return value


def tensors(path: str | Path) -> dict[str, dict[str, Any]]:
    """Name, dtype and shape of each tensor in a safetensors file, from its head alone.

    Raises:
        ReleaseError: the file is missing or cut.
    """
    path = Path(path)
    if not path.is_file():
        raise ReleaseError(f"{path} is missing; fetch or save the release again")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        head = file.read(length) if 8 + length <= size else b""
    try:
        found = json.loads(head)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(
            f"{path} is {size} bytes and no whole safetensors file; fetch the release again"
        ) from error
    return {name: one for name, one in found.items() if name != "__metadata__"}


def parameters(folder: str | Path) -> int:
    """The count of trained numbers in a release, read from the head of its weights file."""
    sizes = tensors(Path(folder) / WEIGHTS)
    return sum(
        math.prod(one["shape"]) for name, one in sizes.items() if not name.startswith("normaliser.")
    )
