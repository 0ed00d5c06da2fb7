"""A model zoo for physics: pretrained neural operators in physical units.

`from_pretrained`, `list_models`, `push_to_hub` and `save_pretrained` are loaded when first used,
so that `import zoo` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.release import from_pretrained, list_models, push_to_hub, save_pretrained

__version__ = "0.1.0"
__all__ = ["__version__", "from_pretrained", "list_models", "push_to_hub", "save_pretrained"]


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}; it has {__all__}")
    return getattr(import_module("zoo.release"), name)


def __dir__() -> list[str]:
    return __all__
