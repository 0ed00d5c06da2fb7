"""Imports point down only."""

import ast
from pathlib import Path

import zoo

ROOT = Path(zoo.__file__).parent
LAYERS = [
    {"shelf", "reading"},
    {"ops", "optim"},
    {"pde", "spin"},
    {"models"},
    {"objectives", "data", "metrics"},
    {"figures"},
    {"plots"},
    {
        "release",
        "hub",
        "hubserver",
        "weights",
        "surgery",
        "card",
        "readme",
        "ship",
        "verify",
        "manifest",
        "trust",
        "pack",
        "compare",
        "doctor",
    },
    {"task", "predict", "matching"},
    {"recipe", "allowlist", "parsing", "fitting", "checkpointing", "bar"},
    {"cli", "__main__", "__init__"},
]


def rank(module: str) -> int:
    name = module.split(".")[1] if "." in module else "__init__"
    # a module belongs where the start of its name belongs: card_snippet to card
    fits = [(len(w), i) for i, layer in enumerate(LAYERS) for w in layer if name.startswith(w)]
    return max(fits, default=(0, len(LAYERS) - 1))[1]


def imports(path: Path) -> set[str]:
    tree, found = ast.parse(path.read_text()), set()
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def arrows() -> list[tuple[str, str]]:
    result = []
    for path in sorted(ROOT.rglob("*.py")):
        own = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        result += [(own, name) for name in imports(path)]
    return result


def test_no_arrow_points_up():
    up = [
        (own, name)
        for own, name in arrows()
        if name.startswith("zoo.") and name not in ("zoo.__version__",) and rank(name) > rank(own)
    ]
    assert up == []


def test_objectives_and_data_never_import_each_other():
    pairs = [
        (own, name)
        for own, name in arrows()
        for a, b in (("objectives", "data"), ("data", "objectives"))
        if own.startswith(f"zoo.{a}.") and name.startswith(f"zoo.{b}.")
    ]
    assert pairs == []


def test_lightning_is_absent_below_data():
    low = ("zoo.ops.", "zoo.pde.", "zoo.spin.", "zoo.models.", "zoo.objectives.")
    pairs = [(o, n) for o, n in arrows() if o.startswith(low) and n.startswith("lightning")]
    assert pairs == []


def test_the_reader_of_imports_sees_an_arrow():
    assert ("zoo.data.steady", "zoo.pde.box.Box") in arrows()
