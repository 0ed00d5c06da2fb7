import dataclasses
from collections.abc import Callable

from torch import nn

from zoo.models.base import BlockError, Interface
from zoo.models.field import Field


def inner_field(inner: Field | Callable[[Interface], Field], interface: Interface) -> Field:
    """The field inside another one, of the same interface; made where only its maker is given.

    Raises:
        BlockError: it has another interface.
    """
    made = inner if isinstance(inner, nn.Module) else inner(interface)
    if not isinstance(made, Field):
        raise BlockError(f"inner is a {type(made).__name__}; it must be a Field, such as an MLP")
    if made.interface != interface:
        raise BlockError(
            f"inner, a {type(made).__name__}, has another interface: "
            f"{_differences(made, interface)}; both must be equal: leave it out in a recipe"
        )
    return made


def _differences(field: Field, interface: Interface) -> str:
    """The first entries that differ, as `region is .. and not ..`."""
    mine, theirs = dataclasses.asdict(field.interface), dataclasses.asdict(interface)
    found = [
        f"{key} is {mine[key]} and not {theirs[key]}" for key in mine if mine[key] != theirs[key]
    ]
    return "; ".join(text[:200] for text in found[:2])
