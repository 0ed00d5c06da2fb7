"""A released folder: save it, find it, load it, list what is shipped.

This module imports no torch, so that listing costs nothing; what needs it is imported when called.
"""

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import zoo
from zoo import shelf
from zoo.shelf import ReleaseError, Verify

if TYPE_CHECKING:
    import zoo.models.base

FORMAT = 1
WEIGHTS = "model.safetensors"
PROBE = "probe.safetensors"
CONFIG = ("format", "zoo_version", "model", "sha256", "lineage", "about")
ABOUT = (
    *("name", "equations", "architecture", "dimension", "objective"),
    *("licence", "citation", "ranges", "summary"),
)
METRIC = (
    *("name", "value", "unit", "tolerance", "n", "seeds", "spread", "baseline", "trivial"),
    *("data", "metric", "seconds", "remeasure"),
)
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From the format of a key to the next one; applied in turn, so every older release stays readable."""


@dataclass(frozen=True)
class Listed:
    """One line of `list_models`: what a release is, read from its JSON files alone."""

    name: str
    folder: Path
    architecture: str
    equations: tuple[str, ...]
    dimension: int
    objective: str
    parameters: int
    summary: str
    figures: dict[str, float] = field(default_factory=dict)


def save_pretrained(
    model: "zoo.models.base.Model",
    folder: str | Path,
    *,
    metrics: Iterable[Mapping[str, Any]] = (),
    recipe: Mapping[str, Any] | str | None = None,
    lineage: Sequence[Mapping[str, Any]] = (),
    preview: bytes | None = None,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write a release: config, weights, probe, figures, recipe, picture and card, all at once.

    The probe is taken from the release as read back, so that what is published is what was tried.

    Args:
        model: any model of the zoo; its device and mode stay as they are.
        folder: where to write; a release that lies there is replaced, anything else is refused.
        metrics: measured figures, each a mapping as in `METRIC` (DESIGN, section 4).
        recipe: the training recipe, as text or as a mapping.
        lineage: the releases that this one was started from: stage, name and sha256.
        preview: a PNG picture of a prediction beside the truth.
        about: what the card says beyond the figures: the keys of `ABOUT`.

    Raises:
        ReleaseError: the model or what is told about it cannot be released.
    """
    from zoo import weights
    from zoo.card import card
    from zoo.models.base import block

    folder = Path(folder).resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / "config.json").is_file():
        raise ReleaseError(f"{folder} holds files and is no release; name an empty or new folder")
    figures = [_figure(entry) for entry in metrics]
    told = _about(about or {}, model, folder)
    with shelf.atomic_folder(folder) as part:
        weights.write(model, part / WEIGHTS)
        config = {
            "format": FORMAT,
            "zoo_version": zoo.__version__,
            "model": block(model),
            "sha256": shelf.sha256(part / WEIGHTS),
            "lineage": [_parent(entry) for entry in lineage],
            "about": told,
        }
        weights.write_probe(weights.load(config["model"], part / WEIGHTS), part / PROBE)
        _write_json(part / "config.json", config)
        _write_json(part / "metrics.json", figures)
        if recipe is not None:
            text = recipe if isinstance(recipe, str) else yaml.safe_dump(recipe, sort_keys=False)
            (part / "recipe.yaml").write_text(text)
        if preview is not None:
            (part / "preview.png").write_bytes(preview)
        (part / "README.md").write_text(card(part))
    return folder


