import json

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo import weights
from zoo.models.base import block
from zoo.models.fno import FNO
from zoo.models.parts.homogeneous import Homogeneous
from zoo.release import ReleaseError, add_figures, describe, figures
from zoo.shelf import sha256


def test_weights_and_answers_come_back_bit_equal(model, folder, rng):
    back = zoo.from_pretrained(folder)
    assert not back.training
    assert block(back) == block(model)
    for name, tensor in model.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name
    given = model.example(rng)
    assert torch.equal(back(**given), model(**given))


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    a, b = (zoo.save_pretrained(model, tmp_path / n, about={"name": "m"}) for n in "ab")
    for name in (path.name for path in a.iterdir()):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


def test_the_order_of_the_state_does_not_change_the_bytes(model, tmp_path):
    state = model.state_dict()
    turned = nn.Module()
    for name in reversed(state):
        turned.register_buffer(name.replace(".", "-"), state[name])
    straight = nn.Module()
    for name in state:
        straight.register_buffer(name.replace(".", "-"), state[name])
    weights.write(turned, tmp_path / "a")
    weights.write(straight, tmp_path / "b")
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")


def test_the_config_states_the_sha256_of_the_weights(folder):
    assert describe(folder)["sha256"] == sha256(folder / "model.safetensors")


def test_the_probe_holds_what_the_loaded_model_answers(folder):
    stored = weights.read(folder / "probe.safetensors")
    assert set(stored) == {"input.u", "input.p", "output"}
    back = zoo.from_pretrained(folder)
    assert torch.equal(back(stored["input.u"], stored["input.p"]), stored["output"])


def test_a_save_leaves_the_model_in_its_mode_and_the_generator_alone(model, tmp_path):
    model.train()
    before = torch.get_rng_state()
    zoo.from_pretrained(zoo.save_pretrained(model, tmp_path / "m"))
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)


def test_training_a_loaded_model_does_not_touch_the_file(folder):
    digest = sha256(folder / "model.safetensors")
    back = zoo.from_pretrained(folder).train()
    with torch.no_grad():
        for parameter in back.parameters():
            parameter.add_(1.0)
    assert all(parameter.requires_grad for parameter in back.parameters())
    assert sha256(folder / "model.safetensors") == digest
    assert zoo.from_pretrained(folder, verify="always") is not None


def test_a_tensor_that_no_file_holds_is_computed(tmp_path, monkeypatch, rng):
    start = FNO.__init__

    def with_window(self, *args, **kwargs):
        start(self, *args, **kwargs)
        self.register_buffer("window", torch.arange(3.0), persistent=False)
        self.plain = torch.ones(2)

    with_window.__signature__ = __import__("inspect").signature(start)
    monkeypatch.setattr(FNO, "__init__", with_window)
    made = FNO(**FNO.tiny())
    back = zoo.from_pretrained(zoo.save_pretrained(made, tmp_path / "m"))
    assert torch.equal(back.window, torch.arange(3.0))
    assert torch.equal(back.plain, torch.ones(2))
    given = made.example(rng)
    assert torch.equal(back(**given), made.eval()(**given))


def test_figures_of_numpy_and_torch_become_plain_numbers(model, tmp_path):
    entry = {"name": "test/e", "value": np.float32(0.5), "n": torch.tensor(4), "seeds": [1]}
    folder = zoo.save_pretrained(model, tmp_path / "m", metrics=[entry])
    (found,) = figures(folder)
    assert found["value"] == 0.5 and found["n"] == 4 and found["trivial"] is None
    assert json.loads((folder / "metrics.json").read_text()) == [found]


def test_recipe_lineage_and_picture_are_kept(model, tmp_path):
    parent = {"stage": "init_from", "name": "fno-poisson", "sha256": "0" * 64}
    folder = zoo.save_pretrained(
        model, tmp_path / "m", recipe={"seed": 1}, lineage=[parent], preview=b"\x89PNG"
    )
    assert describe(folder)["lineage"] == [parent]
    assert (folder / "recipe.yaml").read_text() == "seed: 1\n"
    assert (folder / "preview.png").read_bytes() == b"\x89PNG"
    assert "preview.png" in (folder / "README.md").read_text()


def test_a_release_takes_the_place_of_an_older_one(folder, tmp_path):
    (folder / "left-over.txt").write_text("old")
    other = FNO(**FNO.tiny())
    zoo.save_pretrained(other, folder)
    assert zoo.from_pretrained(folder).interface == other.interface
    assert not (folder / "left-over.txt").exists()
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


def test_a_failed_save_leaves_the_older_release_whole(model, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with torch.no_grad():
        model.lift.weight[0, 0] = torch.nan
    with pytest.raises(ReleaseError, match=r"lift.weight holds 1 of 12 values"):
        zoo.save_pretrained(model, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path for path in folder.parent.iterdir() if ".part" in path.name] == []


def test_a_folder_of_somebody_else_is_refused(model, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ReleaseError, match="no release and not empty"):
        zoo.save_pretrained(model, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_figures_added_later_replace_those_of_the_same_name_and_reach_the_card(folder):
    add_figures(folder, [{"name": "test/a", "value": 0.25}, {"name": "test/b", "value": 0.125}])
    add_figures(folder, [{"name": "test/a", "value": 0.0625, "trivial": 0.5}])
    assert {e["name"]: e["value"] for e in figures(folder)} == {"test/a": 0.0625, "test/b": 0.125}
    assert "| test/a | 0.0625 |" in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ({"metrics": [{"name": "a", "value": float("nan")}]}, "not finite"),
        ({"metrics": [{"name": "a"}]}, "no 'value'"),
        ({"metrics": [{"name": "a", "value": 1.0, "trival": 2.0}]}, "did you mean 'trivial'"),
        ({"metrics": [{"name": "a", "value": 1.0, "remeasure": True}]}, "no data and metric"),
        ({"about": {"licence": "MIT", "sumary": "x"}}, "did you mean 'summary'"),
        ({"about": {"summary": object()}}, "plain types only"),
        ({"lineage": [{"name": "a"}]}, "stage, name and sha256"),
    ],
)
def test_what_is_told_wrongly_is_refused(model, tmp_path, told, match):
    with pytest.raises(ReleaseError, match=match):
        zoo.save_pretrained(model, tmp_path / "m", **told)
    assert not (tmp_path / "m").exists()


def test_complex_and_shared_tensors_are_refused(tmp_path):
    held = nn.Module()
    held.register_buffer("a", torch.zeros(2, dtype=torch.complex64))
    with pytest.raises(ReleaseError, match=r"a is torch.complex64; .* real tensors only"):
        weights.write(held, tmp_path / "w")
    tied = nn.Module()
    tied.a = nn.Parameter(torch.ones(2))
    tied.b = tied.a
    with pytest.raises(ReleaseError, match="b and a share one storage"):
        weights.write(tied, tmp_path / "w")


def test_a_model_in_another_precision_is_refused_when_saved(model, tmp_path):
    with pytest.raises(ReleaseError, match=r"float64, the model's is torch.float32"):
        zoo.save_pretrained(model.double(), tmp_path / "m")


def test_non_contiguous_weights_are_saved_as_they_read(tmp_path):
    made = FNO(**(FNO.tiny() | {"normaliser": Homogeneous()}))
    made.hidden.weight = nn.Parameter(torch.randn(8, 16).t())
    back = zoo.from_pretrained(zoo.save_pretrained(made, tmp_path / "m"))
    assert torch.equal(back.hidden.weight, made.hidden.weight)
