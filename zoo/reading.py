"""YAML files as users write them: where each key stands, merged from left to right, set by path."""

import copy
import dataclasses
import difflib
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str, ...]
LOADS = "zoo.from_pretrained"


class Mistake(Exception):
    """Something wrong in what a user wrote; at most five lines, exit code 2, nothing was built."""


class _Loader(yaml.SafeLoader):
    """Safe YAML 1.1 in which `1e-3` is a number, as it is for LightningCLI."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)
# an integer must not become a float: the resolver for int comes first for the same letters
for letters in "-+0123456789":
    rules = _Loader.yaml_implicit_resolvers[letters]
    rules.sort(key=lambda rule: rule[0] != "tag:yaml.org,2002:int")


@dataclass(frozen=True)
class Source:
    """A file's content, and the line on which each key stands."""

    name: str
    content: dict[str, Any]
    lines: dict[Key, int]
    path: str = ""

    def where(self, key: Key) -> str | None:
        """`file, line n` of a key or of its nearest parent that is written here; None without."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.lines:
                return f"{self.name}, line {self.lines[key[:length]]}"
        return None


def value(text: str) -> Any:
    """What a text on the command line means, read as YAML."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError:
        return text


def read(path: str | Path, name: str | None = None) -> Source:
    """A YAML file; refuses tags, repeated keys and whatever is no mapping.

    Raises:
        Mistake: the file is missing or cannot be read, with the nearest file name.
    """
    path, name = Path(path), name or str(path)
    if not path.is_file():
        raise Mistake(f"no file {name}{near(path.name, siblings(path), 'did you mean')}")
    return dataclasses.replace(parse(path.read_text(encoding="utf-8"), name), path=str(path))


def parse(text: str, name: str) -> Source:
    """As `read`, from a text."""
    found = _parsed(text, name)
    # a chain reads a few recipes thousands of times; what it gets is its own to change
    return dataclasses.replace(found, content=copy.deepcopy(found.content))


@functools.lru_cache(maxsize=256)
def _parsed(text: str, name: str) -> Source:
    try:
        node = yaml.compose(text, _Loader)
        content = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise Mistake(f"{name}{line}: {str(problem).splitlines()[0]}") from error
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise Mistake(f"{name} holds a {type(content).__name__}; a recipe is a mapping of keys")
    return Source(name, content, dict(_lines(node, (), name)))


def _lines(node: yaml.Node | None, key: Key, name: str) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for child, below in node.value:
            line = child.start_mark.line + 1
            if child.value in seen:
                raise Mistake(
                    f"{name}, line {line}: {'.'.join((*key, child.value))} stands twice "
                    f"(first on line {seen[child.value]}); keep one"
                )
            seen[child.value] = line
            yield (*key, child.value), line
            yield from _lines(below, (*key, child.value), name)
    elif isinstance(node, yaml.SequenceNode):
        for i, below in enumerate(node.value):
            yield (*key, str(i)), below.start_mark.line + 1
            yield from _lines(below, (*key, str(i)), name)


def siblings(path: Path) -> list[str]:
    """Names of YAML files in the same folder."""
    return sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []


def near(word: str, known: Any, say: str) -> str:
    """`; did you mean 'width'?`, or nothing when no known word is close."""
    found = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f"; {say} {found[0]!r}?" if found else ""


def merge(below: Any, above: Any) -> Any:
    """`above` laid over `below`, mappings key by key, everything else replaced.

    A block of another class drops the earlier block's arguments.
    """
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return copy.deepcopy(above)
    path = above.get("class_path")
    if path is not None and "class_path" in below and path != below["class_path"]:
        return copy.deepcopy(dict(above))
    result = {key: copy.deepcopy(item) for key, item in below.items()}
    for key, item in above.items():
        result[key] = merge(result.get(key), item)
    return result


def get(tree: Any, key: str) -> Any:
    """The value at a dotted key; a number steps into a list. KeyError when it is not there."""
    for part in key.split("."):
        if isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        elif isinstance(tree, Mapping) and part in tree:
            tree = tree[part]
        else:
            raise KeyError(key)
    return tree


def put(tree: dict[str, Any], key: str, item: Any) -> None:
    """Set a dotted key, making mappings on the way; a number steps into a list that is there.

    Raises:
        Mistake: a list has no such entry, or the way leads through a plain value.
    """
    *way, last = key.split(".")
    here: Any = tree
    for i, part in enumerate(way):
        here = _step(here, part, ".".join(way[: i + 1]), key)
    if isinstance(here, list):
        _step(here, last, key, key)
        here[int(last)] = copy.deepcopy(item)
    else:
        here[last] = copy.deepcopy(item)


def _step(here: Any, part: str, sofar: str, key: str) -> Any:
    if isinstance(here, list):
        if not part.isdigit() or int(part) >= len(here):
            raise Mistake(f"{key}: the list at {sofar} has {len(here)} entries, counted from 0")
        return here[int(part)]
    if not isinstance(here, dict):
        raise Mistake(f"{key}: {sofar} lies inside {here!r}, which has no keys")
    if here.get(part) is None:
        here[part] = {}
    if not isinstance(here[part], dict | list):
        raise Mistake(f"{key}: {sofar} is {here[part]!r}, which has no keys")
    return here[part]


def starts(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Where a recipe names a release, and which: `model.init_from`, and every block that loads one.

    Args:
        tree: a recipe, or a part of it.
        key: the dotted key of that part.
    """
    if isinstance(tree, Mapping):
        x = (tree.get("init_args") or {}).get("x") if tree.get("class_path") == LOADS else None
        if isinstance(x, str):
            yield f"{key}.init_args.x".lstrip("."), x
        if key == "model" and isinstance(tree.get("init_from"), str):
            yield "model.init_from", tree["init_from"]
        pairs = list(tree.items())
    else:
        pairs = list(enumerate(tree)) if isinstance(tree, list) else []
    for name, item in pairs:
        yield from starts(item, f"{key}.{name}".lstrip("."))
