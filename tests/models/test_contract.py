"""What every model keeps to; models are found, not listed."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.discovery import classes
from zoo.models.base import Model, block, build
from zoo.models.operator import Operator

BASES = ("zoo.models.base", "zoo.models.operator", "zoo.models.field")
MODELS = [cls for cls in classes("zoo.models", Model) if cls.__module__ not in BASES]
OPERATORS = [cls for cls in MODELS if issubclass(cls, Operator)]
FREE = [cls for cls in OPERATORS if cls.resolution == "free"]

every_model = pytest.mark.parametrize("cls", MODELS)
every_operator = pytest.mark.parametrize("cls", OPERATORS)


def tiny(cls: type[Model], seed: int = 0) -> Model:
    torch.manual_seed(seed)
    return cls(**cls.tiny())


def close(a: Tensor, b: Tensor) -> float:
    return float((a - b).detach().abs().max() / b.detach().abs().max())


def smooth(net: Operator, n: int) -> Tensor:
    """Waves up to the second on every axis, the same field on every grid."""
    x = torch.arange(n) / n * 2 * math.pi
    axes = torch.meshgrid(*[x] * net.interface.dimension, indexing="ij")
    waves = [torch.sin(a + i) + 0.5 * torch.cos(2 * a) for i, a in enumerate(axes)]
    field = torch.stack(waves).prod(0) + torch.stack(waves).sum(0)
    channels = torch.arange(1, 1 + net.interface.history * len(net.interface.inputs))
    shape = (1, net.interface.history, len(net.interface.inputs))
    return (channels.view(*shape, *(1,) * field.ndim) * field).float()


def test_models_are_found():
    assert "FNO" in [cls.__name__ for cls in MODELS]


@every_model
def test_a_block_builds_the_same_model(cls):
    net = tiny(cls).eval()
    described = json.loads(json.dumps(block(net)))
    again = build(described).eval()
    assert block(again) == block(net)
    again.load_state_dict(net.state_dict())
    inputs = net.example(torch.Generator().manual_seed(1))
    assert torch.equal(again(**inputs), net(**inputs))


@every_model
def test_weights_return_from_a_file_bit_for_bit(cls, tmp_path):
    net, other = tiny(cls).eval(), tiny(cls, seed=1).eval()
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    inputs = net.example(torch.Generator().manual_seed(1))
    assert torch.equal(other(**inputs), net(**inputs))


@every_model
def test_an_example_repeats(cls):
    net = tiny(cls)
    one, two = (net.example(torch.Generator().manual_seed(5)) for _ in range(2))
    assert all(torch.equal(one[key], two[key]) for key in one)


@every_model
def test_every_parameter_gets_a_gradient(cls):
    net = tiny(cls)
    net(**net.example(torch.Generator().manual_seed(1))).square().sum().backward()
    without = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@every_model
def test_nothing_in_the_state_is_complex(cls):
    assert [n for n, t in tiny(cls).state_dict().items() if t.is_complex()] == []


@every_operator
def test_nothing_leaks_across_the_batch(cls):
    net = tiny(cls)
    inputs = net.example(torch.Generator().manual_seed(1))
    inputs = {key: value.requires_grad_() for key, value in inputs.items()}
    net(**inputs)[0].square().sum().backward()
    for value in inputs.values():
        assert value.grad[0].any()
        assert not value.grad[1:].any()


@every_operator
def test_a_sample_does_not_depend_on_its_batch(cls):
    net = tiny(cls)
    inputs = net.example(torch.Generator().manual_seed(1))
    with torch.no_grad():
        alone = net(**{key: value[1:] for key, value in inputs.items()})
        assert close(net(**inputs)[1:], alone) < 1e-5


@every_operator
def test_forward_is_the_projection_of_the_features(cls):
    net = tiny(cls)
    inputs = net.example(torch.Generator().manual_seed(1))
    with torch.no_grad():
        *_, state = net.normaliser.encode(inputs["u"], inputs.get("p"))
        features = net.features(**inputs)
        assert features.shape[1] == net.width
        assert torch.equal(net.normaliser.decode(net.project(features), state), net(**inputs))


@pytest.mark.parametrize("cls", FREE)
def test_two_resolutions_agree_on_band_limited_input(cls):
    net = tiny(cls)
    p = {k: v[:1] for k, v in net.example(torch.Generator().manual_seed(1)).items() if k == "p"}
    with torch.no_grad():
        coarse, fine = net(smooth(net, 32), **p), net(smooth(net, 64), **p)
    fine = fine[(..., *(slice(None, None, 2),) * net.interface.dimension)]
    assert close(coarse, fine) < 2e-4


@every_operator
def test_gradients_of_fields_and_coefficients_are_those_of_differences(cls):
    net = tiny(cls).double()
    inputs = net.example(torch.Generator().manual_seed(1))
    inputs = {key: value.double().requires_grad_() for key, value in inputs.items()}
    rng, step = torch.Generator().manual_seed(2), 1e-5
    weight = torch.randn(net(**inputs).shape, generator=rng, dtype=torch.float64)
    (weight * net(**inputs)).sum().backward()
    for key, value in inputs.items():
        along = torch.randn(value.shape, generator=rng, dtype=torch.float64)
        with torch.no_grad():
            ends = [
                (weight * net(**inputs | {key: value + sign * step * along})).sum()
                for sign in (1, -1)
            ]
        want = float((ends[0] - ends[1]) / (2 * step))
        assert float((value.grad * along).sum()) == pytest.approx(want, rel=1e-6)


@every_operator
def test_second_derivatives_exist(cls):
    net = tiny(cls).double()
    inputs = {k: v.double() for k, v in net.example(torch.Generator().manual_seed(1)).items()}
    u = inputs.pop("u").requires_grad_()
    along = torch.randn(u.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def slope(at: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(net(at, **inputs).square().sum(), at, create_graph=True)
        return (gradient * along).sum()

    (second,) = torch.autograd.grad(slope(u), u)
    step = 1e-5
    ends = [slope((u.detach() + s * step * along).requires_grad_()).detach() for s in (1, -1)]
    want = float((ends[0] - ends[1]) / (2 * step))
    assert float((second * along).sum()) == pytest.approx(want, rel=1e-5)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")  # torch's own
@every_operator
def test_forward_mode_agrees_with_reverse_mode(cls):
    net = tiny(cls).double()
    inputs = {k: v.double() for k, v in net.example(torch.Generator().manual_seed(1)).items()}
    u = inputs.pop("u")
    along = torch.randn(u.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    y, pushed = torch.func.jvp(lambda at: net(at, **inputs), (u,), (along,))
    leaf = u.clone().requires_grad_()
    (pulled,) = torch.autograd.grad((net(leaf, **inputs) * y).sum(), leaf)
    assert (pushed * y).sum().item() == pytest.approx(float((pulled * along).sum()), rel=1e-9)
