import math

import pytest
import torch

from zoo.data.spins.drawing import Drawing
from zoo.data.spins.spins import Spins
from zoo.models.base import block, build
from zoo.spin.edwards_anderson import EdwardsAnderson
from zoo.spin.enumeration import Enumeration
from zoo.spin.ising import Ising
from zoo.spin.potts import Potts


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))


def data(system=None, shape=(4, 4), **given):
    options = {"temperature": 4.0, "count": 1000, "batch_size": 300, "evaluation": 500}
    drawing = Drawing(chains=64)
    return Spins(system or Ising(), shape, **{**options, "drawing": drawing, **given})


@pytest.mark.parametrize(
    ("system", "shape"),
    [(Ising(), (4, 4)), (Ising(0.5, 0.4), (3, 4)), (EdwardsAnderson((3, 4), 1), (3, 4))],
)
def test_lattices_have_the_exact_mean_energy(system, shape):
    found = system.of(data(system, shape, count=2560).lattices("train"))
    exact = Enumeration(system, shape)
    error = float(found.std()) / math.sqrt(len(found))
    assert abs(float(found.mean() - exact.mean(exact.energies, [4.0]))) < 4.5 * error


def test_lattices_kept_after_every_flip_differ_by_one_spin_at_most():
    chains = data(drawing=Drawing(chains=50, thinned=False)).lattices("train").view(20, 50, 16)
    changed = (chains[1:] != chains[:-1]).sum(2)
    assert int(changed.max()) == 1 and float(changed.float().mean()) > 0.3


def test_thinned_lattices_are_independent():
    energies = Ising().of(data(count=3200).lattices("train")).view(50, 64)
    off = energies - energies.mean()
    assert abs(float((off[1:] * off[:-1]).mean() / off.square().mean())) < 0.1


def test_splits_and_seeds_differ_and_repeat():
    one = data()
    validation, test = one.lattices("validation"), one.lattices("test")
    assert not torch.equal(validation, test)
    assert torch.equal(validation, data().lattices("validation"))
    assert not torch.equal(validation, data(seed=1).lattices("validation"))


def test_an_epoch_holds_each_lattice_once():
    module = data()
    batches = list(module.train_dataloader())
    assert [len(batch["s"]) for batch in batches] == [250, 250, 250, 250]
    both = [
        sorted(map(tuple, s.flatten(1).tolist()))
        for s in (torch.cat([batch["s"] for batch in batches]), module.lattices("train"))
    ]
    assert both[0] == both[1]
    assert torch.equal(batches[0]["beta"], torch.full((250,), 0.25))


@pytest.mark.parametrize(
    ("system", "shape"),
    [
        (Ising(), (4, 4)),
        (Ising(0.7, 0.2, second=-0.3), (3, 4)),
        (EdwardsAnderson((3, 4), 2), (3, 4)),
        (Potts(3), (3, 3)),
        (Ising(second=0.4), (6,)),
    ],
)
def test_ln_z_is_that_of_enumeration(system, shape):
    want = Enumeration(system, shape).log_partition(torch.tensor([0.25], dtype=torch.float64))
    assert data(system, shape).log_z == pytest.approx(float(want), rel=1e-12)


def test_ln_z_of_a_large_glass_is_unknown():
    assert data(EdwardsAnderson((12, 12)), (12, 12)).log_z is None


def test_independent_spins_score_what_enumeration_says():
    module = data(evaluation=4000)
    exact = Enumeration(Ising(), (4, 4))
    p = exact.log_probabilities(4.0)
    kl = float((p.exp() * p).sum()) + 16 * math.log(2)
    assert module.trivials("test", "kl")[""]["independent spins"] == pytest.approx(kl, rel=0.1)
    gap = module.trivials("test", "free_energy_gap")[""]["independent spins"]
    uniform = float((-16 * math.log(2) - p).mean())
    assert gap == pytest.approx(4 * uniform / 16, rel=0.1)
    assert module.trivials("test", "nll") == {"": {"independent spins": math.log(2)}}


def test_a_block_builds_the_same_data():
    one = data(EdwardsAnderson((3, 4), 2), (3, 4))
    again = build(block(one), object, ("zoo.data.",))
    assert torch.equal(again.lattices("test"), one.lattices("test"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temperature": 0.0}, "temperature=0.0 must be finite and above 0"),
        ({"temperature": -1.0}, "above 0"),
        ({"count": 0}, "count=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"system": EdwardsAnderson((3, 3)), "shape": (4, 4)}, "another size is another glass"),
    ],
)
def test_what_cannot_be_drawn_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        data(**given)


def test_thinning_of_single_flips_is_refused():
    with pytest.raises(ValueError, match="left out"):
        Drawing(every=2, thinned=False)
