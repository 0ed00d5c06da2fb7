"""A recipe read before anything is built: every key, class and type, and where one is wrong."""

import importlib
import importlib.util
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonargparse

from zoo import reading, release
from zoo.reading import Mistake, Source
from zoo.recipe_labels import KEYS as TOP

MORE = ("weights_only", "verbose", "print_config", "config")
BLOCK = ("class_path", "init_args", "dict_kwargs")
KEYWORDS = ("best", "last", "hpc", "registry")
Option = tuple[str, str]


class Checker:
    """Recipes merged from left to right, then options; `where` knows who wrote a key last.

    Args:
        sources: the recipes, in order.
        options: dotted keys and their texts from the command line.
        roots: the classes behind the top keys `model` and `trainer`.
    """

    def __init__(
        self, sources: Sequence[Source], options: Sequence[Option], roots: Mapping[str, Any]
    ) -> None:
        self.sources, self.roots = sources, roots
        self.tree: dict[str, Any] = {}
        for source in sources:
            if "stages" in source.content:
                raise Mistake(
                    f"{source.name} is a chain of stages; run it with: zoo run {source.name}"
                )
            self.tree = reading.merge(self.tree, source.content)
        self.options = [(self._full(key), text) for key, text in options]
        for key, text in self.options:
            reading.put(self.tree, key, reading.value(text))

    def _full(self, key: str) -> str:
        """The key with the `init_args` that LightningCLI lets one leave out."""
        here: Any = self.tree
        parts: list[str] = []
        for part in key.split("."):
            if isinstance(here, str) and re.fullmatch(r"\w+(\.\w+)+", here):
                here = {"class_path": here}
                reading.put(self.tree, ".".join(parts), here)
            if isinstance(here, dict) and "class_path" in here and part not in BLOCK:
                parts.append("init_args")
                here = here.get("init_args")
            parts.append(part)
            if isinstance(here, list):
                here = here[int(part)] if part.isdigit() and int(part) < len(here) else None
            else:
                here = here.get(part) if isinstance(here, dict) else None
        return ".".join(parts)

    def where(self, key: str) -> str:
        """Who wrote this key: the command line, or a file and its line."""
        for name, _ in reversed(self.options):
            if name == key or name.startswith(f"{key}.") or key.startswith(f"{name}."):
                return "on the command line"
        for source in reversed(self.sources):
            found = source.where(tuple(key.split(".")))
            if found is not None and tuple(key.split(".")) in source.lines:
                return f"in {found}"
        places = [source.where(tuple(key.split("."))) for source in reversed(self.sources)]
        return next((f"in {place}" for place in places if place), "in the recipe")

    def fail(self, key: str, text: str, more: str = "") -> Mistake:
        """The mistake at a key: what, where, and what would be right."""
        return Mistake("\n".join(filter(None, (f"{key}: {text}", f"  {self.where(key)}", more))))

    def check(self) -> None:
        """Every key, class and type, from the top.

        Raises:
            Mistake: the first thing that is wrong.
        """
        for key, item in self.tree.items():
            if key not in (*TOP, *MORE):
                hint = reading.near(key, TOP, "did you mean")
                raise self.fail(
                    key, f"a recipe has no key {key!r}{hint}", f"  it has: {', '.join(TOP)}"
                )
            if key in self.roots and item is not None:
                if not isinstance(item, Mapping):
                    raise self.fail(key, f"{item!r} is no mapping of arguments")
                self._arguments(self.roots[key], item, key)
            else:
                self._walk(item, key)
        self._files()

    def _walk(self, item: Any, key: str) -> None:
        if isinstance(item, Mapping) and "class_path" in item:
            self._block(item, key)
        elif isinstance(item, Mapping | list):
            pairs = item.items() if isinstance(item, Mapping) else enumerate(item)
            for name, below in pairs:
                self._walk(below, f"{key}.{name}")

    def _block(self, item: Mapping[str, Any], key: str) -> None:
        for name in item:
            if name not in BLOCK:
                hint = reading.near(name, BLOCK, "did you mean")
                say = f"a block has no key {name!r}{hint}"
                raise self.fail(f"{key}.{name}", say, "  arguments stand under init_args")
        path = item["class_path"]
        if not isinstance(path, str) or "." not in path:
            return
        made = find(path)
        if made is None:
            hint = reading.near(path, candidates(path), "did you mean")
            raise self.fail(f"{key}.class_path", f"no class {path!r}{hint}")
        given = item.get("init_args")
        if given is not None and not isinstance(given, Mapping):
            raise self.fail(f"{key}.init_args", f"{given!r} is no mapping of arguments")
        self._arguments(made, given or {}, f"{key}.init_args")

    def _arguments(self, made: Any, given: Mapping[str, Any], key: str) -> None:
        known = parameters(made)
        for name, item in given.items():
            if known is not None and name not in known:
                hint = reading.near(name, known, "did you mean")
                say = f"{made.__name__} has no argument {name!r}{hint}"
                raise self.fail(f"{key}.{name}", say, _listed(known))
            self._walk(item, f"{key}.{name}")
        plain = {name: item for name, item in given.items() if not _has_block(item)}
        for name, item in plain.items():
            problem = mistyped(made, name, item)
            if problem:
                raise self.fail(f"{key}.{name}", problem)

    def _files(self) -> None:
        start = (self.tree.get("model") or {}).get("init_from")
        remote = isinstance(start, str) and re.fullmatch(r"[\w.-]+/[\w.-]+(@\S+)?", start)
        if isinstance(start, str) and not (remote and not Path(start).is_dir()):
            try:
                release.resolve(start)
            except release.ReleaseError as error:
                raise self.fail("model.init_from", str(error)) from error
        path = self.tree.get("ckpt_path")
        if isinstance(path, str) and path not in KEYWORDS and not Path(path).exists():
            raise self.fail("ckpt_path", f"no checkpoint file {path!r}")

    def arguments(self) -> list[str]:
        """The options for LightningCLI; a key that steps into a list gives the whole list."""
        plain, lists = [], {}
        for key, text in self.options:
            parts = key.split(".")
            whole = next(
                (
                    ".".join(parts[:i])
                    for i in range(1, len(parts))
                    if isinstance(reading.get(self.tree, ".".join(parts[:i])), list)
                ),
                None,
            )
            if whole is None:
                plain.append(f"--{key}={text}")
            else:
                lists[whole] = f"--{whole}={json.dumps(reading.get(self.tree, whole))}"
        return [*plain, *lists.values()]


