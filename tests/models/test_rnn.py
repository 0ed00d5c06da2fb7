import itertools
import json
import math

import pytest
import torch

from zoo.models.base import block, build
from zoo.models.energy_model import spins
from zoo.models.parts.site_order import site_order
from zoo.models.rnn import RNN
from zoo.spin.all_to_all import AllToAll
from zoo.spin.edwards_anderson import EdwardsAnderson
from zoo.spin.enumeration import Enumeration
from zoo.spin.ising import Ising
from zoo.spin.potts import Potts

VARIANTS = [
    ((3, 3), 2, {}),
    ((3, 3), 2, {"symmetric": False}),
    ((3, 3), 2, {"order": "snake"}),
    ((3, 4), 2, {"cell": "gru2d"}),
    ((2, 3), 3, {}),
    ((2, 3), 3, {"cell": "gru2d", "symmetric": False}),
    ((7,), 2, {}),
    ((2, 2, 2), 2, {"order": "raster"}),
    ((3, 3), 2, {"direct": True}),
    ((2, 3), 3, {"direct": True, "symmetric": False}),
]
every_variant = pytest.mark.parametrize(("shape", "colours", "given"), VARIANTS)


def rnn(shape=(3, 3), colours=2, **given):
    torch.manual_seed(1)
    made = RNN(spins(shape, colours, 4.0), **({"hidden": 6, "direct": False} | given)).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2).add_(0.1 * torch.randn_like(parameter))
    return made


def states(model):
    every = itertools.product(range(model.colours), repeat=math.prod(model.shape))
    return torch.tensor(list(every)).view(-1, *model.shape)


@every_variant
@torch.no_grad()
def test_probabilities_sum_to_one(shape, colours, given):
    model = rnn(shape, colours, **given)
    assert float(model.log_prob(states(model)).exp().sum()) == pytest.approx(1, rel=1e-12)


@every_variant
@torch.no_grad()
def test_samples_come_as_often_as_they_are_probable(shape, colours, given, rng):
    model, count = rnn(shape, colours, **given), 30_000
    every = states(model)
    powers = colours ** torch.arange(every[0].numel() - 1, -1, -1)
    found = (model.sample(count, rng).flatten(1).long() @ powers).bincount(minlength=len(every))
    p = model.log_prob(every).exp()
    usual = p * count > 5  # chi square of what is seen often
    chi = float(((found - count * p).square() / (count * p))[usual].sum())
    freedom = int(usual.sum())
    assert abs(chi - freedom) < 4 * math.sqrt(2 * freedom) + 2


@pytest.mark.parametrize("readout", ["logits", "mean"])
@pytest.mark.parametrize(("colours", "symmetric"), [(2, True), (2, False), (3, True), (3, False)])
@torch.no_grad()
def test_log_p_and_squared_error_are_those_of_plain_loops(colours, symmetric, readout, rng):
    model = rnn((3, 3), colours, symmetric=symmetric, readout=readout)
    s = model.uniform(1, rng)
    g, out = model.recurrence.gru, model.output
    along = [int(s.flatten()[site]) for site in site_order("spiral", model.on((3, 3)))]
    if symmetric:
        along = [(c - along[0]) % colours for c in along]
    codes = [
        torch.tensor([2.0 * c - 1] if colours == 2 else [float(c == k) for k in range(colours)])
        for c in along
    ]
    total, errors, h = -math.log(colours), [], torch.zeros(6, dtype=torch.float64)
    if not symmetric:
        p = model.first.exp() / model.first.exp().sum()
        total = math.log(p[along[0]])
        mean = p[1:] - p[:1] if colours == 2 else p
        errors.append(float((mean - codes[0]).square().sum()))
    for i in range(1, 9):
        a, b = (
            w.chunk(3)
            for w in (
                g.weight_ih_l0 @ codes[i - 1].double() + g.bias_ih_l0,
                g.weight_hh_l0 @ h + g.bias_hh_l0,
            )
        )
        r, z = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
        h = (1 - z) * torch.tanh(a[2] + r * b[2]) + z * h
        raw = out.weight @ h + out.bias
        if colours == 2:
            mean = raw if readout == "mean" else 2 / (1 + (-raw).exp()) - 1
            p = abs(1 + float(codes[i]) * float(mean)) / 2
        else:
            mean = raw if readout == "mean" else raw.exp() / raw.exp().sum()
            p = abs(float(mean[along[i]]))
        total += math.log(p)
        errors.append(float((mean - codes[i]).square().sum()))
    assert float(model.log_prob(s)) == pytest.approx(total, rel=1e-10)
    assert float(model.squared_error(s)) == pytest.approx(sum(errors) / len(errors), rel=1e-10)


