import torch
from jaxtyping import Float64
from torch import Tensor


def integrated_time(
    series: Float64[Tensor, "t r c"], *, factor: float = 6.0
) -> Float64[Tensor, " r"]:
    """τ = ½ + Σ_t ρ(t) in samples: the mean of n samples has the variance 2τ/n of one.

    ρ is the autocorrelation about the mean of all chains, averaged over chains, so that a chain
    caught apart from the others shows as a long time. The sum ends at the first lag that is
    `factor` times the τ found so far. A constant series has τ = ½. Where the series ends before
    the window closes, τ is what was summed: a lower bound.

    Args:
        series: samples at r temperatures in c chains.
        factor: lags summed, in units of τ.
    Source:
        Sokal, Monte Carlo Methods in Statistical Mechanics (1996), section 3.
    """
    samples = len(series)
    deviation = series - series.mean((0, 2), keepdim=True)
    wave = torch.fft.rfft(deviation, n=2 * samples, dim=0)
    products = torch.fft.irfft(wave.abs() ** 2, n=2 * samples, dim=0)[:samples].mean(2)
    lags = torch.arange(samples, dtype=series.dtype, device=series.device)[:, None]
    covariance = products / (samples - lags)
    # rounding of a constant series is no variance
    still = covariance[0] <= 1e-24 * (1 + series.abs().amax((0, 2)) ** 2)
    rho = covariance / torch.where(still, torch.ones_like(covariance[0]), covariance[0])
    times = rho.cumsum(0) - 0.5
    closed = lags >= factor * times
    last = torch.where(closed.any(0), closed.to(torch.int8).argmax(0), samples // 2)
    found = times.gather(0, last[None])[0].clamp(min=0.5)
    return torch.where(still, torch.full_like(found, 0.5), found)
