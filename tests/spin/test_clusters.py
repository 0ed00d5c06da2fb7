import math

import pytest
import torch
from torch.testing import assert_close

from zoo.spin.bonds import Bonds
from zoo.spin.clock import Clock
from zoo.spin.clusters import reflections
from zoo.spin.ising import Ising
from zoo.spin.kaufman import kaufman
from zoo.spin.lattice import Lattice
from zoo.spin.pairs import nearest
from zoo.spin.potts import Potts
from zoo.spin.swendsen_wang import SwendsenWang
from zoo.spin.words import bernoulli, pack, random_words, thresholds, unpack


def some_bonds(rng: torch.Generator, shape=(4, 5), words: int = 2, p: float = 0.45) -> Bonds:
    lattice = Lattice(shape)
    digits = thresholds(torch.full((1, words), p, dtype=torch.float64))
    offsets = nearest(lattice)
    back = [tuple(-step for step in d) for d in offsets]
    return Bonds(
        [bernoulli(digits, lattice.sites, rng)[0] for _ in offsets],
        [lattice.neighbours(d) for d in offsets],
        [lattice.neighbours(d) for d in back],
    )


def labels(bonds: Bonds, chain: int) -> list[int]:
    """Clusters of one chain, by merging one bond after the other."""
    found = list(range(len(bonds.active[0])))
    for active, ahead in zip(bonds.active, bonds.ahead, strict=True):
        on = unpack(active, active.shape[1] * 64)[:, chain].tolist()
        for site, other in enumerate(ahead.tolist()):
            if on[site]:
                old, new = found[site], found[other]
                found = [new if label == old else label for label in found]
    return found


def test_packing_is_undone_by_unpacking(rng):
    s = torch.randint(0, 2, (3, 5, 100), generator=rng).to(torch.uint8)
    assert pack(s).shape == (3, 5, 2)
    assert torch.equal(unpack(pack(s), 100), s)


def test_bit_i_of_a_word_is_chain_i():
    s = torch.zeros(1, 64, dtype=torch.uint8)
    s[0, 37] = 1
    assert pack(s).tolist() == [[1 << 37]]


def test_words_have_64_fair_independent_bits(rng):
    bits = unpack(random_words((4096, 1), rng), 64).double()
    assert (bits.mean(0) - 0.5).abs().max() < 5 * 0.5 / 64
    products = (2 * bits - 1).T @ (2 * bits - 1) / 4096
    assert (products - torch.eye(64)).abs().max() < 5 / 64


def test_bits_are_set_with_the_probability_asked_for(rng):
    p = torch.tensor([[0.0, 0.1], [0.3, 0.5], [0.75, 1.0]], dtype=torch.float64)
    bits = unpack(bernoulli(thresholds(p), 4096, rng), 128).unflatten(2, (2, 64))
    share = bits.double().mean((1, 3))
    error = (p * (1 - p) / (4096 * 64)).sqrt()
    assert ((share - p).abs() <= 4.5 * error + 2**-24).all()


def test_events_of_one_place_are_nested(rng):
    p = torch.tensor([[0.2], [0.5], [0.9]], dtype=torch.float64)
    low, middle, high = bernoulli(thresholds(p), 256, rng)
    assert not bool((low & ~middle).any()) and not bool((middle & ~high).any())


def test_a_flood_reaches_the_seeds_cluster_and_nothing_else(rng):
    bonds = some_bonds(rng)
    seeds = torch.zeros_like(bonds.active[0])
    seeds[7] = -1
    reached = unpack(bonds.flood(seeds), 128)
    for chain in range(0, 128, 9):
        own = labels(bonds, chain)
        assert reached[:, chain].tolist() == [label == own[7] for label in own]


def test_every_cluster_has_one_root(rng):
    bonds = some_bonds(rng)
    roots = unpack(bonds.roots(), 128)
    for chain in range(0, 128, 9):
        own = labels(bonds, chain)
        found = [own[site] for site in roots[:, chain].nonzero().flatten().tolist()]
        assert sorted(found) == sorted(set(own))


def test_swendsen_wang_turns_whole_clusters_by_fair_coins(rng):
    bonds = some_bonds(rng, words=16)
    turned = unpack(SwendsenWang(Ising(), [2.0], (4, 5)).marked(bonds, rng), 1024)
    share = []
    for chain in range(0, 1024, 8):
        own = torch.tensor(labels(bonds, chain))
        for label in own.unique():
            inside = turned[own == label, chain]
            assert inside.unique().numel() == 1
            share.append(float(inside[0]))
    assert abs(sum(share) / len(share) - 0.5) < 4 * 0.5 / math.sqrt(len(share))


def test_reflections_are_involutions_that_keep_the_kernel():
    for energy in (Ising(), Potts(5), Clock(6)):
        for turn in reflections(energy):
            assert torch.equal(turn[turn], torch.arange(energy.colours))
            assert_close(energy.kernel[turn][:, turn], energy.kernel)


@pytest.mark.parametrize("count", [64, 100])
def test_clusters_meet_kaufman_on_16_by_16_at_the_critical_temperature(count, rng):
    temperatures = [2.0, 2.2692]
    dynamics = SwendsenWang(Ising(), temperatures, (16, 16))
    s = torch.ones(2, 256, count, dtype=torch.uint8)
    dynamics.sweep(s, rng, 20)
    seen = []
    for _ in range(8):
        dynamics.sweep(s, rng, 2)
        seen.append(dynamics.energy.chains(s, dynamics.lattice) / 256)
    mean = torch.stack(seen).mean(0)
    error = mean.std(1) / math.sqrt(count)
    exact = kaufman((16, 16), temperatures).energy
    assert ((mean.mean(1) - exact).abs() < 4 * error).all()
    assert float(error.max()) < 0.015
