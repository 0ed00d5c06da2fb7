"""The scorecard of a model whose errors are known: 1.1 times the exact next frame."""

import json
import math

import pytest
import torch

from tests.cli.scored import DT, FACTOR, FRAMES, TooLarge, face, heat
from zoo import scorecard_law, scorecard_text
from zoo.data.mixture import Mixture
from zoo.data.trajectories import Trajectories
from zoo.data.window import Timeline, Window
from zoo.metrics.nrmse import nrmse
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine
from zoo.pde.burgers import Burgers
from zoo.pde.gray_scott import GrayScott
from zoo.pde.heat import Heat
from zoo.plots import scorecard as plots
from zoo.reading import Mistake
from zoo.scorecard import Scorecard, Scoring

STEPS = FRAMES - 2


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        return Scoring(TooLarge(face()), heat(), Heat(1)).run("mine", "0" * 64, "heat.h5")


def told(card, title, name="model"):
    return card.figures[title]["predictors"][name]


def grown(step):
    """A linear equation keeps a factor, and each step adds one."""
    return FACTOR**step - 1


def test_errors_grow_by_the_factor_at_every_step(card):
    want = [grown(step + 1) for step in range(STEPS)]
    for title in ("nrmse", "low_band_nrmse", "h1_error"):
        assert told(card, title)["by_step"] == pytest.approx(want, rel=1e-4)
    assert told(card, "nrmse")["mean"] == pytest.approx(sum(want) / STEPS, rel=1e-4)


def test_the_residual_is_the_error_that_is_made_anew_at_each_step(card):
    # û(t) - S û(t - dt) = (1 - 1 / factor) û(t), and û(t) = factor^step u(t)
    want = [(1 - 1 / FACTOR) * FACTOR ** (step + 1) for step in range(STEPS)]
    assert told(card, "residual")["by_step"] == pytest.approx(want, rel=1e-3)
    assert told(card, "residual", "truth")["mean"] < 1e-5


def test_persistence_is_the_last_frame_that_went_in(card):
    batch = next(iter(heat().test_dataloader()))
    still = batch["u"][:, -1:].expand_as(batch["y"])
    want = nrmse(still.double(), batch["y"].double()).mean((0, 2)).tolist()
    assert told(card, "nrmse", "persistence")["by_step"] == pytest.approx(want, rel=1e-10)


def test_the_solver_of_a_linear_equation_is_exact_where_its_grid_carries_the_waves(card):
    solver = card.predictors["solver"]
    assert solver["equation"] == "zoo.pde.heat.Heat" and {t["steps"] for t in solver["tried"]} == {
        1
    }
    # the initial fields have three waves, which eight points carry
    assert solver["tried"][0]["grid"] == [8] and solver["tried"][0]["nrmse"] < 1e-6
    assert solver["as_accurate_as_the_model"] == solver["tried"][0]
    assert told(card, "nrmse", "solver")["mean"] < 1e-6


def test_other_grids_and_steps_are_measured_and_told(card):
    own, half, double, slower = card.sweeps
    assert own["nrmse"]["model"] == pytest.approx(told(card, "nrmse")["mean"], rel=1e-6)
    assert (half["setting"], double["setting"]) == ("8", "32")
    assert double["nrmse"]["model"] == pytest.approx(own["nrmse"]["model"], rel=1e-5)
    # every second of nine frames: two go in, three are left, and this model takes too short steps
    assert slower["frames"] == 3 and slower["nrmse"]["model"] > 0.1
    assert slower["nrmse"]["solver"] < 1e-6


def test_spectra_are_of_the_first_and_the_last_frame(card):
    batch = next(iter(heat().test_dataloader()))
    energy = card.spectra["energy"]
    assert list(energy["truth"]["u"]) == ["step=01", f"step={STEPS:02d}"]
    want = float(batch["y"][:, -1].double().square().mean((1, 2)).mean())
    assert sum(energy["truth"]["u"][f"step={STEPS:02d}"]) == pytest.approx(want, rel=1e-6)
    ratio = energy["model"]["u"]["step=01"][1] / energy["truth"]["u"]["step=01"][1]
    assert ratio == pytest.approx(FACTOR**2, rel=1e-4)
    assert card.spectra["wave_numbers"][1] == pytest.approx(math.pi)


def test_batches_of_one_and_of_all_give_the_same_figures(card, here):
    other = Scoring(TooLarge(face()), heat(batch_size=2), Heat(1)).run("mine", "", "heat.h5")
    assert other.samples == card.samples == 5
    for title in card.figures:
        for name in ("model", "persistence"):
            if name in card.figures[title]["predictors"]:
                mine, theirs = (
                    [-1.0 if v is None else v for v in told(one, title, name)["by_step"]]
                    for one in (other, card)
                )
                assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-12)


