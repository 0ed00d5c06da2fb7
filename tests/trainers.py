"""What a data module asks of its trainer, and no more."""

from types import SimpleNamespace


def trainer(step=0, together=1, limit=6, precision="32-true", rank=0, ranks=1):
    loop = SimpleNamespace(max_batches=limit)
    return SimpleNamespace(
        global_step=step,
        accumulate_grad_batches=together,
        fit_loop=loop,
        precision=precision,
        global_rank=rank,
        world_size=ranks,
    )
