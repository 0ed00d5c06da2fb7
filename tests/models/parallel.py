"""What two gloo processes do with a tiny FNO; `tests.gloo` runs it."""

import torch
from torch import Tensor, nn

from zoo.models.fno import FNO

STEPS, BATCH, WORLD = 3, 4, 2


def make() -> FNO:
    torch.manual_seed(0)
    return FNO(**FNO.tiny())


def batch(step: int) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(step)
    u = torch.randn(BATCH, 1, 1, 12, 10, generator=rng)
    return {"u": u, "p": torch.rand(BATCH, 2, generator=rng) + 0.5}


def train(net: nn.Module, rank: int = 0, world: int = 1) -> None:
    """AdamW on this rank's share of each batch; the loss is a mean, so shares average."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    share = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
    for step in range(STEPS):
        inputs = {key: value[share] for key, value in batch(step).items()}
        optimizer.zero_grad()
        net(**inputs).square().mean().backward()
        optimizer.step()


def ddp(rank: int) -> dict[str, Tensor]:
    net = nn.parallel.DistributedDataParallel(make())
    train(net, rank, WORLD)
    return dict(net.module.state_dict())


def fsdp(rank: int) -> dict[str, Tensor]:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    net = make()
    fully_shard(net, mesh=init_device_mesh("cpu", (WORLD,)))
    register_fsdp_forward_method(net, "features")
    train(net, rank, WORLD)
    with torch.no_grad():
        features = net.features(**batch(0))
    whole = {
        key: value.full_tensor() if hasattr(value, "full_tensor") else value
        for key, value in net.state_dict().items()
    }
    held = sum(p.to_local().numel() for p in net.parameters())
    return whole | {"features": features, "held": torch.tensor(held)}


def states(rank: int, world: int) -> dict[str, Tensor]:
    """What this rank holds after training, by strategy."""
    found = {"ddp": ddp(rank), "fsdp": fsdp(rank)}
    return {f"{kind}/{key}": v for kind, state in found.items() for key, v in state.items()}
