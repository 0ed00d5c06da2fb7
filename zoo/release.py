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


def add_figures(
    folder: str | Path,
    metrics: Iterable[Mapping[str, Any]],
    *,
    about: Mapping[str, Any] | None = None,
    preview: bytes | None = None,
) -> None:
    """Add measured figures to a release; one of the same name is replaced. The card follows.

    Args:
        folder: a released folder.
        metrics: as in `save_pretrained`.
        about: keys of `ABOUT` that change.
        preview: another picture.

    Raises:
        ReleaseError: the folder is no release, or an entry is faulty.
    """
    from zoo.card import card

    folder = Path(folder)
    config = describe(folder)
    _known(about or {}, ABOUT, "about")
    config["about"].update(_plain(about or {}, "about"))
    new = {entry["name"]: _figure(entry) for entry in metrics}
    kept = [entry for entry in figures(folder) if entry["name"] not in new]
    with shelf.atomic_write(folder / "metrics.json") as part:
        _write_json(part, [*kept, *new.values()])
    with shelf.atomic_write(folder / "config.json") as part:
        _write_json(part, config)
    if preview is not None:
        with shelf.atomic_write(folder / "preview.png") as part:
            part.write_bytes(preview)
    with shelf.atomic_write(folder / "README.md") as part:
        part.write_text(card(folder))


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


