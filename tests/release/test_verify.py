"""A release is what it says, or the report tells where not."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo
from zoo import shelf
from zoo.data.mixture import Mixture
from zoo.data.steady import Steady
from zoo.figures import figures
from zoo.metrics.relative_l2 import RelativeL2
from zoo.models.base import block
from zoo.models.fno import FNO
from zoo.models.parts.homogeneous import Homogeneous
from zoo.ops.norms import relative_l2
from zoo.pde.poisson import Poisson
from zoo.release import ReleaseError, add_figures
from zoo.verify import measure, verify


@pytest.fixture
def data(_own_cache):
    sets = [Steady(Poisson(), 16, train=4, validation=3, test=5)]
    return Mixture(sets, batch_size=2)


@pytest.fixture
def measured(data, tmp_path):
    """A release with figures that were measured once."""
    torch.manual_seed(0)
    made = FNO(data.interface(), Homogeneous(), width=4, modes=3, layers=1).eval()
    made.normaliser.fill(data.statistics())
    fields = data.split("test")[0]
    with torch.no_grad():
        value = float(relative_l2(made(fields.u, fields.p.float()), fields.y).mean())
    entries = figures(data, "test", {"poisson/relative_l2": value}, RelativeL2(), seed=0)
    return zoo.save_pretrained(made, tmp_path / "measured", metrics=entries)


def outcome(report):
    return {check.name: check.passed for check in report.checks}


def test_a_sound_release_passes_every_check(measured):
    report = verify(measured)
    assert report.passed
    assert outcome(report) == {
        "sha256 of the weights": True,
        "card is up to date": True,
        "probe": True,
        "test/poisson/relative_l2": True,
    }
    assert "all checks passed" in str(report)


def test_a_figure_is_measured_again_by_its_own_blocks(measured):
    (entry,) = zoo.release.figures(measured)
    again = measure(zoo.from_pretrained(measured), entry["data"], entry["metric"])
    assert again["poisson/relative_l2"] == pytest.approx(entry["value"], rel=1e-6)


def test_a_figure_that_is_told_too_well_fails(measured):
    path = measured / "metrics.json"
    (entry,) = json.loads(path.read_text())
    entry["value"] *= 0.9
    add_figures(measured, [entry])
    report = verify(measured)
    assert not report.passed
    assert outcome(report)["test/poisson/relative_l2"] is False
    assert "FAIL  test/poisson/relative_l2" in str(report) and "1 of 4 checks failed" in str(report)


def test_other_weights_under_a_right_hash_fail_at_the_probe(measured):
    path = measured / "model.safetensors"
    tensors = load_file(path)
    tensors["output.weight"] = tensors["output.weight"] * 1.001
    path.unlink()
    save_file(tensors, path)
    config = json.loads((measured / "config.json").read_text())
    config["sha256"] = shelf.sha256(path)
    (measured / "config.json").write_text(json.dumps(config))
    assert outcome(verify(measured))["probe"] is False


def test_a_flipped_bit_fails_at_the_hash_and_nothing_is_loaded(measured):
    path = measured / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert outcome(verify(measured)) == {"sha256 of the weights": False, "card is up to date": True}


@pytest.mark.parametrize("name", ["model.safetensors", "probe.safetensors", "config.json"])
def test_a_missing_file_fails_with_a_note(measured, name):
    (measured / name).unlink()
    if name == "config.json":
        with pytest.raises(ReleaseError, match=r"without config\.json"):
            verify(measured)
        return
    report = verify(measured)
    assert not report.passed
    assert name in str(report) or "no such file" in str(report)


def test_a_stale_card_fails(measured):
    (measured / "README.md").write_text("about nothing")
    assert outcome(verify(measured))["card is up to date"] is False


def test_only_what_is_marked_is_measured_unless_all_is_asked(measured, data):
    blocks = {"data": {**block(data), "split": "validation"}, "metric": block(RelativeL2())}
    add_figures(measured, [{"name": "validation/relative_l2", "value": 9.0, **blocks}])
    assert "validation/relative_l2" not in outcome(verify(measured))
    assert outcome(verify(measured, full=True))["validation/relative_l2"] is False


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"class_path": "os.system"}, "lies outside"),
        ({"class_path": "zoo.task.Task"}, "lies outside"),
        ({"class_path": "zoo.data.cache.os.system"}, "cannot be built"),
        ({"init_args": {"sets": []}}, "cannot be built"),
        ({"split": "train"}, "must be validation or test"),
    ],
)
def test_blocks_of_figures_are_guarded(measured, data, change, match):
    blocks = {**block(data), "split": "test", **change}
    with pytest.raises(ReleaseError, match=match):
        measure(zoo.from_pretrained(measured), blocks, block(RelativeL2()))


def test_data_of_another_model_are_refused(measured, data):
    other = zoo.from_pretrained(measured, coefficients=["k11"])
    with pytest.raises(ReleaseError, match="measured on another model"):
        measure(other, {**block(data), "split": "test"}, block(RelativeL2()))


@pytest.mark.parametrize("name", list(shelf.checkpoints()))
def test_hash_and_probe_of_a_shipped_release_hold(name):
    config = zoo.release.describe(shelf.checkpoints()[name])
    assert config["about"]["name"] == name
    report = verify(shelf.checkpoints()[name], quick=True)
    assert report.passed and len(report.checks) == 3, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(shelf.checkpoints()))
def test_every_figure_of_a_shipped_release_is_measured_again(name):
    report = verify(shelf.checkpoints()[name])
    marked = [e for e in zoo.release.figures(shelf.checkpoints()[name]) if e["remeasure"]]
    assert report.passed and len(report.checks) == 3 + len(marked), str(report)


def test_the_figures_of_one_shipped_release_are_measured_again():
    report = verify(shelf.checkpoints()["fno-poisson-32"])
    assert report.passed and len(report.checks) > 3, str(report)
