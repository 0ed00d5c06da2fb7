import h5py
import numpy as np
import pytest

from zoo.data.formats import store
from zoo.data.formats.pdebench import PdebenchTensor
from zoo.data.formats.pdebench_grouped import PdebenchGrouped
from zoo.data.formats.pdebench_seeds import PdebenchSeeds
from zoo.data.formats.recording import FileError, Told
from zoo.data.formats.store import Store

B, T, N = 3, 5, 8


def opened(path, told=None):
    file = Store(path)
    fits = [
        kind for kind in (PdebenchTensor(), PdebenchGrouped(), PdebenchSeeds()) if kind.fits(file)
    ]
    assert len(fits) == 1
    return fits[0].open(file, told or Told())


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def written(path, axes="x", times=T + 1, **arrays):
    with h5py.File(path, "w") as file:
        for name, data in arrays.items():
            file[name] = data
        for axis in axes:
            file[f"{axis}-coordinate"] = (np.arange(N) + 0.5).astype(np.float32) / N
        if times:
            file["t-coordinate"] = np.linspace(0, 0.1 * (times - 1), times, dtype=np.float32)
        file.attrs["Nu"] = 0.01
    return path


@pytest.fixture
def burgers(tmp_path):
    return written(tmp_path / "1D_Burgers.hdf5", tensor=noise(B, T, N))


def test_burgers_is_described(burgers):
    held = opened(burgers).contents
    assert (held.layout, held.channels) == ("PDEBench tensor", ("u",))
    assert (held.trajectories, held.frames, held.shape) == (B, T, (N,))
    assert held.box == pytest.approx((1.0,))
    assert held.origin == pytest.approx((0.5 / N,))


def test_one_time_more_than_frames_is_left_out(burgers):
    assert opened(burgers).contents.dt == pytest.approx(0.1)


def test_frames_are_those_of_the_tensor(burgers):
    assert np.array_equal(opened(burgers).read(2, 1, 5, 2)[:, 0], noise(B, T, N)[2, 1:5:2])


def test_an_attribute_is_a_coefficient_of_every_trajectory(burgers):
    assert opened(burgers).contents.coefficients == ("Nu",)
    assert opened(burgers).coefficients().tolist() == [[0.01]] * B


def test_channels_stand_on_the_last_axis_of_a_tensor_in_two_dimensions(tmp_path):
    found = opened(written(tmp_path / "a.h5", "xy", tensor=noise(B, T, N, N, 2)))
    assert (found.contents.channels, found.contents.shape) == (("u0", "u1"), (N, N))
    assert np.array_equal(found.read(1, 0, T)[:, 1], noise(B, T, N, N, 2)[1, ..., 1])


def test_a_last_axis_of_one_channel_makes_no_second_axis_of_space(tmp_path):
    held = opened(written(tmp_path / "a.h5", tensor=noise(B, T, N, 1))).contents
    assert (held.channels, held.shape) == (("u",), (N,))


def test_a_first_axis_of_length_one_is_dropped(tmp_path):
    found = opened(written(tmp_path / "a.h5", tensor=noise(1, B, T, N)))
    assert (found.contents.trajectories, found.contents.shape) == (B, (N,))
    assert np.array_equal(found.read(2, 0, T)[:, 0], noise(1, B, T, N)[0, 2])


def test_darcy_flow_is_refused_with_its_remedy(tmp_path):
    path = written(tmp_path / "a.h5", "xy", 0, tensor=noise(B, 1, N, N), nu=noise(B, N, N))
    with pytest.raises(FileError, match=r"1 frame .* zoo\.data\.files\.Files"):
        opened(path)


def test_compressible_flow_has_a_channel_for_each_array(tmp_path):
    arrays = {name: noise(B, T, N, N) + i for i, name in enumerate(("density", "Vx", "Vy"))}
    found = opened(written(tmp_path / "a.h5", "xy", **arrays))
    assert found.contents.layout == "PDEBench grouped"
    assert found.contents.channels == ("Vx", "Vy", "density")
    assert np.array_equal(found.read(1, 0, T)[:, 0], arrays["Vx"][1])


