from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from zoo.data.spins.spin_data import SPLITS, SpinData
from zoo.spin.energy import Energy

KEYS = ("s", "T0")
"""What a file must hold."""


class RecordedSpins(SpinData):
    """Lattices of one temperature from a file, .npz or .h5: `s` (b, *n) colours and `T0`.

    The rows are shuffled by the seed; a part of them is kept for validation, as much for test.

    Args:
        path: the file. T0 is one number, or one for each lattice, all the same.
        colours: states of a spin.
        system: the energy that they were drawn from, if it is known; figures then compare with it.
        held: the share of validation, and that of test.
        batch_size: as in SpinData.
        seed: of the split and the order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: T0 is missing, temperatures are mixed, or a number is no colour.
    """

    def __init__(
        self,
        path: str,
        colours: int = 2,
        *,
        system: Energy | None = None,
        held: float = 0.1,
        batch_size: int = 500,
        seed: int = 0,
    ) -> None:
        found = read(Path(path))
        self.path, self.held = path, held
        s, t = colours_of(found["s"], colours, path), one_temperature(found["T0"], path)
        kept = int(held * len(s))
        if not 0 < kept <= (len(s) - 1) // 2:
            raise ValueError(
                f"held={held} of the {len(s)} lattices in {path} leaves {kept} for validation and "
                f"{len(s) - 2 * kept} for training; at least one each"
            )
        shape = tuple(int(side) for side in s.shape[1:])
        super().__init__(
            system, shape, colours=colours, temperature=t, batch_size=batch_size, seed=seed
        )
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(s)))
        parts = (order[2 * kept :], order[:kept], order[kept : 2 * kept])
        self._lattices = {name: s[part] for name, part in zip(SPLITS, parts, strict=True)}

    def lattices(self, split: str) -> Tensor:
        """As in SpinData."""
        return self._lattices[split]


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is of another kind, or an array is missing.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; give an .npz or .h5 with s and T0")
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            found = {key: file[key] for key in KEYS if key in file}
    elif path.suffix in (".h5", ".hdf5"):
        with h5py.File(path) as file:
            found = {key: np.asarray(file[key]) for key in KEYS if key in file}
    else:
        raise ValueError(f"{path} ends in {path.suffix!r}; lattices are read from .npz and .h5")
    for key, what in zip(KEYS, ("the lattices", "their temperature"), strict=True):
        if key not in found:
            raise ValueError(f"{path} has no {key!r}, {what}; add it under that name")
    return found


def colours_of(s: np.ndarray, colours: int, path: str) -> Tensor:
    """Lattices as uint8 colours.

    Raises:
        ValueError: no lattices, or a number that is no colour.
    """
    if not 2 <= s.ndim <= 4 or not s.size:
        raise ValueError(f"s of {path} has shape {s.shape}; it must be (b, *n), one to three axes")
    strange = s[(s < 0) | (s >= colours) | (s % 1 != 0)]
    if strange.size:
        raise ValueError(
            f"s of {path} holds {strange[0]:g}, outside the colours 0 ... {colours - 1}; spins "
            "-1, +1 are colours 0, 1: store (spins + 1) // 2"
        )
    return torch.from_numpy(s.astype(np.uint8))


def one_temperature(t: np.ndarray, path: str) -> float:
    """The temperature of all lattices.

    Raises:
        ValueError: there are several.
    """
    low, high = float(np.min(t)), float(np.max(t))
    if not np.isclose(low, high, rtol=1e-6):
        raise ValueError(
            f"{path} mixes lattices of T0={low:g} and T0={high:g}; a model learns one temperature: "
            "split the file"
        )
    return low
