import multiprocessing
import pickle

import h5py
import numpy as np
import pytest
from the_well.data import WellDataset
from the_well.utils.dummy_data import write_dummy_data

from tests.data.formats import wells
from zoo.data.formats.recording import FileError, Told
from zoo.data.formats.store import Store
from zoo.data.formats.well import Well

B, T, N = 3, 6, 8


def opened(path, told=None):
    return Well().open(Store(path), told or Told())


def noise(*extra, seed=0, dtype=np.float32, lead=(B, T)):
    shape = (*lead, N, N, *extra)
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.fixture
def path(tmp_path):
    fields = {"0:density": noise(), "1:velocity": noise(2, seed=1), "2:stress": noise(2, 2, seed=2)}
    return wells.write(tmp_path / "a.h5", fields)


@pytest.fixture
def dummy(tmp_path):
    write_dummy_data(str(tmp_path / "dummy.hdf5"))
    return tmp_path / "dummy.hdf5"


def test_components_of_vectors_and_tensors_are_channels(path):
    stress = ("stress_xx", "stress_xy", "stress_yx", "stress_yy")
    assert opened(path).contents.channels == ("density", "velocity_x", "velocity_y", *stress)


def test_frames_equal_those_of_the_wells_own_data_set(path):
    theirs = WellDataset(path=str(path.parent), n_steps_input=4, n_steps_output=1)[3]
    whole = np.concatenate([theirs["input_fields"], theirs["output_fields"]])
    ours = opened(path).read(1, 1, 6)
    assert np.array_equal(ours, np.moveaxis(whole, -1, 1))


def test_a_file_of_the_wells_own_writer_is_read_as_its_data_set_reads_it(dummy):
    theirs = WellDataset(path=str(dummy.parent), n_steps_input=2, n_steps_output=1)[9]
    ours = opened(dummy).read(1, 1, 4)
    assert np.array_equal(ours[:2, :2], np.moveaxis(theirs["input_fields"].numpy(), -1, 1))
    assert np.array_equal(ours[2, 2], theirs["constant_fields"][..., 0].numpy())


def test_a_file_of_the_wells_own_writer_is_described(dummy):
    held = opened(dummy).contents
    assert (held.channels, held.constants) == (("field_x", "field_y"), ("constant_field",))
    assert (held.coefficients, held.boundary) == (("a", "b"), "periodic")
    assert held.box == pytest.approx((32 / 31, 32 / 31))
    assert held.dt == pytest.approx(1 / 9)
    assert opened(dummy).coefficients().tolist() == [[0.25, 0.75]] * 2
    assert "time_varying_scalar varies in time" in held.notes[0]


def test_a_symmetric_tensor_is_given_once(tmp_path):
    path = wells.write(tmp_path / "a.h5", {"2:s": noise(2, 2)}, s={"symmetric": True})
    assert opened(path).contents.channels == ("s_xx", "s_xy", "s_yy")
    assert np.array_equal(opened(path).read(0, 0, T)[:, 1], noise(2, 2)[0, ..., 0, 1])


def test_an_antisymmetric_tensor_has_no_diagonal(tmp_path):
    path = wells.write(tmp_path / "a.h5", {"2:s": noise(2, 2)}, s={"antisymmetric": True})
    assert opened(path).contents.channels == ("s_xy",)


def test_a_tensor_may_have_its_components_on_one_axis(tmp_path):
    path = wells.write(tmp_path / "a.h5", {"2:s": noise(4)})
    assert opened(path).contents.channels == ("s_xx", "s_xy", "s_yx", "s_yy")
    assert np.array_equal(opened(path).read(2, 0, T)[:, 2], noise(4)[2, ..., 2])


def test_a_constant_field_without_trajectories_is_repeated(tmp_path):
    fields = {"0:u": noise(), "0:mask": noise(lead=(), seed=4)}
    fixed = {"sample_varying": False, "time_varying": False}
    found = opened(wells.write(tmp_path / "a.h5", fields, mask=fixed))
    assert found.contents.inputs == ("u", "mask")
    assert np.array_equal(found.read(2, 0, 3)[:, 1], np.stack([noise(lead=(), seed=4)] * 3))


