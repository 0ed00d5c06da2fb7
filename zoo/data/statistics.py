from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.data.fields import Fields


def statistics(train: Sequence[Fields], has: Tensor) -> dict[str, Tensor]:
    """What normalisers are filled from: medians and moments of several training sets.

    The median of a coefficient is over the samples that own it; of fields over time the first
    windows count.

    Args:
        train: training split of every set, coefficients on the union.
        has: which coefficients each set owns, (sets, P) bool.
    """
    rms = torch.cat([d.u.double().flatten(1).square().mean(1).sqrt() for d in train])
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
        rows = torch.cat([_rows(getattr(d, name)) for d in train])
        result[f"{title}_mean"] = rows.mean(0)
        spread = rows.std(0, correction=0) if rows.shape[1] else rows.new_zeros(0)
        result[f"{title}_std"] = spread
    return result


def _rows(values: Tensor) -> Tensor:
    """One row per value and one column per channel or coefficient, float64."""
    if values.ndim == 2:
        return values.double()
    return values.double().movedim(2, -1).flatten(0, -2)
