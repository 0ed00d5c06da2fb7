"""`zoo evaluate MODEL FILE`: a recipe from a release and a file; printed, then run."""

from pathlib import Path

from zoo.fitting import RUNS
from zoo.matching import data, written
from zoo.training import train


def evaluate(model: str, file: Path, rest: list[str]) -> int:
    """Measure a release on every sample of a file."""
    recipe = {"model": {"init_from": model}, "data": data(model, file, 64, (0.0, 0.0, 1.0))}
    folder = Path(RUNS) / f"evaluate-{file.stem}"
    path = written(recipe, folder, f"zoo test -c {folder / 'recipe.yaml'}")
    return train("test", ["-c", str(path), "--trainer.default_root_dir", str(folder), *rest])
