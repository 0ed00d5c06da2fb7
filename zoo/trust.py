"""Does an input lie where a release was trained, and if not, how far outside.

`training_inputs` in a release's config.json holds what `summary` says of the training's inputs.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo import manifest, release
from zoo.models import base
from zoo.models.base import Interface, Model
from zoo.trust_measures import Spectrum
from zoo.trust_rows import CLOSE, Outside, nearest, of_coefficients, of_fields
from zoo.trust_summary import summarise, summary

__all__ = ["Outside", "Verdict", "check", "summarise", "summary", "together"]


@dataclass(frozen=True)
class Verdict:
    """What `check` found; true if all of the input lies where the release was trained.

    Args:
        known: whether the release says what it was trained on.
        samples: how many were looked at.
        outside: what lies outside, the furthest first.
    """

    known: bool
    samples: int
    outside: tuple[Outside, ...] = ()

    def __bool__(self) -> bool:
        return self.known and not self.outside

    def __str__(self) -> str:
        if not self.known:
            return "the release does not say what its training inputs were like"
        if not self.outside:
            return f"{self.samples} samples lie where the model was trained"
        return "\n".join(f"outside of the training: {one}" for one in self.outside)


def check(
    x: str | Path | Model,
    u: Any,
    p: Any = None,
    *,
    box: Sequence[float] | None = None,
    dt: float | None = None,
    first: int = 0,
) -> Verdict:
    """Whether inputs lie where a release was trained, by how much not: values, waves, coefficients.

    Every sample is held against the system of the training to which it is nearest.

    Args:
        x: a folder, a shipped name, owner/name[@revision], or a model loaded from one.
        u: fields in physical units.
        p: coefficients in the model's order; None if it takes none.
        box: side lengths of the input, if not those of the release.
        dt: time between the input's frames, if not that of the release.
        first: number of the first sample, for a part of many.

    Shapes:
        u: (b, t, c, *n), or (b, c, *n) for one frame; p: (b, coefficients) or (coefficients,).

    Raises:
        ValueError: the shapes are not the model's, or a value is not finite.
    """
    trained, face = _trained(x)
    field = torch.as_tensor(np.asarray(u) if not isinstance(u, Tensor) else u).detach().cpu()
    field = field[:, None] if field.ndim == 2 + face.dimension else field
    if field.ndim != 3 + face.dimension or field.shape[2] != len(face.inputs):
        raise ValueError(
            f"u has shape {tuple(field.shape)}; give (b, t, {len(face.inputs)}, "
            f"{face.dimension} space axes) with channels {face.inputs}"
        )
    if not bool(field.isfinite().all()):
        place = (~field.isfinite()).nonzero()[0].tolist()
        told = f"sample {first + place[0]}, frame {place[1]}, channel {face.inputs[place[2]]}"
        raise ValueError(f"u is not finite in {told}; repair or drop it")
    if trained is None:
        return Verdict(False, len(field))
    lengths = tuple(box) if box is not None else tuple(trained["box"])
    given = _given(p, face.coefficients, len(field))
    systems = {}
    spectrum = Spectrum(tuple(trained["box"]), trained["shells"])
    for name, region in trained["systems"].items():
        rows = [*of_fields(field, region, face.inputs, spectrum, lengths)]
        systems[name] = [*rows, *of_coefficients(given, region)]
    found = [*nearest(systems, first), *_frame(trained, lengths, dt, tuple(field.shape[3:]))]
    return Verdict(True, len(field), tuple(sorted(found, key=lambda one: -one.score)))


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict on many parts of an input; of each quantity the worst is told."""
    worst: dict[str, Outside] = {}
    for one in (each for verdict in verdicts for each in verdict.outside):
        old = worst.get(one.what)
        keep = one if old is None or one.score > old.score else old
        count = one.samples + (old.samples if old is not None else 0)
        worst[one.what] = dataclasses.replace(keep, samples=count)
    ordered = sorted(worst.values(), key=lambda one: -one.score)
    known = all(verdict.known for verdict in verdicts)
    return Verdict(known, sum(verdict.samples for verdict in verdicts), tuple(ordered))


def _trained(x: str | Path | Model) -> tuple[Mapping[str, Any] | None, Interface]:
    if isinstance(x, Model):
        return getattr(x, "training_inputs", None), x.interface
    config = release.describe(release.resolve(x))
    return config[manifest.TRAINED], base.interface(config["model"]["init_args"]["interface"])


def _given(p: Any, names: Sequence[str], count: int) -> dict[str, np.ndarray]:
    if p is None or not names:
        return {}
    if isinstance(p, Mapping):
        p = np.stack(np.broadcast_arrays(*(np.asarray(p[name], float) for name in names)), -1)
    values = np.asarray(p, dtype=float)
    if values.shape not in ((len(names),), (1, len(names)), (count, len(names))):
        raise ValueError(f"p has shape {values.shape}; give ({count}, {len(names)}) for {names}")
    return dict(zip(names, np.broadcast_to(values, (count, len(names))).T, strict=True))


def _frame(
    trained: Mapping[str, Any], box: tuple[float, ...], dt: float | None, grid: tuple[int, ...]
) -> Iterator[Outside]:
    """Box, time step and grid, where they are others than those of the training."""
    grids = [tuple(region["grid"]) for region in trained["systems"].values()]
    if not np.allclose(box, trained["box"], rtol=CLOSE):
        yield Outside("the box is {}", _sides(box), *[_sides(trained["box"])] * 2, score=math.inf)
    known = trained["dt"]
    if dt is not None and known is not None and not math.isclose(dt, known, rel_tol=CLOSE):
        yield Outside("the time step is {}", f"{dt:g}", *[f"{known:g}"] * 2, score=math.inf)
    if grid not in grids:
        seen = ", ".join(dict.fromkeys(map(_sides, grids)))
        yield Outside("the grid is {}", _sides(grid), seen, seen, score=1.0)


def _sides(sides: Sequence[float]) -> str:
    return " × ".join(f"{side:g}" for side in sides)
