"""What breaks networks with complex parameters works with ours, whose waves are pairs of reals."""

import copy
import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.export import Dim

from tests.models import parallel
from zoo.models.base import Interface
from zoo.models.fno import FNO
from zoo.models.parts.affine import Affine

ROOT = Path(__file__).parents[2]


@pytest.fixture
def net() -> FNO:
    return parallel.make()


def gradients(net: FNO) -> None:
    net.zero_grad()
    net(**parallel.batch(0)).square().sum().backward()


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b.double()).detach().abs().max() / b.detach().double().abs().max())


def test_fused_adamw_takes_the_steps_of_plain_adamw(net):
    other = copy.deepcopy(net)
    for each, fused in ((net, True), (other, False)):
        optimizer = torch.optim.AdamW(each.parameters(), lr=1e-2, fused=fused)
        for _ in range(5):
            gradients(each)
            optimizer.step()
    start = parallel.make().spectral[0].weight
    assert apart(net.spectral[0].weight, start) > 1e-2
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_gradients_are_clipped_by_value_in_both_parts(net):
    gradients(net)
    before = net.spectral[0].weight.grad.clone()
    bound = float(before.abs().median())
    torch.nn.utils.clip_grad_value_(net.parameters(), bound)
    assert torch.equal(net.spectral[0].weight.grad, before.clamp(-bound, bound))
    assert all(float(before[..., part].abs().max()) > bound for part in (0, 1))


def test_a_moving_average_of_weights_averages_both_parts(net):
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    average.update_parameters(net)
    old = net.spectral[0].weight.detach().clone()
    with torch.no_grad():
        net.spectral[0].weight += torch.tensor([1.0, -2.0])
    average.update_parameters(net)
    want = old + 0.1 * torch.tensor([1.0, -2.0])
    assert torch.allclose(average.module.spectral[0].weight, want, atol=1e-6)


def test_a_gradient_scaler_unscales_both_parts(net):
    gradients(net)
    want = net.spectral[0].weight.grad.clone()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    net.zero_grad()
    scaler.scale(net(**parallel.batch(0)).square().sum()).backward()
    scaler.unscale_(optimizer)
    assert torch.allclose(net.spectral[0].weight.grad, want, rtol=1e-5)


def test_under_bf16_autocast_the_transforms_stay_float32(net):
    h = torch.randn(12, 10, 2, 8)
    with torch.no_grad():
        want = net.spectral[0](h)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(net.spectral[0](h), want)


def test_bf16_autocast_trains(net):
    gradients(net)
    want = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        y = net(**parallel.batch(0))
    y.float().square().sum().backward()
    with torch.no_grad():
        assert apart(y, net(**parallel.batch(0))) < 0.03
    for parameter, gradient in zip(net.parameters(), want, strict=True):
        assert float((parameter.grad - gradient).norm() / gradient.norm()) < 0.05


def test_double_computes_in_double(net):
    inputs = {key: value.double() for key, value in parallel.batch(0).items()}
    with torch.no_grad():
        single, y = net(**parallel.batch(0)), copy.deepcopy(net).double()(**inputs)
    assert y.dtype == torch.float64
    assert 1e-9 < apart(single, y) < 1e-5


def test_casting_to_bfloat16_keeps_both_parts(net):
    weight = net.spectral[0].weight.detach().clone()
    inputs = {key: value.bfloat16() for key, value in parallel.batch(0).items()}
    with torch.no_grad():
        want = net(**parallel.batch(0))
        y = net.to(torch.bfloat16)(**inputs)
    assert torch.equal(net.spectral[0].weight, weight.bfloat16())
    assert net.spectral[0].weight[..., 1].abs().mean().item() > 0.1
    assert y.dtype == torch.bfloat16
    assert apart(y, want) < 0.1


def test_both_parts_go_through_safetensors(net, tmp_path):
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    found = load_file(tmp_path / "w.safetensors")
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert torch.equal(found["spectral.0.weight"], net.spectral[0].weight)


@pytest.mark.parametrize("grid", [(12,), (12, 10), (8, 6, 10)])
def test_an_exported_program_takes_any_batch_and_grid(grid):
    torch.manual_seed(0)
    interface = Interface(("f",), ("u",), ("k",), box=(1.0,) * len(grid))
    net = FNO(interface, Affine(), width=6, modes=3, layers=1).eval()
    names = [Dim(f"n{i}", min=6, max=1024) for i in range(len(grid))]
    sizes = Dim("b", min=1, max=256)
    free = ({0: sizes} | {3 + i: name for i, name in enumerate(names)}, {0: sizes})
    program = torch.export.export(
        net, (torch.randn(2, 1, 1, *grid), torch.rand(2, 1)), dynamic_shapes=free
    )
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for b, shift in ((2, 0), (1, 1), (5, 3)):
        u, p = torch.randn(b, 1, 1, *(n + shift for n in grid)), torch.rand(b, 1)
        with torch.no_grad():
            assert torch.allclose(loaded(u, p), net(u, p), atol=1e-6)


@pytest.fixture(scope="module")
def trained() -> dict[str, torch.Tensor]:
    """The weights after the same training in one process."""
    net = parallel.make()
    parallel.train(net)
    with torch.no_grad():
        return net.state_dict() | {"features": net.features(**parallel.batch(0))}


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_gloo_processes_train_as_one(kind, trained, ranks):
    zero, one = ranks("models")
    # plain DDP wraps `forward` alone: the other method is asked for where it is registered
    keys = trained if kind == "fsdp" else parallel.make().state_dict()
    for key in keys:
        assert torch.equal(zero[f"{kind}/{key}"], one[f"{kind}/{key}"]), key
        assert torch.allclose(zero[f"{kind}/{key}"], trained[key], atol=1e-5), key


def test_fsdp_ranks_hold_a_part_of_the_weights_each(ranks):
    zero, one = ranks("models")
    total = sum(p.numel() for p in parallel.make().parameters())
    held = [int(rank["fsdp/held"]) for rank in (zero, one)]
    assert sum(held) == total and min(held) > 0


COMPILED = """
import torch
from tests.models import parallel

def gradients(call):
    net.zero_grad()
    call(**parallel.batch(0)).square().sum().backward()
    return [p.grad.clone() for p in net.parameters()]

net = parallel.make()
pairs = zip(gradients(torch.compile(net, fullgraph=True)), gradients(net), strict=True)
print(max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs))
"""


@pytest.mark.slow
def test_the_compiled_model_is_the_model():
    # in a process of its own, since the compiler cannot read checked annotations
    out = subprocess.run(
        [sys.executable, "-c", COMPILED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(out.stdout) < 1e-5
