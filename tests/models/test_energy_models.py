"""What every model of lattices of spins keeps to; models are found, not listed."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

import zoo
from tests.discovery import classes
from zoo.models.base import Interface
from zoo.models.energy_model import EnergyModel, spins
from zoo.models.parts.learned_energy import LearnedEnergy
from zoo.models.sampler import Sampler
from zoo.surgery import adapt

MODELS = classes("zoo.models", EnergyModel)
SAMPLERS = [cls for cls in MODELS if issubclass(cls, Sampler)]

every_model = pytest.mark.parametrize("cls", MODELS, ids=lambda c: c.__name__)
every_sampler = pytest.mark.parametrize("cls", SAMPLERS, ids=lambda c: c.__name__)


def tiny(cls, **given):
    torch.manual_seed(0)
    return cls(**(cls.tiny() | given))


def states(model):
    """All lattices of the model's shape."""
    every = itertools.product(range(model.colours), repeat=math.prod(model.shape))
    return torch.tensor(list(every)).view(-1, *model.shape)


def test_models_of_spins_are_found():
    assert {"EDNN", "RNN"} <= {cls.__name__ for cls in MODELS}


@every_model
@torch.no_grad()
def test_colours_and_one_hot_colours_have_the_same_energy(cls, rng):
    model = tiny(cls)
    s = model.uniform(4, rng)
    assert torch.equal(model.energy(s), model.energy(model.one_hot(s)))
    assert torch.equal(model(s), model.energy(s))


@every_model
@torch.no_grad()
def test_a_lattice_does_not_depend_on_its_batch(cls, rng):
    model = tiny(cls).double()
    s = model.uniform(4, rng)
    assert torch.allclose(model.energy(s)[2:], model.energy(s[2:]), rtol=1e-12)


@every_model
def test_no_gradient_leaks_across_the_batch(cls, rng):
    model = tiny(cls)
    hot = model.one_hot(model.uniform(3, rng)).requires_grad_()
    model.energy(hot)[0].backward()
    assert hot.grad[0].any() and not hot.grad[1:].any()


@every_model
def test_gradients_of_one_hot_colours_are_those_of_differences(cls, rng):
    model = tiny(cls).double()
    hot = model.one_hot(model.uniform(2, rng)).requires_grad_()
    along = torch.randn(hot.shape, generator=rng, dtype=torch.float64)
    (slope,) = torch.autograd.grad(model.energy(hot).sum(), hot)
    with torch.no_grad():
        ends = [float(model.energy(hot + sign * 1e-6 * along).sum()) for sign in (1, -1)]
    want = (ends[0] - ends[1]) / 2e-6
    assert float((slope * along).sum()) == pytest.approx(want, rel=1e-6)


@every_model
def test_numpy_goes_in_and_comes_out(cls, rng):
    model = tiny(cls)
    s = model.uniform(3, rng)
    found = model.predict(s.numpy())
    assert found.tolist() == model.energy(s).tolist()
    assert model.predict(s[1].numpy().astype(float)) == pytest.approx(found[1], rel=1e-6)


@every_model
@torch.no_grad()
def test_one_spin_alone_costs_what_whole_lattices_differ_by(cls, rng):
    model = tiny(cls).double()
    energy, s = LearnedEnergy(model), model.uniform(5, rng)
    site = torch.randint(s[0].numel(), (5,), generator=rng)
    local = energy.local(s.flatten(1).T, site, energy.on(model.shape))
    for colour in range(model.colours):
        other = s.flatten(1).clone()
        other[torch.arange(5), site] = colour
        whole = model.energy(other.view_as(s)) - model.energy(s)
        own = s.flatten(1)[torch.arange(5), site].long()
        part = local[:, colour] - local[torch.arange(5), own]
        assert torch.allclose(part, whole, atol=1e-10)


@every_model
@torch.no_grad()
def test_chains_have_the_energies_of_their_lattices(cls, rng):
    model = tiny(cls)
    energy, s = LearnedEnergy(model), model.uniform(6, rng)
    chains = s.flatten(1).view(2, 3, -1).mT.contiguous()
    found = energy.chains(chains, energy.on(model.shape))
    assert torch.allclose(found.flatten().float(), model.energy(s), rtol=1e-5)
    assert torch.allclose(energy.of(s).float(), model.energy(s), rtol=1e-5)


@every_model
@torch.no_grad()
def test_centring_makes_the_mean_over_uniform_lattices_what_is_asked(cls, rng):
    model = tiny(cls)
    before = model.uniform(2, rng)
    change = model.energy(before).diff()
    model.centre(torch.Generator().manual_seed(5), mean=-1.5, count=300)
    drawn = model.uniform(300, torch.Generator().manual_seed(5))
    assert float(model.energy(drawn).mean()) == pytest.approx(-1.5, abs=1e-4)
    assert torch.allclose(model.energy(before).diff(), change, atol=1e-4)


@every_model
@torch.no_grad()
def test_pinned_lattices_have_the_energies_stated(cls):
    model = tiny(cls)
    ground = torch.stack([torch.zeros(model.shape), torch.ones(model.shape)]).long()
    model.pin(ground, torch.tensor([-17.0, -19.0]))
    assert float(model.energy(ground).mean()) == pytest.approx(-18.0, abs=1e-4)


@every_model
@pytest.mark.parametrize("colour", [-1, 2, 7])
def test_a_colour_outside_is_named(cls, colour, rng):
    model = tiny(cls)
    s = model.uniform(2, rng).long()
    s[1, 0] = colour
    for take in (model.energy, lambda given: model.predict(given.numpy())):
        with pytest.raises(ValueError, match=rf"colour {colour} is outside 0 ... 1"):
            take(s)


