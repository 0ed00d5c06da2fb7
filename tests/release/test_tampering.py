"""Each fault of a release is one ReleaseError that says what to do."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo
from zoo import manifest, shelf
from zoo.release import ReleaseError, describe


def edit_config(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


def rewrite(folder, change):
    """Change the tensors, and the hash too, so that only strict loading can notice."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    path.unlink()
    save_file(tensors, path)
    edit_config(folder, lambda config: config.update(sha256=shelf.sha256(path)))


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_in_the_weights_is_refused(folder):
    zoo.from_pretrained(folder)
    flip(folder / "model.safetensors", -5)
    with pytest.raises(ReleaseError, match=r"has sha256 \w{16}\.\.\., the release states .* fetch"):
        zoo.from_pretrained(folder)


def test_a_flipped_bit_with_the_old_stamp_is_seen_when_always_verified(folder):
    path = folder / "model.safetensors"
    zoo.from_pretrained(folder)
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-5, 2)
        byte = file.read(1)
        file.seek(-5, 2)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    zoo.from_pretrained(folder)
    with pytest.raises(ReleaseError, match="changed or damaged"):
        zoo.from_pretrained(folder, verify="always")


@pytest.mark.parametrize("size", [0, 5, 200, -1])
def test_a_cut_weights_file_is_refused_even_without_its_hash(folder, size):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[:size])
    with pytest.raises(ReleaseError, match=r"no whole safetensors file .* fetch the release again"):
        zoo.from_pretrained(folder, verify="never")
    with pytest.raises(ReleaseError, match="fetch it again"):
        zoo.from_pretrained(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ReleaseError, match=rf"{name}"):
        zoo.from_pretrained(folder)


def test_a_missing_tensor_is_named(folder):
    rewrite(folder, lambda tensors: tensors.pop("lift.weight"))
    with pytest.raises(ReleaseError, match=r"lift.weight is missing; weights and config must"):
        zoo.from_pretrained(folder)


def test_an_unknown_tensor_is_named(folder):
    rewrite(folder, lambda tensors: tensors.update(head=torch.zeros(1)))
    with pytest.raises(ReleaseError, match="head is unknown to the model"):
        zoo.from_pretrained(folder)


def test_another_shape_is_named(folder):
    rewrite(folder, lambda tensors: tensors.update({"output.bias": torch.zeros(3)}))
    with pytest.raises(ReleaseError, match=r"output.bias has shape \(3,\), the model \(2,\)"):
        zoo.from_pretrained(folder)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int32])
def test_another_dtype_is_named(folder, dtype):
    rewrite(folder, lambda t: t.update({"lift.weight": t["lift.weight"].to(dtype)}))
    with pytest.raises(
        ReleaseError, match=rf"lift.weight is {dtype}, the model's is torch.float32"
    ):
        zoo.from_pretrained(folder)


def test_an_unknown_key_is_named_with_the_nearest(folder):
    edit_config(folder, lambda config: config.update(lineages=[]))
    with pytest.raises(ReleaseError, match=r"unknown key 'lineages'; did you mean 'lineage'"):
        describe(folder)


@pytest.mark.parametrize("key", manifest.CONFIG)
def test_a_missing_key_is_named(folder, key):
    edit_config(folder, lambda config: config.pop(key))
    with pytest.raises(ReleaseError, match=key):
        describe(folder)


def test_a_newer_format_says_upgrade(folder):
    edit_config(folder, lambda config: config.update(format=99, zoo_version="9.1", new_key=1))
    with pytest.raises(ReleaseError, match=r"newer zoo \(9.1\).*pip install --upgrade"):
        zoo.from_pretrained(folder)


@pytest.mark.parametrize("number", [0, -1, "1", 1.0, True, None])
def test_a_number_that_is_no_format_is_refused(folder, number):
    edit_config(folder, lambda config: config.update(format=number))
    with pytest.raises(ReleaseError, match="no format number"):
        describe(folder)


def test_broken_json_is_named(folder):
    (folder / "config.json").write_text('{"format": 1,')
    with pytest.raises(ReleaseError, match=r"config.json is no JSON .* fetch the release again"):
        zoo.from_pretrained(folder)


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "zoo.release.os.system",
        "zoo.models.base.importlib.import_module",
        "zoo.task.Task",
    ],
)
def test_a_config_builds_models_only(folder, path, tmp_path):
    edit_config(folder, lambda config: config["model"].update(class_path=path))
    with pytest.raises(ReleaseError, match="cannot be built"):
        zoo.from_pretrained(folder)


def test_a_class_inside_an_argument_is_guarded_too(folder, tmp_path):
    mark = tmp_path / "mark"
    evil = {"class_path": "os.system", "init_args": {"command": f"touch {mark}"}}
    edit_config(folder, lambda config: config["model"]["init_args"].update(normaliser=evil))
    with pytest.raises(ReleaseError, match="cannot be built"):
        zoo.from_pretrained(folder)
    assert not mark.exists()


def test_an_unknown_argument_is_named_with_the_nearest(folder):
    edit_config(folder, lambda config: config["model"]["init_args"].update(mode=3))
    with pytest.raises(ReleaseError, match=r"no argument 'mode'; did you mean 'modes'"):
        zoo.from_pretrained(folder)


def test_a_pickle_in_the_place_of_weights_is_not_executed(folder, tmp_path):
    mark = tmp_path / "mark"

    class Evil:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    path = folder / "model.safetensors"
    path.unlink()
    torch.save(Evil(), path)
    with pytest.raises(ReleaseError, match="no whole safetensors file"):
        zoo.from_pretrained(folder, verify="never")
    assert not mark.exists()


def test_older_formats_stay_readable(folder, monkeypatch):
    """Two steps of upgrades, each from one format to the next, lead to today's."""
    steps = []

    def first(config):
        steps.append(1)
        return {**config, "format": 2, "about": {**config["about"], "summary": "from one"}}

    def second(config):
        steps.append(2)
        summary = config["about"]["summary"] + ", by two"
        return {**config, "format": 3, "about": {**config["about"], "summary": summary}}

    edit_config(folder, lambda config: config.update(format=1))
    monkeypatch.setattr(manifest, "FORMAT", 3)
    monkeypatch.setattr(manifest, "UPGRADES", {1: first, 2: second})
    assert describe(folder)["about"]["summary"] == "from one, by two"
    assert steps == [1, 2]
    assert zoo.from_pretrained(folder) is not None


def test_every_older_format_has_its_reader():
    assert set(manifest.UPGRADES) == set(range(1, manifest.FORMAT))
