"""What is discovered is tested: the concrete classes of a package, found by walking it."""

import importlib
import inspect
import pkgutil


def classes(package: str, base: type) -> list[type]:
    """Concrete subclasses of `base` that are defined below `package`, by name."""
    found = {}
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        for value in vars(importlib.import_module(info.name)).values():
            if (
                inspect.isclass(value)
                and issubclass(value, base)
                and value.__module__ == info.name
                and not inspect.isabstract(value)
            ):
                found[value.__name__] = value
    return [found[name] for name in sorted(found)]
