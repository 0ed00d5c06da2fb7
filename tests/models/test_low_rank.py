"""Changes of low rank: nothing at the start, merged without a trace at the end."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.discovery import classes
from zoo.models.base import block, build
from zoo.models.ednn import EDNN
from zoo.models.mlp import MLP
from zoo.models.operator import Operator
from zoo.models.parts.low_rank import (
    LowRank,
    attach,
    changeable,
    is_change,
    merged,
    plain,
)
from zoo.models.parts.low_rank_spectral import SpectralLowRank
from zoo.models.parts.named_parts import fitting, parts

OPERATORS = [cls for cls in classes("zoo.models", Operator) if cls is not Operator]
MODELS = [*OPERATORS, MLP]


def made(cls):
    torch.manual_seed(0)
    return cls(**cls.tiny())


def inputs(model):
    if isinstance(model, Operator):
        return model.example(torch.Generator().manual_seed(0))
    return {"x": torch.rand(5, len(model.interface.region))}


def drawn(net):
    """Changes as after a training."""
    with torch.no_grad():
        for name, p in net.named_parameters():
            if is_change(name):
                p.normal_(std=0.3)
    return net


def double(tensors):
    return {name: x.double() for name, x in tensors.items()}


@pytest.mark.parametrize("cls", MODELS)
@torch.no_grad()
def test_at_the_start_every_weight_is_what_it_was_bit_by_bit(cls):
    model, given = made(cls).eval(), inputs(made(cls))
    before, state = model(**given), made(cls).state_dict()
    attach(model, changeable(model), 2, 8.0)
    for name in state:
        module = model.get_submodule(name.rpartition(".")[0])
        assert torch.equal(getattr(module, name.rpartition(".")[2]), state[name]), name
    # weights that lie elsewhere in memory may be multiplied in another order
    assert_close(model(**given), before, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("cls", MODELS)
@torch.no_grad()
def test_merged_it_is_a_plain_model_of_the_same_function(cls):
    net = made(cls).eval()
    attach(net, changeable(net), 2, 8.0)
    drawn(net)
    state = merged(net, net.state_dict())
    whole = build(block(net))
    whole.load_state_dict(state)
    given = inputs(net)
    assert_close(whole.eval()(**given), net(**given), rtol=1e-6, atol=1e-6)
    assert {*state} == {*made(cls).state_dict()}
    # the net goes on with its changes
    assert any(is_change(name) for name, _ in net.named_parameters())


@pytest.mark.parametrize("cls", MODELS)
@torch.no_grad()
def test_merged_in_double_precision_it_is_equal_to_twelve_digits(cls):
    net = made(cls).double().eval()
    attach(net, changeable(net), 3, 4.0)
    drawn(net)
    whole = build(block(net)).double().eval()
    whole.load_state_dict(merged(net, net.state_dict()))
    given = double(inputs(net))
    assert_close(whole(**given), net(**given), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cls", OPERATORS)
def test_changes_learn_and_what_they_change_does_not(cls):
    net = made(cls)
    able = changeable(net)
    attach(net, able, 2, 8.0)
    drawn(net)
    net(**inputs(net)).square().sum().backward()
    for name, p in net.named_parameters():
        if is_change(name):
            assert float(p.grad.abs().max()) > 0, name
        elif plain(name) in able:
            assert p.grad is None and not p.requires_grad, name


@torch.no_grad()
def test_a_pointwise_change_is_a_product_of_two_factors(rng):
    weight = torch.randn(5, 4, generator=rng)
    change = LowRank(weight, 2, 6.0)
    change.up.normal_()
    assert_close(change(weight), weight + 3.0 * change.up @ change.down)
    assert int(torch.linalg.matrix_rank(change(weight) - weight)) == 2


@torch.no_grad()
def test_a_spectral_change_is_two_shared_factors_around_one_for_each_wave(rng):
    weight = torch.randn(3, 4, 6, 5, 2, generator=rng, dtype=torch.float64)
    change = SpectralLowRank(weight, 2, 6.0)
    change.core.normal_()
    into, core, out = map(torch.view_as_complex, (change.into, change.core, change.out))
    wanted = 3.0 * torch.einsum("ir,xyrs,so->xyio", into, core, out)
    found = torch.view_as_complex(change(weight) - weight)
    assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    assert torch.linalg.matrix_rank(found).tolist() == [[2] * 4] * 3


@torch.no_grad()
def test_of_full_rank_a_spectral_change_can_be_anything(rng):
    weight = torch.randn(3, 4, 4, 2, generator=rng, dtype=torch.float64)
    wanted = torch.randn(3, 4, 4, generator=rng, dtype=torch.complex128)
    change = SpectralLowRank(weight, 4, 4.0)
    into, out = map(torch.view_as_complex, (change.into, change.out))
    change.core.copy_(torch.view_as_real(into.inverse() @ wanted @ out.inverse()))
    found = torch.view_as_complex(change(weight) - weight)
    assert_close(found, wanted, rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_a_convolution_of_one_cell_is_pointwise_and_others_are_not(rng):
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 1, groups=4))
    assert changeable(net) == ["0.weight"]
    attach(net, ["0.weight"], 2, 4.0)
    drawn(net)
    x = torch.randn(2, 3, 6, 6, generator=rng)
    state = merged(net, net.state_dict())
    assert state["0.weight"].shape == (4, 3, 1, 1)
    whole = nn.Conv2d(3, 4, 1)
    whole.load_state_dict({"weight": state["0.weight"], "bias": state["0.bias"]})
    assert_close(whole(x), net[0](x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", [LowRank, SpectralLowRank])
@torch.no_grad()
def test_autocast_does_not_round_the_changed_weights(kind, rng):
    weight = torch.randn(3, 6, 5, 2, generator=rng)
    weight = weight if kind is SpectralLowRank else weight[0, :, :, 0].contiguous()
    change = kind(weight, 2, 2.0)
    for p in change.parameters():
        p.normal_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = change(weight)
    assert inside.dtype == torch.float32 and torch.equal(inside, change(weight))


def test_a_copy_of_a_net_with_changes_learns_on_its_own():
    net = made(OPERATORS[0])
    attach(net, changeable(net), 1, 1.0)
    other = drawn(copy.deepcopy(net))
    assert {*other.state_dict()} == {*net.state_dict()}
    ups = [p for name, p in net.named_parameters() if is_change(name) and name.endswith(".up")]
    assert ups and not any(p.any() for p in ups)


def test_a_rank_that_no_change_can_have_is_refused():
    with pytest.raises(ValueError, match=r"rank=4 of a change of 3 x 5 weights.* at most 3"):
        LowRank(torch.zeros(5, 3), 4, 1.0)
    with pytest.raises(ValueError, match="rank=0 of a change of 2 x 3 weights"):
        SpectralLowRank(torch.zeros(4, 2, 3, 2), 0, 1.0)


@pytest.mark.parametrize("cls", OPERATORS)
def test_the_outputs_of_an_operator_are_what_its_projection_uses(cls):
    net = made(cls)
    y = net.project(torch.randn(1, net.width, *(16,) * net.interface.dimension))
    names, weights = zip(*net.named_parameters(), strict=True)
    found = torch.autograd.grad(y.sum(), weights, allow_unused=True)
    used = {name for name, g in zip(names, found, strict=True) if g is not None}
    assert {*parts(net)["outputs"]} == used


@pytest.mark.parametrize("cls", MODELS)
def test_every_parameter_is_of_one_part_and_no_part_is_empty(cls):
    net, found = made(cls), parts(made(cls))
    listed = [name for own in found.values() for name in own]
    assert sorted(listed) == sorted(name for name, _ in net.named_parameters())
    assert all(found.values())


def test_a_model_that_names_no_channels_is_all_body():
    found = parts(made(EDNN))
    assert not found["inputs"] and not found["outputs"] and found["body"]


def test_patterns_mean_parts_layers_names_and_stars():
    names = ["lift.weight", "lift.bias", "spectral.0.weight", "spectral.1.weight", "spectral.10.w"]
    known = {"inputs": names[:2], "body": names[2:], "outputs": []}
    assert fitting(["inputs"], names, known, "k") == {*names[:2]}
    assert fitting(["spectral.1"], names, known, "k") == {names[3]}
    assert fitting(["*.bias", "spectral.0.weight"], names, known, "k") == {names[1], names[2]}
    assert fitting([], names, known, "k") == set()


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("spectrl", r"freeze: 'spectrl' is no part and no parameter of the model; near: \['spec"),
        ("boddy", r"near: \['body'"),
        ("outputs", r"'outputs' is a part that this model does not have; it has parts \['body'\]"),
    ],
)
def test_a_pattern_without_a_parameter_is_refused_with_near_names(pattern, told):
    names = ["spectral.0.weight", "lift.bias"]
    with pytest.raises(ValueError, match=told):
        fitting([pattern], names, {"body": names, "outputs": []}, "freeze")