def test_a_rollout_that_leaves_the_finite_numbers_has_no_figure_and_a_note(here):
    model = TooLarge(face(), 1e8)
    card = Scoring(model, heat()).run("mine", "", "heat.h5")
    figure = told(card, "nrmse")
    first = figure["by_step"].index(None)
    assert figure["by_step"][0] == pytest.approx(1e8, rel=1e-3) and figure["mean"] is None
    assert any(f"model: not finite, or undefined, from step {first + 1}" in n for n in card.notes)
    assert json.dumps(card.plain(), allow_nan=False)
    assert "scorecard/heat/nrmse" not in {e["name"] for e in scorecard_text.entries(card, "heat")}


def test_data_of_another_equation_are_told_so(here):
    class Fast(Heat):
        """The heat equation with 30 ν."""

        def linear(self, box, p):
            return 30 * super().linear(box, p)

    card = Scoring(TooLarge(face()), heat(), Fast(1)).run("mine", "", "heat.h5")
    assert any("own frames leave" in note for note in card.notes)


def test_walls_have_an_error_of_their_own_and_no_other_grids(here):
    model = TooLarge(face(boundary="dirichlet"))
    card = Scoring(model, heat(), None, "dirichlet").run("mine", "", "heat.h5")
    assert told(card, "boundary_error")["by_step"][0] > 0
    assert "residual" not in card.figures and "solver" not in card.predictors
    assert "not periodic" in card.sweeps[1]["not_applicable"]


def test_figures_for_a_release_keep_their_unit_and_stand_beside_persistence(card):
    found = {entry["name"]: entry for entry in scorecard_text.entries(card, "heat")}
    largest = found["scorecard/heat/maximum_error"]
    assert largest["unit"] == card.channels["u"] == Heat(1).units["u"]
    error = found["scorecard/heat/nrmse"]
    assert error["unit"] == "1" and error["n"] == 5
    assert error["trivials"] == {"persistence": told(card, "nrmse", "persistence")["mean"]}
    assert found["scorecard/heat/mean_drift"]["trivial"] is None
    steps = [name for name in found if name.startswith("scorecard/heat/nrmse/step=")]
    assert [int(name[-2:]) for name in steps] == [1, 2, 4, 7] == scorecard_text.shown(7)


def test_the_page_and_the_terminal_show_the_same_tables(card):
    page = scorecard_text.markdown(card, ["spectra.png"])
    assert "5 samples of u, grid 16, 7 frames predicted, 0.05 apart" in page
    mean = scorecard_text.number(told(card, "nrmse")["mean"])
    assert f"| NRMSE |  | {mean} |" in page and "![spectra.png](spectra.png)" in page
    for table, (title, head, rows) in zip(
        scorecard_text.rich(card), scorecard_text.tables(card), strict=True
    ):
        assert table.title == title and table.row_count == len(rows)
        assert [column.header for column in table.columns] == head


def test_channels_of_several_units_have_no_common_maximum():
    each = {"mean": 2.0, "by_step": [2.0]}
    both = {**each, "by_channel": {"rho": each, "v": {"mean": 3.0, "by_step": [3.0]}}}
    figures = {
        "nrmse": {"unit": "1", "predictors": {"model": both}},
        "maximum_error": {
            "unit": "", "units": {"rho": "kg/m^3", "v": "m/s"}, "predictors": {"model": both}
        },
    }  # fmt: skip
    units = {"rho": "kg/m^3", "v": "m/s"}
    card = Scorecard("m", "", "f", 1, 1, None, 1, [8], units, {"model": {}}, figures)
    rows = {row[0]: row[1:] for row in scorecard_text.rows(card)}
    assert rows["largest error, v"] == ["m/s", "3"] and "largest error" not in rows
    assert rows["NRMSE"] == ["", "2"] and rows["NRMSE, v"] == ["", "3"]
    units = {e["name"]: e["unit"] for e in scorecard_text.entries(card, "f")}
    assert units["scorecard/f/rho/maximum_error"] == "kg/m^3"
    assert "scorecard/f/maximum_error" not in units


