import time
from collections.abc import Callable
from typing import Any, Literal

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from zoo import release
from zoo.metrics.base import PerSystem
from zoo.metrics.relative_l2 import RelativeL2
from zoo.metrics.terms import Terms
from zoo.models.base import Interface, Model
from zoo.objectives.base import Objective
from zoo.objectives.supervised import Supervised
from zoo.task_averaging import callbacks, measured, prepare, still
from zoo.task_finite import Watch
from zoo.task_lbfgs import SecondOrder
from zoo.task_light import Light, signed
from zoo.task_measure import add, check_best, keep_best, measure
from zoo.task_net import changes, load_parent, make_net, prepare_net
from zoo.task_random import generators, restore_generators
from zoo.task_release import release_fitted, save_test
from zoo.task_schedule import scheduled
from zoo.task_tuning import Tuning, log_learning, optimised, tell, tune


class Task(Light):
    """The one LightningModule: a model, an objective, metrics, an optimiser.

    Without `init_from`, the model's normaliser is filled once from the data module's statistics. At
    the end of a fit, rank 0 releases the model, with the weights that scored best on the validation
    set, into `<default_root_dir>/release`.

    Args:
        net: the model; its `interface` may be left out and is then the data module's.
        objective: what is minimised; relative L2 error if left out.
        metrics: what is measured on validation and test data; if left out, what the data module
            says, else relative L2 error.
        optimizer: makes the optimiser of the model's and the objective's parameters;
            torch.optim.LBFGS needs all of the data in each batch.
        schedule: learning rate falls along a half cosine or a line to zero, or stays.
        init_from: start from released weights: a folder, a shipped name, or owner/name[@revision].
        refit_normaliser: fill the normaliser from the new data although `init_from` is given.
        tuning: what of the model learns, and how fast; everything at one rate if left out.
        about: summary and citation for the card.
    """

    net: Any  # a Model once setup is done; before, it may be what makes one

    def __init__(
        self,
        net: Model | Callable[[Interface], Model] | None = None,
        objective: Objective | None = None,
        metrics: list[PerSystem] | None = None,
        optimizer: OptimizerCallable = torch.optim.Adam,
        schedule: Literal["cosine", "linear", "constant"] = "cosine",
        init_from: str | None = None,
        refit_normaliser: bool = False,
        tuning: Tuning | None = None,
        about: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        if net is not None and init_from is not None:
            raise ValueError(f"both net and init_from={init_from!r} are given; drop one of them")
        self.net = net
        self.objective = objective if objective is not None else Supervised()
        self.metrics = nn.ModuleList(metrics if metrics is not None else [RelativeL2()])
        self._named = metrics is not None
        self.terms = Terms()
        self.optimizer = optimizer
        self.schedule = schedule
        self.init_from = init_from
        self.refit_normaliser = refit_normaliser
        self.tuning = tuning
        self.about = dict(about or {})
        self._ready = False
        self._factors: dict[str, float] | None = None
        self._still: dict[str, Tensor] = {}
        self._averaged: dict[str, Tensor] | None = None
        self._watch = Watch()
        self._second_order: SecondOrder | None = None
        self._parent: dict[str, Any] | None = None
        self._best: dict[str, Any] | None = None
        self._figure: float | None = None
        self._spent = 0.0
        self._random: list[dict[str, Any]] = []
        self._measured: list[tuple[PerSystem, dict[str, float]]] = []

    @classmethod
    def from_pretrained(
        cls, x: str, *, objective: Objective | None = None, **options: Any
    ) -> "Task":
        """A task around released weights, for people who bring their own Lightning loop.

        Args:
            x: a folder, a shipped name, or owner/name[@revision].
            objective: as in the class.
            options: further arguments of the class.
        """
        task = cls(objective=objective, init_from=x, **options)
        load_parent(task, changes(task))
        tune(task)
        return task

    @property
    def data(self) -> Any:
        """The data module of the run."""
        return self.run.datamodule

    @property
    def measures(self) -> list[PerSystem]:
        """The metrics, as what they are."""
        return [metric for metric in self.metrics if isinstance(metric, PerSystem)]

    def configure_callbacks(self) -> Any:
        """What the tuning asks for."""
        return callbacks(self) if self.trainer.state.fn == "fit" else []

    def prepare_data(self) -> None:
        """Fetch the parent release on one process before the others look for it."""
        if self.init_from is not None:
            release.resolve(self.init_from)

    def setup(self, stage: str) -> None:
        """Build or load the model, fill the normaliser, freeze what is still, name the systems."""
        if not self._ready:
            make_net(self)
            if stage == "fit":
                prepare_net(self)
            if not self._named and hasattr(self.data, "measures"):
                self.metrics = nn.ModuleList(self.data.measures(self.net))
            tune(self)
            self._ready = True
        if stage == "fit":
            prepare(self, stage)
        self.lighten()
        for metric in self.measures:
            metric.name_systems(self.data.systems)
            metric.to(self.device)
        self.terms.to(self.device)

    def configure_optimizers(self) -> Any:
        """The optimiser, and the learning rate by step."""
        optimizer = optimised(self)
        if isinstance(optimizer, torch.optim.LBFGS):
            self._second_order = SecondOrder(optimizer)
        return scheduled(self, optimizer)

    @signed
    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Terms of the objective; the loss is weighted so that uneven ranks average exactly."""
        terms, step = self.objective(self.net, batch), self.global_step
        if self._watch.see(step, batch_idx, terms):
            self.tell(terms, step)
        loss, weight = terms["loss"], batch["weight"]
        # a tensor is not looked at: that would wait for the device
        return loss if isinstance(weight, float) and weight == 1.0 else loss * weight

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Any,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """As in Lightning; L-BFGS sees one function in each step, the same on every rank."""
        if self._second_order is not None and optimizer_closure is not None:
            optimizer_closure = self._second_order.closure(optimizer_closure)
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)

    @property
    def evaluations(self) -> int | None:
        """Evaluations of loss and gradient by L-BFGS; None for optimisers that need one a step."""
        return None if self._second_order is None else self._second_order.evaluations

    def on_train_batch_end(self, outputs: Any, batch: dict[str, Any], batch_idx: int) -> None:
        """Look for divergence where it is due; log what L-BFGS has evaluated so far."""
        self._watch.after_step(self)
        if self._second_order is not None:
            self.log("train/evaluations", float(self._second_order.evaluations))

    def on_train_epoch_end(self) -> None:
        """Look for divergence."""
        self._watch.look(self, weights=True)

    def on_validation_start(self) -> None:
        """Look for divergence before weights are measured."""
        self._watch.before_validation(self)

    def on_validation_epoch_start(self) -> None:
        """Take averaged weights while they are in place."""
        self._averaged = measured(self)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Add the batch to every metric; a pretext task is measured by its own terms."""
        add(self, batch, batch_idx)

    def test_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """As in validation."""
        self.validation_step(batch, batch_idx)

    def on_fit_start(self) -> None:
        """Start the clock, and say what the run starts from."""
        self._started = time.monotonic()
        tell(self)

    def on_train_start(self) -> None:
        """Refuse what L-BFGS cannot stand; after a restart, put each rank's generators back."""
        if self._second_order is not None:
            self._second_order.check(self.run)
        restore_generators(self._random, self.global_rank)
        self._random = []
        self._still = still(self)
        log_learning(self)

    def on_validation_epoch_end(self) -> None:
        """Log the figures, and keep the weights if they are the best so far."""
        values = measure(self, "validation")
        if self.trainer.sanity_checking or self.trainer.state.fn != "fit":
            return
        keep_best(self, values)

    def on_test_epoch_end(self) -> None:
        """Log the figures."""
        measure(self, "test")

    def on_fit_end(self) -> None:
        """Release the model from rank 0."""
        self._watch.look(self, weights=True)
        check_best(self)
        self._spent += time.monotonic() - self._started
        release_fitted(self)

    def on_test_end(self) -> None:
        """Write test.json, and the figures into the run's release if it is what was tested."""
        save_test(self)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add every rank's generators, the best weights so far, and the time spent.

        A diverged run stops here, so that the last finite state is not overwritten.
        """
        self._watch.look(self, weights=True)
        checkpoint["zoo"] = {
            "random": generators(),
            "best": self._best,
            "spent": self._spent + time.monotonic() - self._started,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take back what `on_save_checkpoint` added."""
        kept = checkpoint["zoo"]
        self._random, self._best, self._spent = kept["random"], kept["best"], kept["spent"]
