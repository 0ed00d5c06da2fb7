"""References that take more than a second are computed once a machine."""

import hashlib
import json
from collections.abc import Callable, Mapping

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from zoo import shelf


def stored(name: str, spec: Mapping[str, float], make: Callable[[], Tensor]) -> Tensor:
    """The tensor that `make` returns, read from the cache folder if it was made before.

    Written under a temporary name and renamed; a damaged file is made again.

    Args:
        name: begins the file's name.
        spec: all that the tensor depends on; another spec is another file.
        make: computes the tensor.
    """
    text = json.dumps(dict(spec), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:20]
    path = shelf.cache_dir() / "references" / f"{name}-{digest}.safetensors"
    try:
        return load_file(path)["reference"]
    except (FileNotFoundError, KeyError, SafetensorError):
        value = make().contiguous()
    # a cache that cannot be written (a read-only home) costs time and nothing else
    if shelf.writable(path.parent):
        with shelf.atomic_write(path) as part:
            save_file({"reference": value}, part, {"spec": text})
    return value
