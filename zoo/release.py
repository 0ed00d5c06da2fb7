"""A released folder: save it, find it, load it, list what is shipped, send it.

This module imports no torch, so that listing costs nothing; what needs it is imported when called.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

import zoo
from zoo import card, manifest, shelf
from zoo.manifest import PROBE, WEIGHTS, describe, figures
from zoo.shelf import ReleaseError, Verify

if TYPE_CHECKING:
    import zoo.models.base

__all__ = [
    "Listed",
    "ReleaseError",
    "add_figures",
    "describe",
    "figures",
    "from_pretrained",
    "list_models",
    "load",
    "push_to_hub",
    "resolve",
    "save_pretrained",
]

# no Any: recipes name `from_pretrained`, and what is Any there may be built from its class_path
Plain = int | float | str | Sequence[int] | Sequence[float] | Mapping[str, str] | None
HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(\S+))?")


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
    lineage: Iterable[Mapping[str, Any]] = (),
    preview: bytes | None = None,
    about: Mapping[str, Any] | None = None,
    training_inputs: Mapping[str, Any] | None = None,
) -> Path:
    """Write a release: config, weights, probe, figures, recipe, picture and card, all at once.

    The probe is taken from the release as read back, so that what is published is what was tried.

    Args:
        model: any model of the zoo; its device and mode stay as they are.
        folder: where to write; a release that lies there is replaced, anything else is refused.
        metrics: measured figures, each with keys of `zoo.manifest.FIGURE`.
        recipe: the training recipe, as text or as a mapping.
        lineage: the releases that this one was started from: stage, name and sha256.
        preview: a PNG picture of a prediction beside the truth.
        about: what the card says beyond the figures, with keys of `zoo.manifest.ABOUT`.
        training_inputs: what the training's inputs were like, as `zoo.trust.summary` says it.

    Raises:
        ReleaseError: the model or what is told about it cannot be released.
    """
    from zoo import weights

    folder = Path(folder).resolve()
    if folder.is_file() or (folder.is_dir() and _foreign(folder)):
        raise ReleaseError(f"{folder} is no release and not empty; name an empty or new folder")
    config = {
        "format": manifest.FORMAT,
        "zoo_version": zoo.__version__,
        "model": weights.describe(model),
        "sha256": "",
        "lineage": [manifest.parent(entry) for entry in lineage],
        "about": manifest.told(_own(model, folder) | dict(about or {})),
        manifest.TRAINED: manifest.plain(training_inputs, manifest.TRAINED),
    }
    with shelf.atomic_folder(folder) as part:
        weights.write(model, part / WEIGHTS)
        config["sha256"] = shelf.sha256(part / WEIGHTS)
        weights.write_probe(weights.load(config["model"], part / WEIGHTS), part / PROBE)
        manifest.write(part, config)
        manifest.write_json(part / "metrics.json", manifest.merged([], metrics))
        if recipe is not None:
            text = recipe if isinstance(recipe, str) else yaml.safe_dump(recipe, sort_keys=False)
            (part / "recipe.yaml").write_text(text, encoding="utf-8")
        if preview is not None:
            (part / "preview.png").write_bytes(preview)
        card.refresh(part)
    return folder


def add_figures(
    folder: str | Path,
    metrics: Iterable[Mapping[str, Any]] = (),
    *,
    preview: bytes | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Add what was measured after the training to a release, and write its card anew.

    Args:
        folder: the release.
        metrics: figures; one with a known name takes the old one's place.
        preview: as in `save_pretrained`.
        about: keys to change, as in `save_pretrained`.

    Raises:
        ReleaseError: the folder is no release, or a figure is faulty.
    """
    folder = Path(folder)
    config = describe(folder)
    config["about"] = manifest.told(config["about"] | dict(about or {}))
    entries = manifest.merged(figures(folder), metrics)
    manifest.write_json(folder / "metrics.json", entries)
    manifest.write(folder, config)
    if preview is not None:
        with shelf.atomic_write(folder / "preview.png") as part:
            part.write_bytes(preview)
    card.refresh(folder)


def _own(model: "zoo.models.base.Model", folder: Path) -> dict[str, Any]:
    """What can be told without being told."""
    return {
        "name": folder.parent.name if folder.name == "release" else folder.name,
        "architecture": type(model).__name__,
        "dimension": model.interface.dimension,
    }


def _foreign(folder: Path) -> bool:
    return any(folder.iterdir()) and not (folder / "config.json").is_file()


