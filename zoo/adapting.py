"""`zoo evaluate | adapt MODEL FILE`: a recipe from a release and a file; printed, then run."""

from pathlib import Path
from typing import Any

import yaml

from zoo import release, shelf
from zoo.data import arrays
from zoo.fitting import RUNS
from zoo.reading import Mistake
from zoo.stages import test_words
from zoo.training import train

FILES = "zoo.data.files.Files"


def evaluate(model: str, file: Path, rest: list[str]) -> int:
    """Measure a release on every sample of a file."""
    recipe = {"model": {"init_from": model}, "data": _data(model, file, 64, (0.0, 0.0, 1.0))}
    folder = Path(RUNS) / f"evaluate-{file.stem}"
    path = _written(recipe, folder, f"zoo test -c {folder / 'recipe.yaml'}")
    return train("test", ["-c", str(path), "--trainer.default_root_dir", str(folder), *rest])


def adapt(model: str, file: Path, rest: list[str], out: Path | None, steps: int, lr: float) -> int:
    """Measure a release on a file's test samples, fine-tune on the others, measure again."""
    if steps < 1 or lr <= 0:
        raise Mistake(f"--steps {steps} --lr {lr}: both above 0")
    data = _data(model, file, 8, (0.6, 0.2, 0.2))
    recipe = {
        "model": {
            "init_from": model,
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": lr}},
        },
        "data": data,
        "trainer": {
            "max_steps": steps,
            # epochs of a few samples are short: validate by steps
            "val_check_interval": max(1, steps // 20),
            "check_val_every_n_epoch": None,
        },
    }
    folder = out if out is not None else Path(RUNS) / file.stem
    path = _written(recipe, folder, f"zoo fit -c {folder / 'adapt.yaml'}", "adapt.yaml")
    own = ["-c", str(path), *rest]
    print("before:", flush=True)
    code = train("test", [*own, "--trainer.default_root_dir", str(folder / "before")])
    if code == 0:
        code = train("fit", [*own, "--trainer.default_root_dir", str(folder)])
    if code == 0:
        print("after:", flush=True)
        words = test_words(folder)
        code = train(words[0], words[1:])
        print(f"release: {folder / 'release'}")
    return code


def _data(model: str, file: Path, batch: int, shares: tuple[float, float, float]) -> dict[str, Any]:
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


def _written(recipe: dict[str, Any], folder: Path, command: str, name: str = "recipe.yaml") -> Path:
    text = f"# {command}\n" + yaml.safe_dump(recipe, sort_keys=False)
    print(text, flush=True)
    with shelf.atomic_write(folder / name) as part:
        part.write_text(text)
    return folder / name
