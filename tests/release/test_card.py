"""Cards are written from configs and figures alone."""

import contextlib
import io
import re

import numpy as np
import pytest
import torch
import yaml

import zoo
from zoo import card, shelf
from zoo.card_tables import losses, verdict
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.models.parts.homogeneous import Homogeneous
from zoo.release import ReleaseError, add_figures

RANGES = {"poisson": {"k": [1.0, 3.0]}, "helmholtz": {"k": [1.0, 1.0], "q": [2.0, 4.0]}}


def figure(name, value, **more):
    return {"name": name, "value": value, "unit": "1", "n": 256, "seeds": [0, 1], **more}


@pytest.fixture
def told(folder):
    """A release of which everything is told."""
    figures = [
        figure("test/poisson/relative_l2", np.float32(0.015625), trivial=0.5, tolerance=0.001),
        figure("few_shot/8/poisson/relative_l2", 0.125, baseline=0.5, spread=0.25),
        figure("few_shot/32/poisson/relative_l2", 0.0625, baseline=0.125, baseline_spread=0.01),
        figure("resolution/128 x 128/relative_l2", 0.03125, trivial=0.5),
        figure("shift/eigenvalues 5 to 10/relative_l2", 0.25, trivial=0.5, spread=0.01),
    ]
    about = {
        "ranges": RANGES,
        "summary": "Sources to solutions.",
        "objective": "Supervised",
        "citation": "@article{me}",
    }
    add_figures(folder, figures, about=about)
    return folder


def front(folder):
    return card.card(folder).split("---\n")[1]


def test_the_front_matter_is_what_the_hub_reads(told):
    from huggingface_hub import ModelCard

    data = ModelCard(card.card(told)).data
    assert data.library_name == "physics-zoo" and data.license == "apache-2.0"
    assert {"poisson", "2d", "fno", "pde"} <= set(data.tags)
    first = data.eval_results[0]
    assert (first.dataset_name, first.metric_type) == ("poisson", "relative_l2")
    assert first.metric_value == 0.015625


def test_no_number_of_numpy_reaches_the_yaml(told):
    assert "!!python" not in front(told)
    values = [
        r["metrics"][0]["value"] for r in yaml.safe_load(front(told))["model-index"][0]["results"]
    ]
    assert all(type(value) is float for value in values)


def test_the_parent_is_the_base_model(model, tmp_path):
    chain = [{"stage": "init_from", "name": name, "sha256": "a" * 64} for name in ("one", "two")]
    folder = zoo.save_pretrained(model, tmp_path / "m", lineage=chain)
    found = yaml.safe_load(front(folder))
    assert (found["base_model"], found["base_model_relation"]) == ("two", "finetune")
    assert "| init_from | one | aaaaaaaaaaaaaaaa |" in card.card(folder)


def test_a_model_from_scratch_has_no_base_model(folder):
    assert "base_model" not in front(folder)
    assert "Trained from scratch." in card.card(folder)


def test_channels_units_and_ranges_are_told(told):
    text = card.card(told)
    for line in (
        "| input | f | N/m |",
        "| output | w | 1 |",
        "| coefficient | k | m/s |",
        "| poisson | k | 1 to 3 |",
        "| helmholtz | q | 2 to 4 |",
        "Box 1 × 1, periodic; steady",
    ):
        assert line in text


def test_figures_stand_beside_their_trivial_predictor(told):
    line = "| test/poisson/relative_l2 | 0.0156 |  | 256 | 2 | 0.5 |  | 1 | 0.001 |  |"
    assert line in card.card(told)


def test_few_examples_make_a_table_with_the_ratio(told):
    text = card.card(told)
    assert "| poisson/relative_l2 | 8 | 0.125 (spread 0.25) | 0.5 | 4 | 2 |  |" in text
    assert "| poisson/relative_l2 | 32 | 0.0625 | 0.125 (spread 0.01) | 2 | 2 |  |" in text


def test_other_grids_and_ranges_make_tables(told):
    text = card.card(told)
    assert "## Other grids" in text and "## Other ranges" in text
    assert "| 128 x 128 | relative_l2 | 0.0312 |  | 256 | 2 | 0.5 |" in text
    assert "| eigenvalues 5 to 10 | relative_l2 | 0.25 | 0.01 | 256 | 2 | 0.5 |" in text


def test_the_first_line_says_what_is_not_beaten(told):
    add_figures(told, [figure("test/helmholtz/relative_l2", 0.75, trivial=0.5, baseline=0.7)])
    body = card.card(told).split(card.BEGIN)[1].strip()
    assert body.startswith(
        "**Does not beat its trivial predictor on test/helmholtz/relative_l2: 0.75 against 0.5; "
        "nor scratch on test/helmholtz/relative_l2: 0.75 against 0.7.**"
    )


@pytest.mark.parametrize(
    ("entry", "lost"),
    [
        ({"value": 0.1, "trivial": 0.5, "baseline": 0.2}, 0),
        ({"value": 0.5, "trivial": 0.5, "baseline": None}, 1),
        ({"value": 0.3, "trivial": 0.5, "baseline": 0.2}, 1),
        ({"value": 0.6, "trivial": 0.5, "baseline": 0.2}, 2),
        ({"value": 0.6, "trivial": None, "baseline": None}, 0),
    ],
)
def test_equal_is_not_beaten(entry, lost):
    assert len(losses([{"name": "e", **entry}])) == lost


def test_without_baselines_no_victory_is_claimed():
    assert "No figure" in verdict([{"name": "e", "value": 1, "trivial": None, "baseline": None}])


