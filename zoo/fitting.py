"""`zoo fit | validate | test`: stock LightningCLI with the zoo's defaults around it."""

import functools
import json
import logging
import os
import time
import warnings
from pathlib import Path
from typing import Any

import jsonargparse
import yaml
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

import zoo
from zoo import shelf
from zoo.bar import StepBar
from zoo.checkpointing import AtomicCheckpointIO, Last
from zoo.parsing import Parser
from zoo.task import Task

# a value `data: hf://...` would read a file from anywhere, past the allow-list
jsonargparse.set_parsing_settings(config_read_mode_fsspec_enabled=False)

RUNS = "runs"
RECIPE = "recipe.yaml"
FIGURES = "figures.json"
WHERE = ("default_root_dir", "logger", "callbacks", "plugins", "profiler", "enable_progress_bar")
DEVICES = ("accelerator", "devices", "num_nodes", "strategy")


class SaveRecipe(SaveConfigCallback):
    """Writes the resolved recipe to `<default_root_dir>/recipe.yaml`, only when fitting.

    It also goes into checkpoints, so that a run is only ever continued by the same recipe.
    """

    @functools.cached_property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe: model, data and seed in full, of the trainer what is no default.

        Without folders, callbacks and devices: it says what was run, not where. Read once, since
        every checkpoint holds it.
        """
        tree, usual = (self._plain(config) for config in (self.config, self.parser.get_defaults()))
        own = {
            key: item
            for key, item in tree["trainer"].items()
            if key not in (*WHERE, *DEVICES) and item != usual["trainer"].get(key)
        }
        kept = {key: tree[key] for key in ("seed_everything", "model", "data")}
        return {**kept, "trainer": own} if own else kept

    def _plain(self, config: Any) -> dict[str, Any]:
        with warnings.catch_warnings():
            # version 4.53 of jsonargparse renames skip_none, which 4.49 alone knows
            warnings.simplefilter("ignore", DeprecationWarning)
            text = self.parser.dump(config, skip_none=False, skip_validation=True)
        return yaml.safe_load(text)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the recipe on rank 0."""
        if stage == "fit" and trainer.is_global_zero:
            self.save_config(trainer, pl_module, stage)

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """As in Lightning's SaveConfigCallback."""
        head = f"# zoo {zoo.__version__}: as it ran, every default spelled out\n"
        with shelf.atomic_write(Path(trainer.default_root_dir) / RECIPE) as part:
            part.write_text(head + yaml.safe_dump(self.recipe, sort_keys=False))

    def state_dict(self) -> dict[str, Any]:
        """The parts of the recipe that may not change within a run."""
        return {key: item for key, item in self.recipe.items() if key != "trainer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse to continue another recipe's run."""
        mine = _leaves(self.state_dict())
        for key, old in _leaves(state_dict).items():
            if mine.get(key) != old:
                raise ValueError(
                    f"{key} is {mine.get(key)!r}, the checkpoint's run had {old!r}; --ckpt_path "
                    "only continues the same run: to start from its weights use --model.init_from"
                )


def _leaves(tree: Any, key: str = "") -> dict[str, Any]:
    if isinstance(tree, dict | list) and tree:
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {
            k: v
            for name, item in pairs
            for k, v in _leaves(item, f"{key}.{name}".strip(".")).items()
        }
    return {key: tree}


class ZooCLI(LightningCLI):
    """LightningCLI for one Task on any data module.

    Args:
        args: command line without the program's name.
    """

    def __init__(self, args: list[str]) -> None:
        self.begun = time.monotonic()
        self.asked = args[0] if args else None
        super().__init__(
            Task,
            LightningDataModule,
            save_config_callback=SaveRecipe,
            save_config_kwargs={"save_to_log_dir": False},
            trainer_defaults={
                "inference_mode": False,  # input derivatives must work under validation
                "enable_model_summary": False,
                "log_every_n_steps": 10,
                "num_sanity_val_steps": 0,
                # the mixture orders itself
                "use_distributed_sampler": False,
            },
            seed_everything_default=0,
            parser_class=Parser,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            # no module of ours saves hyperparameters, and a dump of them takes 0.1 to 0.2 s
            load_from_checkpoint_support=False,
            args=args,
        )

    def subcommands(self) -> dict[str, set[str]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Fit, validate or test; a parser costs 0.03 s, so only the one that is asked for."""
        known = {k: v for k, v in LightningCLI.subcommands().items() if k != "predict"}
        return {k: v for k, v in known.items() if k == self.asked} or known

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The zoo's own keys."""
        parser.add_argument(
            "--save_seconds",
            type=float,
            default=60.0,
            help="Seconds between two writes of last.ckpt within an epoch; 0 writes at every step.",
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the given arguments, whatever stands in sys.argv."""
        self.config = parser.parse_args(args)

    def _parse_ckpt_path(self) -> None:
        """Leave the recipe alone: what stands in a checkpoint never overrides it."""

    def before_instantiate_classes(self) -> None:
        """Never write beside the code: Lightning's default is the working folder."""
        config = self.config[str(self.subcommand)]
        if config.trainer.default_root_dir is None:
            config.trainer.default_root_dir = RUNS

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer, with loggers, bar and checkpoints where the recipe names no others."""
        config = self.config_init[str(self.subcommand)]
        trainer, folder = config.trainer, Path(config.trainer.default_root_dir)
        callbacks = [] if trainer.callbacks is None else [*trainer.callbacks]
        if trainer.enable_progress_bar is not False:
            callbacks.append(StepBar(f"{self.subcommand} {folder.parent.name}/{folder.name}"))
        if self.subcommand == "fit" and trainer.enable_checkpointing is not False:
            callbacks.append(Last(folder / "checkpoints", config.save_seconds))
        logger = trainer.logger
        if logger is None or logger is True:
            logger = [CSVLogger(folder, "csv"), TensorBoardLogger(folder, "tensorboard")]
        plugins = trainer.plugins or []
        plugins = [*plugins] if isinstance(plugins, list) else [plugins]
        return super().instantiate_trainer(
            callbacks=callbacks, logger=logger, plugins=[*plugins, AtomicCheckpointIO()], **kwargs
        )

    def _record(self) -> None:
        """Keep what was measured and what it cost in `<default_root_dir>/figures.json`."""
        trainer: Any = self.trainer
        if not trainer.is_global_zero or trainer.fast_dev_run:
            return
        path = Path(trainer.default_root_dir) / FIGURES
        known = json.loads(path.read_text()) if path.is_file() else {}
        evaluations = self.model.evaluations
        known[str(self.subcommand)] = {
            "figures": {name: float(item) for name, item in trainer.callback_metrics.items()},
            "steps": trainer.global_step,
            **({"evaluations": evaluations} if evaluations is not None else {}),
            "seconds": round(time.monotonic() - self.begun, 2),
        }
        with shelf.atomic_write(path) as part:
            part.write_text(json.dumps(known, indent=1))

    def tell(self) -> None:
        """Say where the release lies, and what it scored on its validation data."""
        folder = Path(self.trainer.default_root_dir) / "release"
        if self.trainer.is_global_zero and (folder / "metrics.json").is_file():
            entries = json.loads((folder / "metrics.json").read_text())
            told = [f"{entry['name']} {entry['value']:.4g}" for entry in entries]
            print("  ".join([f"release: {folder}", *told]))

    def after_fit(self) -> None:
        """As in `_record`."""
        self._record()

    def after_validate(self) -> None:
        """As in `_record`."""
        self._record()

    def after_test(self) -> None:
        """As in `_record`."""
        self._record()


def quiet() -> None:
    """Drop Lightning's remarks that tell a user nothing; errors and true warnings stay."""
    # Lightning 2.6 makes calls that jsonargparse 5 will drop: our bound says so, no user must
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for text in ("many workers", "LeafSpec", "than the logging interval", "sync_dist=True"):
        warnings.filterwarnings("ignore", f".*{text}")


def launch(args: list[str]) -> ZooCLI:
    """Run one subcommand of LightningCLI."""
    quiet()
    return ZooCLI(args)
