import h5py
import numpy as np
import pytest

from tests.data.formats import wells
from zoo.data.formats import several
from zoo.data.formats.detect import opened
from zoo.data.formats.recording import FileError, Told

B, T, N = 3, 6, 8


def noise(*extra, seed=0, frames=T, points=N):
    shape = (B, frames, points, points, *extra)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    fixed = {"time_varying": False}
    fields = {"0:p": noise(), "0:mask": noise()[:, 0], "1:v": noise(2, seed=1)}
    path = wells.write(tmp_path / "a.h5", fields, mask=fixed, v={"units": "m/s"})
    with h5py.File(path, "r+") as file:
        file["scalars"].attrs["field_names"] = ["nu", "Re"]
        for name in ("nu", "Re"):
            file["scalars"][name] = np.arange(3.0) + len(name)
            file["scalars"][name].attrs["sample_varying"] = True
            file["scalars"][name].attrs["time_varying"] = False
    return path


def test_the_name_of_a_file_says_nothing_about_its_layout(path):
    assert opened(path.rename(path.with_name("1D_Burgers.npz"))).contents.layout == "The Well"


def test_a_renamed_channel_keeps_its_values_and_unit(path):
    found = opened(path, Told(rename={"v_x": "u", "nu": "viscosity"}))
    assert found.contents.channels == ("p", "u", "v_y")
    assert found.contents.coefficients == ("viscosity", "Re")
    assert found.contents.units == {"u": "m/s", "v_y": "m/s"}


def test_names_may_be_exchanged(path):
    found = opened(path, Told(rename={"v_x": "v_y", "v_y": "v_x"}))
    assert np.array_equal(found.read(0, 0, T)[:, 1], opened(path).read(0, 0, T)[:, 1])
    assert found.contents.channels == ("p", "v_y", "v_x")


def test_channels_come_in_the_order_that_is_told(path):
    found = opened(path, Told(rename={"v_x": "u"}, channels=("mask", "u", "p")))
    assert (found.contents.channels, found.contents.constants) == (("u", "p"), ("mask",))
    assert np.array_equal(found.read(1, 0, T), opened(path).read(1, 0, T)[:, [1, 0, 3]])


def test_coefficients_come_in_the_order_that_is_told(path):
    found = opened(path, Told(coefficients=("Re",)))
    assert found.coefficients().tolist() == [[2.0], [3.0], [4.0]]


def test_what_is_told_wins_over_the_file(path):
    told = Told(box=(2.0, 3.0), dt=0.5, boundary="x wall, y open", units={"v_x": "km/h"})
    held = opened(path, told).contents
    assert (held.box, held.dt, held.boundary) == ((2.0, 3.0), 0.5, "x wall, y open")
    assert held.units == {"v_x": "km/h", "v_y": "m/s"}


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Told(rename={"V_X": "u"}), r"has no 'V_X' \(rename\); did you mean 'v_x'"),
        (Told(rename={"vx": "u"}), r"has no 'vx' \(rename\); did you mean 'v_x'"),
        (Told(rename={"v_x": "p"}), "p and v_x would both be called 'p'"),
        (Told(channels=("q",)), r"has no 'q' \(channels\); .*it has p, v_x, v_y, mask"),
        (Told(channels=("p", "p")), "names one twice"),
        (Told(channels=("mask",)), "leaves no field that varies in time"),
        (Told(coefficients=("mu",)), r"has no 'mu' \(coefficients\)"),
        (Told(units={"q": "m"}), r"has no 'q' \(units\)"),
        (Told(box=(1.0,)), r"box=\[1.0\] for a grid of \(8, 8\)"),
        (Told(dt=-1.0), "dt=-1.0; give a positive time"),
    ],
)
def test_what_does_not_fit_the_file_is_refused(path, told, error):
    with pytest.raises(FileError, match=error):
        opened(path, told)


def test_several_files_are_read_one_after_the_other(tmp_path):
    paths = [wells.write(tmp_path / f"{i}.h5", {"0:u": noise(seed=i)}) for i in range(3)]
    found = opened(paths)
    assert found.contents.trajectories == 3 * B
    assert np.array_equal(found.read(2 * B, 0, T)[:, 0], noise(seed=2)[0])
    assert np.array_equal(found.read(2 * B - 1, 0, T)[:, 0], noise(seed=1)[B - 1])


def test_no_more_files_are_kept_open_than_a_system_allows(tmp_path, monkeypatch):
    monkeypatch.setattr(several, "OPEN", 2)
    paths = [wells.write(tmp_path / f"{i}.h5", {"0:u": noise(seed=i)}) for i in range(4)]
    found = opened(paths)
    for i in (0, 1, 2, 1, 3):
        assert np.array_equal(found.read(B * i, 0, T)[:, 0], noise(seed=i)[0])
    assert [file.store._map is not None for file in found.files] == [False, True, False, True]


def test_coefficients_of_several_files_are_joined(path):
    assert opened([path, path]).coefficients()[:, 0].tolist() == [2.0, 3.0, 4.0] * 2


def test_a_trajectory_beyond_the_last_file_is_refused(path):
    with pytest.raises(IndexError, match="trajectory 6; the files have 6"):
        opened([path, path]).read(6, 0, 1)


def test_files_of_different_frames_are_refused_by_name(tmp_path):
    first = wells.write(tmp_path / "a.h5", {"0:u": noise()})
    other = wells.write(tmp_path / "b.h5", {"0:u": noise(frames=4)}, frames=4)
    with pytest.raises(FileError, match=r"a\.h5 has frames 6, .*b\.h5 has 4"):
        opened([first, other])


def test_files_of_different_channels_are_refused_by_name(tmp_path):
    first = wells.write(tmp_path / "a.h5", {"0:u": noise()})
    other = wells.write(tmp_path / "b.h5", {"0:v": noise()})
    with pytest.raises(FileError, match=r"channels \('u',\), .*b\.h5 has \('v',\)"):
        opened([first, other])
    assert opened([other, other]).contents.channels == ("v",)


def test_files_of_different_units_are_refused(tmp_path):
    first = wells.write(tmp_path / "a.h5", {"0:u": noise()}, u={"units": "m"})
    other = wells.write(tmp_path / "b.h5", {"0:u": noise()}, u={"units": "cm"})
    with pytest.raises(FileError, match=r"u has the unit m in .* cm in"):
        opened([first, other])
    assert opened([first, other], Told(units={"u": "m"})).contents.units == {"u": "m"}


def test_an_unknown_layout_shows_what_is_inside_and_the_yaml_to_write(tmp_path):
    np.savez(tmp_path / "a.npz", rho=noise(), nu=np.zeros(B))
    with pytest.raises(FileError) as error:
        opened(tmp_path / "a.npz")
    told = str(error.value)
    assert "rho: float32 (3, 6, 8, 8)" in told
    assert "coefficients: {nu: nu}" in told


def test_the_yaml_that_is_shown_opens_the_file(tmp_path):
    np.savez(tmp_path / "a.npz", rho=noise(), nu=np.zeros(B))
    with pytest.raises(FileError) as error:
        opened(tmp_path / "a.npz")
    (tmp_path / "a.npz.yaml").write_text(str(error.value).split("\n\n")[1])
    assert opened(tmp_path / "a.npz").contents.channels == ("rho",)


def test_no_file_at_all_is_refused():
    with pytest.raises(FileError, match="no file is given"):
        opened([])
