"""A prediction beside the truth, one row for each system."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

from zoo.data.frames import whole
from zoo.models.base import Interface
from zoo.models.operator import Operator
from zoo.ops.norms import relative_l2
from zoo.plots.style import DIVERGING, RULES, SEQUENTIAL, named, png

CANDIDATES = 64


@dataclass(frozen=True)
class Sample:
    """One row of the picture: fields (n, n) of the first input and the first output channel.

    Args:
        system: name of the system.
        source: the input.
        truth: the solution.
        prediction: the model's.
        error: relative L2 error of the prediction.
    """

    system: str
    source: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    error: float


@torch.no_grad()
def typical(model: Operator, data: Any, split: str = "validation") -> list[Sample]:
    """From each system the sample whose error is the median of the first 64, not the best one.

    Args:
        model: a 2-D operator.
        data: a data module with `systems` and `split`.
        split: which samples; test data are not needed for a picture.
    """
    rows = []
    for name, fields in zip(data.systems, data.split(split), strict=True):
        u, y = (whole(values, 0, CANDIDATES) for values in (fields.u, fields.y))
        if not len(u):
            continue
        # the last frame that went in, and the last that came out
        y = y[:, : model.interface.horizon]
        prediction = model(u, fields.p[:CANDIDATES].to(u.dtype))
        errors = relative_l2(prediction, y)
        i = int(errors.argsort()[(len(errors) - 1) // 2])
        source, truth, answer = (x[i, -1, 0].numpy() for x in (u, y, prediction))
        rows.append(Sample(name, source, truth, answer, float(errors[i])))
    return rows


def preview(samples: Sequence[Sample], interface: Interface) -> bytes:
    """Input, truth, prediction and difference, as PNG; truth and prediction share their colours.

    Args:
        samples: one row each, as `typical` finds them.
        interface: names and units of the channels, and the box.

    Raises:
        ValueError: the fields are not 2-D, or there is no sample.
    """
    if interface.dimension != 2 or not samples:
        raise ValueError(
            f"{len(samples)} samples in {interface.dimension} dimensions; "
            "a preview shows at least one sample of a 2-D field"
        )
    with rc_context(RULES):
        figure = Figure(figsize=(12.4, 2.75 * len(samples) + 0.35), layout="constrained")
        axes = figure.subplots(len(samples), 4, squeeze=False)
        for row, sample in zip(axes, samples, strict=True):
            _row(figure, row, sample, interface)
    return png(figure)


def _row(figure: Figure, axes: Any, sample: Sample, interface: Interface) -> None:
    source = named(interface.inputs[0], interface.units.get(interface.inputs[0]))
    result = named(interface.outputs[0], interface.units.get(interface.outputs[0]))
    difference = sample.prediction - sample.truth
    high = max(float(np.abs(sample.truth).max()), 1e-30)
    off = max(float(np.abs(difference).max()), 1e-30)
    panels = (
        (sample.source, f"input {source}", {"cmap": SEQUENTIAL}),
        (sample.truth, f"truth {result}", {"cmap": DIVERGING, "vmin": -high, "vmax": high}),
        (
            sample.prediction,
            f"prediction {result}",
            {"cmap": DIVERGING, "vmin": -high, "vmax": high},
        ),
        (
            difference,
            f"difference (error {sample.error:.2%})",
            {"cmap": DIVERGING, "vmin": -off, "vmax": off},
        ),
    )
    extent = (0.0, interface.box[0], 0.0, interface.box[1])
    for ax, (values, title, look) in zip(axes, panels, strict=True):
        # the first axis of a field is x
        image = ax.imshow(values.T, origin="lower", extent=extent, interpolation="nearest", **look)
        ax.set_title(title)
        ax.set_xlabel("x")
        ax.set_xticks([0, interface.box[0]])
        ax.set_yticks([0, interface.box[1]])
        bar = figure.colorbar(image, ax=ax, shrink=0.85, pad=0.02)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    axes[0].set_ylabel(f"{sample.system.replace('_', ' ')}\ny")
