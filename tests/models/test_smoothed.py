"""A smoothed model: what it computes, that it repeats, and what it refuses."""

import subprocess
import sys

import pytest
import torch
from torch.testing import assert_close

from zoo.models import smoothed as module
from zoo.models.base import BlockError, Interface, block, build
from zoo.models.estimators.deflated import Deflated
from zoo.models.estimators.forward_laplacian import ForwardLaplacian
from zoo.models.estimators.vectorised import Vectorised
from zoo.models.mlp import MLP
from zoo.models.parts.by_region import ByRegion
from zoo.models.parts.shifted import Shifted, ShiftedPerceptron, shifted
from zoo.models.smoothed import Draws, Smoothed
from zoo.ops.jets import AutogradJet

REGION = ((-1.0, 2.0), (0.0, 3.0), (0.5, 1.5))
PLANE = Interface(("x", "y"), ("u", "v"), ("k",), region=REGION)
KINDS = ("antithetic", "control", "vanilla")


def draw(*, inner=None, seed=0, **options):
    torch.manual_seed(3)
    inner = inner or MLP(PLANE, ByRegion(), width=7, layers=2)
    given = {"sigma": 0.1, "samples": 6, "eval_samples": 10} | options
    return Smoothed(inner.interface, inner, **given).double()


def points(count=6):
    rng = torch.Generator().manual_seed(1)
    low, high = torch.tensor(REGION, dtype=torch.float64).T
    return low + (high - low) * torch.rand(count, 3, generator=rng, dtype=torch.float64)


WANTED = {
    "value": lambda jet: jet.value,
    "gradient": lambda jet: jet.gradient,
    "laplacian": lambda jet: jet.laplacian(),
    "u_x": lambda jet: jet.derivative(0),
    "u_xy": lambda jet: jet.derivative(0, 1),
    "square gradient": lambda jet: jet.square_gradient(),
    "half": lambda jet: jet.halves()[1].hessian,
}


