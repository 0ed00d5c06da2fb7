import subprocess
import sys

import h5py
import numpy as np
import pytest

from tests.data.formats import wells
from zoo.data.formats.detect import opened
from zoo.data.formats.finite import finite
from zoo.data.formats.recording import FileError, Told

B, T, N = 3, 6, 8
HOLD = """
import h5py, sys
file = h5py.File(sys.argv[1], "r+")
print("open", flush=True)
sys.stdin.read()
"""


def noise(frames=T):
    shape = (B, frames, N, N)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    return wells.write(tmp_path / "a.h5", {"0:u": noise()})


def changed(path, change):
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def other(name, values, **attributes):
    def change(file):
        group, last = file[name.rpartition("/")[0]], name.rpartition("/")[2]
        if last in group:
            del group[last]
        group[last] = values
        group[last].attrs.update({"sample_varying": False, "time_varying": False, **attributes})

    return change


def refused(path, error, told=None):
    with pytest.raises(FileError, match=error) as caught:
        opened(path, told)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path / "none.h5", "does not exist")


def test_a_folder_is_no_file(tmp_path):
    refused(tmp_path, "is a folder")


def test_an_empty_file_is_told(tmp_path):
    (tmp_path / "a.h5").touch()
    refused(tmp_path / "a.h5", r"is empty \(0 bytes\)")


def test_a_file_of_another_kind_is_told_by_its_first_bytes(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"# a text")
    refused(tmp_path / "a.h5", "is not HDF5: it begins with b'# a text'")


def test_netcdf_3_comes_with_the_command_that_converts_it(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"CDF\x01 and more")
    refused(tmp_path / "a.nc", "nccopy -k nc4")


def test_a_truncated_file_is_told_with_both_sizes(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    refused(path, f"is truncated: it has 3000 bytes of the {len(whole)}")


def test_a_file_truncated_within_its_first_block_is_told(path):
    path.write_bytes(path.read_bytes()[:40])
    refused(path, r"is damaged, perhaps truncated \(40 bytes\)")


def test_a_truncated_npz_is_told(tmp_path):
    np.savez(tmp_path / "a.npz", u=noise())
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:3000])
    refused(tmp_path / "a.npz", r"is truncated or damaged \(3000 bytes\)")


def test_a_truncated_npy_is_told(tmp_path):
    np.save(tmp_path / "a.npy", noise())
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:3000])
    refused(tmp_path / "a.npy", "is truncated: a ends at byte 4736, the file has 3000")


def test_a_file_that_another_process_writes_is_locked(path):
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"open\n"
        refused(path, "is locked: another process has it open for writing")
        holder.stdin.close()
    assert opened(path).contents.trajectories == B


def test_a_file_whose_writer_was_killed_is_told(tmp_path):
    with h5py.File(tmp_path / "live.h5", "w", libver="latest") as file:
        file["u"] = noise()
        file.flush()
        (tmp_path / "a.h5").write_bytes((tmp_path / "live.h5").read_bytes())
    refused(tmp_path / "a.h5", "h5clear -s a.h5")


def test_one_frame_only_is_refused(tmp_path):
    refused(wells.write(tmp_path / "a.h5", {"0:u": noise(1)}, frames=1), "has 1 frame of each")


def test_a_grid_that_is_not_uniform_is_refused(path):
    x = np.linspace(0, 1, N) ** 2
    refused(changed(path, other("dimensions/x", x)), "the grid along x is not uniform, its spacing")


def test_a_grid_that_runs_backwards_is_refused(path):
    refused(changed(path, other("dimensions/x", -np.arange(N))), "the grid along x is not uniform")


def test_single_precision_far_from_the_origin_is_still_uniform(path):
    x = (1000 + 0.01 * np.arange(N)).astype(np.float32)
    held = opened(changed(path, other("dimensions/x", x))).contents
    assert held.box[0] == pytest.approx(0.08, rel=2e-3)


def test_times_that_are_not_equally_spaced_are_refused_unless_dt_is_told(path):
    times = np.array([0, 1, 2, 3, 5, 8.0])
    refused(changed(path, other("dimensions/time", times)), "steps run from 1 to 3")
    assert opened(path, Told(dt=1.0)).contents.dt == 1.0


def test_coordinates_that_are_not_cartesian_are_refused(path):
    polar = changed(path, lambda file: file.attrs.update(grid_type="spherical"))
    refused(polar, "grid_type 'spherical'; models take Cartesian grids")


def test_a_grid_for_each_trajectory_is_refused_where_they_differ(path):
    x = np.arange(N) * np.array([[1.0], [1.0], [2.0]])
    refused(changed(path, other("dimensions/x", x, sample_varying=True)), "x differ between traj")


def test_a_time_step_for_each_trajectory_is_refused_where_they_differ(path):
    times = np.arange(T) * np.array([[1.0], [1.0], [2.0]])
    changed(path, other("dimensions/time", times, sample_varying=True))
    refused(path, "the time step differs between trajectories, from 1 to 2")


def test_missing_coordinates_are_named(path):
    def change(file):
        del file["dimensions/y"]

    refused(changed(path, change), "has no coordinates 'y', it has")


def test_a_missing_group_of_coordinates_is_named(path):
    def change(file):
        del file["dimensions"]

    refused(changed(path, change), "no group `dimensions`")


def test_fewer_coordinates_than_points_are_told(path):
    x = np.arange(N - 1.0)
    refused(changed(path, other("dimensions/x", x)), r"x has \(7,\) coordinates for 8 grid points")


def test_a_field_whose_shape_does_not_fit_its_attributes_is_told(path):
    other_shape = changed(path, lambda file: file["t0_fields/u"].attrs.update(time_varying=False))
    refused(other_shape, r"/t0_fields/u has shape \(3, 6, 8, 8\); its attributes")


def test_fields_that_disagree_on_trajectories_are_told(path):
    more = changed(path, lambda file: file.attrs.update(n_trajectories=7))
    refused(more, "do not agree on n_trajectories: {'/t0_fields/u': 3, 'the attribute': 7}")


def test_complex_numbers_are_refused(path):
    change = other("t0_fields/u", noise() * 1j, sample_varying=True, time_varying=True)
    refused(changed(path, change), "holds complex64; a field holds real numbers")


def test_a_coefficient_that_is_not_finite_is_named_with_its_trajectory(path):
    change = other("scalars/nu", np.array([1, np.nan, 1]), sample_varying=True)
    changed(path, lambda file: file["scalars"].attrs.update(field_names=["nu"]))
    refused(changed(path, change), "nu of trajectory 1 .* is nan")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_told_with_trajectory_and_frame(path, value):
    held = opened(path)
    frames = held.read(2, 1, 6, 2)
    frames[1, 0, 3, 4] = value
    with pytest.raises(FileError, match=rf"u is {value} in trajectory 2, frame 3, point \(3, 4\)"):
        finite(frames, held.contents, 2, 1, 2)


def test_finite_frames_pass_even_where_their_sum_does_not_fit(path):
    held = opened(path)
    frames = np.full((2, 1, N, N), 3e38, np.float32)
    assert finite(frames, held.contents, 0) is frames


def test_frames_beyond_the_last_are_refused(path):
    with pytest.raises(IndexError, match=r"frames 4:7:1 .* it has 6"):
        opened(path).read(0, 4, 7)
