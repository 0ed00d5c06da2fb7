"""A model on other grids and other time steps than its own."""

from typing import Any

import torch
from torch import Tensor

from zoo.metrics.nrmse import nrmse
from zoo.ops.resampling import resampled
from zoo.scorecard_predictors import Predictor

FACTORS = (0.5, 2.0)


def sweeps(
    model: Any,
    predictors: dict[str, Predictor],
    batch: dict[str, Any],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> list[dict[str, Any]]:
    """Errors at half and twice the grid, and at twice the time step; or why there is none.

    Args:
        model: what is asked for its rules.
        predictors: what is scored, by name.
        batch: samples at the file's own grid and step.
        inputs: names of the channels of `u`.
        outputs: names of those of `y`.
    """
    rows = [_scored("file's own", "", predictors, batch)]
    grid = tuple(batch["y"].shape[3:])
    for factor in FACTORS:
        shape = tuple(round(n * factor) for n in grid)
        setting = " x ".join(map(str, shape))
        why = _fixed(model, shape)
        one = batch if why else {**batch, **_on(batch, shape, factor)}
        rows.append(_scored("grid", setting, predictors, one, why))
    why, one = _slower(model, batch, inputs, outputs)
    rows.append(_scored("time step", "every 2nd frame", predictors, one, why))
    return rows


def _scored(
    sweep: str, setting: str, predictors: dict[str, Predictor], batch: dict[str, Any], why: str = ""
) -> dict[str, Any]:
    row: dict[str, Any] = {"sweep": sweep, "setting": setting, "samples": len(batch["y"])}
    errors: dict[str, float | None] = {}
    if not why:
        row["frames"] = batch["y"].shape[1]
        try:
            with torch.no_grad():
                for name, predictor in predictors.items():
                    errors[name] = _error(predictor(batch), batch["y"])
        except ValueError as error:  # the model's own rules: the grid does not hold its modes
            why = str(error)
    return {**row, "not_applicable": why} if why else {**row, "nrmse": errors}


def _error(prediction: Tensor, target: Tensor) -> float | None:
    if not bool(prediction.isfinite().all()):
        return None
    return float(nrmse(prediction.double(), target.double()).nanmean())


def _fixed(model: Any, shape: tuple[int, ...]) -> str:
    if model.interface.boundary != "periodic":
        return "fields go to other grids by their Fourier series, and this box is not periodic"
    if model.resolution == "fixed":
        return f"the resolution of a {type(model).__name__} is fixed"
    return f"a side of {min(shape)} points" if min(shape) < 4 else ""


def _on(batch: dict[str, Any], shape: tuple[int, ...], factor: float) -> dict[str, Tensor]:
    grid = torch.tensor(batch["y"].shape[3:]).to(batch["dx"])
    spacing = batch["dx"] * grid / torch.tensor(shape).to(batch["dx"])
    return {"u": resampled(batch["u"], shape), "y": resampled(batch["y"], shape), "dx": spacing}


def _slower(
    model: Any, batch: dict[str, Any], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> tuple[str, dict[str, Any]]:
    """The batch with every second frame, or why there is none."""
    want = model.interface
    if want.dt is None:
        return "the problem is steady", batch
    if want.offset > 1:
        return f"the model jumps {want.offset} frames ahead", batch
    u, y = batch["u"], batch["y"]
    later = u[:, -1:].expand(-1, y.shape[1], *u.shape[2:]).clone()
    later[:, :, [inputs.index(name) for name in outputs if name in inputs]] = y[
        :, :, [i for i, name in enumerate(outputs) if name in inputs]
    ]
    whole = torch.cat([u, later], 1)[:, ::2]
    if whole.shape[1] <= want.history or not set(outputs) <= set(inputs):
        frames = u.shape[1] + y.shape[1]
        return f"{frames} frames are too few: the model takes {want.history} in", batch
    places = [inputs.index(name) for name in outputs]
    slow = {"u": whole[:, : want.history], "y": whole[:, want.history :, places]}
    return "", {**batch, **slow, "dt": 2 * batch["dt"]}