@pytest.mark.parametrize("kind", KINDS)
def test_value_gradient_and_laplacian_are_those_of_the_smoothed_field(kind):
    """Against f's own, averaged over noise, within 4 standard errors."""
    net = draw(samples=2, kind=kind, sigma=0.3)
    x = points(1).expand(40000, 3)
    noise = torch.randn(40000, 2, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    moved = torch.cat([x[:, :2] + 0.3 * noise, x[:, 2:]], 1)
    with torch.no_grad():
        found, own = net.jet(x), net.unsmoothed.jet(moved)
        for name in ("value", "gradient", "laplacian"):
            estimate, exact = WANTED[name](found), WANTED[name](own)
            error = (estimate.mean(0) - exact.mean(0)).abs()
            spread = (estimate.var(0) + exact.var(0)).sqrt() / 200
            assert bool((error < 4 * spread).all())


def test_parameters_are_not_shifted():
    class Seen(MLP):
        def forward(self, x):
            seen.append(x)
            return super().forward(x)

    seen = []
    net = draw(inner=Seen(PLANE, width=7, layers=2))
    net.jet(points())
    spread = torch.cat([one - points().repeat_interleave(len(one) // 6, 0) for one in seen])
    assert not spread[:, 2].any() and spread[:, :2].any()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_the_first_layer_of_a_perceptron_is_split_without_a_difference(scaled, both, shared):
    inner = MLP(PLANE, ByRegion() if scaled else None, width=7, layers=2, sharpness=1.3).double()
    shift = torch.randn(*(() if shared else (6,)), 5, 2, dtype=torch.float64)
    fast, slow = shifted(inner, points()), Shifted(inner, points())
    assert isinstance(fast, ShiftedPerceptron)
    assert_close(fast.there(shift, both), slow.there(shift, both))
    assert_close(fast.here(), slow.here())


@pytest.mark.parametrize("name", WANTED)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_chunks_computed_again_change_neither_values_nor_gradients(train, shared, name):
    found = []
    for kept in (1, 40, 2**17):  # none, three of five pairs, all
        net = draw(samples=10, draws=Draws(shared, kept=kept)).train(train)
        x = points().requires_grad_()
        torch.manual_seed(5)
        values = WANTED[name](net.jet(x))
        grads = torch.autograd.grad(values.square().sum(), [x, *net.parameters()])
        found.append([values, *grads])
    assert_close(found[0], found[2], rtol=1e-10, atol=1e-12)
    assert_close(found[1], found[2], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kept", [7, 2**17])
def test_so_they_do_in_training_s_values(kept):
    found = []
    for one in (kept, 2**17):
        net = draw(samples=10, draws=Draws(kept=one))
        torch.manual_seed(5)
        found.append(torch.autograd.grad(net(points()).square().sum(), list(net.parameters())))
    assert_close(*found, rtol=1e-10, atol=1e-12)


def test_chunks_are_of_the_size_that_is_kept(monkeypatch):
    rows = []

    class Counted(Shifted):
        def there(self, shift, both):
            found = super().there(shift, both)
            rows.append(found[..., 0].numel())
            return found

    monkeypatch.setattr(module, "shifted", Counted)
    draw(samples=64, draws=Draws(kept=100)).jet(points())
    assert sum(rows) == 6 * 64 and max(rows) <= 100


def test_the_weights_gradient_flows_through_the_control_variate():
    """It is that of the same formula written out with f(x) in the graph."""
    net, x = draw(samples=2), points()
    torch.manual_seed(5)
    values = net.jet(x).laplacian()
    got = torch.autograd.grad(values.square().sum(), list(net.parameters()))
    torch.manual_seed(5)
    z = net._fresh(x).part(0, 1)[:, 0]
    shift = torch.cat([0.1 * z, torch.zeros(6, 1).double()], 1)
    f = net.inner
    even = f(x + shift) + f(x - shift) - 2 * f(x)
    slow = (z.square().sum(1, keepdim=True) - 2) * even / (2 * 0.1**2)
    assert_close(values, slow)
    assert_close(got, torch.autograd.grad(slow.square().sum(), list(net.parameters())))


def test_draws_are_fresh_in_training_and_follow_the_global_seed():
    net, x = draw(), points()
    torch.manual_seed(5)
    one, other = net(x), net(x)
    assert not torch.equal(one, other)
    torch.manual_seed(5)
    assert torch.equal(net(x), one)


def test_points_have_draws_of_their_own_unless_they_share_them():
    x = points(1).expand(2, 3)
    own, same = draw()(x), draw(draws=Draws(shared=True))(x)
    assert not torch.allclose(own[0], own[1])
    assert_close(same[0], same[1])


@pytest.mark.parametrize("kind", KINDS)
def test_in_eval_a_point_does_not_depend_on_its_batch_to_the_last_bit(kind):
    net, x = draw(kind=kind, eval_samples=400).float().eval(), points(9).float()
    whole, jet = net(x), net.jet(x)
    for rows in (x.split(1), x.split(4), x.flip(0).split(9)):
        got = torch.cat([net(part) for part in rows])
        assert torch.equal(got if len(rows) > 1 else got.flip(0), whole)
    for name in WANTED:
        alone = torch.cat([WANTED[name](net.jet(row)) for row in x.split(1)])
        assert torch.equal(alone, WANTED[name](jet))


def test_in_eval_the_value_of_the_jet_is_the_prediction():
    net, x = draw(eval_samples=100).eval(), points()
    assert torch.equal(net.jet(x).value, net(x))


def test_in_eval_chunks_and_the_global_seed_change_no_bit():
    net, x = draw(eval_samples=100).eval(), points()
    whole = net(x)
    torch.manual_seed(77)
    assert torch.equal(draw(eval_samples=100, draws=Draws(kept=1)).eval()(x), whole)
    assert torch.equal(draw(eval_samples=100, draws=Draws(shared=True)).eval()(x), whole)
    assert not torch.equal(draw(eval_samples=100, draws=Draws(seed=1)).eval()(x), whole)


def test_draws_in_eval_are_those_of_double_precision_rounded():
    net, x = draw(eval_samples=200).eval(), points()
    assert_close(net.float()(x.float()), net.double()(x).float(), rtol=1e-5, atol=1e-6)


def test_prediction_gives_values_and_derivatives_in_numpy():
    net, x = draw(eval_samples=200).eval(), points()
    args = x[:, :2].numpy(), x[:, 2:].numpy()
    jet = net.jet(x)
    assert_close(torch.from_numpy(net.predict(*args)), net(x).detach())
    found = torch.from_numpy(net.predict(*args, ["x", "y"]))
    assert_close(found, jet.derivative(0, 1).detach())


def test_automatic_differentiation_of_the_smoothed_values_works_too():
    net, x = draw(eval_samples=20000, sigma=0.05).eval(), points(2)
    jet = AutogradJet(net, x, 2)
    assert_close(jet.gradient, net.jet(x).gradient, rtol=0, atol=0.01)
    assert jet.laplacian().requires_grad


def test_forward_derivatives_of_fixed_draws_are_those_of_nested_passes():
    net, x = draw(eval_samples=8).eval(), points(2)
    assert_close(net.jet(x, Vectorised()).laplacian(), AutogradJet(net, x, 2).laplacian())


@pytest.mark.parametrize("by", [Vectorised(), ForwardLaplacian(), Deflated(1, 1)])
def test_forward_derivatives_of_fresh_draws_are_refused_with_the_remedy(by):
    with pytest.raises(ValueError, match=r"samples=6 are drawn afresh in training.*call eval\(\)"):
        draw(samples=6).jet(points(2), by).laplacian()


def test_no_points_give_no_values():
    net, x = draw(), points()[:0]
    assert net(x).shape == net.eval()(x).shape == (0, 2)
    assert net.jet(x).gradient.shape == net.train().jet(x).gradient.shape == (0, 2, 2)


def test_a_biased_model_squares_one_estimate():
    jet = draw(biased=True).jet(points())
    assert_close(jet.square_gradient(), jet.gradient.square().sum(-1))


def test_autocast_changes_nothing():
    net, x = draw().float(), points().float()
    found = []
    for on in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=on):
            torch.manual_seed(5)
            found.append([net(x), net.jet(x).laplacian()])
    assert_close(*found, rtol=0, atol=0)


@pytest.mark.parametrize(("dtype", "least"), [(torch.float32, 4.9e-3), (torch.float64, 2.2e-7)])
def test_a_sigma_below_the_floor_of_the_precision_is_refused_with_the_reason(dtype, least):
    x = points().to(dtype)
    draw(sigma=1.01 * least).to(dtype).jet(x)
    net = draw(sigma=0.95 * least).to(dtype)
    with pytest.raises(ValueError, match=rf"too small for {dtype}.*rounding.*take sigma >= "):
        net.jet(x)
    assert net(x).isfinite().all()


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_matrix_products_of_reduced_precision_are_refused(precision):
    net, x = draw(), points()
    torch.set_float32_matmul_precision(precision)
    try:
        net.jet(x)
        with pytest.raises(ValueError, match=f"precision '{precision}'.*'highest'"):
            net.float().jet(x.float())
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sigma": 0.0}, "sigma=0.0 must be positive"),
        ({"samples": 7}, "samples=7 for kind='antithetic'.*even"),
        ({"eval_samples": 7}, "eval_samples=7"),
        ({"samples": 0, "kind": "control"}, "samples=0.*one or more"),
        ({"draws": Draws(kept=0)}, "kept=0"),
    ],
)
def test_arguments_without_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        draw(**options)


def test_an_odd_number_of_samples_will_do_without_pairs():
    assert draw(samples=7, kind="control")(points()).shape == (6, 2)


def test_the_inner_model_is_made_for_the_interface_where_its_maker_is_given():
    net = Smoothed(PLANE, lambda interface: MLP(interface, width=5, layers=1))
    assert net.inner.interface is PLANE


def test_an_inner_model_of_another_interface_is_refused():
    other = Interface(("x", "y"), ("u",), ("k",), region=REGION)
    with pytest.raises(BlockError, match=r"outputs is \('u', 'v'\) and not \('u',\)"):
        Smoothed(other, MLP(PLANE))


def test_the_interface_stands_once_in_the_block():
    described = block(draw())
    assert "interface" not in described["init_args"]["inner"]["init_args"]
    assert build(described).inner.interface == PLANE


def test_channels_are_those_of_the_inner_model():
    net = draw()
    assert net.channel_axes()["inner.linear.2.bias"] == {0: ["outputs.u.1", "outputs.v.1"]}
    assert set(net.channel_axes()) <= set(net.state_dict())


def test_the_model_without_smoothing_is_at_hand():
    net = draw()
    assert net.unsmoothed is net.inner


def loss_noise(shared, size):
    """Spread of the gradient of the mean squared residual of a heat equation, over its size."""
    face = Interface(tuple(f"x{i}" for i in range(size)), ("u",), region=((-1.0, 1.0),) * size)
    torch.manual_seed(1)
    net = Smoothed(face, MLP(face, width=32, layers=2), samples=64, draws=Draws(shared=shared))
    x = 2 * torch.rand(50, size, generator=torch.Generator().manual_seed(2)) - 1
    found = []
    for _ in range(25):
        jet = net.jet(x)
        loss = (jet.derivative(0) - jet.laplacian(range(1, size)) - 1).square().mean()
        grads = torch.autograd.grad(loss, list(net.parameters())[:-1])
        found.append(torch.cat([one.flatten() for one in grads]))
    gradient = torch.stack(found)
    return float((gradient.var(0).sum() / gradient.mean(0).square().sum()).sqrt())


@pytest.mark.parametrize("size", [10, 100])
def test_draws_of_their_own_leave_less_noise_in_the_gradient(size):
    assert loss_noise(False, size) < 0.75 * loss_noise(True, size)


HUGE = """
import resource, torch
from zoo.models.base import Interface
from zoo.models.mlp import MLP
from zoo.models.smoothed import Draws, Smoothed
face = Interface(tuple(f"x{i}" for i in range(1000)), ("u",), region=((0.0, 1.0),) * 1000)
inner = MLP(face, width=256, layers=3)
net = Smoothed(face, inner, samples=4096, draws=Draws(shared=%s))
net.jet(torch.rand(100, 1000)).laplacian().square().mean().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
def test_a_thousand_coordinates_and_four_thousand_samples_fit_into_three_gibibytes(shared):
    done = subprocess.run(
        [sys.executable, "-c", HUGE % shared], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 3


@pytest.mark.gpu
def test_on_a_gpu_fixed_draws_are_the_same_and_fresh_ones_are_made_there():
    net, x = draw(eval_samples=100, samples=40), points()
    want = [net.eval()(x), net.jet(x).laplacian()]
    net.cuda()
    found = [net(x.cuda()), net.jet(x.cuda()).laplacian()]
    assert_close([one.cpu() for one in found], want)
    net.train().jet(x.cuda()).laplacian().square().sum().backward()
    assert all(one.grad is None or one.grad.is_cuda for one in net.parameters())
