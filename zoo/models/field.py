from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.models.base import Interface, Model
from zoo.ops.jets import AutogradJet, Jet

SLACK = 1e-5
"""How far outside a point may lie, relative to its size."""


class Estimator(ABC):
    """How the derivatives of a field are found where its own way is not wanted.

    A plain object, which recipes name; its random draws come from PyTorch's global generator, which
    runs restore.
    """

    @abstractmethod
    def jet(self, field: "Field", x: Tensor) -> Jet:
        """Value and derivatives of a field at points (b, D), which the field has checked."""


class Field(Model):
    """A map from points to values: `forward(x)`, with derivatives by `jet(x)`.

    The columns of x are the coordinates (`interface.inputs`), then the parameters
    (`interface.coefficients`). Jets differentiate the coordinates alone.

    Shapes:
        x: (b, coordinates + parameters); output: (b, outputs).
    Units:
        as the interface states, on both sides.
    """

    def check(self, x: Tensor) -> None:
        """Refuse points that the interface does not describe."""
        names = (*self.interface.inputs, *self.interface.coefficients)
        if x.ndim != 2 or x.shape[1] != len(names):
            raise ValueError(
                f"x has shape {tuple(x.shape)}; this model needs (b, {len(names)}), one column "
                f"for each of {listed(names)}"
            )

    def beyond(self, x: Tensor) -> Tensor:
        """How far each point (b, D) lies outside of where the field means anything, (b,).

        Zero for fields that know of no domain: they extrapolate. One that knows it gives the
        distance to it, less the radius that it is smoothed over.
        """
        return torch.zeros(len(x), dtype=x.dtype, device=x.device)

    @property
    def radius(self) -> float:
        """How far around a point the field averages: so far beyond a domain it has a meaning."""
        return 0.0

    def values(self, x: Tensor) -> Tensor:
        """Normalised points (b, d) to normalised values (b, c)."""
        raise NotImplementedError(f"{type(self).__name__}.values")

    def forward(self, x: Tensor) -> Tensor:
        """Values at points; shapes and units as in the class."""
        self.check(x)
        scaled, _, state = self.normaliser.encode(x, None)
        return self.normaliser.decode(self.values(scaled), state)

    def jet(self, x: Tensor, by: Estimator | None = None) -> Jet:
        """Value and derivatives at points, by an estimator or in the field's own way.

        They work under validation too.
        """
        self.check(x)
        return self.own_jet(x) if by is None else by.jet(self, x)

    def own_jet(self, x: Tensor) -> Jet:
        """The jet that the field makes by itself, of points that are checked."""
        return AutogradJet(self, x, len(self.interface.inputs))

    def example(self, rng: torch.Generator) -> dict[str, Tensor]:
        """As in Model: five points of the region."""
        region = torch.tensor(self.interface.region)
        low, high = region[:, 0], region[:, 1]
        return {"x": low + (high - low) * torch.rand(5, len(region), generator=rng)}

    def predict(self, x: Any, p: Any = None, derivatives: Sequence[str] = ()) -> np.ndarray:
        """Numpy in, numpy out, in physical units, without gradients.

        Args:
            x: (..., coordinates) array.
            p: (parameters,) or (..., parameters) array, or a mapping from names to numbers.
            derivatives: coordinates to differentiate by in turn: ("x", "x") gives u_xx.

        Shapes:
            result: (..., outputs).

        Raises:
            ValueError: NaNs, wrong columns, unknown or missing parameters or coordinates, points
                `beyond` what the field is made for.
        """
        want, like = self.interface, next(self.parameters())
        points = np.asarray(x, dtype=float)
        if points.shape[-1:] != (len(want.inputs),):
            raise ValueError(
                f"x has shape {points.shape}; its last axis holds the coordinates "
                f"{listed(want.inputs)}"
            )
        columns = np.concatenate([points, self._broadcast(p, points.shape[:-1])], -1)
        if not np.isfinite(columns).all():
            raise ValueError(f"{(~np.isfinite(columns)).sum()} values of x and p are not finite")
        flat = torch.as_tensor(columns.reshape(-1, columns.shape[-1])).to(like)
        axes = [_place(name, want) for name in derivatives]
        with torch.no_grad():
            _refuse(self.beyond(flat), points, want)
            y = self.jet(flat).derivative(*axes) if axes else self(flat)
        return y.cpu().numpy().reshape(*points.shape[:-1], len(want.outputs))

    def _broadcast(self, p: Any, shape: tuple[int, ...]) -> np.ndarray:
        names = self.interface.coefficients
        if isinstance(p, dict):
            if set(p) != set(names):
                raise ValueError(f"p names {sorted(p)}; this model's parameters are {names}")
            p = np.stack(np.broadcast_arrays(*(np.asarray(p[n], float) for n in names)), -1)
        given = np.zeros(0) if p is None else np.asarray(p, dtype=float)
        if given.shape[-1:] != (len(names),):
            raise ValueError(
                f"p has shape {given.shape}; its last axis holds the parameters {names}"
            )
        return np.broadcast_to(given, (*shape, len(names)))


def listed(names: Sequence[str]) -> str:
    """Names in words; of many the first two and the last, and how many there are."""
    if len(names) <= 8:
        return str(tuple(names))
    return f"({names[0]!r}, {names[1]!r}, ..., {names[-1]!r}), {len(names)} in all"


def _refuse(beyond: Tensor, points: np.ndarray, interface: Interface) -> None:
    """Name the first of the points that lie outside.

    Raises:
        ValueError: there is one.
    """
    # points of a side may lie outside by round-off
    lost = beyond.cpu().numpy() > SLACK * (1 + np.abs(points).max(initial=0.0))
    if not lost.any():
        return
    first = int(lost.argmax())
    place = points.reshape(-1, points.shape[-1])[first]
    told = [f"{n} = {v:.4g}" for n, v in zip(interface.inputs[:4], place, strict=False)]
    rest = ["..."] * (len(place) > 4)
    raise ValueError(
        f"{lost.sum()} of {len(lost)} points lie outside the domain that this field is made for, "
        f"first x[{first}] at {', '.join([*told, *rest])}, {float(beyond[first]):.3g} too far; "
        "move them inside"
    )


def _place(name: str, interface: Interface) -> int:
    if name not in interface.inputs:
        kind = "a parameter" if name in interface.coefficients else "unknown"
        raise ValueError(
            f"{name!r} is {kind}; derivatives are by the coordinates {interface.inputs}"
        )
    return interface.inputs.index(name)