def load(
    folder: str | Path,
    *,
    verify: Verify = "stamp",
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    coefficients: Sequence[str] | None = None,
    device: str = "cpu",
) -> "zoo.models.base.Model":
    """The model of a release, in `eval()`, strict on names, shapes and dtypes.

    Args:
        folder: a released folder.
        verify: "stamp" reads the weights' sha256 anew only when the file's stamp has changed,
            "always" reads it each time, "never" trusts the file.
        inputs: names of the input channels wanted, if not the release's own.
        outputs: names of the output channels wanted, if not the release's own.
        coefficients: names of the coefficients wanted, if not the release's own.
        device: where the model goes.

    Raises:
        ReleaseError: the folder is no release, or a faulty one.
    """
    from zoo import surgery, weights

    folder = Path(folder)
    config = describe(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        raise ReleaseError(f"{path} is missing; fetch or save the release again")
    shelf.checked(path, config["sha256"], verify)
    names = {"inputs": inputs, "outputs": outputs, "coefficients": coefficients}
    wanted = {key: tuple(value) for key, value in names.items() if value is not None}
    model = weights.load(config["model"], path)
    return (surgery.adapt(model, **wanted) if wanted else model).to(device)


def from_pretrained(
    x: str | Path,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    coefficients: Sequence[str] | None = None,
    verify: Verify = "stamp",
    device: str = "cpu",
) -> "zoo.models.base.Model":
    """The released model `x`: physical units in, physical units out.

    Args:
        x: a folder, a shipped name, or `owner/name[@revision]` on the Hub, tried in that order.
        revision: branch, tag or commit on the Hub.
        cache_dir: where pulled releases are kept.
        endpoint: another Hub than the public one.
        token: for private and gated repositories.
        inputs: as in `load`.
        outputs: as in `load`.
        coefficients: as in `load`.
        verify: as in `load`.
        device: as in `load`.

    Raises:
        ReleaseError: nothing has that name, or the release is faulty.
    """
    folder = resolve(x, revision=revision, cache_dir=cache_dir, endpoint=endpoint, token=token)
    return load(
        folder,
        verify=verify,
        inputs=inputs,
        outputs=outputs,
        coefficients=coefficients,
        device=device,
    )


def resolve(
    x: str | Path,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    endpoint: str | None = None,
    token: str | None = None,
) -> Path:
    """The folder of a release: a folder, a shipped name, or `owner/name[@revision]`, in that order.

    Raises:
        ReleaseError: nothing has that name; near names are listed.
    """
    text = str(x)
    folder = Path(text).expanduser()
    if (folder / "config.json").is_file():
        return _without_revision(folder, text, revision)
    shipped = shelf.checkpoints()
    if text in shipped:
        return _without_revision(shipped[text], text, revision)
    found = re.fullmatch(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(\S+))?", text)
    if found and not folder.is_dir():
        from zoo import hub

        if revision and found[2] and revision != found[2]:
            raise ReleaseError(f"{text!r} names {found[2]!r}, revision={revision!r}; give one only")
        return hub.pull(
            found[1], revision or found[2], cache_dir=cache_dir, endpoint=endpoint, token=token
        )
    near = difflib.get_close_matches(text.rpartition("/")[2], list(shipped), 3, 0.5)
    hint = f"nearest shipped: {near}" if near else f"shipped: {sorted(shipped)}"
    what = "is a folder without config.json" if folder.is_dir() else "is not known"
    raise ReleaseError(
        f"{text!r} {what}; give a released folder, a shipped name, or owner/name[@revision]; {hint}"
    )


def _without_revision(folder: Path, text: str, revision: str | None) -> Path:
    if revision is not None:
        raise ReleaseError(
            f"revision={revision!r} makes no sense for {text!r}, which lies at {folder}; "
            "revisions belong to owner/name on the Hub"
        )
    return folder


def describe(folder: str | Path) -> dict[str, Any]:
    """The config.json of a release as a dictionary in today's format, without torch.

    Raises:
        ReleaseError: it is missing, damaged, has unknown keys, or was written by a newer zoo.
    """
    path = Path(folder) / "config.json"
    config = _read_json(path, dict)
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
    _known(config, CONFIG, str(path))
    for key in CONFIG:
        if key not in config:
            raise ReleaseError(f"{path}: key {key!r} is missing; save the release again")
    return config


def figures(folder: str | Path) -> list[dict[str, Any]]:
    """The measured figures of a release: its metrics.json."""
    return _read_json(Path(folder) / "metrics.json", list)


def list_models(
    filter: str = "*",
    *,
    equation: str | None = None,
    architecture: str | None = None,
    dimension: int | None = None,
    objective: str | None = None,
) -> list[Listed]:
    """The shipped releases whose name fits `filter` and whose properties fit the others.

    Args:
        filter: a name, with `*` and `?` for anything.
        equation: an equation it was trained on, with wildcards, whatever the case.
        architecture: its model class, as above.
        dimension: its number of space dimensions.
        objective: the objective that trained it, as above.
    """

    def fits(value: str, pattern: str | None) -> bool:
        return pattern is None or fnmatchcase(value.lower(), pattern.lower())

    found = [_listed(name, folder) for name, folder in shelf.checkpoints().items()]
    return [
        one
        for one in found
        if fits(one.name, filter)
        and (equation is None or any(fits(name, equation) for name in one.equations))
        and fits(one.architecture, architecture)
        and fits(one.objective, objective)
        and dimension in (None, one.dimension)
    ]


def _listed(name: str, folder: Path) -> Listed:
    about = describe(folder)["about"]
    return Listed(
        name,
        folder,
        str(about.get("architecture", "")),
        tuple(about.get("equations", ())),
        int(about.get("dimension", 0)),
        str(about.get("objective", "")),
        parameters(folder),
        str(about.get("summary", "")),
        {entry["name"]: float(entry["value"]) for entry in figures(folder)},
    )


def parameters(folder: str | Path) -> int:
    """The count of trained numbers in a release, read from the head of its weights file."""
    sizes = tensors(Path(folder) / WEIGHTS)
    return sum(
        math.prod(one["shape"]) for name, one in sizes.items() if not name.startswith("normaliser.")
    )


def tensors(path: Path) -> dict[str, dict[str, Any]]:
    """Name, dtype and shape of each tensor in a safetensors file, from its head alone."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ReleaseError(f"{path} is no whole safetensors file; fetch the release again")
        head = json.loads(file.read(length))
    return {name: one for name, one in head.items() if name != "__metadata__"}


def push_to_hub(x: str | Path, repo_id: str, **options: Any) -> str:
    """Send a release to the Hub; returns the address of the commit.

    Args:
        x: a released folder or a shipped name.
        repo_id: `owner/name`.
        options: as in `zoo.hub.push`: tag, private, message, endpoint, token.

    Raises:
        ReleaseError: `x` is no release.
        zoo.hub.HubError: the Hub refused.
    """
    from zoo import hub

    folder = resolve(x)
    shelf.checked(folder / WEIGHTS, describe(folder)["sha256"], "always")
    return hub.push(folder, repo_id, **options)


def _about(about: Mapping[str, Any], model: Any, folder: Path) -> dict[str, Any]:
    _known(about, ABOUT, "about")
    name = folder.parent.name if folder.name == "release" else folder.name
    return {
        "name": name,
        "equations": [],
        "architecture": type(model).__name__,
        "dimension": model.interface.dimension,
        "objective": "",
        "licence": "Apache-2.0",
        "citation": "",
        "ranges": {},
        "summary": "",
        **_plain(about, "about"),
    }


def _figure(entry: Mapping[str, Any]) -> dict[str, Any]:
    _known(entry, METRIC, "metrics")
    plain = _plain(entry, f"metrics {entry.get('name')!r}")
    for key in ("name", "value"):
        if plain.get(key) is None:
            raise ReleaseError(f"a figure of metrics has no {key!r}: {plain}; measure it first")
    return {key: plain.get(key) for key in METRIC}


def _parent(entry: Mapping[str, Any]) -> dict[str, Any]:
    if set(entry) != {"stage", "name", "sha256"}:
        raise ReleaseError(f"lineage entry {dict(entry)} must hold stage, name and sha256 alone")
    return {key: str(entry[key]) for key in ("stage", "name", "sha256")}


def _plain(value: Any, where: str) -> Any:
    """Plain JSON types; a number of numpy or torch becomes a float or an int."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item, where) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ReleaseError(f"{where} is a {type(value).__name__}; JSON holds plain types only")
    if isinstance(value, float) and not math.isfinite(value):
        raise ReleaseError(f"{where}={value} is not finite; such a figure is not released")
    return value


def _known(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {list(known)}"
            raise ReleaseError(f"{where}: unknown key {key!r}; {hint}")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _read_json(path: Path, kind: type) -> Any:
    if not path.is_file():
        raise ReleaseError(f"{path} is missing; {path.parent} is no whole release: fetch it again")
    try:
        value = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{path} is no JSON ({error}); fetch the release again") from error
    if not isinstance(value, kind):
        raise ReleaseError(f"{path} holds a {type(value).__name__}, not a {kind.__name__}")
    return value
