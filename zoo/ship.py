"""From a run's release to a shipped checkpoint."""

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from zoo import card, manifest, reading, release, shelf
from zoo.shelf import ReleaseError

RECIPE = "recipe.yaml"
RUNS = "runs"
MARKS = ("done.json", "picked.json")


def ship(
    x: str | Path, name: str, summary: str | None = None, *, citation: str | None = None
) -> Path:
    """Copy a release to `checkpoints/<name>` under that name; cards and tables follow.

    Figures that the shipped one of that name had beside its tests (few examples, other grids) are
    not carried over: they belong to other weights unless the sha256 is the same. Its recipe and
    its lineage name shipped parents as they are shipped; a parent that an earlier stage of the
    same chain makes stays the folder that `zoo run` puts it into.

    Args:
        x: a released folder, a shipped name, or owner/name.
        name: lower case, with hyphens.
        summary: what the card says first, in words; the release's own if left out.
        citation: what is to be cited, BibTeX or words; the release's own if left out.

    Raises:
        ReleaseError: the name is none, the release is faulty, or it was started from a folder that
            only this machine has.
    """
    if not name or name != name.lower() or not name.replace("-", "").isalnum():
        raise ReleaseError(f"name {name!r} must be lower case letters, digits and hyphens")
    source, target = release.resolve(x), shelf.root() / "checkpoints" / name
    config, kept = release.describe(source), []
    shelf.checked(source / "model.safetensors", config["sha256"], "always")
    recipe = _recipe(source)
    if (target / "config.json").is_file():
        known = {entry["name"] for entry in release.figures(source)}
        if release.describe(target)["sha256"] == config["sha256"]:
            kept = [entry for entry in release.figures(target) if entry["name"] not in known]
    with shelf.atomic_folder(target) as part:
        for file in source.iterdir():
            if file.is_file() and not file.name.startswith("."):
                shutil.copyfile(file, part / file.name)
        if recipe is not None:
            (part / RECIPE).write_text(recipe, encoding="utf-8")
        manifest.write(part, config | {"lineage": _lineage(config, name)})
    given = {"summary": summary, "citation": citation}
    told = {key: text for key, text in given.items() if text is not None}
    release.add_figures(target, kept, about={"name": name, **told})
    card.refresh_all()
    return target


def _names() -> dict[str, str]:
    """Names of what is shipped, by the sha256 of the weights."""
    return {release.describe(folder)["sha256"]: n for n, folder in shelf.checkpoints().items()}


def _lineage(config: dict[str, Any], name: str) -> list[dict[str, str]]:
    """The lineage with parents called as they are shipped."""
    known = {sha: other for sha, other in _names().items() if other != name}
    return [one | {"name": known.get(one["sha256"], one["name"])} for one in config["lineage"]]


def _recipe(source: Path) -> str | None:
    """The release's recipe with its parents called as they are shipped; None if it has none."""
    path = source / RECIPE
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    tree = reading.read(path).content
    named = {key: (x, _parent(source, key, x)) for key, x in reading.starts(tree)}
    if all(old == new for old, new in named.values()):
        return text
    for key, (_, new) in named.items():
        reading.put(tree, key, new)
    head = [line for line in text.splitlines() if line.startswith("#")]
    return "\n".join([*head, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)])


def _parent(source: Path, key: str, x: str) -> str:
    """What a shipped recipe calls the release `x`.

    Raises:
        ReleaseError: it is a folder that no one else has.
    """
    folder = Path(x).expanduser()
    if (folder / "config.json").is_file():
        name = _names().get(release.describe(folder)["sha256"])
        if name is not None:
            return name
        place = _place(folder.resolve(), source)
        if place is not None:
            return place
    elif x in shelf.checkpoints() or release.HUB_ID.fullmatch(x) or x.startswith(f"{RUNS}/"):
        return x
    raise ReleaseError(
        f"{source / RECIPE}: {key} is {x!r}, which is neither shipped nor on the Hub, so no one "
        f"else could start from it; ship it first (zoo ship {x} NAME), or push it and write "
        "owner/name there"
    )


def _place(parent: Path, source: Path) -> str | None:
    """Where `zoo run` puts a release that an earlier stage of the source's own chain has made."""
    pair = (parent.parent, source.parent)
    if not all(any((run / mark).is_file() for mark in MARKS) for run in pair):
        return None
    chain = Path(os.path.commonpath(pair))
    return Path(RUNS, chain.name, parent.relative_to(chain)).as_posix()
