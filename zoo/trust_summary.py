"""What the inputs of a training were like: cheap summaries that a release stores."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from zoo import card, manifest, release
from zoo.data.mixture import Mixture
from zoo.data.order import Share
from zoo.models.base import Interface, build
from zoo.shelf import ReleaseError
from zoo.trust_measures import Spectrum, amplitudes, shares

SAMPLES, CHUNK = 250, 8
NUMBERS = 200_000_000
"""Most values of a system that are looked at: large fields are told by fewer samples."""
VALUES = 4096
"""Values that a sample gives to the quantiles of each channel."""
QUANTILES = (0.001, 0.999)
PACKAGES = ("zoo.data.", "zoo.pde.")


def summary(
    data: Any, interface: Interface, samples: int = SAMPLES, seed: int = 0
) -> dict[str, Any] | None:
    """What the training inputs were like, by system, as plain values; None for points and spins.

    Of each channel: least, greatest, mean and rms value, the quantiles 0.1 % and 99.9 %, least and
    greatest rms of a sample, mean and spread over samples of the energy by shell of wave numbers,
    and least and greatest share of each octave. Of each coefficient: its interval. Windows and
    augmentations are those of the training's first epoch.

    Args:
        data: the data module of the training.
        interface: of the model.
        samples: of each system, at most; chosen by the seed.
        seed: of the choice.
    """
    if not isinstance(data, Mixture) or interface.region or interface.colours:
        return None
    loader, systems = data.train_dataloader(), {}
    spectrum = Spectrum.of(interface.box, [tuple(item.shape()) for item in data.sets])
    for number, item in enumerate(data.sets):
        total = len(data.split("train")[number])
        if not total:
            continue
        size = interface.history * len(interface.inputs) * int(np.prod(item.shape()))
        count = max(CHUNK, min(samples, NUMBERS // size))
        chosen = np.random.default_rng((seed, number)).permutation(total)[:count]
        parts = [
            loader.dataset[Share([(number, int(i)) for i in chosen[at : at + CHUNK]])]
            for at in range(0, len(chosen), CHUNK)
        ]
        systems[item.name] = {
            "samples": len(chosen),
            "grid": list(item.shape()),
            "channels": _channels(parts, interface.inputs, spectrum, seed),
            "coefficients": dict(_intervals(parts, data, item, interface.coefficients)),
        }
    if not systems:
        return None
    return {
        "box": list(interface.box),
        "dt": interface.dt,
        "wave_number_step": _short(spectrum.step),
        "shells": spectrum.shells,
        "systems": systems,
    }


def _channels(
    parts: list[dict[str, Tensor]], names: tuple[str, ...], spectrum: Spectrum, seed: int
) -> dict[str, Any]:
    sizes = [amplitudes(part["u"]) for part in parts]
    each = {key: torch.cat([size[key] for size in sizes]) for key in sizes[0]}
    energy = torch.cat([spectrum.energy(part["u"]) for part in parts])
    bands = list(spectrum.bands())
    share, rng = shares(energy, bands), np.random.default_rng((seed, 1))
    mean = torch.cat([part["u"].double().transpose(1, 2).flatten(2).mean(2) for part in parts])
    found = {}
    for c, name in enumerate(names):
        values = np.concatenate([_some(row[:, c], rng) for part in parts for row in part["u"]])
        least, greatest = share[:, c].amin(0), share[:, c].amax(0)
        found[name] = {
            "least": _short(each["least"][:, c].min()),
            "greatest": _short(each["greatest"][:, c].max()),
            "mean": _short(mean[:, c].mean()),
            "rms": _short(each["rms"][:, c].square().mean().sqrt()),
            "quantiles": [_short(q) for q in np.quantile(values, QUANTILES)],
            "rms_of_samples": [_short(each["rms"][:, c].min()), _short(each["rms"][:, c].max())],
            "energy": [_short(value) for value in energy[:, c].mean(0)],
            "spread": [_short(value) for value in energy[:, c].std(0, correction=0)],
            "bands": [
                [*band, _short(low), _short(high)]
                for band, low, high in zip(bands, least, greatest, strict=True)
            ],
        }
    return found


def _some(field: Tensor, rng: np.random.Generator) -> np.ndarray:
    values = field.flatten().numpy()
    return values if len(values) <= VALUES else rng.choice(values, VALUES, replace=False)


def _intervals(
    parts: list[dict[str, Tensor]], data: Mixture, item: Any, names: tuple[str, ...]
) -> Iterator[tuple[str, list[float]]]:
    """What the model was given of each coefficient: the set's interval, or what it was filled with.

    Augmentations may have changed it, so what was seen counts too.
    """
    p = torch.cat([part["p"] for part in parts])
    for name in names:
        seen = p[:, data.coefficients.index(name)]
        ends = [float(seen.min()), float(seen.max())]
        if name in item.coefficients:
            low, high = item.ranges[name]
            ends = [min(ends[0], low), max(ends[1], high)]
        yield name, [_short(end) for end in ends]


def _short(value: Any) -> float:
    """Six digits are enough for a range."""
    return float(f"{float(value):.6g}")


def summarise(folder: str | Path, samples: int = SAMPLES) -> dict[str, Any]:
    """Write a release's `training_inputs` anew, from the data block of its recipe or its figures.

    Only as many training samples are generated as are looked at, from the same seeds.

    Args:
        folder: the release, or a shipped name.
        samples: of each system, at most.

    Raises:
        ReleaseError: the release does not say what it was trained on, or not on fields.
    """
    folder = release.resolve(folder)
    config, block = release.describe(folder), _block(folder)
    from zoo.models.base import interface

    face = interface(config["model"]["init_args"]["interface"])
    found = summary(build(_fewer(block, samples), Mixture, PACKAGES), face, samples)
    if found is None:
        raise ReleaseError(f"{folder} takes no fields, so there is nothing to summarise")
    manifest.write(folder, config | {manifest.TRAINED: manifest.plain(found, manifest.TRAINED)})
    card.refresh(folder)
    return found


def _block(folder: Path) -> Mapping[str, Any]:
    path = folder / "recipe.yaml"
    recipe = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    blocks = [recipe.get("data"), *(entry["data"] for entry in release.figures(folder))]
    for block in blocks:
        if isinstance(block, Mapping) and block.get("class_path"):
            return {key: block[key] for key in ("class_path", "init_args")}
    raise ReleaseError(
        f"{folder} has no data block in recipe.yaml or metrics.json, so its training inputs "
        "cannot be made again; train it again, or release it with training_inputs"
    )


def _fewer(block: Mapping[str, Any], samples: int) -> dict[str, Any]:
    """The block with no more training samples than are looked at, and none for other splits."""
    arguments = dict(block["init_args"])
    if arguments.get("limit") is not None:
        arguments["limit"] = min(arguments["limit"], samples)
    arguments["sets"] = [
        {**one, "init_args": {**one["init_args"], **_counts(one["init_args"], samples)}}
        for one in arguments["sets"]
    ]
    return {"class_path": block["class_path"], "init_args": arguments}


def _counts(arguments: Mapping[str, Any], samples: int) -> dict[str, int]:
    """Of generated data, whose counts are whole numbers; files are as long as they are."""
    train = arguments.get("train")
    if not isinstance(train, int):
        return {}
    return {"train": min(train, samples), "validation": 0, "test": 0}