def test_a_field_that_does_not_vary_along_an_axis_is_repeated_along_it(tmp_path):
    column = noise()[..., 0]
    fields = {"0:u": noise(), "0:v": column}
    found = opened(wells.write(tmp_path / "a.h5", fields, v={"dim_varying": [True, False]}))
    assert np.array_equal(found.read(1, 2, 3)[0, 1], np.repeat(column[1, 2][:, None], N, 1))


@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2", "i4"])
def test_other_dtypes_become_single_precision(tmp_path, dtype):
    data = (10 * noise()).astype(dtype)
    found = opened(wells.write(tmp_path / "a.h5", {"0:u": data})).read(1, 0, T)
    assert found.dtype == np.float32
    assert np.array_equal(found[:, 0], data[1].astype(np.float32))


def test_a_compressed_file_is_read_as_a_plain_one(tmp_path, path):
    packed = {"chunks": (1, 2, N, N), "compression": "gzip"}
    fields = {"0:density": noise(), "1:velocity": noise(2, seed=1)}
    options = {"density": packed, "velocity": {"chunks": (1, 2, N, N, 2), "compression": "lzf"}}
    found = opened(wells.write(tmp_path / "packed.h5", fields, **options))
    assert np.array_equal(found.read(2, 1, 6, 2), opened(path).read(2, 1, 6, 2)[:, :3])


def test_strides_are_those_of_a_slice(path):
    assert np.array_equal(opened(path).read(0, 1, 6, 3), opened(path).read(0, 0, 6)[1:6:3])


def test_it_goes_to_a_worker_without_open_files(path):
    found = opened(path)
    first = found.read(1, 0, 2)
    sent = pickle.loads(pickle.dumps(found))
    assert sent.store._file is None
    assert np.array_equal(sent.read(1, 0, 2), first)


def test_a_fork_opens_a_compressed_file_for_itself(tmp_path):
    packed = {"chunks": (1, 1, N, N), "compression": "gzip"}
    found = opened(wells.write(tmp_path / "a.h5", {"0:u": noise()}, u=packed))
    found.read(0, 0, 2)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        other = pool.apply(found.read, (1, 0, 2))
    assert np.array_equal(other, found.read(1, 0, 2))


def test_it_is_read_again_after_close(path):
    found = opened(path)
    first = found.read(0, 0, 2)
    found.close()
    assert np.array_equal(found.read(0, 0, 2), first)


def test_a_file_that_is_replaced_under_a_worker_is_told(path, tmp_path):
    sent = pickle.loads(pickle.dumps(opened(path)))
    wells.write(path, {"0:density": noise()})
    with pytest.raises(FileError, match="was changed since it was opened"):
        sent.read(0, 0, 2)


def test_units_of_a_data_set_are_those_of_its_components(tmp_path):
    path = wells.write(tmp_path / "a.h5", {"1:v": noise(2)}, v={"units": "m/s"})
    assert opened(path).contents.units == {"v_x": "m/s", "v_y": "m/s"}


def test_scalars_that_differ_between_trajectories_are_a_column(path):
    with h5py.File(path, "r+") as file:
        file["scalars"]["nu"] = np.array([0.1, 0.2, 0.3])
        file["scalars"].attrs["field_names"] = ["nu"]
        file["scalars/nu"].attrs["sample_varying"] = True
        file["scalars/nu"].attrs["time_varying"] = False
    assert opened(path).coefficients().tolist() == [[0.1], [0.2], [0.3]]


def test_sides_of_different_kinds_are_told_axis_by_axis(path):
    with h5py.File(path, "r+") as file:
        del file["boundary_conditions"]
        group = file.create_group("boundary_conditions")
        wells.side(group, "x", "WALL", N, mask=(0,))
        wells.side(group, "y", "PERIODIC", N)
    assert opened(path).contents.boundary == "x wall/open, y periodic"


def test_a_file_without_boundary_conditions_says_nothing(path):
    with h5py.File(path, "r+") as file:
        del file["boundary_conditions"]
    assert opened(path).contents.boundary is None


def test_a_box_is_as_many_cells_as_points(path):
    assert opened(path).contents.box == pytest.approx((1.0, 1.0))
