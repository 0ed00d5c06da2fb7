from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.data.fields import Fields
from zoo.data.frames import Frames


def statistics(train: Sequence[Fields], has: Tensor) -> dict[str, Tensor]:
    """What normalisers are filled from: medians and moments of several training sets.

    The median of a coefficient is over the samples that own it; of fields over time the first
    windows count. Of frames in a file the moments that are known of each are put together.

    Args:
        train: training split of every set, coefficients on the union.
        has: which coefficients each set owns, (sets, P) bool.
    """
    rms = torch.cat([_rms(d.u) for d in train])
    result = {"source_rms": rms.median()}
    factor = (rms / rms.median()).split([len(d) for d in train])
    medians = []
    for column in range(has.shape[1]):
        owned = [
            (d.p[:, column] / s).abs()
            for d, s, own in zip(train, factor, has[:, column], strict=True)
            if own
        ]
        medians.append(torch.cat(owned).median())
    result["coefficient_median"] = torch.stack(medians) if medians else torch.ones(0)
    for name, title in (("u", "inputs"), ("y", "outputs"), ("p", "coefficients")):
        mean, spread = _moments([getattr(d, name) for d in train])
        result[f"{title}_mean"], result[f"{title}_std"] = mean, spread
    return result


def _rms(u: Tensor | Frames) -> Tensor:
    """Of each sample over frames, channels and space, (samples,), float64."""
    if isinstance(u, Tensor):
        return u.double().flatten(1).square().mean(1).sqrt()
    mean, variance = u.moments()
    return (variance + mean.square()).flatten(1).mean(1).sqrt()


def _moments(parts: Sequence[Tensor | Frames]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel or coefficient over all sets together."""
    held = [part for part in parts if isinstance(part, Tensor)]
    if len(held) == len(parts):
        rows = torch.cat([_rows(part) for part in held])
        spread = rows.std(0, correction=0) if rows.shape[1] else rows.new_zeros(0)
        return rows.mean(0), spread
    counts, means, variances = [], [], []
    for part in parts:
        if isinstance(part, Tensor):
            rows = _rows(part)
            counts.append(len(rows))
            means.append(rows.mean(0))
            variances.append(rows.var(0, correction=0))
        else:
            # frames have equally many points, so means of means are exact
            mean, variance = (m.flatten(0, 1) for m in part.moments())
            counts.append(len(mean) * part.points)
            means.append(mean.mean(0))
            variances.append(variance.mean(0) + mean.var(0, correction=0))
    share = torch.tensor(counts, dtype=torch.float64)[:, None] / sum(counts)
    mean, own = torch.stack(means), torch.stack(variances)
    together = (share * mean).sum(0)
    return together, (share * (own + (mean - together).square())).sum(0).sqrt()


def _rows(values: Tensor) -> Tensor:
    """One row per value and one column per channel or coefficient, float64."""
    if values.ndim == 2:
        return values.double()
    return values.double().movedim(2, -1).flatten(0, -2)
