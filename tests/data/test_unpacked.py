import errno
import pickle

import h5py
import numpy as np
import pytest

from zoo.data import unpacked as module
from zoo.data.formats import detect
from zoo.data.mixture import Mixture
from zoo.data.recorded import Clips, Recorded
from zoo.data.unpacked import Unpacked, packed, unpacked
from zoo.data.window import Window

GZIP = {"compression": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def frames():
    return np.random.default_rng(0).standard_normal((5, 11, 2, 6, 4)).astype(np.float32)


@pytest.fixture
def file(tmp_path, frames):
    """The same frames in The Well's format, compressed or not."""

    def make(name, **how):
        with h5py.File(tmp_path / name, "w") as made:
            made.attrs["n_trajectories"] = len(frames)
            place = made.create_group("dimensions")
            place.attrs["spatial_dims"] = ["x", "y"]
            for axis, n in (("x", 6), ("y", 4), ("time", 11)):
                place[axis] = np.arange(n) * 0.5
            made.create_group("t0_fields").attrs["field_names"] = ["a", "b"]
            for i, key in enumerate("ab"):
                data = made["t0_fields"].create_dataset(key, data=frames[:, :, i], **how)
                data.attrs["dim_varying"] = [True, True]
        return str(tmp_path / name)

    return make


def test_compressed_frames_are_read_as_they_are_in_the_file(file, frames):
    found = unpacked(detect.opened(file("it.h5", **GZIP)), {})
    assert isinstance(found, Unpacked)
    for span in ((0, 11, 1), (3, 4, 1), (2, 9, 3), (10, 11, 5)):
        np.testing.assert_array_equal(found.read(3, *span), frames[3, slice(*span)])


def test_of_a_stride_the_frames_between_are_read_from_the_file(file, frames):
    found = unpacked(detect.opened(file("it.h5", **GZIP)), {}, 3)
    assert np.load(found.path).shape == (5, 4, 2, 6, 4)
    for span in ((0, 11, 3), (3, 10, 6), (6, 7, 1), (1, 9, 3), (0, 5, 1)):
        np.testing.assert_array_equal(found.read(2, *span), frames[2, slice(*span)])


def test_files_that_can_be_mapped_are_left_alone(file):
    plain = detect.opened(file("plain.h5"))
    assert unpacked(plain, {}) is plain
    both = detect.opened([file("plain.h5"), file("packed.h5", chunks=(1, 1, 6, 4))])
    assert packed(both) and not packed(plain)


def test_files_are_unpacked_once_and_a_large_one_never(file, monkeypatch, tmp_path):
    path = file("it.h5", **GZIP)
    unpacked(detect.opened(path), {"file": 1})
    monkeypatch.setattr(module, "_unpack", None)
    assert isinstance(unpacked(detect.opened(path), {"file": 1}), Unpacked)
    for name, value in (("LIMIT", 100), ("SHARE", 0.0)):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            assert not isinstance(unpacked(detect.opened(path), {"file": name}), Unpacked)


def test_a_kill_while_unpacking_leaves_nothing(file, monkeypatch, tmp_path):
    found = detect.opened(file("it.h5", **GZIP))
    monkeypatch.setattr(type(found), "read", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        unpacked(found, {})
    assert not list((tmp_path / "cache" / "unpacked").glob("*npy"))


def test_a_disk_that_fills_up_leaves_the_file_as_it_is(file, monkeypatch, tmp_path):
    found = detect.opened(file("it.h5", **GZIP))

    def full(recording, part, shape, stride):
        part.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(module, "_unpack", full)
    assert unpacked(found, {}) is found
    assert not [p for p in (tmp_path / "cache" / "unpacked").iterdir() if p.suffix != ".lock"]


def test_a_worker_is_sent_no_frames(file, frames):
    found = unpacked(detect.opened(file("it.h5", **GZIP)), {})
    found.read(0, 0, 1)
    sent = pickle.dumps(found)
    assert len(sent) < frames.nbytes / 2
    np.testing.assert_array_equal(pickle.loads(sent).read(4, 1, 3), frames[4, 1:3])


def test_a_data_set_is_the_same_from_a_compressed_file(file):
    told = {"clips": Clips(5, 2, 2), "seed": 1, "name": "one"}
    one, two = (Recorded(file(n, **how), **told) for n, how in (("a.h5", {}), ("b.h5", GZIP)))
    for split in ("train", "test"):
        a, b = one.split(split), two.split(split)
        assert bool((a.frames.whole() == b.frames.whole()).all())
        assert bool((a.frames.moments()[0] == b.frames.moments()[0]).all())
    assert isinstance(two.recording, Unpacked) and not isinstance(one.recording, Unpacked)


def test_workers_read_a_compressed_file_that_their_parent_has_open(file, monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 0)
    item = Recorded(file("it.h5", **GZIP), clips=Clips(4), train=1.0, validation=0.0, test=0.0)
    item.split("train").frames[0]  # a handle that a fork inherits
    found = []
    for workers in (0, 2):
        data = Mixture([item], 4, seed=0, window=Window(history=3), workers=workers)
        found.append([(batch["u"], batch["y"]) for batch in data.train_dataloader()])
    assert len(found[0]) == 10 and not isinstance(item.recording, Unpacked)
    for one, two in zip(*found, strict=True):
        assert bool((one[0] == two[0]).all()) and bool((one[1] == two[1]).all())
