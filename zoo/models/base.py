"""What every model is: physical units in, physical units out, and a block that rebuilds it."""

import dataclasses
import difflib
import importlib
import importlib.util
import inspect
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from zoo.models.parts.normaliser import Normaliser
from zoo.pde.points.equation import PointEquation
from zoo.spin.energy import Energy

LAWS = {PointEquation: "zoo.pde.points.", Energy: "zoo.spin."}
"""What a model may hold that is no model, and where that comes from; nothing else is built."""


class BlockError(ValueError):
    """A model block that cannot be built: it names the key, the rule and the remedy."""


@dataclass(frozen=True)
class Interface:
    """What goes into a model and what comes out of it, by name and unit.

    Args:
        inputs: names of the input channels, in order.
        outputs: names of the output channels, in order.
        coefficients: names of the equation's coefficients, in order.
        units: unit of each channel and coefficient by name; "1" is dimensionless.
        box: physical side lengths; as many as there are space dimensions.
        boundary: "periodic" or the name of what holds at the sides.
        dt: time between frames in physical units; None for a steady problem.
        history: frames that go in.
        horizon: frames that come out.
        offset: frames from the last one that goes in to the first one that comes out.
        region: of a model that is a function of points, the closed interval of each input (a
            coordinate), then of each coefficient (a parameter); empty for models of whole fields,
            and then there is a box.
        colours: of a model of lattices of spins, how many states a spin has; the sides of the box
            are then numbers of sites. 0 for other models.
        temperature: of the lattices that such a model is trained on, k_B = 1; None where they are
            of no temperature.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    coefficients: tuple[str, ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    box: tuple[float, ...] = (1.0, 1.0)
    boundary: str = "periodic"
    dt: float | None = None
    history: int = 1
    horizon: int = 1
    offset: int = 1
    region: tuple[tuple[float, float], ...] = ()
    colours: int = 0
    temperature: float | None = None

    def __post_init__(self) -> None:
        """Make JSON's lists tuples, and refuse what names no channel."""
        for name in ("inputs", "outputs", "coefficients", "box"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("inputs", "outputs"):
            if not getattr(self, name):
                raise BlockError(f"interface.{name} is empty: a model needs at least one channel")
        for name in ("inputs", "outputs", "coefficients"):
            names = getattr(self, name)
            if len(set(names)) != len(names):
                raise BlockError(f"interface.{name}={list(names)} repeats a name; names are unique")
        for name in ("history", "horizon", "offset"):
            if getattr(self, name) < 1:
                raise BlockError(f"interface.{name}={getattr(self, name)}; at least one frame")
        object.__setattr__(self, "region", tuple(tuple(pair) for pair in self.region))
        if self.region:
            self._check_region()
        elif not 1 <= len(self.box) <= 3:
            raise BlockError(f"interface.box={list(self.box)} has {len(self.box)} sides; 1 to 3")
        self._check_spins()

    def _check_spins(self) -> None:
        if self.colours and (self.colours < 2 or any(n < 2 or n % 1 for n in self.box)):
            raise BlockError(
                f"interface.colours={self.colours}, box={list(self.box)}: a spin has at least 2 "
                "states, and the sides of its lattice are whole numbers of sites, at least 2"
            )
        if self.temperature is not None and not (self.colours and 0 < self.temperature < math.inf):
            raise BlockError(
                f"interface.temperature={self.temperature} must be finite and above 0, and only "
                f"models of spins have one (colours={self.colours})"
            )

    def _check_region(self) -> None:
        both = set(self.inputs) & set(self.coefficients)
        if both:
            raise BlockError(
                f"{sorted(both)} is a coordinate and a parameter; derivatives are by coordinates "
                "alone, so a name is one or the other"
            )
        names = (*self.inputs, *self.coefficients)
        if len(self.region) != len(names) or any(low >= high for low, high in self.region):
            raise BlockError(
                f"interface.region={[list(pair) for pair in self.region]} must hold an interval "
                f"[low, high] for each of {names}"
            )

    @property
    def dimension(self) -> int:
        """Number of space dimensions of a model of fields, of coordinates of one of points."""
        return len(self.inputs) if self.region else len(self.box)

    def slots(self, kind: Literal["inputs", "outputs", "coefficients"]) -> list[str]:
        """Labels of the channels of one kind as a model folds them: frames outermost.

        A frame is told by its place in time: 0 is the last one that goes in, 1 the next.
        """
        names = getattr(self, kind)
        frames = {
            "inputs": range(1 - self.history, 1),
            "outputs": range(self.offset, self.offset + self.horizon),
            "coefficients": range(1),
        }[kind]
        return [f"{kind}.{name}.{frame}" for frame in frames for name in names]


class Model(nn.Module):
    """An `nn.Module` from physical inputs to physical outputs that never knows how it is trained.

    Every constructor argument is kept as an attribute of the same name: `block` reads them there.
    """

    interface: Interface
    normaliser: Normaliser
    resolution: ClassVar[Literal["free", "fixed"]] = "free"
    released: dict[str, str]
    """Name and sha256 of the release it was loaded from; only a loaded model has it."""
    training_inputs: dict[str, Any] | None
    """What it was trained on (`zoo.trust`), None if not known; only a loaded model has it."""
    load_report: Any
    """What became of a release's channels; only an adapted model has it (`zoo.surgery`)."""

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Constructor arguments of a toy instance, for tests."""
        raise NotImplementedError(f"{cls.__name__}.tiny")

    def example(self, rng: torch.Generator) -> dict[str, Tensor]:
        """Physical inputs that `forward` takes, drawn from `rng`; the probe replays them."""
        raise NotImplementedError(f"{type(self).__name__}.example")

    def finish(self, rng: torch.Generator) -> None:
        """Set what training leaves free, such as the zero of an energy; called before a release."""

    def channel_axes(self) -> dict[str, dict[int, list[str]]]:
        """Which axes of which tensors run over named channels: tensor -> axis -> labels.

        Surgery by name reads it (`zoo.surgery`); labels come from `Interface.slots`.
        """
        axes = self.normaliser.channel_axes(self.interface)
        return {f"normaliser.{name}": {0: labels} for name, labels in axes.items()}


def block(module: object) -> dict[str, Any]:
    """The block that describes an object of ours: `class_path` and plain `init_args`."""
    cls = type(module)
    arguments = {}
    for name in _arguments(cls):
        if not hasattr(module, name):
            raise BlockError(f"{cls.__name__} keeps no attribute {name!r}; store each argument")
        arguments[name] = _plain(getattr(module, name), f"{cls.__name__}.{name}")
    for inner in arguments.values():
        # a model inside another one has its interface, which stands once
        given = inner.get("init_args", {}) if isinstance(inner, dict) else {}
        if "interface" in given and given["interface"] == arguments.get("interface"):
            del given["interface"]
    return {"class_path": f"{cls.__module__}.{cls.__qualname__}", "init_args": arguments}


def _arguments(cls: type) -> list[str]:
    """Names that the constructor takes; `nn.Module`'s own *args and **kwargs are none."""
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, nn.Module):
        return block(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name), where) for f in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item, where) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item, where) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__module__.startswith("zoo."):
        return block(value)
    raise BlockError(
        f"{where} is a {type(value).__name__}, which JSON cannot hold; use plain types"
    )


