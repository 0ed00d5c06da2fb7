import torch
from torch import Tensor


def relative_l2(prediction: Tensor, target: Tensor) -> Tensor:
    """||prediction - target||₂ / ||target||₂ of each sample, (b,); a zero target divides by one."""
    error = (prediction - target).flatten(1).norm(dim=1)
    size = target.flatten(1).norm(dim=1)
    return error / torch.where(size > 0, size, torch.ones_like(size))
