"""Orthogonalised momentum of matrices, Adam for the rest."""

import pytest
import torch

from zoo.optim.muon_adam import MuonAdam, orthogonal


def noise(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def fitted(optimizer, target, steps):
    p = torch.nn.Parameter(torch.zeros_like(target))
    step = optimizer([p])
    for _ in range(steps):
        step.zero_grad()
        ((p - target) ** 2).sum().backward()
        step.step()
    return p.detach(), step


@pytest.mark.parametrize("shape", [(8, 8), (8, 50), (50, 8)])
def test_singular_vectors_stay_and_values_go_near_one(shape):
    matrix = noise(*shape, dtype=torch.float64)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    inner = u.mT @ orthogonal(matrix) @ v.mT
    values = inner.diagonal()
    torch.testing.assert_close(inner, torch.diag(values), rtol=0, atol=1e-9)
    assert float(values.min()) > 0.65 and float(values.max()) < 1.25


def test_small_singular_values_are_raised_too():
    u, v = (torch.linalg.qr(noise(6, 6, seed=i, dtype=torch.float64))[0] for i in (1, 2))
    sizes = torch.tensor([1.0, 0.3, 0.1, 0.03, 0.01, 0.005]).double()
    values = torch.linalg.svdvals(orthogonal(u @ sizes.diag() @ v))
    assert float(values.min()) > 0.65


def test_a_square_matrix_moves_as_torchs_muon_moves_it():
    target = noise(6, 6, seed=3)
    ours, _ = fitted(lambda p: MuonAdam(p, lr=0.01), target, 20)
    theirs, _ = fitted(lambda p: torch.optim.Muon(p, lr=0.01, weight_decay=0.0), target, 20)
    # theirs iterates in bfloat16
    assert float((ours - theirs).norm() / theirs.norm()) < 0.03


def test_a_vector_moves_as_adam_moves_it():
    target = noise(7, seed=4)
    ours, _ = fitted(lambda p: MuonAdam(p, lr=0.5, adam_lr=0.01), target, 30)
    theirs, _ = fitted(lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.99)), target, 30)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_an_equal_step_for_every_direction_whatever_its_slope():
    p = torch.nn.Parameter(torch.zeros(4, 4))
    step = MuonAdam([p], lr=1.0)
    p.grad = torch.diag(torch.tensor([1.0, 0.1, 0.05, 0.02]))
    step.step()
    moved = -p.detach().diagonal()
    assert float(moved.min()) > 0.6 and float(moved.max()) < 1.3


def test_it_goes_on_from_its_state_bit_by_bit():
    target = noise(5, 9, seed=5)
    whole, _ = fitted(MuonAdam, target, 6)
    p, step = fitted(MuonAdam, target, 3)
    half = torch.nn.Parameter(p.clone())
    again = MuonAdam([half])
    again.load_state_dict(step.state_dict())
    for _ in range(3):
        again.zero_grad()
        ((half - target) ** 2).sum().backward()
        again.step()
    assert torch.equal(half.detach(), whole)


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"adam_lr": -1.0}, {"momentum": 1.0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MuonAdam([torch.nn.Parameter(torch.zeros(2, 2))], **wrong)
