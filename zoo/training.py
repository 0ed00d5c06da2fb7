"""`zoo fit | validate | test`: the command line read and checked, then handed to LightningCLI."""

import os
from pathlib import Path

from zoo import allowlist, reading
from zoo.reading import Mistake, Source
from zoo.workers import PARENT, follow

HELP = """\
usage: zoo {command} -c recipe.yaml [-c more.yaml ...] [--key value ...]

{does}
Recipes are merged from left to right, then come the keys; a number in a key steps into a list:
  --trainer.max_steps 500   --model.optimizer.init_args.lr 1e-3
  --data.init_args.sets.0.init_args.grid 32

 -c, --config FILE      a recipe: a file, or owner/name[@revision] on the Hub
 --seed_everything N    seed of weights and draws                                        (default 0)
 --model.init_from X    start from released weights: folder, shipped name, owner/name[@revision]
 --model.net.class_path, .objective, .metrics, .optimizer, .schedule, .refit_normaliser
 --data.class_path, --data.init_args.KEY
 --trainer.max_steps, .max_epochs, .devices, .strategy, .precision, .default_root_dir, ...
 --ckpt_path FILE       continue the same run from its last.ckpt
 --save_seconds S       time between two writes of last.ckpt within an epoch            (default 60)
 --print_config         print the merged recipe and stop
 --help_all             every key with its type, default and meaning
"""
DOES = {
    "fit": "Train a model; the run's folder gets recipe.yaml, logs, checkpoints and the release.",
    "validate": "Measure a model on the recipe's validation data.",
    "test": "Measure a model on the recipe's test data.",
}


def split(argv: list[str]) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """Recipes, options as (key, text), and flags of the parser itself (--print_config, --x.help).

    Raises:
        Mistake: a word that is no option, or an option without its value.
    """
    configs: list[str] = []
    options: list[tuple[str, str]] = []
    flags: list[str] = []
    words = iter(argv)
    for word in words:
        if not word.startswith("-"):
            raise Mistake(f"{word!r} is no option; a recipe is given with -c {word}")
        name, equals, text = word.partition("=")
        key = name.lstrip("-")
        if key == "print_config" or key.endswith(("help", "+")):
            flags += [word] if equals or key == "print_config" else [word, *_one(words)]
            continue
        if not equals:
            following = _one(words)
            if not following:
                raise Mistake(f"{name} needs a value; write {name} VALUE")
            text = following[0]
        if key in ("c", "config"):
            configs.append(text)
        else:
            options.append((key, text))
    return configs, options, flags


def folder(config: str) -> Path:
    """Where a recipe runs if it does not say: runs/<its name>, or its own run's folder."""
    path = Path(config)
    if path.name == "recipe.yaml" and (path.parent / "figures.json").is_file():
        return path.parent
    name = config.partition("@")[0] if allowlist.is_remote(config) else path.stem
    return Path("runs") / Path(name).name


def _one(words: object) -> list[str]:
    found = next(words, None)  # type: ignore[call-overload]
    return [] if found is None else [found]


def train(command: str, argv: list[str], tell: bool = False) -> int:
    """Check the recipe, then run the subcommand; the exit code.

    Args:
        command: fit, validate or test.
        argv: what follows it on the command line.
        tell: end with a line that names the release.
    """
    if not argv or set(argv) & {"-h", "--help"}:
        print(HELP.format(command=command, does=DOES[command]), end="")
        return 0
    if "--help_all" in argv:
        return _lightning([command, "--help"])
    configs, options, flags = split(argv)
    follow()
    sources = [_source(config) for config in configs]
    from lightning.pytorch import Trainer

    from zoo.checking import Checker, complaint
    from zoo.fitting import launch
    from zoo.parsing import ParseError
    from zoo.task import Task

    checker = Checker(sources, options, {"model": Task, "trainer": Trainer})
    if not any(flag.endswith("help") for flag in flags):
        checker.check()
        if checker.tree.get("data") is None:
            raise Mistake("no recipe names the data\n  give one with -c recipe.yaml")
    paths = [part for source in sources for part in ("--config", source.path)]
    if not (checker.tree.get("trainer") or {}).get("default_root_dir"):
        paths += [f"--trainer.default_root_dir={folder(path)}" for path in configs[-1:]]
    try:
        done = launch([command, *paths, *checker.arguments(), *flags])
    except ParseError as error:
        key, text = complaint(str(error))
        raise checker.fail(key, text) if key else Mistake(text) from error
    if tell and command == "fit" and PARENT not in os.environ:
        done.tell()
    return 0


def _lightning(args: list[str]) -> int:
    from zoo.fitting import launch

    launch(args)
    return 0


def _source(config: str) -> Source:
    if allowlist.is_remote(config):
        return reading.read(allowlist.fetch(config), config)
    from zoo import shelf

    shipped = shelf.recipes()
    path = shipped[config] if config in shipped and not Path(config).is_file() else Path(config)
    return reading.read(path, config)
