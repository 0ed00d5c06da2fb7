"""What a run leaves behind: the release of what was trained, and the figures of a test.

`task` is a Task in each function; naming its type would import it back.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo import release, shelf, trust
from zoo.data.points.point_data import PointData
from zoo.figures import figures, pretext_figures
from zoo.metrics.base import PerSystem

Measured = list[tuple[PerSystem, dict[str, float]]]
"""Metrics, each with its figures by name."""


def release_fitted(task: Any) -> None:
    """Release from rank 0 the weights that validated best, or the last ones of a run without."""
    state = task.trainer.strategy.lightning_module_state_dict()
    final = {k[4:]: task._still.get(k[4:], v) for k, v in state.items() if k[:4] == "net."}
    if task.trainer.is_global_zero and not task.run.fast_dev_run:
        save_release(task, final if task._best is None else task._best["state"])
    task.trainer.strategy.barrier("release")


def save_release(task: Any, state: dict[str, Tensor]) -> None:
    """Release the task's model with these weights into `<default_root_dir>/release`."""
    from zoo.models.base import block, build
    from zoo.models.parts.low_rank import merged

    # a release is float32, whatever the precision of the training was
    model = build(block(task.net))
    model.load_state_dict(merged(task.net, {name: value.cpu() for name, value in state.items()}))
    model.finish(torch.Generator().manual_seed(0))
    folder = Path(task.trainer.default_root_dir)
    recipe = folder / "recipe.yaml"
    release.save_pretrained(
        model,
        folder / "release",
        metrics=_validated(task),
        recipe=recipe.read_text() if recipe.is_file() else None,
        lineage=[*_teachers(task), *(task._parent["lineage"] if task._parent is not None else [])],
        preview=_picture(task, model.eval()),
        about=_about(task, run_name(folder)),
        training_inputs=trust.summary(task.data, model.interface),
    )


def run_name(folder: Path) -> str:
    """What a run is called in lineages: its folder, of a variant with its stage's before it."""
    return f"{folder.parent.name}/{folder.name}" if "=" in folder.name else folder.name


def _teachers(task: Any) -> list[dict[str, str]]:
    """The releases that data or objective have learned from, each once."""
    # a frozen teacher may be an attribute and no submodule
    models = [*task.objective.modules(), vars(task.objective).get("teacher")]
    models += task.data.teachers() if isinstance(task.data, PointData) else []
    known = {one.released["sha256"]: one.released for one in models if hasattr(one, "released")}
    return [{"stage": "teacher", **told} for told in known.values()]


def save_test(task: Any) -> None:
    """Write test.json, and the figures into the run's release if it is what was tested."""
    if not task.trainer.is_global_zero or task.run.fast_dev_run or task.objective.pretext:
        return
    folder = Path(task.trainer.default_root_dir)
    entries = _entries(task, "test", task._measured)
    folder.mkdir(parents=True, exist_ok=True)
    with shelf.atomic_write(folder / "test.json") as part:
        part.write_text(json.dumps(entries, indent=1))
    own = folder / "release"
    if task._parent is not None and Path(task._parent["folder"]) == own.resolve():
        release.add_figures(own, entries)


def _validated(task: Any) -> list[dict[str, Any]]:
    best = {} if task._best is None else task._best["figures"]
    if task.objective.pretext:
        return pretext_figures(task.data, best, torch.initial_seed(), task._spent)
    return _entries(task, "validation", [(task.measures[0], best)], seconds=task._spent)


def _entries(task: Any, split: str, measured: Measured, **known: Any) -> list[dict[str, Any]]:
    seed = torch.initial_seed()
    return [
        entry
        for metric, values in measured
        for entry in figures(task.data, split, values, metric, seed, **known)
    ]


def _picture(task: Any, model: Any) -> Any:
    from zoo.models.energy_model import EnergyModel
    from zoo.models.field import Field
    from zoo.plots.energy_preview import energy_preview
    from zoo.plots.field_preview import field_preview
    from zoo.plots.preview import preview, typical

    if isinstance(model, Field):
        return field_preview(model, task.data)
    if isinstance(model, EnergyModel):
        return energy_preview(model, task.data) if task.data.system is not None else None
    # the outputs of a body that is not fine-tuned mean nothing
    if task.objective.pretext or model.interface.dimension != 2:
        return None
    rows = typical(model, task.data)
    return preview(rows, model.interface) if rows else None


def _about(task: Any, name: str) -> dict[str, Any]:
    told = {
        "name": name,
        # errors of points are told by region
        "equations": getattr(task.data, "equations", task.data.systems),
        "architecture": type(task.net).__name__,
        "dimension": task.net.interface.dimension,
        "objective": type(task.objective).__name__,
        "ranges": task.data.ranges(),
    }
    if task.objective.pretext:
        told["summary"] = (
            f"A body pretrained by {told['objective']}: its outputs mean nothing before it is "
            "fine-tuned. Start from it with `model.init_from`."
        )
    return {**told, **task.about}
