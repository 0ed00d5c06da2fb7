"""UNet: what its blocks compute, what it commutes with, and what it refuses."""

import pytest
import torch
import torch.nn.functional as F

from zoo.models.base import Interface
from zoo.models.parts.affine import Affine
from zoo.models.parts.convnext import ConvNeXt
from zoo.models.parts.convnext_attention import Attention
from zoo.models.parts.convnext_depthwise import Columns, Depthwise
from zoo.models.parts.convnext_patches import gather, scatter
from zoo.models.unet import UNet
from zoo.surgery import adapt


def net(box=(1.0, 1.0), *, boundary="periodic", coefficients=(), **arguments):
    torch.manual_seed(0)
    interface = Interface(("u", "v"), ("u", "v"), coefficients, box=box, boundary=boundary, dt=0.1)
    small = {"widths": [6, 8, 10], "blocks": [1, 1, 2], "grid": 16, "attention": 2}
    return UNet(interface, Affine(), **small | arguments)


def test_a_block_is_the_plain_torch_formula(rng):
    block = ConvNeXt(5, 7, 2, "periodic", coefficients=3)
    assert block.condition is not None
    torch.manual_seed(0)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    u, p = torch.randn(2, 5, 9, 8, generator=rng), torch.randn(2, 3, generator=rng)
    with torch.no_grad():
        h = F.pad(u, (3, 3, 3, 3), mode="circular")
        h = F.conv2d(h, block.spatial.weight, block.spatial.bias, groups=5)
        centred = h - h.mean(1, keepdim=True)
        h = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
        h = h * block.norm.weight[:, None, None] + block.norm.bias[:, None, None]
        factor, shift = (p @ block.condition.weight.T)[:, :, None, None].split(5, 1)
        h = h * (1 + factor) + shift
        h = F.conv2d(h, block.widen.weight[..., None, None], block.widen.bias)
        h = F.conv2d(F.gelu(h), block.narrow.weight[..., None, None], block.narrow.bias)
        want = u + h
    got = block(u.movedim(1, -1), p).movedim(-1, 1)
    assert torch.allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("boundary", "mode"), [("periodic", "circular"), ("neumann", "replicate"), ("wall", "constant")]
)
@pytest.mark.parametrize("grid", [(9,), (8, 9), (6, 7, 8)])
def test_fields_go_on_beyond_the_sides_as_the_boundary_says(grid, boundary, mode, rng):
    torch.manual_seed(0)
    part = Depthwise(4, 5, len(grid), boundary)
    u = torch.randn(2, 4, *grid, generator=rng)
    plain = (F.conv1d, F.conv2d, F.conv3d)[len(grid) - 1]
    with torch.no_grad():
        padded = F.pad(u, (2, 2) * len(grid), mode=mode)
        weight = part.weight.view(4, 1, *(5,) * len(grid))
        want = plain(padded, weight, part.bias, groups=4)
        assert torch.allclose(part(u.movedim(1, -1)).movedim(-1, 1), want, atol=1e-5)