def build(
    described: Mapping[str, Any],
    expect: type = Model,
    allowed: tuple[str, ...] = ("zoo.models.",),
    around: Interface | None = None,
) -> Any:
    """Build the object that a block describes; nothing outside `allowed` is imported or called.

    An argument that is a law (`LAWS`) may be one of ours, whatever is allowed elsewhere.

    Args:
        described: a block, as `block` writes it.
        expect: the class that the built object must subclass.
        allowed: packages, each with its final dot, whose classes may be built.
        around: interface of the model around this one, for a model that names none.

    Raises:
        BlockError: the path is not the class's own, lies outside `allowed`, is no `expect`, or an
            argument is unknown or missing.
    """
    if not isinstance(described, Mapping) or set(described) - {"class_path", "init_args"}:
        raise BlockError(f"not a block: {described!r}; it holds class_path and init_args alone")
    cls = find(str(described.get("class_path")), expect, allowed)
    arguments = dict(described.get("init_args") or {})
    known, parameters = _arguments(cls), inspect.signature(cls).parameters
    for name in arguments:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it takes {known}"
            raise BlockError(f"{cls.__name__} has no argument {name!r}{hint}")
    if around is not None and "interface" in known:
        arguments.setdefault("interface", around)
    if isinstance(arguments.get("interface"), Mapping):
        arguments["interface"] = interface(arguments["interface"])
    face = arguments.get("interface")
    for name, value in arguments.items():
        plain = _dataclass(parameters[name].annotation)
        if plain is not None and isinstance(value, Mapping) and "class_path" not in value:
            arguments[name] = _filled(plain, value)
        else:
            taken = parameters[name].annotation
            arguments[name] = tupled(_built(value, allowed, taken, face), taken)
    return cls(**arguments)


