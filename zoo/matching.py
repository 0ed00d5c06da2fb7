"""A release beside a file: which of its channels the file has, and the data block of a recipe."""

from pathlib import Path
from typing import Any

import yaml

from zoo import release, shelf
from zoo.data import arrays

FILES = "zoo.data.files.Files"


def data(model: str, file: Path, batch: int, shares: tuple[float, float, float]) -> dict[str, Any]:
    """The data block for a file with the channels of a release."""
    described = release.describe(release.resolve(model))["model"]["init_args"]["interface"]
    with arrays.opened(file, described["inputs"][0]) as found:
        names = set(found)
        samples = max((len(item) for item in found.values() if item.ndim), default=0)
    missing = [name for name in (*described["inputs"], *described["outputs"]) if name not in names]
    if missing:
        channels = f"inputs {described['inputs']} and outputs {described['outputs']}"
        told = f"it has {sorted(names)}, the model has {channels}"
        raise ValueError(f"{file} has no array {missing[0]!r}; {told}")
    absent = [name for name in described["coefficients"] if name not in names]
    if absent:
        print(f"{file} has no {', '.join(absent)}: taken as absent (zero), as in a mixture")
    own = {**described, "coefficients": [n for n in described["coefficients"] if n in names]}
    kept = (*own["inputs"], *own["outputs"], *own["coefficients"])
    own["units"] = {name: unit for name, unit in described["units"].items() if name in kept}
    train_share, validation, test = shares
    arguments = {
        "path": str(file),
        "interface": own,
        "train": train_share,
        "validation": validation,
        "test": test,
    }
    small = max(1, min(batch, int(samples * (train_share or test))))
    sets = [{"class_path": FILES, "init_args": arguments}]
    return {
        "class_path": "zoo.data.mixture.Mixture",
        "init_args": {"sets": sets, "batch_size": small},
    }


def written(recipe: dict[str, Any], folder: Path, command: str, name: str = "recipe.yaml") -> Path:
    """Print a recipe and keep it; where it lies."""
    text = f"# {command}\n" + yaml.safe_dump(recipe, sort_keys=False)
    print(text, flush=True)
    with shelf.atomic_write(folder / name) as part:
        part.write_text(text)
    return folder / name
