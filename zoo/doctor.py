"""What the zoo finds on this machine: versions, devices, threads, cache, Hub, disk."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import zoo
from zoo import shelf

PACKAGES = (
    *("torch", "lightning", "torchmetrics", "jsonargparse", "huggingface_hub", "safetensors"),
    *("numpy", "h5py", "matplotlib"),
)
FREE = 2e9
"""Bytes below which generated data and checkpoints soon find no room."""


@dataclass(frozen=True)
class Finding:
    """One line: what, how it is, and what to do when it is not well."""

    name: str
    value: str
    remedy: str = ""

    @property
    def well(self) -> bool:
        """Whether there is nothing to do."""
        return not self.remedy


@dataclass(frozen=True)
class Findings:
    """All lines; prints as a table."""

    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether there is nothing to do at all."""
        return all(one.well for one in self.findings)

    def __str__(self) -> str:
        width = max(len(one.name) for one in self.findings)
        lines = []
        for one in self.findings:
            lines.append(f"{'ok ' if one.well else '!! '}{one.name:<{width}}  {one.value}")
            lines += [f"   {'':<{width}}  -> {one.remedy}"] if one.remedy else []
        return "\n".join(lines)


def doctor() -> Findings:
    """Look around; nothing is sent, nothing is changed, no secret is shown."""
    return Findings((*_versions(), *_devices(), *_places(), *_hub()))


def _versions() -> Iterator[Finding]:
    yield Finding("zoo", f"{zoo.__version__} in {Path(zoo.__file__).parent}")
    yield Finding("python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    for name in PACKAGES:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(name, "is not installed", "pip install physics-zoo")
            continue
        yield Finding(name, version, _outdated(name, version))


def _outdated(name: str, version: str) -> str:
    numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:3] if part.isdigit())
    if name == "lightning" and not (2, 6, 6) <= numbers < (2, 7):
        return "pip install 'lightning>=2.6.6,<2.7': older ones run code found in checkpoints"
    return ""


def _devices() -> Iterator[Finding]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = torch.get_num_threads()
    crowded = threads > (cores or 1)
    remedy = f"OMP_NUM_THREADS={cores}: more threads than cores are slow" if crowded else ""
    yield Finding("torch's build", str(torch.__version__))  # the package's version drops +cu...
    yield Finding("threads", f"{threads} on {cores} cores", remedy)
    count = torch.cuda.device_count()
    gpus = ", ".join(torch.cuda.get_device_name(i) for i in range(count))
    yield Finding("devices", gpus or "cpu only")


def _places() -> Iterator[Finding]:
    shipped = shelf.checkpoints()
    yield Finding("shelf", f"{len(shipped)} releases, {len(shelf.recipes())} recipes")
    folder = shelf.cache_dir()
    size = sum(entry.size for entry in shelf.cache_contents())
    writable = shelf.writable(folder)
    remedy = "" if writable else "set ZOO_CACHE to a folder that you may write to"
    yield Finding("cache", f"{folder}, {size / 1e6:.1f} MB", remedy)
    for name, place in (("disk of the cache", folder), ("disk of this folder", Path.cwd())):
        free = shutil.disk_usage(shelf.nearest(place)).free
        remedy = "" if free > FREE else f"make room: {FREE / 1e9:g} GB are soon used"
        yield Finding(name, f"{free / 1e9:.1f} GB free", remedy)


def _hub() -> Iterator[Finding]:
    from huggingface_hub import constants, get_token

    yield Finding("hub", constants.ENDPOINT + (", offline" if constants.HF_HUB_OFFLINE else ""))
    yield Finding("hub's cache", str(constants.HF_HUB_CACHE))
    yield Finding(
        "hub's token", "there is one" if get_token() else "none: enough for public models"
    )
