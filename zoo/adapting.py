"""`zoo adapt MODEL FILE`: a recipe from a release and a file; printed, then run."""

from pathlib import Path

from zoo.fitting import RUNS
from zoo.matching import data, written
from zoo.reading import Mistake
from zoo.stages import test_words
from zoo.training import train


def adapt(model: str, file: Path, rest: list[str], out: Path | None, steps: int, lr: float) -> int:
    """Measure a release on a file's test samples, fine-tune on the others, measure again."""
    if steps < 1 or lr <= 0:
        raise Mistake(f"--steps {steps} --lr {lr}: both above 0")
    block = data(model, file, 8, (0.6, 0.2, 0.2))
    recipe = {
        "model": {
            "init_from": model,
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": lr}},
        },
        "data": block,
        "trainer": {
            "max_steps": steps,
            # epochs of a few samples are short: validate by steps
            "val_check_interval": max(1, steps // 20),
            "check_val_every_n_epoch": None,
        },
    }
    folder = out if out is not None else Path(RUNS) / file.stem
    path = written(recipe, folder, f"zoo fit -c {folder / 'adapt.yaml'}", "adapt.yaml")
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
