"""What Lightning does at every step whether it is wanted or not, made cheap.

A step of a small net takes a millisecond, and Lightning's own loop half of one.
"""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from lightning.pytorch import LightningModule
from lightning.pytorch.profilers import PassThroughProfiler

Method = TypeVar("Method", bound=Callable[..., Any])


def signed(method: Method) -> Method:
    """The method with its signature made beforehand: Lightning asks for it at each step."""
    vars(method)["__signature__"] = inspect.signature(method)
    return method


class Silent(PassThroughProfiler):
    """Lightning's profiler that measures nothing; its own makes some forty generators a step."""

    def __init__(self) -> None:
        super().__init__()
        self._nothing: AbstractContextManager[Any] = nullcontext()

    def profile(self, action_name: str) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As in Lightning's Profiler."""
        return self._nothing


class Light(LightningModule):
    """A LightningModule whose hooks cost less; what they do is the same."""

    def __setattr__(self, name: str, value: Any) -> None:
        """As in torch's Module, which asks of each value whether it is a parameter or a module."""
        # Lightning notes the name of every hook, some forty times a step
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    @property
    def run(self) -> Any:
        """The trainer; Lightning's types leave half of it out."""
        return self.trainer

    def silence(self) -> None:
        """Take the place of a profiler that measures nothing; any other stays."""
        if type(self.run.profiler) is PassThroughProfiler:
            self.run.profiler = Silent()
