from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zoo.data import arrays
from zoo.data.fields import SPLITS, Fields, FieldSet
from zoo.models.base import Interface


class Files(FieldSet):
    """Samples of your own, from one .npz or .h5 file with an array for each channel by name.

    Split once by a seeded permutation, so that the same file gives the same splits everywhere.

    Shapes:
        a channel is (samples, *n), or (samples, t, *n); a coefficient is (samples,) or one number.

    Args:
        path: the file.
        interface: names, units and box of its channels; its coefficients must be in the file.
        name: name of the system in figures; the file's name if None.
        train: share of the samples for training.
        validation: share for validation.
        test: share for the test.
        seed: seed of the permutation.

    Raises:
        ValueError: a channel is missing, shapes differ, a value is not finite, a share is empty.
    """

    def __init__(
        self,
        path: str,
        interface: Interface,
        *,
        name: str | None = None,
        train: float = 0.6,
        validation: float = 0.2,
        test: float = 0.2,
        seed: int = 0,
    ) -> None:
        if min(train, validation, test) < 0 or not 0 < train + validation + test <= 1 + 1e-9:
            raise ValueError(
                f"train={train}, validation={validation}, test={test}: shares of the samples, not "
                "negative, that add up to at most 1"
            )
        self.path, self.interface = path, interface
        self._name = name
        self.train, self.validation, self.test = train, validation, test
        self.seed = seed
        self._data = self._read()
        self._order = np.random.default_rng(seed).permutation(len(self._data))

    @property
    def name(self) -> str:
        """As in FieldSet."""
        return self._name or Path(self.path).stem

    @property
    def inputs(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.interface.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.interface.outputs

    @property
    def coefficients(self) -> tuple[str, ...]:
        """As in FieldSet."""
        return self.interface.coefficients

    @property
    def units(self) -> Mapping[str, str]:
        """As in FieldSet; a unit that is not stated is "1"."""
        names = (*self.inputs, *self.outputs, *self.coefficients)
        return {name: self.interface.units.get(name, "1") for name in names}

    @property
    def box(self) -> tuple[float, ...]:
        """As in FieldSet."""
        return self.interface.box

    @property
    def boundary(self) -> str:
        """As in FieldSet."""
        return self.interface.boundary

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """As in FieldSet: from least to greatest in the file."""
        p = self._data.p
        pairs = zip(p.min(0).values.tolist(), p.max(0).values.tolist(), strict=True)
        return dict(zip(self.coefficients, pairs, strict=True))

    def count(self, split: str) -> int:
        """As in FieldSet."""
        start, stop = self._range(split)
        return stop - start

    def shape(self) -> tuple[int, ...]:
        """As in FieldSet."""
        return tuple(self._data.u.shape[3:])

    def split(self, split: str) -> Fields:
        """As in FieldSet."""
        start, stop = self._range(split)
        chosen = torch.as_tensor(self._order[start:stop])
        return Fields(self._data.u[chosen], self._data.y[chosen], self._data.p[chosen])

    def _range(self, split: str) -> tuple[int, int]:
        shares = (self.train, self.validation, self.test)
        total = len(self._data)
        # rounding the sums, not the shares, leaves no sample over
        ends = [round(total * sum(shares[:i])) for i in range(len(shares) + 1)]
        place = SPLITS.index(split)
        if shares[place] > 0 and ends[place + 1] == ends[place]:
            raise ValueError(
                f"{split}={shares[place]} of {total} samples in {self.path} is none; raise it"
            )
        return ends[place], ends[place + 1]

    def _read(self) -> Fields:
        want, every = self.interface, slice(0, None)
        with arrays.opened(self.path) as found:
            u = arrays.fields(found, want.inputs, want.dimension, want.history, every, self.path)
            y = arrays.fields(found, want.outputs, want.dimension, want.horizon, every, self.path)
            if len(u) != len(y) or u.shape[3:] != y.shape[3:]:
                raise ValueError(
                    f"{self.path}: inputs are {u.shape}, outputs {y.shape}, as (samples, frames, "
                    "channels, grid); samples and grid must agree"
                )
            p = coefficients(found, want.coefficients, len(u), self.path)
        return Fields(
            torch.as_tensor(u).float(), torch.as_tensor(y).float(), torch.as_tensor(p).double()
        )


def coefficients(
    found: Mapping[str, Any],
    names: tuple[str, ...],
    samples: int,
    where: str,
    given: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Coefficients (samples, P), float64: from an array each, or from numbers given by name.

    Raises:
        ValueError: one is missing, has another number of samples, or is not finite.
    """
    columns = []
    for name in names:
        if given and name in given:
            values = np.full(samples, given[name], dtype=np.float64)
        elif name in found:
            values = np.asarray(found[name][()], dtype=np.float64)
        else:
            raise ValueError(
                f"{where} has no coefficient {name!r}; it has {sorted(found)}: add an array of "
                f"{samples} numbers, or one number"
            )
        if values.shape not in ((), (1,), (samples,)):
            raise ValueError(
                f"{name} in {where} has shape {values.shape}; it should be ({samples},)"
            )
        columns.append(arrays.finite(np.broadcast_to(values, (samples,)), name, where))
    return np.stack(columns, 1) if columns else np.zeros((samples, 0))