def test_an_array_without_time_is_a_constant_and_a_number_each_a_coefficient(tmp_path):
    fields = {"u": noise(B, T, N, N), "nu": noise(B, N, N), "beta": np.array([1.0, 2.0, 3.0])}
    found = opened(written(tmp_path / "a.h5", "xy", **fields))
    assert (found.contents.constants, found.contents.coefficients) == (("nu",), ("beta", "Nu"))
    assert np.array_equal(found.read(1, 0, 2)[1, 1], fields["nu"][1])
    assert found.coefficients()[:, 0].tolist() == [1.0, 2.0, 3.0]


def seeds(path, k=(0.1, 0.2, 0.3), lengths=(T, T, T)):
    with h5py.File(path, "w") as file:
        for i, frames in enumerate(lengths):
            group = file.create_group(f"{i:04d}")
            group.create_dataset("data", data=noise(frames, N, N, 2) + i, compression="lzf")
            for axis in "xy":
                group[f"grid/{axis}"] = -1 + (2 * np.arange(N, dtype=np.float32) + 1) / N
            group["grid/t"] = np.linspace(0, 2, frames, dtype=np.float32)
            group.attrs["k"], group.attrs["config"] = k[i], "sim: {k: 0.005}"
    return path


def test_a_group_for_each_trajectory_is_read_group_by_group(tmp_path):
    found = opened(seeds(tmp_path / "a.h5"))
    assert (found.contents.channels, found.contents.trajectories) == (("u0", "u1"), 3)
    assert np.array_equal(found.read(2, 1, 4)[:, 1], noise(T, N, N, 2)[1:4, ..., 1] + 2)


def test_no_more_groups_are_kept_open_than_memory_allows(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "KEPT", 2)
    found = opened(seeds(tmp_path / "a.h5"))
    for i in (0, 1, 2, 0):
        assert np.array_equal(found.read(i, 0, T)[:, 0], noise(T, N, N, 2)[..., 0] + i)
    assert len(found.store._arrays) == 2


def test_the_grid_of_a_group_gives_box_and_time_step(tmp_path):
    held = opened(seeds(tmp_path / "a.h5")).contents
    assert held.box == pytest.approx((2.0, 2.0))
    assert held.dt == pytest.approx(0.5)


def test_attributes_of_a_group_are_coefficients_of_its_trajectory(tmp_path):
    found = opened(seeds(tmp_path / "a.h5"))
    assert found.coefficients().tolist() == [[0.1], [0.2], [0.3]]
    assert found.told()["config"] == "sim: {k: 0.005}"


def test_a_group_of_another_length_is_named(tmp_path):
    with pytest.raises(FileError, match=r"0002/data has shape \(4, 8, 8, 2\)"):
        opened(seeds(tmp_path / "a.h5", lengths=(T, T, 4)))


def test_missing_coordinates_are_named(tmp_path):
    with pytest.raises(FileError, match=r"`x-coordinate`.* is needed.* or tell the box"):
        opened(written(tmp_path / "a.h5", "", tensor=noise(B, T, N)))


def test_a_box_that_is_told_stands_for_coordinates(tmp_path):
    path = written(tmp_path / "a.h5", "", tensor=noise(B, T, N))
    assert opened(path, Told(box=(3.0,))).contents.shape == (N,)


def test_missing_times_are_named(tmp_path):
    with pytest.raises(
        FileError, match="no array `t-coordinate`; add the time of each frame, or tell dt"
    ):
        opened(written(tmp_path / "a.h5", "x", 0, tensor=noise(B, T, N)))


def test_coordinates_of_another_length_are_told_with_the_shapes(tmp_path):
    with pytest.raises(FileError, match=r"'x': 8.*'tensor': \(3, 5, 16\)"):
        opened(written(tmp_path / "a.h5", tensor=noise(B, T, 2 * N)))