@every_model
def test_what_is_no_lattice_of_colours_is_refused(cls, rng):
    model = tiny(cls)
    s = model.uniform(2, rng)
    with pytest.raises(ValueError, match=r"needs colours \(b, 2 axes\)"):
        model.energy(s[None])
    with pytest.raises(ValueError, match=r"one-hot colours \(b, 2, 2 axes\)"):
        model.energy(torch.zeros(2, 3, *model.shape))
    with pytest.raises(ValueError, match="holds numbers that are no colours"):
        model.predict(s.numpy() + 0.5)
    with pytest.raises(ValueError, match=r"\(\*n\) or \(b, \*n\)"):
        model.predict(np.zeros((1, 1, *model.shape)))


@every_model
def test_an_interface_of_fields_is_refused(cls):
    with pytest.raises(ValueError, match=r"colours=0 .*spins\(\(6, 6\), 2, 4.0\)"):
        tiny(cls, interface=Interface(("u",), ("u",)))


@every_model
def test_a_release_holds_what_the_model_is(cls, tmp_path, rng):
    model = tiny(cls)
    model.centre(rng, count=50)
    folder = zoo.save_pretrained(model, tmp_path / "m", about={"equations": ["ising"]})
    back = zoo.from_pretrained(folder)
    s = model.uniform(3, rng)
    assert torch.equal(back.energy(s), model.eval().energy(s))
    assert back.temperature == 4.0 and back.interface == model.interface
    card = (folder / "README.md").read_text()
    size = " × ".join(map(str, model.shape))
    assert f"Trained on {size} sites at temperature T0 = 4." in card
    assert "- energy-model\n- spins\n- ising\n- 2d\n" in card


@every_model
def test_the_lines_on_a_card_run(cls, tmp_path, monkeypatch):
    model = tiny(cls)
    text = (zoo.save_pretrained(model, tmp_path / "m") / "README.md").read_text()
    monkeypatch.chdir(tmp_path)
    scope = {}
    exec(text.split("```python\n")[1].split("```")[0], scope)
    assert scope["E"].shape == (8,) and np.isfinite(scope["E"]).all()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"colours": 1}, "at least 2 states"),
        ({"box": (6.5, 6.0)}, "whole numbers of sites"),
        ({"temperature": 0.0}, "finite and above 0"),
        ({"temperature": -2.0}, "finite and above 0"),
        ({"temperature": math.inf}, "finite and above 0"),
        ({"colours": 0}, "only models of spins"),
    ],
)
def test_an_interface_of_no_lattice_or_temperature_is_refused(given, match):
    with pytest.raises(ValueError, match=match):
        dataclasses.replace(spins((6, 6), 2, 4.0), **given)


@every_sampler
@torch.no_grad()
def test_probabilities_of_all_lattices_sum_to_one(cls):
    model = tiny(cls).double()
    assert float(model.log_prob(states(model)).exp().sum()) == pytest.approx(1.0, rel=1e-12)


@every_sampler
@torch.no_grad()
def test_samples_come_as_often_as_they_are_probable(cls, rng):
    model = tiny(cls)
    for parameter in model.parameters():
        parameter.mul_(3)  # away from what is uniform
    count, every = 40_000, states(model)
    powers = model.colours ** torch.arange(every[0].numel() - 1, -1, -1)
    found = (model.sample(count, rng).flatten(1).long() @ powers).bincount(minlength=len(every))
    p = model.log_prob(every).double().exp()
    # chi square of so many degrees of freedom, within 4 standard deviations
    chi = float(((found - count * p).square() / (count * p)).sum())
    assert abs(chi - (len(every) - 1)) < 4 * math.sqrt(2 * len(every))


@every_sampler
@torch.no_grad()
def test_energies_are_minus_t0_log_p(cls, rng):
    model = tiny(cls)
    s = model.uniform(4, rng)
    assert torch.allclose(model.energy(s), -4.0 * model.log_prob(s))
    model.shift(2.5, model.shape)
    assert torch.allclose(model.energy(s), 2.5 - 4.0 * model.log_prob(s))


@every_sampler
def test_equal_seeds_draw_equal_lattices(cls):
    model = tiny(cls)
    one, two = (model.sample(3, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one, two) and one.dtype == torch.uint8


@every_sampler
@torch.no_grad()
def test_sharper_samples_are_drawn_from_powers_of_p(cls, rng):
    model = tiny(cls)
    for parameter in model.parameters():
        parameter.mul_(5)
    powers = torch.tensor([0.0, 1.0, 4.0]).repeat_interleave(4000)
    drawn = model.sample(len(powers), rng, sharpness=powers)
    uniform, own, sharp = model.log_prob(drawn).view(3, -1).mean(1).tolist()
    every = model.log_prob(states(model))
    assert uniform == pytest.approx(float(every.mean()), abs=0.1)
    assert own == pytest.approx(float((every.exp() * every).sum()), abs=0.1)
    assert sharp > own + 0.5


@every_model
@torch.no_grad()
def test_a_model_of_another_temperature_keeps_its_weights(cls, rng):
    model = tiny(cls)
    s = model.uniform(3, rng)
    other = adapt(model, frames={"temperature": 2.0})
    assert other.temperature == 2.0 and len(other.load_report.loaded) == len(model.state_dict())
    share = 0.5 if isinstance(model, Sampler) else 1.0
    assert torch.allclose(other.energy(s), share * model.energy(s))


@every_sampler
def test_a_missing_temperature_is_named(cls):
    face = cls.tiny()["interface"]
    with pytest.raises(ValueError, match="temperature is missing"):
        tiny(cls, interface=dataclasses.replace(face, temperature=None))
