"""Objectives on lattices of spins, re-derived with plain loops."""

import itertools
import math

import pytest
import torch

from tests.objectives import parallel_spins
from zoo.models.ednn import EDNN
from zoo.models.energy_model import spins
from zoo.models.fno import FNO
from zoo.models.rnn import RNN
from zoo.models.sampler import Sampler
from zoo.objectives.consistency import Consistency
from zoo.objectives.energy_regression import EnergyRegression
from zoo.objectives.joint_consistency import JointConsistency
from zoo.objectives.label_mixture import LabelMixture
from zoo.objectives.likelihood import Likelihood
from zoo.objectives.on_lattices import OnLattices
from zoo.objectives.refinement import Refinement
from zoo.spin.edwards_anderson import EdwardsAnderson
from zoo.spin.enumeration import Enumeration
from zoo.spin.ising import Ising

FACE = spins((4, 4), 2, 4.0)


def rnn(face=FACE, **given):
    torch.manual_seed(1)
    made = RNN(face, **({"hidden": 6} | given))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2).add_(0.1 * torch.randn_like(parameter))
    return made


def ednn(face=FACE):
    torch.manual_seed(2)
    return EDNN(face, hidden=(8, 8))


@pytest.fixture
def batch(rng):
    return {"s": rnn().uniform(5, rng), "beta": torch.full((5,), 0.25)}


class Boltzmann(Sampler):
    """Exactly what Ising's lattices are drawn from, up to Z."""

    resolution = "fixed"

    def __init__(self, face):
        super().__init__(face)
        self.scale = torch.nn.Parameter(torch.ones(()))

    @classmethod
    def tiny(cls):
        return {"interface": FACE}

    def log_probabilities(self, s):
        return -self.scale * Ising()(s) / self.temperature

    def squared_error(self, s):
        raise NotImplementedError

    def sample(self, count, rng, *, sharpness=None):
        sites = math.prod(self.shape)
        s = torch.rand(count, sites, generator=rng) < torch.rand(count, 1, generator=rng)
        return s.to(torch.uint8).view(count, *self.shape)


def test_likelihood_is_the_mean_of_minus_log_p_per_site(batch):
    model, total = rnn(), 0.0
    for one in batch["s"]:
        total -= float(model.log_prob(one[None]).detach()) / 16
    found = float(Likelihood()(model, batch)["loss"].detach())
    assert found == pytest.approx(total / 5, rel=1e-5)


def test_the_squared_score_is_the_mean_of_squared_errors(batch):
    model = rnn(readout="mean")
    want = sum(float(model.squared_error(one[None]).detach()) for one in batch["s"]) / 5
    found = float(Likelihood("squared")(model, batch)["loss"].detach())
    assert found == pytest.approx(want, rel=1e-5)


def test_the_least_cross_entropy_is_the_entropy_of_the_lattices():
    exact = Enumeration(Ising(), (3, 3))
    p = exact.log_probabilities(4.0).exp()
    every = exact.states(0, exact.count)
    model = Boltzmann(spins((3, 3), 2, 4.0))
    model.log_probabilities = lambda s: exact.log_probabilities(4.0)[exact.number(s.argmax(1))]
    nll = -(p * model.log_prob(every)).sum() / 9
    assert float(nll) == pytest.approx(float(exact.thermodynamics([4.0]).entropy), rel=1e-9)


def test_a_symmetry_moves_sites_and_leaves_the_energy_alone(rng):
    objective = Likelihood(augment="lattice")
    s = torch.randint(2, (4, 5, 5), generator=rng)
    seen = [objective.seen(s) for _ in range(8)]
    for moved in seen:
        assert torch.equal(Ising().of(moved), Ising().of(s))
        # one symmetry for all lattices, the same number of each colour
        assert torch.equal(moved.flatten(1).sum(1), s.flatten(1).sum(1))
    assert len({moved.flatten().numpy().tobytes() for moved in seen}) > 4
    assert torch.equal(objective.eval().seen(s), s)


def test_lattices_of_another_temperature_are_refused(batch):
    mixed = batch | {"beta": torch.tensor([0.25, 0.25, 0.5, 0.25, 0.25])}
    for objective, model in [(Likelihood(), rnn()), (JointConsistency(rnn()), ednn())]:
        with pytest.raises(ValueError, match=r"temperature 2, the model is of T0=4; .* alone"):
            objective(model, mixed)


