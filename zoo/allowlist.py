"""Recipes from the Hub: read as data and held against a list before anything is imported."""

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from zoo import reading
from zoo.reading import Mistake, Source

PACKAGES = (
    *("zoo.models.", "zoo.objectives.", "zoo.data.", "zoo.pde.", "zoo.spin.", "zoo.metrics."),
    "zoo.optim.",
)
FUNCTIONS = ("zoo.from_pretrained",)
TOP = ("seed_everything", "model", "data", "trainer", "save_seconds")
TRAINER = (
    "max_steps",
    "max_epochs",
    "precision",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "accumulate_grad_batches",
    "val_check_interval",
    "check_val_every_n_epoch",
    "log_every_n_steps",
    "deterministic",
)
REMOTE = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?")
NAME = re.compile(r"\w+")
PATTERN = re.compile(r"[\w.*]+")
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def is_remote(recipe: str) -> bool:
    """Whether a recipe's name is `owner/name[@revision]` on the Hub: no such file lies here."""
    return (
        REMOTE.fullmatch(recipe) is not None
        and not recipe.endswith((".yaml", ".yml"))
        and not Path(recipe).exists()
    )


def fetch(recipe: str, pull: Callable[..., Path] | None = None) -> Path:
    """Pull `owner/name[@revision]`'s recipe.yaml; returned only when the list lets it pass.

    Raises:
        Mistake: the recipe names what it may not.
    """
    found = REMOTE.fullmatch(recipe)
    assert found is not None
    if pull is None:
        from zoo import hub

        pull = hub.pull
    path = Path(pull(found[1], found[2], files=["recipe.yaml"])) / "recipe.yaml"
    check(reading.read(path, f"{recipe}/recipe.yaml"))
    return path


def check(source: Source) -> None:
    """Refuse a recipe that names anything outside the list.

    Only the zoo's own models, objectives, data, equations and metrics, torch's optimisers and
    `zoo.from_pretrained` may be named, each by its own full path; of the trainer only what is in
    `TRAINER` may be set; no value may be a path.

    Raises:
        Mistake: with the key, the file, the rule and the remedy.
    """
    for key, item in source.content.items():
        if key not in TOP:
            raise _refuse(source, key, f"a recipe from the Hub may only have {', '.join(TOP)}")
        if key in ("model", "data", "trainer") and not isinstance(item, Mapping):
            raise _refuse(source, key, "must be a mapping, so that nothing else is read")
    for key in source.content.get("trainer", {}):
        if key not in TRAINER:
            raise _refuse(
                source, f"trainer.{key}", f"of the trainer only {', '.join(TRAINER)} may be set"
            )
    _walk(source, source.content, "")
    # only now, when nothing but the listed packages is named, are classes looked at
    for key, path in _paths(source.content, ""):
        if path not in FUNCTIONS and not _own(path):
            raise _refuse(source, key, f"{path!r} is not the own path of a class of the list")
    from zoo.task import Task

    _arguments(source, Task, source.content.get("model", {}), "model")
    _blocks(source, source.content, "")


def _walk(source: Source, item: Any, key: str) -> None:
    if isinstance(item, Mapping):
        for name in item:
            # factors of learning rates stand under patterns of weights' names
            rule = PATTERN if key == "model.tuning.rates" else NAME
            if not isinstance(name, str) or not rule.fullmatch(name):
                raise _refuse(source, f"{key}.{name}".strip("."), "a key must be a plain name")
        if "class_path" in item or "init_args" in item:
            _block(source, item, key)
        for name, below in item.items():
            if name != "class_path":
                _walk(source, below, f"{key}.{name}".strip("."))
    elif isinstance(item, list):
        for i, below in enumerate(item):
            _walk(source, below, f"{key}.{i}")
    elif isinstance(item, str):
        _text(source, item, key)


