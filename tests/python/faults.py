"""What the tests of faults share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import zarrloom

Meta = dict[str, Any]


def make(path: Path, **kwargs: Any) -> zarrloom.Array:
    options: dict[str, Any] = {"shape": (10,), "chunks": (5,), "dtype": "int32"}
    array = zarrloom.create_array(path, **{**options, **kwargs})
    array[...] = np.arange(1, array.size + 1).reshape(array.shape)
    return array


def edit(path: Path, change: Callable[[Meta], None], name: str = "zarr.json") -> None:
    document = json.loads((path / name).read_text())
    change(document)
    (path / name).write_text(json.dumps(document))