def test_consistency_is_the_squared_difference_less_the_uniform_mean(batch):
    model, objective = ednn(), Consistency(rnn())
    objective.bind(model, FACE)
    uniform = objective.teacher.uniform(10_000, torch.Generator().manual_seed(0))
    zero, total = float(objective.teacher.energy(uniform).mean()), 0.0
    for one in batch["s"]:
        label = -4.0 * float(objective.teacher.log_prob(one[None])) - zero
        total += (float(model.energy(one[None]).detach()) - label) ** 2
    terms = objective.eval()(model, batch)
    assert float(terms["loss"].detach()) == pytest.approx(total / 5 / 16, rel=1e-4)
    assert float(terms["rmse"]) == pytest.approx(math.sqrt(total / 5), rel=1e-4)


def test_labels_are_taken_through_symmetries_and_lattices_are_not(batch, monkeypatch):
    model, objective = ednn(), Consistency(rnn(), LabelMixture(1, 0, 0, 0), augment="lattice")
    objective.bind(model, FACE)
    monkeypatch.setattr(objective, "seen", lambda s: s.roll(1, 2))
    label = objective.teacher.energy(batch["s"].roll(1, 2)) - objective.zero
    want = (model.energy(batch["s"]) - label).square().mean() / 16
    assert torch.allclose(objective(model, batch)["loss"], want)


def test_a_pool_is_labelled_once_and_shown_in_random_batches(batch):
    torch.manual_seed(3)
    model, objective = ednn(), Consistency(rnn(), pool=4500)
    state = torch.get_rng_state()
    objective.bind(model, FACE)
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        want = objective.teacher.energy(objective.lattices) - objective.zero
    assert torch.allclose(objective.labels, want, atol=1e-5) and len(want) == 4500
    rows = torch.randint(4500, (5,))
    torch.set_rng_state(state)
    found = objective(model, batch)["loss"].detach()
    off = model.energy(objective.lattices[rows]).detach() - want[rows]
    assert float(found) == pytest.approx(float(off.square().mean()) / 16, rel=1e-4)
    again = Consistency(objective.teacher, pool=4500)
    torch.rand(7)
    again.bind(model, FACE)
    assert torch.equal(again.lattices, objective.lattices)


def test_an_exact_sampler_teaches_the_energy_of_all_sizes(rng):
    torch.manual_seed(0)
    face = spins((8,), 2, 4.0)
    model, objective = EDNN(face, hidden=(32, 16)), Consistency(Boltzmann(face))
    objective.bind(model, face)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 250)
    for _ in range(250):
        optimizer.zero_grad()
        objective(model, {"s": torch.zeros(100, 8, dtype=torch.uint8)})["loss"].backward()
        optimizer.step()
        schedule.step()
    s = model.uniform(500, rng, (40,))
    found = torch.stack([model.energy(s).detach().double(), Ising().of(s)])
    assert float(torch.corrcoef(found)[0, 1]) > 0.98
    slope = float(torch.cov(found)[0, 1] / found[1].var())
    assert slope == pytest.approx(1.0, abs=0.06)


def test_a_mixture_has_its_shares():
    sampler = rnn()
    s = torch.full((100, 4, 4), 1, dtype=torch.uint8)
    drawn = LabelMixture(data=0.25, samples=0.5, uniform=0.25, tempered=0).draw(sampler, s)
    assert drawn.shape == s.shape and torch.equal(drawn[:25], s[:25])
    assert not (drawn[25:] == 1).flatten(1).all(1).all()
    only = LabelMixture(data=0, samples=0, uniform=1, tempered=0).draw(sampler, s.repeat(20, 1, 1))
    assert float(only.float().mean()) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(32_000))


def test_tempered_lattices_are_more_ordered_than_samples():
    sampler, s = rnn(), torch.zeros(4000, 4, 4, dtype=torch.uint8)
    with torch.no_grad():
        p = [
            float(sampler.log_prob(LabelMixture(0, *shares, coldest=8).draw(sampler, s)).mean())
            for shares in ((1, 0, 0), (0, 0, 1))
        ]
    assert p[1] > p[0] + 1


