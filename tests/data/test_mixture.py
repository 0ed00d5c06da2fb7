import pytest
import torch
from torch.testing import assert_close

from zoo.data.mixture import Mixture
from zoo.data.steady import Steady
from zoo.pde.advection_diffusion import AdvectionDiffusion
from zoo.pde.helmholtz import Helmholtz
from zoo.pde.poisson import Poisson


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
    equations = (Poisson(), AdvectionDiffusion(), Helmholtz())
    sets = [Steady(e, 16, train=20, validation=6, test=6) for e in equations]
    yield Mixture(sets, batch_size=7, seed=0)
    patch.undo()


def test_coefficients_lie_on_the_union_in_the_papers_order(mixture):
    assert mixture.coefficients == ("k11", "k22", "k12", "v1", "v2", "omega")
    assert mixture.interface().inputs == ("f",) and mixture.interface().outputs == ("u",)


def test_absent_coefficients_are_zero_and_helmholtz_carries_the_isotropic_tensor(mixture):
    poisson, advection, helmholtz = mixture.split("train")
    assert bool((poisson.p[:, 3:] == 0).all()) and bool((advection.p[:, 5] == 0).all())
    assert bool((advection.p[:, 3:5].norm(dim=1) > 0).all())
    expected = torch.tensor([0.01, 0.01, 0.0, 0.0, 0.0], dtype=torch.float64)
    assert_close(helmholtz.p[:, :5], expected.expand(20, 5))
    assert bool((helmholtz.p[:, 5] >= 1).all())


def test_a_batch_says_which_coefficients_are_a_systems_own(mixture):
    has = {
        n: row
        for b in mixture.val_dataloader()
        for n, row in zip(b["system"].tolist(), b["has_p"].tolist(), strict=True)
    }
    assert has[0] == [True, True, True, False, False, False]
    assert has[1] == [True, True, True, True, True, False]
    assert has[2] == [True, False, False, False, False, True]


def test_medians_are_over_the_samples_that_own_the_coefficient(mixture):
    statistics = mixture.statistics()
    data = mixture.split("train")
    rms = [d.u.double().flatten(1).square().mean(1).sqrt() for d in data]
    median = torch.cat(rms).median()
    assert_close(statistics["source_rms"], median)
    omega = (data[2].p[:, 5] / (rms[2] / median)).abs().median()
    assert_close(statistics["coefficient_median"][5], omega)
    assert bool((statistics["coefficient_median"] > 0).all())


def test_every_validation_sample_comes_once_whatever_the_ranks(mixture, monkeypatch):
    whole = torch.cat([b["u"].flatten(1).sum(1) for b in mixture.val_dataloader()])
    parts = []
    for rank in range(4):
        monkeypatch.setattr(mixture, "_ranks", lambda r=rank: (r, 4))
        parts += [b["u"].flatten(1).sum(1) for b in mixture.val_dataloader()]
    assert len(whole) == 18
    assert_close(torch.cat(parts).sort().values, whole.sort().values)


def test_batches_are_physical_and_complete(mixture):
    batch = next(iter(mixture.train_dataloader()))
    assert set(batch) == {"u", "y", "p", "has_p", "system", "dx", "weight"}
    number = int(batch["system"][0])
    stored = mixture.split("train")[number].u
    assert bool((stored == batch["u"][0]).flatten(1).all(1).any())
    assert_close(batch["dx"], torch.full((7, 2), 1 / 16))


def test_an_epoch_of_the_loader_is_deterministic(mixture):
    first = [b["p"] for b in mixture.train_dataloader()]
    again = [b["p"] for b in mixture.train_dataloader()]
    assert len(first) == 9
    for a, b in zip(first, again, strict=True):
        assert_close(a, b, rtol=0, atol=0)


def test_moments_are_those_of_the_training_samples(mixture):
    u = torch.cat([d.u for d in mixture.split("train")]).double()
    statistics = mixture.statistics()
    assert_close(statistics["inputs_mean"], u.mean()[None])
    assert_close(statistics["inputs_std"], u.std(correction=0)[None])


def test_sets_that_do_not_fit_together_are_named():
    with pytest.raises(ValueError, match="share a name"):
        Mixture([Steady(Poisson()), Steady(Poisson())])
    with pytest.raises(ValueError, match=r"weights=\[1.0\]"):
        Mixture([Steady(Poisson()), Steady(Helmholtz())], weights=[1.0])


def test_limit_keeps_training_samples_by_the_seed_and_leaves_the_other_splits(mixture):
    few, more, other = (
        Mixture(mixture.sets, limit=n, seed=seed) for n, seed in ((4, 0), (9, 0), (4, 1))
    )
    for one, two, whole in zip(*(m.split("train") for m in (few, more, mixture)), strict=True):
        assert_close(one.u, two.u[:4], rtol=0, atol=0)
        rows = {float(u.abs().sum()) for u in whole.u}
        assert len({float(u.abs().sum()) for u in two.u} & rows) == 9
    assert (few.split("train")[0].u - other.split("train")[0].u).abs().max() > 0.1
    assert [len(d) for d in few.split("test")] == [6, 6, 6]
    with pytest.raises(ValueError, match=r"limit=21: poisson has 20"):
        Mixture(mixture.sets, limit=21)


def test_without_a_seed_of_its_own_the_order_follows_the_runs_seed(mixture):
    torch.manual_seed(5)
    own = next(iter(Mixture(mixture.sets, batch_size=7).train_dataloader()))["p"]
    set_ = next(iter(Mixture(mixture.sets, batch_size=7, seed=5).train_dataloader()))["p"]
    assert_close(own, set_, rtol=0, atol=0)


def test_worker_processes_do_not_change_the_order(mixture):
    def p(workers):
        other = Mixture(mixture.sets, batch_size=7, seed=0, workers=workers)
        return torch.cat([b["p"] for b in other.train_dataloader()])

    assert_close(p(0), p(2), rtol=0, atol=0)
