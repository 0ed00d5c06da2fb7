import pytest
import torch

from zoo.data.spins.even_spins import EvenSpins, even
from zoo.metrics.energy_error import EnergyError
from zoo.spin.edwards_anderson import EdwardsAnderson
from zoo.spin.ising import Ising


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def energies():
    s = even(Ising(), (8, 8), 1.0, 2000, torch.Generator().manual_seed(0))
    return Ising().of(s)


def test_every_tenth_of_the_energies_is_met_as_often(energies):
    low = float(energies.min())
    shares = torch.histc(energies.float(), 8, low, 0.0) / len(energies)
    assert float(shares.min()) > 0.07 and float(shares.max()) < 0.18


def test_they_reach_from_order_to_disorder(energies):
    assert float(energies.min()) == -128
    assert -8 <= float(energies.max()) <= 8


def test_a_glass_is_spread_as_well():
    system = EdwardsAnderson((4, 4), 1)
    found = system.of(even(system, (4, 4), 0.5, 400, torch.Generator().manual_seed(0)))
    assert float(found.std()) > 0.2 * float(found.max() - found.min())


def test_batches_compare_energies_on_them_and_repeat():
    data = EvenSpins(Ising(), (4, 4), temperature=4.0, count=64, evaluation=200)
    thermal, spread = data.batches("test")
    assert thermal["kind"] == "thermal" and spread["kind"] == "uniform"
    assert torch.equal(spread["label"], Ising().of(spread["s"]).float())
    assert torch.equal(data.others("test"), spread["s"])
    assert not torch.equal(data.others("validation"), spread["s"])
    constant = data.trivials("test", EnergyError.title)[""]["constant energy"]
    assert constant == pytest.approx(float(spread["label"].std(unbiased=False)), rel=1e-6)