@pytest.mark.parametrize("shares", [(-1, 1, 1, 1), (0, 0, 0, 0)])
def test_shares_that_make_no_mixture_are_refused(shares):
    with pytest.raises(ValueError, match="shares must be 0 or more, one of them positive"):
        LabelMixture(*shares)


def test_energy_regression_is_the_squared_difference_to_the_true_energy(batch):
    model, total = ednn(), 0.0
    for one in batch["s"]:
        spin = 2.0 * one.double() - 1
        energy = 0.0
        for x, y in itertools.product(range(4), repeat=2):
            energy -= spin[x, y] * (spin[(x + 1) % 4, y] + spin[x, (y + 1) % 4])
        total += float(model.energy(one[None]).detach() - energy) ** 2
    found = EnergyRegression(Ising())(model, batch)["loss"]
    assert float(found.detach()) == pytest.approx(total / 5 / 16, rel=1e-5)
    label = batch | {"label": Ising().of(batch["s"])}
    assert float(EnergyRegression()(model, label)["loss"].detach()) == pytest.approx(
        total / 5 / 16, rel=1e-5
    )


def test_a_missing_label_is_named(batch):
    with pytest.raises(ValueError, match=r"no 'label', only .*'beta', 's'.* name the energy"):
        EnergyRegression()(ednn(), batch)


def test_joint_consistency_is_likelihood_and_the_variance_of_log_p_and_energy(batch):
    model, sampler = ednn(), rnn()
    objective = JointConsistency(sampler, weight=0.5).eval()
    nll, sums = 0.0, []
    for one in batch["s"]:
        log_p = float(sampler.log_prob(one[None]).detach())
        nll -= log_p / 16 / 5
        sums.append(4.0 * log_p + float(model.energy(one[None]).detach()))
    variance = sum(x * x for x in sums) / 5 - (sum(sums) / 5) ** 2
    terms = objective(model, batch)
    assert float(terms["loss"].detach()) == pytest.approx(nll + 0.5 * variance / 16, rel=1e-4)
    assert float(terms["nll"]) == pytest.approx(nll, rel=1e-5)
    assert float(terms["rmse"]) == pytest.approx(math.sqrt(variance), rel=1e-4)


def test_a_constant_energy_changes_no_variance(batch):
    model, objective = ednn(), JointConsistency(rnn()).eval()
    before = float(objective(model, batch)["loss"].detach())
    model.shift(100.0, (4, 4))
    assert float(objective(model, batch)["loss"].detach()) == pytest.approx(before, rel=1e-3)


def test_the_weight_of_the_variance_grows_over_the_warmup(batch):
    model = ednn()
    objective = JointConsistency(rnn(), LabelMixture(1, 0, 0, 0), weight=1.0, warmup=4)
    shares = []
    for _ in range(6):
        terms = objective(model, batch)
        rise = float((terms["loss"] - terms["nll"]).detach())
        shares.append(rise / (float(terms["rmse"]) ** 2 / 16))
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1], rel=1e-3)


def test_the_sampler_learns_from_the_data_and_from_the_energy(batch):
    model, sampler = ednn(), rnn()
    objective = JointConsistency(sampler, LabelMixture(1, 0, 0, 0), weight=1.0)
    objective(model, batch)["loss"].backward()
    both = sampler.output.weight.grad.clone()
    sampler.zero_grad()
    Likelihood()(sampler, batch)["loss"].backward()
    assert not torch.allclose(both, sampler.output.weight.grad)
    assert {name for name, _ in objective.named_parameters()} >= {"sampler.output.weight"}


def all_states(model):
    every = itertools.product(range(2), repeat=9)
    return torch.tensor(list(every), dtype=torch.uint8).view(-1, 3, 3)


