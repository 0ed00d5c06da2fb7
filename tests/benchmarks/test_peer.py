"""With neuraloperator's weights our FNO is neuraloperator's FNO."""

import pytest
import torch

pytest.importorskip("neuralop", reason="the peer is a benchmark extra: pip install .[benchmarks]")

from tests.benchmarks import peer

KEPT = {1: (16,), 2: (12, 16), 3: (4, 6, 8)}


@pytest.mark.filterwarnings("ignore")  # the peer's imports warn
@pytest.mark.parametrize("dimension", KEPT)
def test_the_output_is_theirs_to_1e_5_in_float32(dimension, rng):
    net, other = peer.pair(8, KEPT[dimension])
    u = torch.randn(3, 1, *(24, 20, 16)[-dimension:], generator=rng)
    with torch.no_grad():
        mine, want = peer.call(net, u), peer.call(other, u)
    assert float((mine - want).abs().max() / want.abs().max()) < 1e-5


@pytest.mark.filterwarnings("ignore")
def test_the_gradients_are_theirs(rng):
    net, other = peer.pair(8, (8, 8))
    u = torch.randn(2, 1, 16, 16, generator=rng)
    peer.call(net, u).square().sum().backward()
    peer.call(other, u).square().sum().backward()
    want = other.fno_blocks.convs[1].weight.tensor.grad.permute(3, 2, 0, 1)
    assert torch.allclose(
        torch.view_as_complex(net.spectral[1].weight.grad),
        want,
        rtol=1e-3,
        atol=1e-4 * float(want.abs().max()),
    )