def find(path: str) -> Any:
    """The class or function that a dotted path names, or None."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ModuleNotFoundError, ValueError):
        return None
    return found if callable(found) else None


def candidates(path: str) -> list[str]:
    """Dotted paths of the classes in the packages that a wrong path goes through."""
    head = path.split(".")[:-1]
    while head:
        try:
            module = importlib.import_module(".".join(head))
        except (ModuleNotFoundError, ValueError):
            head = head[:-1]
            continue
        return [f"{module.__name__}.{name}" for name in _classes(module)] + _below(module)
    return []


def _classes(module: Any) -> list[str]:
    return [name for name, item in vars(module).items() if isinstance(item, type)]


def _below(package: Any) -> list[str]:
    """Classes of a package's modules, read from their text: importing them all would be slow."""
    found = []
    for one in pkgutil.walk_packages(getattr(package, "__path__", []), f"{package.__name__}."):
        if not package.__name__.startswith("zoo"):
            continue
        spec = importlib.util.find_spec(one.name)
        text = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        found += [f"{one.name}.{name}" for name in re.findall(r"^class (\w+)", text, re.M)]
    return found


def parameters(made: Any) -> list[str] | None:
    """Names of a callable's arguments; None when it takes any."""
    try:
        items = inspect.signature(made).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(item.kind is item.VAR_KEYWORD for item in items):
        return None
    return [item.name for item in items]


JUDGED: dict[tuple[Any, str, str], str | None] = {}
"""A chain has the same arguments hundreds of times, and each judgement builds a parser."""


def mistyped(made: Any, name: str, item: Any) -> str | None:
    """What is wrong with the type of one argument, in a line; None when nothing is."""
    case = (made, name, repr(item))
    if case not in JUDGED:
        JUDGED[case] = _judged(made, name, item)
    return JUDGED[case]


def _judged(made: Any, name: str, item: Any) -> str | None:
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    others = {other for other in parameters(made) or [] if other != name}
    add: Callable = (
        parser.add_class_arguments if isinstance(made, type) else parser.add_function_arguments
    )
    try:
        add(made, skip=others, fail_untyped=False)
        parser.parse_object({name: item})
    except jsonargparse.ArgumentError as error:
        # another argument that is required says nothing about this one
        return None if "are required" in str(error) else _wrong(shorten(str(error)), item)
    except ValueError:
        # an annotation that jsonargparse does not know; the whole parser will judge
        return None
    return None


def _wrong(text: str, item: Any) -> str:
    hint = reading.near(str(item), re.findall(r"'(\w+)'", text), "did you mean")
    return f"{text}, got {item!r}{hint}"


NOISE = re.compile(
    r"Does not validate|Subtypes|Errors:|Parser key|Given value|Problem with|"
    r"Expected a <class 'NoneType'>|Subclass types expect|a class path \(|a dict |Type "
)


def shorten(message: str) -> str:
    """The lines of jsonargparse's complaint that tell something, in one."""
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    told = dict.fromkeys(line for line in lines if line and not NOISE.match(line))
    text = "; or ".join(told) or message.splitlines()[0]
    text = re.sub(r"\.? Got value: .*", "", text)
    text = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", text)
    text = re.sub(r"(typing|collections\.abc)\.", "", text)
    return re.sub(r"Expected an? ", "expected ", text)[:300]


def complaint(message: str) -> tuple[str, str]:
    """Key and short text of a complaint of the whole parser."""
    keys = re.findall(r'Parser key "([^"]+)"', message)
    return (keys[0] if keys else ""), shorten(message)


def _has_block(item: Any) -> bool:
    if isinstance(item, Mapping):
        return "class_path" in item or any(_has_block(below) for below in item.values())
    return isinstance(item, list) and any(_has_block(below) for below in item)


def _listed(names: Iterable[str]) -> str:
    shown = [name for name in names if name != "self"]
    text = ", ".join(shown[:12])
    return f"  it takes: {text}{', ...' if len(shown) > 12 else ''}"
