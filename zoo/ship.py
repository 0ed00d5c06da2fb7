"""From a run's release to a shipped checkpoint."""

import shutil
from pathlib import Path

from zoo import card, release, shelf


def ship(
    x: str | Path, name: str, summary: str | None = None, *, citation: str | None = None
) -> Path:
    """Copy a release to `checkpoints/<name>` under that name; cards and tables follow.

    Figures that the shipped one of that name had beside its tests (few examples, other grids) are
    not carried over: they belong to other weights unless the sha256 is the same.

    Args:
        x: a released folder, a shipped name, or owner/name.
        name: lower case, with hyphens.
        summary: what the card says first, in words; the release's own if left out.
        citation: what is to be cited, BibTeX or words; the release's own if left out.

    Raises:
        ReleaseError: the name is none, or the release is faulty.
    """
    if not name or name != name.lower() or not name.replace("-", "").isalnum():
        raise shelf.ReleaseError(f"name {name!r} must be lower case letters, digits and hyphens")
    source, target = release.resolve(x), shelf.root() / "checkpoints" / name
    config, kept = release.describe(source), []
    shelf.checked(source / "model.safetensors", config["sha256"], "always")
    if (target / "config.json").is_file():
        known = {entry["name"] for entry in release.figures(source)}
        if release.describe(target)["sha256"] == config["sha256"]:
            kept = [entry for entry in release.figures(target) if entry["name"] not in known]
    with shelf.atomic_folder(target) as part:
        for file in source.iterdir():
            if file.is_file() and not file.name.startswith("."):
                shutil.copyfile(file, part / file.name)
    given = {"summary": summary, "citation": citation}
    told = {key: text for key, text in given.items() if text is not None}
    release.add_figures(target, kept, about={"name": name, **told})
    card.refresh_all()
    return target
