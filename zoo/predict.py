"""Fields in a file to predictions in a file: physical units, a chunk at a time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from zoo import release
from zoo.data import arrays, files
from zoo.models.base import Interface


def predict(
    model: str | Path,
    file: str | Path,
    out: str | Path | None = None,
    given: Mapping[str, float] | None = None,
    steps: int | None = None,
    chunk: int = 64,
    device: str = "cpu",
) -> Path:
    """Predict for every sample of a file; the path of what was written.

    The file holds an array for each input channel and each coefficient, by name; the result holds
    one for each output channel, and nothing appears at its path before it is complete.

    Args:
        model: a folder, a shipped name, or owner/name[@revision].
        file: .npz, .h5 or .npy (a single input channel).
        out: .npz or .h5; beside the file if None.
        given: coefficients that the file does not have.
        steps: length of a rollout, for models with a time step.
        chunk: samples at a time.
        device: where the model computes.

    Raises:
        ValueError: missing or unknown channels, wrong shapes, values that are not finite.
    """
    file, folder = Path(file), release.resolve(model)
    loaded: Any = release.load(folder, device=device)
    want = loaded.interface
    _check(want, given or {}, steps, chunk)
    target = Path(out) if out is not None else _beside(file)
    if target.resolve() == file.resolve():
        raise ValueError(f"{target} would overwrite its own input; name another --out")
    told = {"model": str(model), "sha256": release.describe(folder)["sha256"]}
    with arrays.opened(file, want.inputs[0]) as found:
        samples = _samples(found, want.inputs, file)
        p = files.coefficients(found, want.coefficients, samples, str(file), given)
        console = Console(stderr=True)
        bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        with arrays.Writer(target, told) as writer, bar:
            task = bar.add_task(f"predicting {file.name}", total=samples)
            for start in range(0, samples, chunk):
                part = slice(start, min(start + chunk, samples))
                u = arrays.fields(found, want.inputs, want.dimension, want.history, part, str(file))
                writer.add(**_apply(loaded, u, p[part], steps))
                bar.advance(task, len(u))
    return target


def _check(want: Interface, given: Mapping[str, float], steps: int | None, chunk: int) -> None:
    unknown = set(given) - set(want.coefficients)
    if unknown:
        raise ValueError(f"no coefficient {sorted(unknown)}; the model has {want.coefficients}")
    if chunk < 1 or (steps is not None and steps < 1):
        raise ValueError(f"chunk={chunk}, steps={steps}: at least 1")
    if steps is not None and want.dt is None:
        raise ValueError(f"steps={steps}: the model is steady and has no rollout; leave it out")


def _apply(model: Any, u: np.ndarray, p: np.ndarray, steps: int | None) -> dict[str, np.ndarray]:
    """Each output channel by name, (b, *n), or (b, frames, *n) where there are several."""
    want = model.interface
    if steps is None:
        y = model.predict(u, p)
        y = y if want.horizon > 1 else y[:, 0]
    else:
        import torch

        like = next(model.parameters())
        field, values = (torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in (u, p))
        with torch.no_grad():
            y = model.rollout(field, steps, values).cpu().numpy()
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


def _beside(file: Path) -> Path:
    ending = ".npz" if file.suffix == ".npy" else file.suffix
    return file.with_name(f"{file.stem}-predicted{ending}")
