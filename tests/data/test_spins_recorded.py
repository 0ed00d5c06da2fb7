import h5py
import numpy as np
import pytest
import torch

from zoo.data.spins.recorded import RecordedSpins
from zoo.spin.ising import Ising

S = np.random.default_rng(0).integers(0, 2, (50, 3, 4))


def written(folder, **arrays):
    path = str(folder / "lattices.npz")
    np.savez(path, **arrays)
    return path


def test_both_kinds_of_files_give_the_same_lattices(tmp_path):
    one = RecordedSpins(written(tmp_path, s=S, T0=2.5), system=Ising())
    with h5py.File(tmp_path / "lattices.h5", "w") as file:
        file["s"], file["T0"] = S, np.full(50, 2.5)
    two = RecordedSpins(str(tmp_path / "lattices.h5"), system=Ising())
    assert torch.equal(one.lattices("train"), two.lattices("train"))
    assert one.interface() == two.interface() and one.interface().temperature == 2.5


def test_splits_share_the_file_out(tmp_path):
    one = RecordedSpins(written(tmp_path, s=S, T0=2.5), held=0.2)
    parts = [one.lattices(split) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [30, 10, 10]
    rows = sorted(map(tuple, torch.cat(parts).flatten(1).tolist()))
    assert rows == sorted(map(tuple, S.reshape(50, -1).tolist()))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"s": S, "T0": np.repeat([2.0, 4.0], 25)}, "mixes lattices of T0=2 and T0=4"),
        ({"s": S}, "has no 'T0', their temperature"),
        ({"T0": 2.0}, "has no 's'"),
        ({"s": 2 * S - 1, "T0": 2.0}, r"holds -1, outside the colours 0 \.\.\. 1"),
        ({"s": S + 0.5, "T0": 2.0}, "holds 0.5|holds 1.5"),
        ({"s": S, "T0": 0.0}, "temperature=0.0 must be finite and above 0"),
        ({"s": S[:5], "T0": 2.0}, "leaves 0 for validation"),
        ({"s": S[0, 0], "T0": 2.0}, "has shape"),
    ],
)
def test_files_that_hold_something_else_are_refused(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        RecordedSpins(written(tmp_path, **arrays))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no file"):
        RecordedSpins(str(tmp_path / "none.npz"))