@pytest.mark.parametrize(("colours", "cell"), [(2, "gru"), (3, "gru"), (4, "gru2d")])
@torch.no_grad()
def test_a_symmetric_p_is_unchanged_when_all_colours_move_on(colours, cell, rng):
    model = rnn((3, 3), colours, cell=cell)
    s = model.uniform(20, rng).long()
    assert torch.equal(model.log_prob((s + 1) % colours), model.log_prob(s))
    other = rnn((3, 3), colours, cell=cell, symmetric=False)
    assert not torch.allclose(other.log_prob((s + 1) % colours), other.log_prob(s))


@torch.no_grad()
def test_without_symmetry_the_first_site_has_its_own_probabilities():
    model = rnn((2, 3), 3, symmetric=False)
    every = states(model)
    first = int(site_order("spiral", model.on((2, 3)))[0])
    p = model.log_prob(every).exp()
    found = [float(p[every.flatten(1)[:, first] == c].sum()) for c in range(3)]
    assert found == pytest.approx(model.first.softmax(0).tolist(), rel=1e-10)


@torch.no_grad()
def test_orders_differ_by_a_permutation_of_the_sites_alone(rng):
    models = {order: rnn((3, 5), order=order) for order in ("spiral", "snake", "raster")}
    raster = models["raster"]
    s = raster.uniform(5, rng)
    for order, model in models.items():
        model.load_state_dict(raster.state_dict())
        moved = s.flatten(1)[:, site_order(order, model.on((3, 5)))].view_as(s)
        assert torch.equal(model.log_prob(s), raster.log_prob(moved)), order


@pytest.mark.parametrize("cell", ["gru", "gru2d"])
def test_a_site_sees_no_site_that_comes_later(cell):
    model = rnn((3, 4), 3, cell=cell, symmetric=False)
    x = torch.rand(12, 1, 3, dtype=torch.float64, requires_grad=True)
    raw = model.raw(x)
    for place, row in enumerate(raw):
        (slope,) = torch.autograd.grad(row.sum(), x, retain_graph=True)
        seen = slope.abs().sum((1, 2)) > 0
        assert bool(seen[: place + 1].all()) and not bool(seen[place + 1 :].any())


def test_without_states_a_site_of_the_grid_is_told_by_its_two_neighbours():
    model = rnn((3, 3), cell="gru2d", symmetric=False)
    torch.nn.init.zeros_(model.recurrence.merge.weight)
    x = torch.rand(9, 1, 2, dtype=torch.float64, requires_grad=True)
    raw = model.raw(x)
    # places along the snake 0 1 2 / 5 4 3 / 6 7 8
    want = {1: [0], 2: [1], 3: [2], 4: [1, 3], 5: [0, 4], 6: [5], 7: [4, 6], 8: [3, 7]}
    for place, row in enumerate(raw, 1):
        (slope,) = torch.autograd.grad(row.sum(), x, retain_graph=True)
        assert (slope.abs().sum((1, 2)) > 0).nonzero().flatten().tolist() == want[place]


@pytest.mark.parametrize(("shape", "steps"), [((4, 4), 15), ((4, 8), 31), ((8, 8), 63)])
def test_sampling_takes_one_step_of_the_recurrence_a_site(shape, steps, rng, monkeypatch):
    model, taken = rnn(shape), []
    step = model.recurrence.step
    monkeypatch.setattr(
        model.recurrence, "step", lambda memory, x: taken.append(x.shape) or step(memory, x)
    )
    model.sample(5, rng)
    assert taken == [(5, 1)] * steps


@torch.no_grad()
def test_large_lattices_do_not_underflow(rng):
    torch.manual_seed(0)
    model = RNN(spins((24, 24), 2, 4.0), hidden=4)
    found = model.log_prob(model.uniform(2, rng))
    assert bool((found < -300).all()) and bool(found.isfinite().all())


