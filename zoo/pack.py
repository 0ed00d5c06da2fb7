"""A release with all that a machine without a network needs to load it."""

import platform
import shutil
from importlib import metadata
from pathlib import Path

from zoo import manifest, release, shelf
from zoo.shelf import ReleaseError

NEEDED = ("torch", "numpy", "safetensors", "einops", "pyyaml", "jaxtyping")
"""What loading and predicting import, besides the zoo itself."""

LOAD = """\
{name}: a release of the physics zoo, for a machine without a network
=====================================================================

1. On a machine with a network, fetch the packages, and take them along with this folder:
     pip download -d wheels physics-zoo -c constraints.txt
2. On the machine without:
     pip install --no-index --find-links wheels physics-zoo -c constraints.txt
3. Check the files:
     sha256sum -c SHA256SUMS
4. Load and try; nothing here asks for a network:

     import numpy as np, torch, zoo
     model = zoo.from_pretrained("path/to/this/folder")
     sample = np.load("path/to/this/folder/sample.npz")
     given = {{k: torch.tensor(v) for k, v in sample.items() if k != "output"}}
     with torch.no_grad():
         print(abs(model(**given).numpy() - sample["output"]).max())   # about 1e-6

   `zoo verify path/to/this/folder` checks hash, probe and figures.

README.md is the model's card: channels, units, ranges, figures.
"""


def pack(x: str | Path, target_dir: str | Path) -> Path:
    """Write a bundle: the release, its licence, a sample, hashes, versions, and how to load it.

    The bundle is itself a released folder, so `from_pretrained(target_dir)` loads it.

    Args:
        x: a released folder, a shipped name, or owner/name.
        target_dir: a folder that is new or empty.

    Raises:
        ReleaseError: nothing has that name, the target holds files, or the weights are damaged.
    """
    folder, target = release.resolve(x), Path(target_dir).resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ReleaseError(f"{target} is not empty; name a new folder for the bundle")
    config = manifest.describe(folder)
    told = manifest.told(config["about"])
    shelf.checked(folder / manifest.WEIGHTS, config["sha256"], "always")
    with shelf.atomic_folder(target) as part:
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                shutil.copyfile(path, part / path.name)
        if not (part / "LICENSE").is_file():
            (part / "LICENSE").write_text(_licence(told["licence"]), encoding="utf-8")
        _sample(part)
        (part / "constraints.txt").write_text(_constraints(), encoding="utf-8")
        name = told["name"] or folder.name
        (part / "LOAD.txt").write_text(LOAD.format(name=name), encoding="utf-8")
        sums = [f"{shelf.sha256(path)}  {path.name}\n" for path in sorted(part.iterdir())]
        (part / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    return target


def _licence(name: str) -> str:
    if name != "Apache-2.0":
        raise ReleaseError(f"the licence is {name!r}, not ours; put its text as LICENSE beside it")
    path = shelf.root() / "LICENSE"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    for file in metadata.files("physics-zoo") or ():
        if file.name == "LICENSE":
            return file.read_text(encoding="utf-8")
    raise ReleaseError(f"{path} is missing; a bundle is not passed on without its licence")


def _sample(folder: Path) -> None:
    import numpy as np

    from zoo import weights

    stored = weights.read(folder / manifest.PROBE)
    arrays = {name.removeprefix("input."): tensor.numpy() for name, tensor in stored.items()}
    with (folder / "sample.npz").open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _constraints() -> str:
    lines = [f"# written with Python {platform.python_version()}; the versions that were tried"]
    # a local build's suffix such as +cpu is on no index
    lines += [f"{name}=={metadata.version(name).partition('+')[0]}" for name in NEEDED]
    return "\n".join(lines) + "\n"
