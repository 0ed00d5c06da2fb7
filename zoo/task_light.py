"""What Lightning does at every step whether it is wanted or not, made cheap.

A step of a small net takes a millisecond, and Lightning's own loop half of one.
"""

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.hooks import DataHooks
from lightning.pytorch.profilers import PassThroughProfiler
from torch import Tensor

from zoo.task_finite import logs_after

PASSING = ("on_before_batch_transfer", "on_after_batch_transfer")
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

    def __init__(self) -> None:
        super().__init__()
        self._told = False
        self._idle: frozenset[str] = frozenset()

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

    def lighten(self) -> None:
        """Take the place of a profiler that measures nothing; note hooks that do nothing."""
        if type(self.run.profiler) is PassThroughProfiler:
            self.run.profiler = Silent()
        owners = [one for one in (self, self.run.datamodule) if one is not None]
        self._idle = frozenset(name for name in PASSING if all(_passes(o, name) for o in owners))

    def tell(self, terms: Mapping[str, Tensor], step: int) -> None:
        """Log the terms of a training step after which logs are written.

        Args:
            terms: scalars by name.
            step: the number of the step, counted from 0.
        """
        if step == 0 or logs_after(self.trainer, step + 1):
            for name, value in terms.items():
                self.log(f"train/{name}", value.detach(), prog_bar=name == "loss")
            self._told = True
        elif self._told:
            # else Lightning takes it up at each step again, and waits for the device
            self.run._results.reset(metrics=False, fx="training_step")
            self._told = False

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """As in Lightning, which looks at the algorithm's name where nothing is clipped too."""
        if gradient_clip_val:
            super().configure_gradient_clipping(
                optimizer, gradient_clip_val, gradient_clip_algorithm
            )

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Any) -> None:
        """As in Lightning and torch, whose own way is recorded for profilers."""
        if type(optimizer).zero_grad is not torch.optim.Optimizer.zero_grad:
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)
            return
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = None

    def _call_batch_hook(self, hook_name: str, *args: Any) -> Any:
        """As in Lightning, which looks at each step whether the hook is anyone's own."""
        return args[0] if hook_name in self._idle else super()._call_batch_hook(hook_name, *args)


def _passes(owner: Any, name: str) -> bool:
    """Whether a hook hands on what it is given."""
    return getattr(getattr(owner, name), "__func__", None) is getattr(DataHooks, name)
