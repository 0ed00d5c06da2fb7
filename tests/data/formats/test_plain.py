import pickle

import h5py
import numpy as np
import pytest

from zoo.data.formats.detect import opened
from zoo.data.formats.recording import FileError, Told

B, T, N = 3, 5, 8
AXES = "axes: [trajectory, time, x, y]\n"


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def described(path, text):
    path.with_name(path.name + ".yaml").write_text(text)
    return path


def saved(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


@pytest.fixture
def arrays(tmp_path):
    path = saved(tmp_path, rho=noise(B, T, N, N), v=noise(B, T, N, N, 2), nu=noise(B))
    return described(
        path,
        """
        axes: [trajectory, time, x, y, channel]
        channels:
          velocity_y: {array: v, component: 1}
          density: rho
        coefficients: {nu: nu, gamma: 1.4}
        units: {density: kg/m^3}
        box: [1, 2.0]
        dt: 0.1
        boundary: periodic
        """,
    )


def test_the_file_beside_says_what_arrays_mean(arrays):
    held = opened(arrays).contents
    assert (held.layout, held.channels) == ("arrays", ("velocity_y", "density"))
    assert (held.box, held.dt, held.boundary) == ((1.0, 2.0), 0.1, "periodic")
    assert held.units == {"density": "kg/m^3"}


def test_a_component_of_an_array_is_a_channel(arrays):
    found = opened(arrays).read(2, 1, 4)
    assert np.array_equal(found[:, 0], noise(B, T, N, N, 2)[2, 1:4, ..., 1].astype(np.float32))


def test_a_number_is_a_coefficient_of_every_trajectory(arrays):
    assert np.array_equal(opened(arrays).coefficients(), np.stack([noise(B), [1.4] * B], 1))


def test_axes_may_stand_in_any_order(tmp_path):
    data = noise(N, N + 1, T, B)
    path = saved(tmp_path, u=data)
    described(path, "axes: [y, x, time, trajectory]\nchannels: [u]")
    found = opened(path)
    assert found.contents.shape == (N + 1, N)
    expected = data[..., 1].transpose(2, 1, 0).astype(np.float32)
    assert np.array_equal(found.read(1, 0, T)[:, 0], expected)


def test_each_array_may_have_axes_of_its_own(tmp_path):
    path = saved(tmp_path, a=noise(B, T, N), b=noise(T, B, N))
    text = "axes: {b: [time, trajectory, x]}\nchannels: [a, b]"
    found = opened(described(path, text)).read(2, 0, T)
    assert np.array_equal(found[:, 1], noise(T, B, N)[:, 2].astype(np.float32))


def test_a_file_may_be_one_trajectory(tmp_path):
    path = described(saved(tmp_path, u=noise(T, N, N)), "axes: [time, x, y]\nchannels: [u]")
    assert (opened(path).contents.trajectories, opened(path).contents.frames) == (1, T)


def test_a_constant_is_given_for_each_trajectory_or_for_all(tmp_path):
    path = saved(tmp_path, u=noise(B, T, N, N), a=noise(B, N, N), b=noise(N, N))
    found = opened(described(path, AXES + "channels: [u]\nconstants: {wall: b, k: a}"))
    frames = found.read(1, 0, 2)
    assert found.contents.constants == ("wall", "k")
    assert np.array_equal(frames[1, 1], noise(N, N).astype(np.float32))
    assert np.array_equal(frames[1, 2], noise(B, N, N)[1].astype(np.float32))


@pytest.mark.parametrize("kind", ["npz", "packed", "npy", "h5", "group", "fortran"])
def test_every_kind_of_file_gives_the_same_frames(tmp_path, kind):
    data, path, name = noise(B, T, N, N), tmp_path / "u.data", "u"
    if kind == "h5":
        with h5py.File(path, "w") as file:
            file["u"] = data
    elif kind == "group":
        name = "fields/u"
        with h5py.File(path, "w") as file:
            file[name] = data
    else:
        with path.open("wb") as file:
            if kind == "npz":
                np.savez(file, u=data)
            elif kind == "packed":
                np.savez_compressed(file, u=data)
            else:
                np.save(file, np.asfortranarray(data) if kind == "fortran" else data)
    found = opened(described(path, AXES + f"channels: {{u: {name}}}"))
    found = pickle.loads(pickle.dumps(found))
    assert np.array_equal(found.read(1, 0, T, 2)[:, 0], data[1, ::2].astype(np.float32))


def test_a_layout_that_is_told_wins_over_one_beside_the_file(arrays, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(AXES + "channels: {p: rho}")
    assert opened(arrays, Told(layout=str(other))).contents.channels == ("p",)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("channel: [rho]", "names no `channels`"),
        ("chanels: [rho]\nchannels: [rho]", "did you mean 'channels'"),
        ("channels: {d: roh}", "did you mean 'rho'"),
        ("channels: [rho]\naxes: [trajectory, times, x, y]", "did you mean 'time'"),
        ("channels: [rho]\naxes: [trajectory, time, x, z]", r"axes of space \['x', 'z'\]"),
        ("channels: [rho]\naxes: [trajectory, time, x]", r"shape \(3, 5, 8, 8\), but"),
        ("channels: {d: {array: v, component: 2}}", "component 2 of v does not exist; it has 2"),
        ("channels: {d: {array: v, part: 2}}", r"\{array: name, component: index\}"),
        ("channels: [rho]\nunits: {roh: m}", "did you mean 'rho'"),
        ("channels: [rho]\nbox: [1.0]", "`box` has 1 numbers; the arrays have 2"),
        ("channels: [rho]\nbox: [1.0, -1]", "must be positive"),
        ("channels: [rho]\ndt: fast", "give numbers"),
        ("channels: [rho]\ncoefficients: {nu: [1]}", "give an array or a number"),
        ("channels: [rho]\ncoefficients: {nu: rho}", "one for each of 3 trajectories"),
        ("channels: [rho\n", "is no YAML"),
    ],
)
def test_a_layout_that_does_not_fit_says_why(arrays, text, error):
    with pytest.raises(FileError, match=error):
        opened(described(arrays, text))


def test_channels_of_different_lengths_are_told(tmp_path):
    path = saved(tmp_path, a=noise(B, T, N), b=noise(B, T + 1, N))
    with pytest.raises(FileError, match=r"different lengths along time: {'a': 5, 'b': 6}"):
        opened(described(path, "channels: [a, b]"))


def test_python_objects_are_never_read(tmp_path):
    path = saved(tmp_path, u=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FileError, match="Python objects"):
        opened(path)
