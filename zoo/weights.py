"""A model's tensors to a safetensors file and back, strict on names, shapes and dtypes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from zoo.models.base import BlockError, Model, block, build
from zoo.shelf import ReleaseError

PROBE_SEED = 0


def write(model: nn.Module, path: str | Path) -> None:
    """Write the state of a model; equal states give equal bytes.

    Raises:
        ReleaseError: a tensor is complex, not finite, or shares its storage with another one.
    """
    tensors: dict[str, Tensor] = {}
    places: dict[int, str] = {}
    for name, tensor in model.state_dict().items():
        if tensor.is_complex():
            raise ReleaseError(
                f"{name} is {tensor.dtype}; a release holds real tensors only: store real and "
                "imaginary parts on a trailing axis of 2"
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            count = int((~tensor.isfinite()).sum())
            raise ReleaseError(
                f"{name} holds {count} of {tensor.numel()} values that are not finite; such a "
                "model is not released: train it again from an earlier checkpoint"
            )
        other = places.setdefault(tensor.data_ptr(), name) if tensor.numel() else name
        if other != name:
            raise ReleaseError(f"{name} and {other} share one storage; store the tensor once")
        tensors[name] = tensor.detach().cpu().contiguous()
    # no metadata: two or more keys would make the bytes vary from run to run
    save_file(tensors, str(path))


def read(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, mapped from disk and copied only when written to.

    Raises:
        ReleaseError: the file is missing, cut, or no safetensors file.
    """
    path = Path(path)
    if not path.is_file():
        raise ReleaseError(
            f"{path} is missing; a release needs it: fetch or save the release again"
        )
    try:
        with safe_open(str(path), "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ReleaseError(
            f"{path} is {path.stat().st_size} bytes and no whole safetensors file ({error}); "
            "fetch the release again"
        ) from error


def compare(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], where: str) -> None:
    """Refuse tensors whose names, shapes or dtypes are not the model's own.

    Raises:
        ReleaseError: with each difference (the first six of them).
    """
    faults = [f"{name} is missing" for name in wanted if name not in found]
    faults += [f"{name} is unknown to the model" for name in found if name not in wanted]
    for name in wanted:
        if name in found:
            a, b = found[name], wanted[name]
            if a.shape != b.shape:
                faults.append(f"{name} has shape {tuple(a.shape)}, the model {tuple(b.shape)}")
            elif a.dtype != b.dtype:
                faults.append(f"{name} is {a.dtype}, the model's is {b.dtype}")
    if faults:
        more = f" and {len(faults) - 6} more" if len(faults) > 6 else ""
        raise ReleaseError(
            f"{where} does not fit its config.json: {'; '.join(faults[:6])}{more}; "
            "weights and config must come from one release"
        )


def load(described: Mapping[str, Any], path: str | Path) -> Model:
    """The model that a block describes with the weights of a file, in `eval()`.

    It is built without storage, and the mapped tensors take their places; only what no file holds
    (buffers that are not saved) is computed.

    Raises:
        ReleaseError: the file or the block is faulty, or they do not fit.
    """
    tensors = read(path)
    with torch.device("meta"):
        model = make(described)
    compare(tensors, model.state_dict(), str(path))
    model.load_state_dict(tensors, assign=True)
    if _unborn(model):
        with torch.random.fork_rng(devices=[]):
            model = make(described)
        model.load_state_dict(tensors, assign=True)
    return model.eval()


def describe(model: Model) -> dict[str, Any]:
    """The block of a model, from which `make` builds it again.

    Raises:
        ReleaseError: an argument of the model is not kept, or JSON cannot hold it.
    """
    try:
        return block(model)
    except BlockError as error:
        raise ReleaseError(f"the model cannot be described: {error}") from error


def make(described: Mapping[str, Any]) -> Model:
    """The model that a block describes, freshly initialised.

    Raises:
        ReleaseError: the block cannot be built.
    """
    try:
        return build(described)
    except (BlockError, TypeError) as error:
        raise ReleaseError(
            f"the model block cannot be built: {error}; it was edited, or written by another zoo"
        ) from error


def _unborn(model: nn.Module) -> bool:
    """Whether a tensor that no file holds is still without storage."""
    for module in model.modules():
        own = [*module.__dict__.values(), *module._parameters.values(), *module._buffers.values()]
        if any(isinstance(value, Tensor) and value.is_meta for value in own):
            return True
    return False


def probe(model: Model, seed: int = PROBE_SEED) -> dict[str, Tensor]:
    """Input and output of the model's own example: `input.<name>` and `output`."""
    inputs = model.example(torch.Generator().manual_seed(seed))
    named = {f"input.{name}": tensor.contiguous() for name, tensor in inputs.items()}
    return {**named, "output": replay(model, named)}


@torch.no_grad()
def replay(model: Model, stored: Mapping[str, Tensor]) -> Tensor:
    """The model's output for the inputs of a stored probe."""
    inputs = {k.removeprefix("input."): v for k, v in stored.items() if k.startswith("input.")}
    training = model.training
    output = model.eval()(**inputs)
    model.train(training)
    return output.contiguous()


def write_probe(model: Model, path: str | Path) -> None:
    """Write the probe of a model; equal models give equal bytes."""
    save_file(probe(model), str(path))