def _dataclass(annotation: Any) -> type | None:
    """The plain dataclass that an argument takes, alone or beside None."""
    for kind in (annotation, *typing.get_args(annotation)):
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return kind
    return None


def _filled(kind: type, value: Mapping[str, Any]) -> Any:
    known = [f.name for f in dataclasses.fields(kind)]
    unknown = [key for key in value if key not in known]
    if unknown:
        raise BlockError(f"{kind.__name__} has no field {unknown[0]!r}; it has {known}")
    annotations = {f.name: f.type for f in dataclasses.fields(kind)}
    return kind(**{key: tupled(item, annotations[key]) for key, item in value.items()})


def tupled(value: Any, annotation: Any) -> Any:
    """A value as JSON gives it, with tuples where they are expected: JSON has none."""
    kinds = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        plain = [k for k in kinds if typing.get_origin(k) is not Literal]
        takes = [k for k in plain if isinstance(value, typing.get_origin(k) or object)]
        tuples = [k for k in kinds if typing.get_origin(k) is tuple and isinstance(value, list)]
        return tupled(value, next(iter(tuples or takes))) if tuples or takes else value
    if origin is tuple and isinstance(value, list | tuple):
        each = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else [*kinds]
        if len(each) != len(value):
            return tuple(value)  # the constructor says what is wrong with it
        return tuple(tupled(v, k) for v, k in zip(value, each, strict=True))
    if origin is list and isinstance(value, list):
        return [tupled(item, kinds[0]) for item in value]
    if origin is dict and isinstance(value, Mapping):
        return {key: tupled(item, kinds[1]) for key, item in value.items()}
    return value


def _built(
    value: Any, allowed: tuple[str, ...], taken: Any = None, around: Interface | None = None
) -> Any:
    if isinstance(value, Mapping) and "class_path" in value:
        for law, place in LAWS.items():
            if law in (taken, *typing.get_args(taken)):
                # a model may be built without storage; what a law has computed is no weight
                with torch.device("cpu"):
                    return build(value, law, (place, *allowed))
        return build(value, object, allowed, around)
    if isinstance(value, list | tuple):
        return [_built(item, allowed) for item in value]
    return value


def interface(described: Mapping[str, Any]) -> Interface:
    """The `Interface` that a block's plain dictionary describes; an unknown key is an error."""
    known = [f.name for f in dataclasses.fields(Interface)]
    unknown = [key for key in described if key not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, 1) or known
        raise BlockError(f"interface has no field {unknown[0]!r}; nearest: {near}")
    annotations = {f.name: f.type for f in dataclasses.fields(Interface)}
    fields: dict[str, Any] = {
        key: tupled(value, annotations[key]) for key, value in described.items()
    }
    return Interface(**fields)


def find(path: str, expect: type = object, allowed: tuple[str, ...] = ("zoo.models.",)) -> type:
    """The class that a dotted path names, if it is that class's own path and lies in `allowed`.

    A prefix alone is no guard: `zoo.release.os.system` has it too. So the module is imported only
    when its name is in an allowed package, and the class's own module and name must equal the path.
    """
    if not path.startswith(allowed):
        raise BlockError(f"class_path {path!r} lies outside {list(allowed)}; it is not built")
    module_name, _, name = path.rpartition(".")
    parent, _, leaf = module_name.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")):
        raise BlockError(f"class_path {path!r} is not a dotted name")
    try:
        spec = importlib.util.find_spec(module_name)
    except (ModuleNotFoundError, ValueError):
        spec = None
    if spec is None:
        raise BlockError(f"class_path {path!r}: no module {module_name!r} ({leaf} in {parent})")
    cls = getattr(importlib.import_module(module_name), name, None)
    own = isinstance(cls, type) and f"{cls.__module__}.{cls.__qualname__}" == path
    if not own or not isinstance(cls, type):
        raise BlockError(f"class_path {path!r} is not the own path of a class in {module_name}")
    if not issubclass(cls, expect):
        raise BlockError(f"class_path {path!r} is no {expect.__name__}")
    return cls