def load(
    folder: str | Path,
    *,
    verify: Verify = "stamp",
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    coefficients: Sequence[str] | None = None,
    frames: Mapping[str, Any] | None = None,
    waves: Literal["number", "length"] = "number",
    change: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> "zoo.models.base.Model":
    """The model of a release, in `eval()`, strict on names, shapes and dtypes.

    Args:
        folder: a released folder.
        verify: "stamp" reads the weights' sha256 anew only when the file's stamp has changed,
            "always" reads it each time, "never" trusts the file.
        inputs: names of the input channels wanted, if not the release's own; the model's
            `load_report` then tells what became of them.
        outputs: names of the output channels wanted, if not the release's own.
        coefficients: names of the coefficients wanted, if not the release's own.
        frames: dt, history, horizon, offset, box, boundary or units wanted, if not the release's
            own.
        waves: of a model with weights by wave on another box: keep them by "number", or by
            "length", each wave with the weight of its wavelength.
        change: other arguments of the model to change, such as modes or grid.
        device: where the model goes.

    Raises:
        ReleaseError: the folder is no release, or a faulty one.
    """
    folder = Path(folder)
    config = describe(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        raise ReleaseError(f"{path} is missing; fetch or save the release again")
    shelf.checked(path, config["sha256"], verify)

    from zoo import surgery, weights

    names = {"inputs": inputs, "outputs": outputs, "coefficients": coefficients}
    wanted: dict[str, Any] = {k: tuple(v) for k, v in names.items() if v is not None}
    if frames is not None:
        wanted["frames"] = dict(frames)
    if change or wanted:
        wanted |= {"waves": waves, **(change or {})}
    model = weights.load(config["model"], path)
    model = (surgery.adapt(model, **wanted) if wanted else model).to(device)
    model.training_inputs = config[manifest.TRAINED]
    # what a student of this model says in its lineage
    model.released = {
        "name": config["about"].get("name") or folder.name,
        "sha256": config["sha256"],
    }
    return model


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
    frames: Mapping[str, Plain] | None = None,
    waves: Literal["number", "length"] = "number",
    change: Mapping[str, Plain] | None = None,
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
        frames: as in `load`.
        waves: as in `load`.
        change: as in `load`.
        verify: as in `load`.
        device: as in `load`.

    Raises:
        ReleaseError: nothing has that name, or the release is faulty.
        zoo.hub.HubError: the Hub does not give it.
    """
    folder = resolve(x, revision=revision, cache_dir=cache_dir, endpoint=endpoint, token=token)
    names: dict[str, Any] = {
        "inputs": inputs,
        "outputs": outputs,
        "coefficients": coefficients,
        "frames": frames,
        "change": change,
    }
    return load(folder, verify=verify, device=device, waves=waves, **names)


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
        zoo.hub.HubError: the Hub does not give it.
    """
    text = str(x)
    folder = Path(text).expanduser()
    shipped = shelf.checkpoints()
    if (folder / "config.json").is_file() or text in shipped:
        found = folder if (folder / "config.json").is_file() else shipped[text]
        if revision is not None:
            raise ReleaseError(
                f"revision={revision!r} makes no sense for {text!r}, which lies at {found}; "
                "revisions belong to owner/name on the Hub"
            )
        return found.resolve()
    remote = HUB_ID.fullmatch(text)
    if remote and not folder.is_dir() and isinstance(x, str):
        from zoo import hub

        if revision and remote[2] and revision != remote[2]:
            raise ReleaseError(f"{text!r} is not revision={revision!r}; give one of the two")
        return hub.pull(
            remote[1], revision or remote[2], cache_dir=cache_dir, endpoint=endpoint, token=token
        )
    near = difflib.get_close_matches(text.rpartition("/")[2], list(shipped), 3, 0.5)
    hint = f"nearest shipped names: {near}" if near else f"shipped: {sorted(shipped)}"
    what = "is a folder without config.json" if folder.is_dir() else "is not known"
    raise ReleaseError(
        f"{text!r} {what}; give a released folder, a shipped name, or owner/name[@revision]; {hint}"
    )


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

    return [
        one
        for one in (_listed(name, folder) for name, folder in shelf.checkpoints().items())
        if fits(one.name, filter)
        and (equation is None or any(fits(name, equation) for name in one.equations))
        and fits(one.architecture, architecture)
        and fits(one.objective, objective)
        and dimension in (None, one.dimension)
    ]


def _listed(name: str, folder: Path) -> Listed:
    about = manifest.told(describe(folder)["about"])
    return Listed(
        name,
        folder,
        about["architecture"],
        tuple(about["equations"]),
        about["dimension"],
        about["objective"],
        manifest.parameters(folder),
        about["summary"],
        {entry["name"]: float(entry["value"]) for entry in figures(folder)},
    )


def push_to_hub(x: str | Path, repo_id: str, **options: Any) -> str:
    """Send a release to the Hub, after reading its sha256; returns the address of the commit.

    Args:
        x: a released folder or a shipped name.
        repo_id: `owner/name`.
        options: as in `zoo.hub.push`.

    Raises:
        ReleaseError: `x` is no release, or a damaged one.
        zoo.hub.HubError: the Hub refuses.
    """
    from zoo import hub

    folder = resolve(x)
    shelf.checked(folder / WEIGHTS, describe(folder)["sha256"], "always")
    return hub.push(folder, repo_id, **options)
