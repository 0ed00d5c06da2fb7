"""Bundles, comparisons, and what the doctor says."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import zoo
from zoo import shelf
from zoo.compare import compare
from zoo.doctor import doctor
from zoo.pack import pack
from zoo.release import ReleaseError, add_figures


@pytest.fixture
def bundle(folder, tmp_path):
    return pack(folder, tmp_path / "bundle")


def test_a_bundle_holds_all_that_is_needed(folder, bundle):
    names = {path.name for path in bundle.iterdir()}
    assert {path.name for path in folder.iterdir()} <= names
    assert {"LICENSE", "sample.npz", "SHA256SUMS", "constraints.txt", "LOAD.txt"} <= names
    assert "Apache License" in (bundle / "LICENSE").read_text()
    assert "torch==" in (bundle / "constraints.txt").read_text()


def test_the_sums_are_those_of_the_files(bundle):
    lines = (bundle / "SHA256SUMS").read_text().splitlines()
    told = dict(line.split("  ")[::-1] for line in lines)
    assert told == {p.name: shelf.sha256(p) for p in bundle.iterdir() if p.name != "SHA256SUMS"}


def test_the_sample_is_what_the_model_answers(bundle):
    sample = np.load(bundle / "sample.npz", allow_pickle=False)
    given = {name: torch.tensor(sample[name]) for name in ("u", "p")}
    with torch.no_grad():
        y = zoo.from_pretrained(bundle)(**given).numpy()
    assert np.array_equal(y, sample["output"])


def test_a_bundle_loads_where_no_socket_opens(bundle, tmp_path):
    code = f"""
import sys
def closed(event, arguments):
    if event.startswith("socket."):
        raise OSError(f"{{event}}: no network here")
sys.addaudithook(closed)
import numpy as np, torch, zoo
model = zoo.from_pretrained({str(bundle)!r}, verify="always")
sample = np.load({str(bundle / "sample.npz")!r})
given = {{k: torch.tensor(v) for k, v in sample.items() if k != "output"}}
with torch.no_grad():
    print(float(abs(model(**given).numpy() - sample["output"]).max()))
"""
    root = str(Path(zoo.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": root},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 1e-6


def test_a_target_with_files_is_refused(folder, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(ReleaseError, match="is not empty; name a new folder"):
        pack(folder, tmp_path / "full")


def test_damaged_weights_are_not_passed_on(folder, tmp_path):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ReleaseError, match="changed or damaged"):
        pack(folder, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_another_licence_needs_its_text(model, tmp_path):
    folder = zoo.save_pretrained(model, tmp_path / "m", about={"licence": "CC-BY-4.0"})
    with pytest.raises(ReleaseError, match=r"'CC-BY-4.0', not ours"):
        pack(folder, tmp_path / "bundle")
    (folder / "LICENSE").write_text("Attribution 4.0")
    assert (pack(folder, tmp_path / "bundle") / "LICENSE").read_text() == "Attribution 4.0"


def test_a_release_is_as_far_from_itself_as_nothing(folder):
    add_figures(folder, [{"name": "test/a", "value": 0.5}])
    found = compare(folder, folder)
    assert found.probe == 0.0
    assert found.figures == (("test/a", 0.5, 0.5),)


def test_the_distance_of_two_releases_is_relative_to_the_first(model, folder, tmp_path):
    model.output.weight.data *= 1.5
    model.output.bias.data *= 1.5
    for name in ("outputs_mean", "outputs_std"):
        if hasattr(model.normaliser, name):
            model.normaliser.outputs_mean.zero_()
    zero = zoo.save_pretrained(model, tmp_path / "larger")
    model.output.weight.data *= 2
    model.output.bias.data *= 2
    twice = zoo.save_pretrained(model, tmp_path / "twice")
    assert compare(zero, twice).probe == pytest.approx(1.0, rel=1e-5)
    assert "twice" in str(compare(zero, twice))


def test_other_channels_have_no_distance(folder, tmp_path):
    less = zoo.from_pretrained(folder, outputs=["u"])
    zoo.save_pretrained(less, tmp_path / "less")
    found = compare(folder, tmp_path / "less")
    assert found.probe == "none, since their outputs differ"
    assert ("outputs", "u, w", "u") in found.facts


def test_the_doctor_names_versions_places_and_no_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    text = str(doctor())
    assert torch.__version__ in text and zoo.__version__ in text
    assert str(tmp_path / "cache") in text
    assert "hf_secret" not in text and "there is one" in text


def test_the_doctor_sees_an_unsafe_lightning(monkeypatch):
    from importlib import metadata

    real = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "2.6.3" if name == "lightning" else real(name)
    )
    found = {one.name: one for one in doctor().findings}
    assert not found["lightning"].well and "run code" in found["lightning"].remedy
    assert not doctor().well
