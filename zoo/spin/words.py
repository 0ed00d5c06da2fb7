"""64 lattices in one integer: bit i of a word is the spin of chain i (multi-spin coding)."""

import torch
from jaxtyping import Float64, Int64, UInt8
from torch import Tensor

BITS = 24
"""Binary digits of a random number: as many as float32's uniform numbers have."""

_GATHER = 0x0102040810204080
_SPREAD = 0x0101010101010101
_DIAGONAL = 0x8040201008040201 - 2**64
_LOW = 0x7F7F7F7F7F7F7F7F


def pack(s: UInt8[Tensor, "*k c"]) -> Int64[Tensor, "*k w"]:
    """Bytes 0 and 1 as bits, the last axis first padded with zeros to a multiple of 64."""
    short = -s.shape[-1] % 64
    whole = torch.nn.functional.pad(s, (0, short)) if short else s.contiguous()
    # eight bytes of 0 or 1 are moved into the top byte by one product
    top = (whole.view(torch.int64) * _GATHER) >> 56
    return top.to(torch.uint8).view(torch.int64)


def unpack(words: Int64[Tensor, "*k w"], chains: int) -> UInt8[Tensor, "*k c"]:
    """The inverse of `pack`, for so many chains."""
    spread = words.contiguous().view(torch.uint8).to(torch.int64) * _SPREAD
    bits = (spread & _DIAGONAL).view(torch.uint8) != 0
    return bits.view(torch.uint8)[..., :chains]


def random_words(shape: tuple[int, ...], rng: torch.Generator) -> Int64[Tensor, "*k"]:
    """Words of 64 fair bits."""
    words = torch.empty(shape, dtype=torch.int64, device=rng.device)
    return words.random_(-(2**63), None, generator=rng)


def thresholds(p: Float64[Tensor, "*k"]) -> Int64[Tensor, " j *k"]:
    """The binary digits of probabilities, lowest first, each as a word of all ones or zeros."""
    scaled = (p * 2**BITS).round().long().clamp(0, 2**BITS - 1)
    order = torch.arange(BITS, device=p.device).view(-1, *(1,) * p.ndim)
    return -(scaled >> order & 1)


def bernoulli(
    digits: Int64[Tensor, "j k v"], sites: int, rng: torch.Generator
) -> Int64[Tensor, "k n v"]:
    """Words whose bits are 1 with probability p, by comparing bit-sliced random numbers with p.

    All k events of a place see the same random number, so they are nested: a bit set at one p is
    set at every larger one.

    Args:
        digits: of p for k events in each of v words, from `thresholds`.
        sites: how many times v words are wanted.
        rng: where the bits come from; the result is on its device.
    """
    places, k, v = digits.shape
    found = torch.zeros(k, sites, v, dtype=torch.int64, device=rng.device)
    other = torch.empty_like(found)
    previous = torch.zeros_like(digits[0, :, None])
    for place in range(places):
        # digit 1: found | random; digit 0: found & random. Both are one AND after flipping by
        # the digit, and the flip back is joined with the next flip
        mask = digits[place, :, None]
        torch.bitwise_xor(random_words((sites, v), rng), mask, out=other)
        found.bitwise_xor_(previous ^ mask).bitwise_and_(other)
        previous = mask
    return found.bitwise_xor_(previous)