def test_an_equation_is_known_by_the_coefficients_that_it_reads():
    names = ["heat", "advection", "burgers"]
    found = scorecard_law.guessed(names, 2, ["u"], ["nu", "cx", "cy"], False)
    assert isinstance(found.law, Burgers) and found.law.dimension == 2
    assert isinstance(scorecard_law.guessed(names, 1, ["u"], ["nu"], False).law, Heat)
    several = scorecard_law.guessed(names, 2, ["u"], ["nu", "ax", "ay", "cx", "cy"], False)
    assert isinstance(several.law, Burgers)
    tie = scorecard_law.guessed(["heat", "transport"], 1, ["u"], ["nu"], False)
    assert isinstance(tie.law, Heat)


REASONS = {
    "no name": ([], ["u"], ["nu"], "names no equation"),
    "no coefficient": (["burgers"], ["u"], ["nu"], "burgers needs cx, cy, which the file has not"),
    "other fields": (["gray_scott"], ["u"], ["F"], "fields ['a', 'b'], the file ['u']"),
    "steady": (["poisson"], ["u"], ["k11"], "names poisson, none that the zoo solves"),
}


@pytest.mark.parametrize("case", REASONS)
def test_why_no_equation_is_known_is_told(case):
    names, channels, coefficients, told = REASONS[case]
    found = scorecard_law.guessed(names, 2, channels, coefficients, False)
    assert found.law is None and told in found.why


MISTAKES = {
    "zoo.pde.burgers.Burger": "is not the own path of a class",
    "os.system": "lies outside",
    "zoo.pde.box.Box": "is no equation",
    "zoo.pde.kdv.KdV": "another dimension",
    "zoo.pde.burgers.Burgers": "needs cx, cy",
}


@pytest.mark.parametrize("path", MISTAKES)
def test_an_equation_that_cannot_be_is_refused(path):
    with pytest.raises(Mistake, match=MISTAKES[path]):
        scorecard_law.told(path, 2, ["u"], ["nu"])


def test_an_equation_is_found_again_by_its_path():
    law = scorecard_law.told("zoo.pde.heat.Heat", 3, ["T"], ["nu"])
    assert scorecard_law.path(law) == "zoo.pde.heat.Heat" and law.dimension == 3


def test_pictures_are_drawn_where_values_are_missing(card):
    lines = {"NRMSE": {"model": [0.1, None, 0.3], "persistence": [0.0, 0.0, 0.0]}}
    for picture in (plots.over_time(lines, DT), plots.spectra(**card.spectra)):
        assert picture.startswith(b"\x89PNG")
    assert plots.over_time(lines, DT) == plots.over_time(lines, DT)
    with pytest.raises(ValueError, match="no figure to draw"):
        plots.over_time({}, DT)
    with pytest.raises(ValueError, match="no spectrum to draw"):
        plots.spectra([0.0], {})


def test_the_time_of_the_race_is_measured_on_one_thread(card):
    from zoo.scorecard_race import one_thread

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert card.predictors["model"]["timed_samples"] == 5


def test_a_model_that_jumps_is_scored_after_its_jump(here):
    model = TooLarge(face(offset=4))
    window = Window(history=2, offset=4)
    data = Mixture(heat().sets, batch_size=5, window=window)
    card = Scoring(model, data, Heat(1)).run("mine", "", "heat.h5")
    assert (
        card.frames == 1 and "0.2 after the last one that goes in" in scorecard_text.head(card)[0]
    )
    assert told(card, "residual", "truth")["mean"] < 1e-5
    assert told(card, "nrmse", "solver")["mean"] < 1e-6
    assert "jumps 4 frames ahead" in card.sweeps[-1]["not_applicable"]


def test_several_channels_are_told_apart(here):
    equation = GrayScott(1)
    pair = Trajectories(equation, 32, timeline=Timeline(4, 1.0), train=0, validation=0, test=2)
    inner = Interface(("a", "b"), ("a", "b"), box=equation.lengths, dt=1.0, history=1)
    torch.manual_seed(0)
    model = FNO(inner, Affine(), width=4, modes=2, layers=1)
    data = Mixture([pair], window=Window(history=1, evaluate=3))
    card = Scoring(model, data, equation).run("mine", "", "gray.h5")
    each = told(card, "nrmse")["by_channel"]
    assert told(card, "nrmse")["mean"] == pytest.approx((each["a"]["mean"] + each["b"]["mean"]) / 2)
    # on whatever grid was as fast as the net
    assert told(card, "nrmse", "solver")["mean"] < told(card, "nrmse")["mean"] / 2
    assert {row[0] for row in scorecard_text.rows(card)} >= {"NRMSE", "NRMSE, a", "NRMSE, b"}
    assert list(card.spectra["energy"]["truth"]) == ["a", "b"]