def test_refinement_has_the_value_and_the_gradient_of_the_free_energy(monkeypatch):
    face = spins((3, 3), 2, 4.0)
    model, teacher = RNN(face, hidden=4).double(), Boltzmann(face).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()  # every lattice is equally probable
    every = all_states(model)
    monkeypatch.setattr(model, "sample", lambda count, rng: every)
    terms = Refinement(teacher)(model, {})
    log_p = model.log_prob(every)
    want = (log_p.exp() * (teacher.energy(every) + 4.0 * log_p)).sum() / 9
    assert float(terms["loss"].detach()) == pytest.approx(float(want.detach()), rel=1e-10)
    weights = [model.before.weight, model.output.bias]
    found = torch.autograd.grad(terms["loss"], weights)
    exact = torch.autograd.grad(want, weights)
    for a, b in zip(found, exact, strict=True):
        # the mean that is taken off is that of the others, 511 of them
        assert torch.allclose(a, b * 512 / 511, rtol=1e-8, atol=1e-12)


def test_refinement_reaches_the_free_energy_from_above():
    torch.manual_seed(0)
    face = spins((3, 3), 2, 6.0)
    model, exact = RNN(face, hidden=8), Enumeration(Ising(), (3, 3))
    free = float(exact.thermodynamics([6.0]).free_energy)
    teacher = Boltzmann(face)  # E = 6 ln p + 6 H / 6
    objective = Refinement(teacher, count=200)
    optimizer = torch.optim.Adam(model.parameters(), 2e-2)
    first = float(objective(model, {})["loss"].detach())
    for _ in range(120):
        optimizer.zero_grad()
        terms = objective(model, {})
        terms["loss"].backward()
        optimizer.step()
    with torch.no_grad():
        every = all_states(model)
        log_p = model.log_prob(every).double()
        found = float((log_p.exp() * (teacher.energy(every) + 6.0 * log_p)).sum()) / 9
    assert first > free + 0.08
    assert free - 1e-6 <= found < free + 0.01


def test_what_cannot_be_trained_is_refused(rng):
    face = spins((4, 4), 3, 4.0)
    glass = RNN(FACE, EdwardsAnderson((4, 4), seed=1), hidden=4)
    for objective, model, match in [
        (Likelihood(), ednn(), "needs a Sampler as its model, got a EDNN"),
        (EnergyRegression(), FNO(**FNO.tiny()), "needs a EnergyModel as its model, got a FNO"),
        (Consistency(ednn()), ednn(), "needs a Sampler as its teacher, got a EDNN"),
        (Likelihood(), rnn(face), "the model has 3 colours, the data 2"),
        (Consistency(rnn(face)), ednn(), "the teacher has 3 colours, the data 2"),
        (Likelihood(augment="lattice"), glass, "bonds differ from site to site"),
        (Consistency(glass, augment="lattice"), ednn(), "bonds differ from site to site"),
    ]:
        with pytest.raises(ValueError, match=match):
            objective.bind(model, FACE)


def test_arguments_that_mean_nothing_are_refused():
    for make, match in [
        (lambda: JointConsistency(rnn(), weight=0.0), "weight=0.0"),
        (lambda: Consistency(rnn(), pool=0), "at least 1 lattice"),
        (lambda: Consistency(rnn(), LabelMixture(data=0.5), pool=9), "none of a batch's"),
        (lambda: Refinement(ednn(), count=1), "at least 2 lattices"),
    ]:
        with pytest.raises(ValueError, match=match):
            make()


@pytest.mark.parametrize("make", [lambda: Consistency(rnn()), lambda: Refinement(ednn())])
def test_a_teacher_is_frozen_and_in_no_state(make):
    objective = make().train()
    assert isinstance(objective, OnLattices) and not objective.teacher.training
    assert not any(p.requires_grad for p in objective.teacher.parameters())
    assert list(objective.parameters()) == [] and objective.state_dict() == {}
    assert next(objective.double().teacher.parameters()).dtype == torch.float64


def test_two_gloo_processes_learn_as_one(ranks):
    zero, one = ranks("spins")
    for key, value in zero.items():
        assert torch.equal(value, one[key]), key
    for name in parallel_spins.AVERAGED:
        start = parallel_spins.RUNS[name]()[0].state_dict()
        for key, value in parallel_spins.train(name).items():
            assert torch.allclose(zero[f"{name}/{key}"], value, atol=1e-6), f"{name}/{key}"
        assert any(bool((zero[f"{name}/net.{k}"] != v).any()) for k, v in start.items()), name