FACES = [
    (Interface(("f",), ("u",)), Affine),
    (Interface(("f",), ("u",), ("k", "q"), box=(2.0, 1.0)), Homogeneous),
    (Interface(("a", "b"), ("a", "b"), ("k",), box=(1.5,), dt=0.1, history=2), Affine),
    (Interface(("x",), ("y",), box=(1.0, 2.0, 3.0)), Affine),
]


@pytest.mark.parametrize(("face", "normaliser"), FACES, ids=["plain", "coefficients", "1d", "3d"])
def test_the_lines_on_the_card_run_as_they_stand(face, normaliser, tmp_path, monkeypatch):
    made = FNO(face, normaliser(), width=4, modes=2, layers=1)
    folder = zoo.save_pretrained(made, tmp_path / "m", about={"ranges": RANGES})
    code = re.search(r"```python\n(.*?)```", card.card(folder), re.S)[1]
    monkeypatch.chdir(tmp_path)
    scope = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, scope)
    result = scope[face.outputs[0] if face.outputs[0] not in "xyz" else "u"]
    assert result.shape[-face.dimension :] == (16,) * face.dimension
    assert np.isfinite(result).all()
    if face.coefficients:
        assert scope["p"]["k"] == 2.0


def test_what_was_written_by_hand_stays(told):
    path = told / "README.md"
    text = path.read_text()
    path.write_text(
        text.replace(card.END, f"{card.END}\n\nWritten by hand.").replace("tags:", "x: 1\ntags:")
    )
    assert not card.stale(told)
    add_figures(told, [figure("test/new/relative_l2", 0.5)])
    again = path.read_text()
    assert "Written by hand." in again and "test/new/relative_l2" in again
    assert yaml.safe_load(again.split("---\n")[1])["x"] == 1


def test_a_card_is_stale_when_a_figure_changed(told):
    assert not card.stale(told)
    metrics = told / "metrics.json"
    metrics.write_text(metrics.read_text().replace("0.125", "0.5", 1))
    assert card.stale(told)
    card.refresh(told)
    assert not card.stale(told)


def test_a_card_is_stale_when_it_was_edited_inside_the_marks(told):
    path = told / "README.md"
    path.write_text(path.read_text().replace("0.0156", "0.0001"))
    assert card.stale(told)
    path.unlink()
    assert card.stale(told)


def test_a_broken_front_matter_is_named(told):
    (told / "README.md").write_text("---\na: [1\n---\ntext")
    with pytest.raises(ReleaseError, match=r"README.md: .*no YAML .*; mend or remove it"):
        card.refresh(told)


def test_a_pipe_in_a_name_breaks_no_table(model, tmp_path):
    folder = zoo.save_pretrained(model, tmp_path / "m", metrics=[figure("test/a|b", 0.5)])
    assert "| test/a\\|b | 0.5 |" in card.card(folder)


def test_in_a_terminal_the_card_has_neither_front_matter_nor_marks(told):
    text = card.text(told)
    assert text.startswith("# two-by-two") and "<!--" not in text and "library_name" not in text


def test_the_index_has_every_release_with_its_figures(told, tmp_path):
    torch.manual_seed(0)
    zoo.save_pretrained(FNO(**FNO.tiny()), tmp_path / "another")
    text = card.model_index(tmp_path)
    assert "[two-by-two](checkpoints/two-by-two/README.md) | FNO | poisson | 2-D |" in text
    assert "[another](checkpoints/another/README.md) | FNO |" in text
    assert "test/poisson/relative_l2 | 0.0156" in text


def shipped():
    return list(shelf.checkpoints())


@pytest.mark.parametrize("name", shipped())
def test_the_card_of_a_shipped_release_is_up_to_date(name):
    assert not card.stale(shelf.checkpoints()[name]), "run: zoo card"


def test_model_card_md_is_up_to_date():
    written = (shelf.root() / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert written == card.model_index(), "run: zoo card"


def test_a_teacher_is_told_and_is_no_base_model(model, tmp_path):
    lineage = [{"stage": "teacher", "name": "one", "sha256": "a" * 64}]
    folder = zoo.save_pretrained(model, tmp_path / "m", lineage=lineage)
    assert "base_model" not in front(folder)
    assert "| teacher | one | aaaaaaaaaaaaaaaa |" in card.card(folder)


PREDICTORS = {"constant": 0.5, "ansatz_time": 0.125}


def named(value, trivial=0.125):
    return figure("test/heat/relative_l2", value, trivial=trivial) | {"trivials": PREDICTORS}


def test_the_best_trivial_predictor_stands_beside_a_figure_by_name(folder):
    add_figures(folder, [named(0.0625)])
    text = card.card(folder)
    assert "| test/heat/relative_l2 | 0.0625 |  | 256 | 2 | 0.125 (ansatz time) |" in text
    assert "Beats its trivial predictor on every figure below that has one." in text


def test_the_first_line_names_the_predictor_that_is_not_beaten(folder):
    add_figures(folder, [named(0.25)])
    assert card.text(folder).startswith(
        "**Does not beat its best trivial predictor (ansatz time) on test/heat/relative_l2: 0.25 "
        "against 0.125.**"
    )


def test_a_mean_over_systems_whose_best_predictors_differ_names_none(folder):
    add_figures(folder, [named(0.0625, trivial=0.1)])
    assert "| 256 | 2 | 0.1 |" in card.card(folder)


def test_all_predictors_are_kept_in_the_release(folder):
    add_figures(folder, [named(0.25)])
    assert zoo.release.figures(folder)[-1]["trivials"] == PREDICTORS
