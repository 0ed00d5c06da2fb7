import inspect
import os
import time

import pytest

from zoo import shelf
from zoo.shelf import ReleaseError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"some bytes")
    return path


@pytest.fixture
def reads(monkeypatch):
    """How often a file was read for its sha256."""
    seen = []
    whole = shelf.sha256

    def counted(path):
        seen.append(path)
        return whole(path)

    monkeypatch.setattr(shelf, "sha256", counted)
    return seen


DIGEST = "fc0adb4e28e4d6d2faf74c4bcc6ba4ee0e5b2cd6a4f34f1d9e1d4d5c1e4ed3b7"


def test_sha256_is_the_known_one(tmp_path):
    (tmp_path / "empty").touch()
    known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert shelf.sha256(tmp_path / "empty") == known


def test_an_unchanged_file_is_read_once(file, reads):
    digest = shelf.sha256(file)
    reads.clear()
    for _ in range(3):
        shelf.checked(file, digest)
    assert len(reads) == 1


def test_always_reads_and_never_does_not(file, reads):
    digest = shelf.sha256(file)
    reads.clear()
    for _ in range(2):
        shelf.checked(file, digest, "always")
    assert len(reads) == 2
    shelf.checked(file, DIGEST, "never")
    assert len(reads) == 2


@pytest.mark.parametrize("what", ["size", "mtime", "inode", "digest"])
def test_whatever_changes_the_stamp_has_the_file_read_again(file, reads, what):
    digest = shelf.sha256(file)
    shelf.checked(file, digest)
    reads.clear()
    if what == "size":
        stat = file.stat()
        with file.open("ab") as more:
            more.write(b"!")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif what == "mtime":
        os.utime(file, ns=(0, time.time_ns() + 1))
    elif what == "inode":
        stat = file.stat()
        twin = file.with_name("twin")
        twin.write_bytes(file.read_bytes())
        os.replace(twin, file)
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    wrong = what in ("size", "digest")
    if wrong:
        with pytest.raises(ReleaseError, match="fetch it again"):
            shelf.checked(file, DIGEST if what == "digest" else digest)
    else:
        shelf.checked(file, digest)
    assert len(reads) == 1


def test_a_wrong_hash_leaves_no_stamp(file):
    for _ in range(2):
        with pytest.raises(ReleaseError):
            shelf.checked(file, DIGEST)
    assert not list(shelf.cache_dir().rglob("*.json"))


def test_a_cache_that_cannot_be_written_costs_time_only(file, reads, monkeypatch):
    digest = shelf.sha256(file)
    reads.clear()
    monkeypatch.setattr(shelf, "writable", lambda folder: False)
    for _ in range(2):
        shelf.checked(file, digest)
    assert len(reads) == 2


def test_an_unknown_way_to_verify_is_named(file):
    with pytest.raises(ReleaseError, match="verify='sometimes'"):
        inspect.unwrap(shelf.checked)(file, DIGEST, "sometimes")


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(RuntimeError), shelf.atomic_write(path) as part:
        part.write_text("half of the n")
        raise RuntimeError("the machine went away")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "x").write_text("old")
    with pytest.raises(RuntimeError), shelf.atomic_folder(folder) as part:
        (part / "x").write_text("new")
        raise RuntimeError("the machine went away")
    assert (folder / "x").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_succeeds_replaces_the_old_one_whole(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "x").write_text("old")
    with shelf.atomic_folder(folder) as part:
        (part / "y").write_text("new")
        assert (folder / "x").exists()
    assert [p.name for p in folder.iterdir()] == ["y"]
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_the_cache_is_where_the_variable_says(tmp_path):
    assert shelf.cache_dir() == tmp_path / "cache"
    assert shelf.cache_contents() == []


def test_the_cache_is_shown_and_emptied_by_entry():
    folder = shelf.cache_dir()
    (folder / "data" / "one").mkdir(parents=True)
    (folder / "data" / "one" / "x").write_bytes(b"12345")
    (folder / "stamps").mkdir()
    (folder / "stamps" / "y").write_bytes(b"123")
    assert shelf.cache_contents() == [shelf.Cached("data", 5, 1), shelf.Cached("stamps", 3, 1)]
    with pytest.raises(ReleaseError, match=r"'dta' is not in .* \['data', 'stamps'\]"):
        shelf.empty_cache("dta")
    assert shelf.empty_cache("data") == 5
    assert shelf.empty_cache() == 3
    assert shelf.cache_contents() == []


def test_a_checkout_has_its_shelf_at_the_top():
    assert (shelf.root() / "zoo" / "shelf.py").is_file()


def test_a_wheel_has_its_shelf_inside(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "zoo"
    (package / "_shelf" / "checkpoints" / "m").mkdir(parents=True)
    (package / "_shelf" / "checkpoints" / "m" / "config.json").touch()
    (package / "_shelf" / "recipes" / "a").mkdir(parents=True)
    (package / "_shelf" / "recipes" / "a" / "b.yaml").touch()
    monkeypatch.setattr(shelf, "__file__", str(package / "shelf.py"))
    assert shelf.root() == package / "_shelf"
    assert list(shelf.checkpoints()) == ["m"]
    assert list(shelf.recipes()) == ["a/b"]
