"""Predictions for a file of plain arrays, one for each channel by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from zoo import predict_pictures, trust
from zoo.data import arrays, files
from zoo.models.base import Interface
from zoo.models.operator import Operator
from zoo.predict_pictures import Predicted
from zoo.predict_plan import Asked, bar, size


def fit(file: Path, want: Interface, asked: Asked) -> bool:
    """Whether a file is to be read as plain arrays: always for steady models.

    For a model of fields in time it holds an array for each input channel, with exactly the frames
    that go in, and nothing that tells of a layout: groups, or coordinates.
    """
    if want.dt is None:
        return True
    if asked.start or file.suffix not in arrays.ENDINGS or not file.is_file():
        return False
    if file.with_name(file.name + ".yaml").is_file():
        return False
    try:
        with arrays.opened(file, want.inputs[0]) as found:
            if any("coordinate" in name for name in found):
                return False
            return all(
                name in found and _one_window(found[name].shape, want) for name in want.inputs
            )
    except ValueError:
        # what is wrong with it is told by the readers of trajectories
        return False


def _one_window(shape: tuple[int, ...], want: Interface) -> bool:
    extra = len(shape) - want.dimension
    return (extra == 1 and want.history == 1) or (extra == 2 and shape[1] == want.history)


def predicted(model: Operator, file: Path, target: Path, asked: Asked) -> Path:
    """Predict for every sample of the file; as in `zoo.predict.predict`."""
    want, console = model.interface, Console(stderr=True)
    told = {"model": asked.model, "sha256": asked.sha256}
    verdicts = []
    with arrays.opened(file, want.inputs[0]) as found:
        samples = _samples(found, want.inputs, file)
        p = files.coefficients(found, want.coefficients, samples, str(file), asked.given)
        with arrays.Writer(target, told) as writer, bar(console) as shown:
            task = shown.add_task(f"predicting {file.name}", total=samples)
            chunk = size(asked, found[want.inputs[0]].shape[-want.dimension :])
            for start in range(0, samples, chunk):
                part = slice(start, min(start + chunk, samples))
                u = arrays.fields(found, want.inputs, want.dimension, want.history, part, str(file))
                verdicts.append(trust.check(model, u, p[part], first=start))
                writer.add(**_apply(model, u, p[part], asked.steps))
                shown.advance(task, len(u))
        verdict = trust.together(verdicts)
        if not verdict:
            console.print(str(verdict), style="yellow", soft_wrap=True, highlight=False)
        if asked.pictures:
            _draw(model, found, target)
    return target


def _apply(
    model: Operator, u: np.ndarray, p: np.ndarray, steps: int | None
) -> dict[str, np.ndarray]:
    """Each output channel by name, (b, *n), or (b, frames, *n) where there are several."""
    want = model.interface
    if steps is None:
        y = model.predict(u, p)
        y = y if want.horizon > 1 else y[:, 0]
    else:
        like = next(model.parameters())
        field, values = (torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in (u, p))
        applications = -(-steps // want.horizon)
        with torch.no_grad():
            y = model.rollout(field, applications, values)[:, :steps].cpu().numpy()
    axis = y.ndim - want.dimension - 1
    return {name: y.take(i, axis) for i, name in enumerate(want.outputs)}


def _samples(found: Mapping[str, Any], names: tuple[str, ...], file: Path) -> int:
    for name in names:
        if name not in found:
            raise ValueError(f"{file} has no array {name!r}; it has {sorted(found)}")
    counts = {name: len(found[name]) if found[name].ndim else 0 for name in names}
    if len(set(counts.values())) > 1 or not min(counts.values()):
        raise ValueError(f"{file}: samples by channel are {counts}; equal numbers, at least one")
    return next(iter(counts.values()))


def _draw(model: Operator, found: Mapping[str, Any], target: Path) -> None:
    """Pictures of what was written; a steady model's beside the solutions that the file has."""
    want = model.interface
    with arrays.opened(target) as made:

        def read(of: Mapping[str, Any], sample: int, start: int, stop: int) -> np.ndarray:
            fields = [np.asarray(of[name][sample]) for name in want.outputs]
            several = fields[0].ndim > want.dimension
            return np.stack([f[start:stop] if several else f[None] for f in fields], 1)

        first = made[want.outputs[0]]
        count = first.shape[1] if first.ndim > 1 + want.dimension else 1
        known = want.dt is None and all(
            name in found and found[name].shape == made[name].shape for name in want.outputs
        )
        times = (want.dt or 0.0) * np.arange(want.offset, want.offset + count)
        result = Predicted(
            want.outputs,
            times,
            want.box,
            len(first),
            lambda *span: read(made, *span),
            (lambda *span: read(found, *span)) if known else None,
            units=want.units,
        )
        predict_pictures.draw(result, target.with_suffix(""))