@torch.no_grad()
def test_direct_weights_are_added_for_the_sites_before(rng):
    plain, model = rnn((3, 3), 3), rnn((3, 3), 3, direct=True)
    weight = model.before.weight
    model.load_state_dict(plain.state_dict() | {"before.weight": weight})
    hot = torch.rand(9, 4, 3, generator=rng, dtype=torch.float64)
    want = plain.raw(hot)
    for i in range(8):
        for j in range(i + 1):
            want[i] += hot[j] @ weight[3 * j : 3 * j + 3, 3 * i : 3 * i + 3]
    assert torch.allclose(model.raw(hot), want, rtol=1e-10)


@torch.no_grad()
def test_direct_weights_are_exact_to_first_order_in_the_couplings_of_a_glass():
    system, shape, temperature = EdwardsAnderson((3, 3), seed=3), (3, 3), 100.0
    model = RNN(spins(shape, 2, temperature), system, hidden=4, direct=True).double()
    for parameter in model.parameters():
        parameter.zero_()
    energies = Enumeration(system, shape).energies
    every = states(model)
    # ln p(s_i | s_<i) = ln σ(2 β σ_i Σ_j J_ij σ_j): pair energies give 2 β J_ij
    sites, hot = model.order_of_sites.tolist(), 2.0 * every.flatten(1) - 1
    for i, j in itertools.combinations(range(9), 2):
        pair = hot[:, sites[i]] * hot[:, sites[j]]
        coupling = -float((energies * pair).mean())
        model.before.weight[i, j - 1] = 2 * coupling / temperature
    found = model.energy(every)
    error = (found - found.mean() - energies).square().mean().sqrt()
    assert float(error / energies.std()) < 0.05


@pytest.mark.parametrize("cell", ["gru", "gru2d"])
def test_a_symmetric_rnn_learns_the_lattices_of_ising(cell):
    torch.manual_seed(0)
    shape, temperature = ((6,), 2.0) if cell == "gru" else ((3, 3), 4.0)
    model = RNN(spins(shape, 2, temperature), hidden=16, cell=cell, direct=False)
    exact = Enumeration(Ising(), shape)
    half = exact.count // 2  # the other half is its mirror image
    every, energies = exact.states(0, half), exact.energies[:half]
    log_p = exact.log_probabilities(temperature)[:half]
    optimizer = torch.optim.Adam(model.parameters(), 3e-2)
    for _ in range(100):
        optimizer.zero_grad()
        kl = (2 * log_p.exp() * (log_p - model.log_prob(every))).sum()
        kl.backward()
        optimizer.step()
    assert float(kl.detach()) < 0.02
    with torch.no_grad():
        found = model.energy(every).double()
    # energies are read from probabilities, up to a constant
    assert float(torch.corrcoef(torch.stack([found, energies]))[0, 1]) > 0.98


def test_a_glass_of_another_size_is_refused_with_the_reason(rng):
    model = RNN(spins((4, 4), 2, 2.0), EdwardsAnderson((4, 4), seed=7))
    with pytest.raises(ValueError, match="another size is another glass"):
        model.energy(torch.zeros(1, 6, 6, dtype=torch.long))
    with pytest.raises(ValueError, match="another size is another glass"):
        RNN(spins((6, 6), 2, 2.0), EdwardsAnderson((4, 4), seed=7))


def test_another_size_is_refused_where_there_is_no_disorder():
    with pytest.raises(ValueError, match=r"shape \(3, 3\), got \(4, 4\): .* EDNN"):
        rnn().predict(torch.zeros(4, 4).numpy())


@pytest.mark.parametrize("system", [EdwardsAnderson((3, 3), seed=7), AllToAll((3, 3), seed=5)])
def test_a_block_holds_the_law_of_the_disorder(system):
    model = RNN(spins((3, 3), 2, 4.0), system, hidden=4)
    described = json.loads(json.dumps(block(model)))
    assert described["init_args"]["system"]["init_args"]["seed"] == system.seed
    with torch.device("meta"):
        again = build(described)
    assert torch.equal(again.system.couplings, system.couplings)


def test_what_does_not_fit_together_is_refused():
    for given, match in [
        ({"system": Potts(3)}, "system has 3 colours, the interface 2"),
        ({"cell": "gru2d", "order": "spiral"}, "runs along the snake of two axes"),
        ({"cell": "gru2d", "shape": (9,)}, "runs along the snake of two axes"),
        ({"hidden": 0}, "hidden=0 must be positive"),
    ]:
        with pytest.raises(ValueError, match=match):
            rnn(**given)
