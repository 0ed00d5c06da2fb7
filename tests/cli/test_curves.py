"""`zoo curves`: a table, two files, and what it refuses."""

import csv

import pytest

import zoo as package
from tests.spin.exact_net import ISING, exact_net
from zoo.commands_curves import asked
from zoo.models.energy_model import spins
from zoo.models.fno import FNO
from zoo.models.mlp import MLP
from zoo.models.rnn import RNN
from zoo.reading import Mistake
from zoo.spin.edwards_anderson import EdwardsAnderson

WORDS = ("--temperatures", "8", "16", "--chains", "16", "--sweeps", "32")
DATA = {"class_path": "zoo.data.spins.spins.Spins", "init_args": {"system": ISING}}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Rounds as short as hot chains need."""
    monkeypatch.setattr("zoo.spin.settled.ROUND", 32)


@pytest.fixture
def ising(here):
    """A release that has learned Ising exactly, and whose recipe tells that it was Ising."""
    return package.save_pretrained(exact_net(), here / "ising", recipe={"data": DATA})


def test_a_table_a_file_and_a_plot_are_made(ising, here, zoo):
    code, out, _ = zoo("curves", ising, *WORDS)
    assert code == 0
    place = here / "runs" / "curves" / "ising-4x4"
    with (place / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["T"] for row in rows] == ["8", "16"]
    for row in rows:
        gap = float(row["energy"]) - float(row["reference_energy"])
        assert abs(gap) < 5 * float(row["energy_error"])
    assert (place / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert "reference: exact" in out and "largest difference of magnetisation" in out
    assert {one.name for one in place.iterdir()} == {"curves.csv", "curves.png"}


def test_without_a_known_system_the_learned_curves_stand_alone(here, zoo):
    place = package.save_pretrained(exact_net(), here / "unknown")
    code, out, _ = zoo("curves", place, *WORDS, "--out", here / "told", "--card")
    assert code == 0 and "reference: unknown" in out
    assert (place / "preview.png").read_bytes() == (here / "told" / "curves.png").read_bytes()
    assert "preview.png" in (place / "README.md").read_text()
    assert "reference_energy" not in (here / "told" / "curves.csv").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shape", "6", "5"], "multiples of focus=2"),
        (["--shape", "6"], "has 1 axes"),
        (["--temperatures", "0", "2"], "above 0"),
        (["--temperatures", "3", "2", "1"], "rising ones, or LOW HIGH STEP"),
        (["--chains", "1"], "at least 4"),
    ],
)
def test_what_cannot_be_measured_is_refused(words, message, ising, zoo):
    code, _, err = zoo("curves", ising, *words)
    assert code in (1, 2) and message in err and len(err.splitlines()) <= 5


@pytest.mark.parametrize("cls", [FNO, MLP])
def test_a_model_of_no_spins_is_refused(cls, here, zoo):
    place = package.save_pretrained(cls(**cls.tiny()), here / "other")
    code, _, err = zoo("curves", place)
    assert code == 1 and "no model of spins" in err


def test_a_glass_of_another_size_is_refused_with_the_reason(here, zoo):
    model = RNN(spins((3, 4), 2, 4.0), EdwardsAnderson((3, 4), 5), hidden=4)
    place = package.save_pretrained(model, here / "glass")
    code, _, err = zoo("curves", place, "--shape", "4", "4")
    assert code == 1 and "another size is another glass" in err


def test_three_numbers_that_do_not_rise_are_a_range():
    assert asked([1.0, 2.0, 0.5]).tolist() == [1.0, 1.5, 2.0]
    assert asked([1.0, 2.0, 5.0]).tolist() == [1.0, 2.0, 5.0]
    with pytest.raises(Mistake, match="LOW HIGH STEP"):
        asked([2.0, 1.0])
