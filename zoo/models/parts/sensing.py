"""Matrices from values on n points of 0 ... L to values at sensors, one for each axis."""

import math

import torch
from torch import Tensor


def spectral(sensors: int, n: int, device: torch.device | None = None) -> Tensor:
    """Of periodic values, by the waves k with 2 |k| < min(n, sensors).

    Shapes:
        result: (sensors, n), float64.
    """
    k = torch.arange((min(sensors, n) - 1) // 2 + 1, dtype=torch.float64, device=device)
    points, places = (torch.arange(m, device=device) for m in (n, sensors))
    apart = places[:, None] * n - points * sensors  # in units of L / (n sensors)
    angle = (2 * math.pi / (n * sensors)) * (apart % (n * sensors)).double()
    twice = 2.0 - (k == 0).double()  # a wave stands for its mirror image too
    return ((angle[..., None] * k).cos() * twice).sum(-1) / n


def linear(sensors: int, n: int, device: torch.device | None = None) -> Tensor:
    """By linear interpolation; constant beyond the last point.

    Shapes:
        result: (sensors, n), float64.
    """
    places, points = (torch.arange(m, device=device) for m in (sensors, n))
    at = (places.double() * n / sensors).clamp(max=n - 1)
    return (1 - (at[:, None] - points).abs()).clamp(min=0)