def _block(source: Source, item: Mapping[str, Any], key: str) -> None:
    if set(item) - {"class_path", "init_args"} or "class_path" not in item:
        raise _refuse(source, key, "a block holds class_path and init_args alone")
    path = item["class_path"]
    listed = isinstance(path, str) and (
        path in FUNCTIONS or path.startswith((*PACKAGES, "torch.optim."))
    )
    if not listed or not DOTTED.fullmatch(path):
        rule = f"{path!r} is outside {', '.join((*PACKAGES, 'torch.optim.', *FUNCTIONS))}"
        raise _refuse(source, f"{key}.class_path", rule)


def _text(source: Source, text: str, key: str) -> None:
    # prose for the card is never read as a path or a class
    if key.startswith("model.about."):
        return
    if "://" in text or "\\" in text or text.startswith(("/", "~", ".")) or ".." in text:
        raise _refuse(source, key, f"{text!r} looks like a path or an address; none may be set")
    # patterns of weights' names, such as lift.weight, are dotted and never read as a class
    if DOTTED.fullmatch(text) and not key.startswith("model.tuning."):
        raise _refuse(source, key, f"{text!r} looks like a class; write it as class_path")
    if text.endswith((".yaml", ".yml", ".json", ".ckpt", ".h5", ".npz")):
        raise _refuse(source, key, f"{text!r} looks like a file; none may be read")


def _paths(item: Any, key: str) -> list[tuple[str, str]]:
    if isinstance(item, list):
        return [pair for i, below in enumerate(item) for pair in _paths(below, f"{key}.{i}")]
    if not isinstance(item, Mapping):
        return []
    own = [(f"{key}.class_path", item["class_path"])] if "class_path" in item else []
    return own + [
        p for name, below in item.items() for p in _paths(below, f"{key}.{name}".strip("."))
    ]


def _blocks(source: Source, item: Any, key: str) -> None:
    pairs = item.items() if isinstance(item, Mapping) else enumerate(item)
    for name, below in pairs:
        if isinstance(below, Mapping | list):
            _blocks(source, below, f"{key}.{name}".strip("."))
    if isinstance(item, Mapping) and "class_path" in item:
        module, _, name = item["class_path"].rpartition(".")
        made = getattr(importlib.import_module(module), name)
        _arguments(source, made, item.get("init_args") or {}, f"{key}.init_args")


def _arguments(source: Source, made: Any, given: Mapping[str, Any], key: str) -> None:
    """Refuse a text where no text is expected: jsonargparse would look for a class of that name."""
    known = inspect.signature(made).parameters
    for name, item in given.items():
        if isinstance(item, str) and name in known and not _takes_text(known[name].annotation):
            raise _refuse(source, f"{key}.{name}", f"{item!r} is a text, where a block is expected")


def _takes_text(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return re.search(r"\bstr\b|Literal|Path", annotation) is not None
    if get_origin(annotation) is Literal:
        return any(isinstance(item, str) for item in get_args(annotation))
    if annotation in (str, inspect.Parameter.empty):
        return True
    return get_origin(annotation) in (Union, UnionType) and any(
        map(_takes_text, get_args(annotation))
    )


def _own(path: str) -> bool:
    """Whether the class at a listed path is defined there, and not merely imported into it."""
    if path.startswith("torch.optim."):
        import torch

        exact = {
            name
            for name, item in vars(torch.optim).items()
            if isinstance(item, type) and issubclass(item, torch.optim.Optimizer)
        }
        return path.removeprefix("torch.optim.") in exact
    from zoo.models.base import BlockError, find

    try:
        find(path, object, PACKAGES)
    except BlockError:
        return False
    return True


def _refuse(source: Source, key: str, rule: str) -> Mistake:
    place = source.where(tuple(key.split("."))) or source.name
    return Mistake(
        f"{key}: {rule}\n  in {place}\n"
        "  a recipe from the Hub is not trusted; read it, and run a copy of it as a local file"
    )
