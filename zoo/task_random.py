"""States of the random generators that a checkpoint keeps, so that a killed run goes on bit-equal.

Lightning's own checkpoint holds none of them.
"""

import random
from typing import Any

import numpy as np
import torch


def generators() -> list[dict[str, Any]]:
    """The states of every rank's generators, on every rank."""
    mine = _state()
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [mine]
    ranks: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(ranks, mine)
    return ranks


def restore_generators(ranks: list[dict[str, Any]], rank: int) -> None:
    """Put this rank's generators back; a rank that was not there before takes the last one's.

    Args:
        ranks: what `generators` gave; of nothing, nothing is put back.
        rank: this process's number.
    """
    if not ranks:
        return
    state = ranks[min(rank, len(ranks) - 1)]
    torch.set_rng_state(state["torch"])
    random.setstate((3, tuple(state["python"]), None))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def _state() -> dict[str, Any]:
    drawn: Any = np.random.get_state()
    name, keys, *rest = drawn
    # only plain types and tensors: checkpoints are read without pickle
    state = {
        "torch": torch.get_rng_state(),
        "python": list(random.getstate()[1]),
        "numpy": [name, keys.tolist(), *rest],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state
