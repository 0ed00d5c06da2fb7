"""The report of curves: what it measures, its gates, its files, and what it writes on cards."""

from dataclasses import replace

import pytest
import torch

import zoo
from tests.spin.exact_net import ISING, exact_net
from zoo import curves, release
from zoo.reading import Mistake
from zoo.report import Curves
from zoo.report.curve_gates import CurveGate
from zoo.report.curves import listed
from zoo.report.deviations import Measured, crossings, off_critical, references
from zoo.spin.ising import Ising
from zoo.spin.known import known
from zoo.spin.observables import Estimate
from zoo.stages import Result

SAMPLING = {"chains": 32, "sweeps": 64, "accuracy": None}
T = [8.0, 16.0]
DATA = {"class_path": "zoo.data.spins.spins.Spins", "init_args": {"system": ISING}}


@pytest.fixture(scope="module", autouse=True)
def one_cache(tmp_path_factory):
    """Chains run once for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("curves")))
        patch.setattr("zoo.spin.settled.ROUND", 32)
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds of one stage: Ising itself, and an energy that is a fifth too weak."""
    place = tmp_path_factory.mktemp("runs")
    found = []
    for seed, coupling in enumerate((1.0, 0.8)):
        folder = place / str(seed)
        zoo.save_pretrained(exact_net(coupling), folder / "release", recipe={"data": DATA})
        found.append(Result("ednn", {"seed_everything": seed}, {}, folder))
    return found


def written(runs, folder, **arguments):
    given = {"temperatures": T, "sampling": SAMPLING, **arguments}
    return Curves(["ednn"], [[4, 4]], **given).write(runs, folder / "report")


def verdict(runs, folder, **gate):
    told = written(runs, folder, gates=[{"text": "claim", **gate}])
    return next(line for line in told.splitlines() if "claim  " in line and "bound" not in line)


def test_the_true_energy_passes_a_gate_that_is_sharp(runs, tmp_path):
    line = verdict(runs[:1], tmp_path, figure="energy", high=0.06)
    assert line.startswith("holds")


def test_a_weak_energy_fails_it(runs, tmp_path):
    assert verdict(runs, tmp_path, figure="energy", high=0.06).startswith("FAILS")


def test_a_gate_narrower_than_three_errors_does_not_hold(runs, tmp_path):
    line = verdict(runs[:1], tmp_path, figure="energy", high=0.001)
    assert line.startswith("FAILS") and "above a third of the gate" in line


def test_what_is_only_told_does_not_fail(runs, tmp_path):
    assert verdict(runs, tmp_path, figure="energy", high=0.06, gate=False).startswith("no ")


def test_runs_can_be_chosen(runs, tmp_path):
    assert verdict(runs, tmp_path, figure="energy", high=9.0, run={"seed_everything": 1}).endswith(
        verdict(runs[1:], tmp_path, figure="energy", high=9.0)[40:]
    )
    assert verdict(runs, tmp_path, figure="energy", high=9.0, run={"stage": "x"}).startswith("not")


def test_the_page_has_every_temperature_of_every_seed(runs, tmp_path):
    written(runs, tmp_path, note="a note")
    page = (tmp_path / "report" / "curves.md").read_text()
    exact = known(Ising(), (4, 4), torch.tensor(T, dtype=torch.float64))
    assert exact is not None
    assert f"| 16 | {float(exact['magnetisation'].value[1]):.4f} |" in page
    assert "a note" in page and "exact" in page
    rows = (tmp_path / "report" / "curves.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 7 * 2
    assert (tmp_path / "report" / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_chosen_releases_carry_their_own_figures(runs, tmp_path):
    written(runs, tmp_path, record={"seed_everything": "1"})
    figures = {one["name"]: one for one in release.figures(runs[1].release)}
    assert figures["curves/4x4/energy"]["value"] > 0.04
    assert figures["curves/4x4/energy"]["seeds"] == [1]
    assert release.figures(runs[0].release) == []
    assert "curves/4x4/energy" in (runs[1].release / "README.md").read_text()


def test_a_second_report_draws_nothing_anew(runs, tmp_path, monkeypatch):
    first = written(runs, tmp_path)
    monkeypatch.setattr(curves, "settled", None)
    assert written(runs, tmp_path) == first


def binder(sizes, at):
    """Curves of Binder's cumulant that are lines through one point, steeper for larger sizes."""
    t = torch.tensor([2.0, 2.2, 2.4], dtype=torch.float64)
    found = []
    for size in sizes:
        value = 0.6 - 0.01 * size * (t - at)
        one = {"binder": Estimate(value, torch.full_like(t, 1e-4))}
        curve = curves.Curve(t, one, torch.ones(3), 100)
        found.append(Measured({}, (size, size), curve, curve, Ising()))
    return found


def test_cumulants_cross_where_they_were_made_to():
    assert [round(t, 6) for t, _ in crossings(binder((32, 8, 16), 2.26))] == [2.26, 2.26]


@pytest.mark.parametrize(("at", "word"), [(2.2692, "holds"), (2.35, "FAILS")])
def test_the_crossing_is_held_against_the_infinite_lattice(at, word):
    gate = CurveGate("crossing", 0.01)
    assert gate.verdict(binder((8, 16), at))[0] == word
    found = off_critical(binder((8, 16), at))
    assert found is not None and found.value == pytest.approx(abs(at / 2.269185 - 1), abs=1e-5)


def test_runs_of_different_energies_have_references_of_their_own():
    runs = binder((8, 16), 2.3)
    other = [replace(one, system=Ising(0.5), keys={"glass": "weak"}) for one in runs]
    assert list(references(runs)) == ["8x8", "16x16"]
    assert list(references([*runs, *other])) == [", 8x8", ", 16x16", "weak, 8x8", "weak, 16x16"]


def test_a_step_of_temperature_reaches_the_last_one():
    t = listed({"low": 1.0, "high": 4.9, "step": 0.1})
    assert len(t) == 40 and float(t[-1]) == 4.9 and float(t[13]) == 2.3


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"gates": [{"figure": "magnetization", "high": 1.0}]}, "mean 'magnetisation'"),
        ({"gates": [{"figure": "energy"}]}, "needs 'high'"),
        ({"gates": [{"figure": "energy", "high": 1.0, "shapes": [[8, 8]]}]}, r"\[8, 8\] is none"),
        ({"gates": [{"figure": "energy", "hihg": 1.0}]}, "no key 'hihg'"),
        ({"sampling": {"chain": 4}}, "no key 'chain'; did you mean 'chains'"),
        ({"temperatures": {"low": 1.0}}, "low, high and a step"),
        ({"kind": "../x"}, "part of a file's name"),
    ],
)
def test_what_is_wrong_is_named(change, match):
    with pytest.raises(Mistake, match=match):
        Curves(["ednn"], [[4, 4]], **change)


def test_a_release_that_does_not_tell_its_energy_is_refused(tmp_path):
    zoo.save_pretrained(exact_net(), tmp_path / "run" / "release")
    with pytest.raises(Mistake, match="does not tell the energy"):
        written([Result("ednn", {}, {}, tmp_path / "run")], tmp_path)


def test_a_lattice_that_the_focus_does_not_divide_is_refused(runs, tmp_path):
    report = Curves(["ednn"], [[5, 5]], temperatures=T, sampling=SAMPLING)
    with pytest.raises(ValueError, match="multiples of focus=2"):
        report.write(runs[:1], tmp_path)
