from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.models.base import Interface, Model


class Operator(Model):
    """A map from fields to fields: `forward(u, p)` with u (b, t, c, *n) and p (b, p).

    A subclass gives `body` (normalised fields to features) and `project` (features to normalised
    outputs); encoding and decoding by the normaliser happen here, once.

    Shapes:
        u: (b, history, inputs, *n); p: (b, coefficients) or None when there are none;
        output: (b, horizon, outputs, *n).
    Units:
        as the interface states, on both sides.
    """

    width: int

    @abstractmethod
    def body(self, u: Tensor, p: Tensor | None) -> Tensor:
        """Normalised fields and coefficients to features (b, width, *n)."""

    @abstractmethod
    def project(self, h: Tensor) -> Tensor:
        """Features (b, width, *n) to normalised outputs (b, t', c', *n)."""

    def check(self, u: Tensor, p: Tensor | None) -> None:
        """Refuse inputs that the interface does not describe; subclasses add their grid's rule."""
        want = self.interface
        if u.ndim != 3 + want.dimension or u.shape[1:3] != (want.history, len(want.inputs)):
            raise ValueError(
                f"u has shape {tuple(u.shape)}; this model needs (b, {want.history}, "
                f"{len(want.inputs)}, {want.dimension} space axes) with channels {want.inputs}"
            )
        if want.coefficients and (p is None or p.shape != (u.shape[0], len(want.coefficients))):
            got = "None" if p is None else tuple(p.shape)
            raise ValueError(
                f"p is {got}; this model needs ({u.shape[0]}, {len(want.coefficients)}) "
                f"coefficients {want.coefficients}"
            )

    def features(self, u: Tensor, p: Tensor | None = None) -> Tensor:
        """Features (b, width, *n) before the projection, for heads of pretext tasks."""
        self.check(u, p)
        scaled, coefficients, _ = self.normaliser.encode(
            u, p if self.interface.coefficients else None
        )
        return self.body(scaled, coefficients)

    def forward(self, u: Tensor, p: Tensor | None = None) -> Tensor:
        """Physical fields to physical fields; shapes and units as in the class."""
        self.check(u, p)
        scaled, coefficients, state = self.normaliser.encode(
            u, p if self.interface.coefficients else None
        )
        return self.normaliser.decode(self.project(self.body(scaled, coefficients)), state)

    def rollout(self, u: Tensor, steps: int, p: Tensor | None = None) -> Tensor:
        """Apply the model `steps` times; outputs feed inputs of the same name.

        Inputs that are no outputs are carried as they are only when the interface has a time step.

        Shapes:
            u: (b, history, inputs, *n); result: (b, steps * horizon, outputs, *n).

        Raises:
            ValueError: the problem is steady, an output feeds no input, or the outputs do not
                follow at once on the inputs.
        """
        return torch.cat(list(islice(self.unrolled(u, p), steps)), 1)

    def unrolled(self, u: Tensor, p: Tensor | None = None) -> Iterator[Tensor]:
        """The blocks of a rollout one after the other, without end: no block is kept.

        Shapes:
            u: (b, history, inputs, *n); each block: (b, horizon, outputs, *n).

        Raises:
            ValueError: as in `rollout`.
        """
        self._check_rollout()
        while True:
            y = self(u, p)
            yield y
            u = self.fed(u, y)

    def fed(self, u: Tensor, y: Tensor) -> Tensor:
        """The next inputs: the last frames of `u` and `y`, with carried inputs as they are.

        Shapes:
            u: (b, history, inputs, *n); y: (b, t', outputs, *n) with any number of frames.
        """
        want = self.interface
        new = u[:, -1:].repeat_interleave(y.shape[1], 1).clone()
        for i, name in enumerate(want.outputs):
            new[:, :, want.inputs.index(name)] = y[:, :, i]
        return torch.cat([u, new], 1)[:, -want.history :]

    def _check_rollout(self) -> None:
        want = self.interface
        if want.dt is None:
            raise ValueError("rollout needs a time step, but this model is steady (dt is None)")
        if want.offset != 1:
            raise ValueError(
                f"this model jumps {want.offset} frames ahead (interface.offset), so its output is "
                "not the next input; rollout needs offset 1"
            )
        for name in want.outputs:
            if name not in want.inputs:
                raise ValueError(
                    f"output channel {name!r} is no input; rollout cannot feed it back"
                )

    @torch.no_grad()
    def predict(self, u: Any, p: Any = None) -> np.ndarray:
        """Numpy in, numpy out, in physical units, without gradients.

        Args:
            u: (*n), (c, *n), (b, c, *n) or (b, t, c, *n) array.
            p: (p,) or (b, p) array, or a mapping from coefficient names to numbers or (b,) arrays.

        Shapes:
            result: (b, t', c', *n), without the axes that `u` did not have.

        Raises:
            ValueError: NaNs, wrong channels, unknown or missing coefficients.
        """
        like = next(self.parameters())
        field = torch.as_tensor(np.array(u), dtype=like.dtype, device=like.device)
        if not bool(field.isfinite().all()):
            raise ValueError(f"u holds {int((~field.isfinite()).sum())} values that are not finite")
        missing = 3 + self.interface.dimension - field.ndim
        if not 0 <= missing <= 3:
            raise ValueError(f"u has shape {tuple(field.shape)}; see predict's Shapes")
        # the axes are missing from the left, but a lone batch (b, c, *n) lacks the time axis
        full = field[:, None] if missing == 1 else field[(None,) * missing]
        y = self(full, self._coefficients(p, full)).cpu().numpy()
        return y[:, 0] if missing == 1 else y[(0,) * missing]

    def _coefficients(self, p: Any, u: Tensor) -> Tensor | None:
        names = self.interface.coefficients
        if not names:
            return None
        if isinstance(p, Mapping):
            if set(p) != set(names):
                raise ValueError(f"p names {sorted(p)}; this model's coefficients are {names}")
            p = np.stack(np.broadcast_arrays(*(np.asarray(p[name], float) for name in names)), -1)
        if p is None:
            raise ValueError(f"p is missing; this model needs the coefficients {names}")
        values = torch.as_tensor(np.asarray(p), dtype=u.dtype, device=u.device)
        if not bool(values.isfinite().all()):
            raise ValueError(f"p={values.tolist()} holds a value that is not finite")
        if values.shape not in ((len(names),), (1, len(names)), (len(u), len(names))):
            raise ValueError(
                f"p has shape {tuple(values.shape)}; it must be ({len(names)},) or "
                f"({len(u)}, {len(names)}) for the coefficients {names}"
            )
        return values.expand(len(u), len(names))


__all__ = ["Interface", "Operator"]
