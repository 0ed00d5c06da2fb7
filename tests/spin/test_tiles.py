import pytest
import torch
from torch.testing import assert_close

from zoo.spin.ising import Ising
from zoo.spin.kaufman import kaufman
from zoo.spin.tile_metropolis import TileMetropolis, apart
from zoo.spin.tiles import TileEnergy


def digits(colours: int, count: int) -> torch.Tensor:
    powers = colours ** torch.arange(count - 1, -1, -1)
    return torch.arange(colours**count)[:, None] // powers % colours


def ising_tiles() -> TileEnergy:
    """Ising exactly: each focus site of a 4 by 4 tile has its bonds up and to the left."""
    spin = 2.0 * digits(2, 16).view(-1, 4, 4) - 1
    focus = spin[:, 1:3, 1:3]
    return TileEnergy(-(focus * (spin[:, 0:2, 1:3] + spin[:, 1:3, 0:2])).sum((1, 2)))


def drawn(energy, shape, rng, count: int = 5) -> torch.Tensor:
    return torch.randint(energy.colours, (count, *shape), generator=rng).to(torch.uint8)


@pytest.mark.parametrize("shape", [(4, 4), (6, 10), (8, 8)])
def test_a_table_of_tiles_can_be_ising_exactly(shape, rng):
    energy = ising_tiles()
    s = drawn(energy, shape, rng)
    assert_close(energy.of(s), Ising().of(s))


@pytest.mark.parametrize(
    ("colours", "dimension", "focus", "context", "shape"),
    [(3, 1, 1, 1, (5,)), (2, 2, 2, 1, (6, 4)), (2, 2, 1, 1, (3, 5)), (2, 3, 2, 0, (4, 2, 6))],
)
def test_the_energy_is_the_sum_over_windows(colours, dimension, focus, context, shape, rng):
    side = focus + 2 * context
    table = torch.randn(colours ** (side**dimension), generator=rng)
    energy = TileEnergy(table, colours, dimension=dimension, focus=focus, context=context)
    s = drawn(energy, shape, rng, 2)
    powers = colours ** torch.arange(side**dimension - 1, -1, -1)
    wanted = torch.zeros(2, dtype=torch.float64)
    for corner in torch.cartesian_prod(*(torch.arange(0, n, focus) for n in shape)).view(
        -1, dimension
    ):
        moved = s
        for axis, start in enumerate(corner.tolist()):
            moved = moved.roll(context - start, axis + 1).narrow(axis + 1, 0, side)
        wanted += table[moved.flatten(1).long() @ powers].double()
    assert_close(energy.of(s), wanted, rtol=0, atol=1e-5)


def test_translation_by_the_focus_keeps_the_energy(rng):
    energy = TileEnergy(torch.randn(65536, generator=rng))
    s = drawn(energy, (6, 8), rng)
    assert_close(energy.of(s.roll((2, -4), (1, 2))), energy.of(s), rtol=0, atol=1e-5)
    assert (energy.of(s.roll(1, 1)) - energy.of(s)).abs().min() > 0.1


@pytest.mark.parametrize("shape", [(8, 8), (12, 24), (6, 10)])
def test_sites_updated_together_share_no_tile(shape):
    cover = ising_tiles().cover(ising_tiles().on(shape))
    groups = apart(cover.tiles)
    assert torch.cat(groups).sort().values.tolist() == list(range(shape[0] * shape[1]))
    for group in groups:
        tiles = cover.tiles[:, group].flatten()
        assert len(tiles.unique()) == len(tiles)


def test_multiples_of_four_need_sixteen_groups():
    energy = ising_tiles()
    assert len(apart(energy.cover(energy.on((24, 24))).tiles)) == 16


@pytest.mark.parametrize("shape", [(7, 8), (2, 2), (8,)])
def test_a_lattice_that_the_focus_does_not_divide_or_smaller_than_a_tile_is_refused(shape):
    with pytest.raises(ValueError, match="need 2 sides that are multiples of 2 and at least 4"):
        ising_tiles().on(shape)


def test_a_table_of_another_length_is_refused():
    with pytest.raises(ValueError, match="table has 16 numbers; tiles of 4 sites a side in 2-D"):
        TileEnergy(torch.zeros(16))


def test_tiles_sample_ising_as_ising_does(rng):
    temperatures, chains = [1.8, 2.4, 4.0], 256
    dynamics = TileMetropolis(ising_tiles(), temperatures, (6, 6))
    s = torch.ones(3, 36, chains, dtype=torch.uint8)
    dynamics.sweep(s, rng, 40)
    seen = []
    for _ in range(12):
        dynamics.sweep(s, rng, 3)
        seen.append(Ising().chains(s, dynamics.lattice) / 36)
    mean = torch.stack(seen).mean(0)
    error = mean.std(1) / 16
    assert ((mean.mean(1) - kaufman((6, 6), temperatures).energy).abs() < 4 * error).all()
    assert float(error.max()) < 0.01


def test_two_colours_forget_each_other_at_an_infinite_temperature_too(rng):
    dynamics = TileMetropolis(ising_tiles(), [float("inf")], (4, 4))
    s = torch.zeros((1, 16, 2000), dtype=torch.uint8)  # all down: in step, |M| would stay 1
    dynamics.sweep(s, rng, 8)
    magnetisation = (2.0 * s[0].double() - 1).mean(0)
    assert_close(magnetisation.square().mean().item(), 1 / 16, rtol=0.12, atol=0)
