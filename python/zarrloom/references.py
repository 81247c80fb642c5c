"""Arrays that lie in files of other formats, told by references (as kerchunk writes them)."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from zarrloom import _core
from zarrloom.errors import MetadataError, UnsupportedError
from zarrloom.stores import Store, StoreLike, to_store

Row = tuple[str, str, bytes, int, int]  # key, url, bytes, offset, length (-1: all of it)


class ReferenceStore(Store):
    """A read-only store whose objects are ranges of other objects.

    kerchunk's JSON (versions 0 and 1) and its parquet folders are understood. Open only references
    that you trust: they may name any file that you may read.

    Parameters
    ----------
    refs : str, os.PathLike or mapping
        A file of JSON or a folder of parquet files, as a path or a ``reference://`` URL, or the
        references themselves. Parquet needs pyarrow or fastparquet; the references of an array are
        read when it is opened.
    remote : str, os.PathLike or Store, optional
        Where targets without a scheme lie. Default: they are paths, relative to the folder of
        `refs`, or to the working directory for a mapping.

    Raises
    ------
    NodeNotFoundError
        There are no such references.
    MetadataError, UnsupportedError
        They are malformed, or have something that is not known: "gen", templates that are
        functions. A target that is missing, or of an unknown scheme, fails where it is read.
    """

    def __init__(
        self,
        refs: str | os.PathLike[str] | Mapping[str, Any],
        *,
        remote: StoreLike | None = None,
    ) -> None:
        self._remote = None if remote is None else to_store(remote)
        self._refs = refs if isinstance(refs, Mapping) else _absolute(os.fspath(refs))
        native_remote = None if self._remote is None else self._remote._native
        self._tables: _Tables | None = None
        if isinstance(self._refs, Mapping):
            made = _core.make_reference_store("", os.getcwd(), native_remote)
            made.add_json(json.dumps(self._refs))
            super().__init__(made)
        elif os.path.isdir(self._refs):
            made = _core.make_reference_store(
                self._refs, os.path.dirname(self._refs), native_remote
            )
            self._tables = _Tables(self._refs, made)
            super().__init__(made)
        else:
            super().__init__(_core.open_reference_store(self._refs, native_remote))

    def read(self, key: str) -> bytes | None:
        self._prepare(key.rpartition("/")[0])
        return super().read(key)

    def exists(self, key: str) -> bool:
        self._prepare(key.rpartition("/")[0])
        return super().exists(key)

    def list(self, prefix: str = "") -> list[str]:
        if self._tables is not None:
            self._tables.load_below(prefix)
        return super().list(prefix)

    def _prepare(self, path: str) -> None:
        if self._tables is not None:
            self._tables.load(path)

    def __reduce__(self) -> Any:
        return _reference_store, (self._refs, self._remote)


def _reference_store(refs: Any, remote: Store | None) -> ReferenceStore:
    return ReferenceStore(refs, remote=remote)


def _absolute(path: str) -> str:
    return os.path.abspath(path.removeprefix("reference://"))


class _Tables:
    """kerchunk's folder of parquet files: ``array/refs.N.parq`` has the N-th rows of an array."""

    def __init__(self, folder: str, native: _core.ReferenceStore) -> None:
        self._folder = folder
        self._native = native
        self._lock = threading.Lock()
        document = _document(folder)
        self._rows_per_file = int(document["record_size"])
        metadata: dict[str, Any] = document["metadata"]
        # Guarded by _lock: the arrays whose references are not read yet, with their metadata.
        self._waiting = {
            key.removesuffix("/.zarray"): value
            for key, value in metadata.items()
            if key.endswith("/.zarray")
        }
        native.add([(key, "", json.dumps(value).encode(), 0, 0) for key, value in metadata.items()])

    def load(self, path: str) -> None:
        with self._lock:
            if path in self._waiting:
                self._native.add(list(self._rows(path, self._waiting[path])))
                del self._waiting[path]

    def load_below(self, prefix: str) -> None:
        for path in list(self._waiting):
            if not prefix or path == prefix or path.startswith(f"{prefix}/"):
                self.load(path)

    def _rows(self, path: str, metadata: Mapping[str, Any]) -> Iterator[Row]:
        counts = [
            math.ceil(extent / chunk)
            for extent, chunk in zip(metadata["shape"], metadata["chunks"], strict=True)
        ]
        separator = metadata.get("dimension_separator", ".")
        for first in range(0, math.prod(counts), self._rows_per_file):
            file = f"{self._folder}/{path}/refs.{first // self._rows_per_file}.parq"
            if os.path.exists(file):  # else none of these chunks is there
                yield from _references(file, path, first, counts, separator)


def _document(folder: str) -> dict[str, Any]:
    try:
        with open(f"{folder}/.zmetadata", encoding="utf-8") as file:
            document: dict[str, Any] = json.load(file)
        document["record_size"], document["metadata"]
    except FileNotFoundError:
        raise MetadataError(
            f"reference://{folder}: a folder of references has a .zmetadata"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise MetadataError(f"reference://{folder}/.zmetadata: {error!r}") from None
    return document


def _references(
    file: str, path: str, first: int, counts: list[int], separator: str
) -> Iterator[Row]:
    columns = _read_parquet(file)
    rows = zip(*(columns[name] for name in ("path", "offset", "size", "raw")), strict=True)
    for number, (url, offset, size, raw) in enumerate(rows, first):
        if number >= math.prod(counts):
            return  # files are filled up to their number of rows
        index = np.unravel_index(number, counts) if counts else (0,)
        key = f"{path}/{separator.join(map(str, index))}"
        if raw is not None:
            yield key, "", bytes(raw), 0, 0
        elif url is not None:
            whole = offset == 0 and size == 0
            yield key, url, b"", int(offset), -1 if whole else int(size)


def _read_parquet(file: str) -> dict[str, list[Any]]:
    """Read a file as columns of Python values, None where there is none."""
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        return _read_fastparquet(file)
    columns: dict[str, list[Any]] = parquet.read_table(file).to_pydict()
    return columns


def _read_fastparquet(file: str) -> dict[str, list[Any]]:
    try:
        fastparquet: Any = import_module("fastparquet")
    except ImportError:
        raise UnsupportedError(f"{file}: reading it needs pyarrow or fastparquet") from None
    frame = fastparquet.ParquetFile(file).to_pandas()
    return {
        name: [None if value != value else value for value in frame[name].astype(object)]
        for name in frame.columns
    }
