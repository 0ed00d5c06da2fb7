"""Many columns turned into few, and entries chosen by coordinate."""

import pytest
import torch

from zoo.ops.axes import chosen
from zoo.ops.rotation import rotated


@pytest.mark.parametrize("count", [3, 4, 30])
def test_turned_columns_have_the_products_of_the_given_ones(rng, count):
    columns = torch.randn(4, count, generator=rng).double()
    turned = rotated(columns)
    assert torch.allclose(turned @ turned.mT, columns @ columns.mT, rtol=1e-13)


def test_they_are_no_more_than_the_rows_and_a_triangle(rng):
    turned = rotated(torch.randn(4, 30, generator=rng))
    assert turned.shape == (4, 4)
    assert torch.equal(turned, turned.tril())


def test_few_columns_stay_as_they_are(rng):
    columns = torch.randn(4, 2, generator=rng)
    assert rotated(columns) is columns


def test_so_do_those_of_half_precision(rng):
    columns = torch.randn(4, 30, generator=rng).bfloat16()
    assert rotated(columns) is columns


def function(columns):
    """Of the products R Rᵀ alone."""
    gram = columns @ columns.mT
    return (gram * torch.arange(16.0).view(4, 4).double()).sin().sum() + gram.det()


@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize("rank", [2, 4])
def test_gradients_are_those_of_the_columns_even_where_they_are_dependent(rng, rank, count):
    left, right = torch.randn(4, rank, generator=rng), torch.randn(rank, count, generator=rng)
    columns = (left @ right).double().requires_grad_()
    (found,) = torch.autograd.grad(function(rotated(columns)), columns)
    (want,) = torch.autograd.grad(function(columns), columns)
    assert torch.allclose(found, want, rtol=1e-9, atol=1e-9 * float(want.abs().max()))


@pytest.mark.parametrize("count", [3, 30])
def test_gradients_of_gradients_are_too(rng, count):
    columns = (torch.randn(4, count, generator=rng).double() / 10).requires_grad_()
    found = []
    for given in (rotated(columns), columns):
        (first,) = torch.autograd.grad(function(given), columns, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum() + first.sum(), columns)[0])
    assert torch.allclose(*found, rtol=1e-8, atol=1e-9 * float(found[1].abs().max()))


@pytest.mark.parametrize("axes", [(), (0,), (2,), (1, 2, 3), (3, 1), (0, 2), (1, 1), (-1,)])
def test_entries_are_those_of_the_coordinates(rng, axes):
    values = torch.randn(2, 5, generator=rng)
    assert torch.equal(chosen(values, axes), values[:, list(axes)])


def test_coordinates_that_follow_each_other_are_a_view(rng):
    values = torch.randn(2, 5, generator=rng)
    assert chosen(values, range(1, 5)).data_ptr() == values[:, 1:].data_ptr()


def test_all_are_the_tensor_itself(rng):
    values = torch.randn(2, 5, generator=rng)
    assert chosen(values, None) is values


def test_a_coordinate_that_is_none_is_refused(rng):
    with pytest.raises(IndexError):
        chosen(torch.randn(2, 5, generator=rng), (1, 5))