def test_a_kernel_wider_than_a_periodic_grid_goes_round_it(rng):
    torch.manual_seed(0)
    part, u = Depthwise(3, 7, 2, "periodic"), torch.randn(1, 3, 2, 4, generator=rng)
    with torch.no_grad():
        want = torch.zeros_like(u) + part.bias[:, None, None]
        for i in range(7):
            for j in range(7):
                rolled = u.roll((3 - i, 3 - j), (-2, -1))
                want += part.weight[:, 0, i, j, None, None] * rolled
        assert torch.allclose(part(u.movedim(1, -1)).movedim(-1, 1), want, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("kernel", [4, 5, 7])
def test_strips_give_torch_s_own_gradients_to_second_order_and_forwards(kernel, rng):
    x = torch.randn(2, 3, 8, 9, generator=rng, dtype=torch.float64, requires_grad=True)
    shape = (3, 1, kernel, kernel)
    weight = torch.randn(shape, generator=rng, dtype=torch.float64, requires_grad=True)

    def plain(x, weight):
        return F.conv2d(x, weight, groups=3)

    found = []
    for convolution in (plain, Columns.apply):
        first = torch.autograd.grad(
            convolution(x, weight).pow(3).sum(), (x, weight), create_graph=True
        )
        second = torch.autograd.grad(
            torch.cat([g.flatten() for g in first]).square().sum(), (x, weight)
        )
        pushed = torch.func.jvp(convolution, (x, weight), (x.cos(), weight.sin()))
        found.append((*first, *second, *pushed))
    for want, got in zip(*found, strict=True):
        assert torch.allclose(got, want, rtol=1e-11)


def test_attention_is_the_stated_sum_over_cells(rng):
    torch.manual_seed(0)
    part, h = Attention(6, 2), torch.randn(1, 2, 3, 6, generator=rng)
    with torch.no_grad():
        q, k, v = part.look(part.norm(h)).view(6, 18).split(6, 1)
        want = torch.zeros(6, 6)
        for head in (slice(0, 3), slice(3, 6)):
            for i in range(6):
                weights = torch.stack([(q[i, head] * k[j, head]).sum() / 3**0.5 for j in range(6)])
                weights = weights.exp() / weights.exp().sum()
                want[i, head] = sum(weights[j] * v[j, head] for j in range(6))
        want = h + part.output(want).view(h.shape)
        assert torch.allclose(part(h), want, atol=1e-6)


@pytest.mark.parametrize("grid", [(8,), (4, 8), (4, 8, 12)])
def test_patches_hold_their_cells_row_by_row_and_come_back(grid, rng):
    h = torch.randn(2, *grid, 3, generator=rng)
    patches = gather(h, 4)
    first = h[(0, *(slice(0, 4),) * len(grid))].reshape(-1)
    assert torch.equal(patches[(0,) * (1 + len(grid))], first)
    assert torch.equal(scatter(patches, 4), h)


@pytest.mark.parametrize("box", [(1.0,), (1.0, 2.0), (1.0, 1.0, 1.0)])
def test_a_roll_by_one_coarsest_cell_rolls_the_output(box, rng):
    unet = net(box)
    assert unet.factor == 8
    u = torch.randn(1, 1, 2, *(16,) * len(box), generator=rng)
    axes = tuple(range(-len(box), 0))
    with torch.no_grad():
        y, rolled = unet(u), unet(u.roll((8,) * len(box), axes))
        assert torch.allclose(rolled, y.roll((8,) * len(box), axes), atol=1e-5)
        # and by fewer cells it does not, or the test above shows nothing
        assert not torch.allclose(unet(u.roll(1, -1)), y.roll(1, -1), atol=1e-3)


def test_sides_that_are_walls_are_felt(rng):
    unet, u = net(boundary="dirichlet", attention=0), torch.randn(1, 1, 2, 16, 16, generator=rng)
    with torch.no_grad():
        assert not torch.allclose(unet(u.roll(8, -1)), unet(u).roll(8, -1), atol=1e-3)


def test_coefficients_change_the_output_and_a_new_one_does_not(rng):
    unet, u = net(coefficients=("nu",)), torch.randn(1, 1, 2, 16, 16, generator=rng)
    with torch.no_grad():
        y = unet(u, torch.tensor([[1.0]]))
        assert not torch.allclose(unet(u, torch.tensor([[2.0]])), y, atol=1e-3)
        more = adapt(unet, coefficients=("c", "nu"))
        assert torch.equal(more(u, torch.tensor([[3.0, 1.0]])), y)


def test_a_new_channel_leaves_what_the_others_give(rng):
    unet, u = net(), torch.randn(1, 1, 2, 16, 16, generator=rng)
    more = adapt(unet, inputs=("w", "v", "u"))
    wider = torch.stack([torch.randn(1, 1, 16, 16, generator=rng), u[:, :, 1], u[:, :, 0]], 2)
    with torch.no_grad():
        assert torch.allclose(more(wider), unet(u), atol=1e-6)


def test_it_learns_a_shift_of_one_batch(rng):
    unet = net(widths=[8, 12], blocks=1, attention=0)
    u = torch.randn(2, 1, 2, 4, 4, generator=rng).repeat_interleave(4, -1).repeat_interleave(4, -2)
    y, optimizer = (
        u.roll((2, 3), (-2, -1)),
        torch.optim.AdamW(unet.parameters(), lr=1e-2, fused=True),
    )
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (unet(u) - y).square().mean() / y.square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.5
    assert losses[-1] < 0.1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grid": 20}, r"grid \(20, 20\) is not a multiple of 8 .*resample it"),
        ({"grid": [16]}, "one for all or one for each of 2 axes"),
        ({"kernel": 4}, "kernel=4 must be odd"),
        ({"blocks": [1, 1]}, "one for each of 3 levels"),
        ({"widths": []}, "one level or more"),
        ({"attention": 3}, "attention=3 heads must divide the 10 channels"),
        ({"patch": 0}, "patch=0 must be at least 1"),
    ],
)
def test_arguments_that_make_no_net_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        net(**changes)


def test_another_grid_is_refused_unless_any_is_allowed():
    with pytest.raises(ValueError, match=r"grid \(24, 16\); this model was built for \(16, 16\)"):
        net()(torch.zeros(1, 1, 2, 24, 16))
    free = net(grid=None)
    assert free(torch.ones(1, 1, 2, 24, 16)).isfinite().all()
    with pytest.raises(ValueError, match=r"grid \(20, 16\) is not a multiple of 8"):
        free(torch.zeros(1, 1, 2, 20, 16))


@pytest.mark.parametrize(("widths", "count"), [((16, 32, 64), 156_513), ((42, 84, 168), 1_030_009)])
def test_the_sizes_beside_the_paper_s_have_the_parameters_that_are_stated(widths, count):
    interface = Interface(("u",), ("u",), box=(2.0, 2.0), dt=0.02, history=8)
    with torch.device("meta"):
        unet = UNet(interface, Affine(), widths=widths, patch=1, attention=4)
    assert sum(parameter.numel() for parameter in unet.parameters()) == count
