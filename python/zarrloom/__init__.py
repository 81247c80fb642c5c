"""Parallel Zarr arrays from a C++ core."""

from __future__ import annotations

from importlib.metadata import version as _version

from zarrloom.append import AppendStream
from zarrloom.array import Array
from zarrloom.chunk_map import ChunkMap
from zarrloom.config import config
from zarrloom.conversion import convert
from zarrloom.copying import copy_array
from zarrloom.creation import create_array, load, open_array, save
from zarrloom.errors import (
    CancelledError,
    ChunkError,
    ChunkErrors,
    ConflictError,
    CorruptDataError,
    DeadlineError,
    FunctionError,
    InvalidArgumentError,
    MetadataError,
    NodeExistsError,
    NodeNotFoundError,
    OutOfMemoryError,
    PermissionDeniedError,
    ReadOnlyError,
    SelectionError,
    StorageError,
    UnsupportedError,
    ZarrloomError,
)
from zarrloom.extensions import register_codec, register_data_type
from zarrloom.group import Group
from zarrloom.hierarchies import (
    consolidate_metadata,
    create_group,
    create_hierarchy,
    open,
    open_group,
)
from zarrloom.reduction import reduce
from zarrloom.references import ReferenceStore
from zarrloom.remote import HttpStore, S3Store
from zarrloom.statistics import Trace, stats, trace
from zarrloom.stores import FileStore, MemoryStore, Store, ZipStore
from zarrloom.stream import ChunkStream
from zarrloom.writing import Batch, WriteReport

__version__ = _version("zarrloom")

__all__ = [
    "AppendStream",
    "Array",
    "Batch",
    "CancelledError",
    "ChunkError",
    "ChunkErrors",
    "ChunkMap",
    "ChunkStream",
    "ConflictError",
    "CorruptDataError",
    "DeadlineError",
    "FileStore",
    "FunctionError",
    "Group",
    "HttpStore",
    "InvalidArgumentError",
    "MemoryStore",
    "MetadataError",
    "NodeExistsError",
    "NodeNotFoundError",
    "OutOfMemoryError",
    "PermissionDeniedError",
    "ReadOnlyError",
    "ReferenceStore",
    "S3Store",
    "SelectionError",
    "StorageError",
    "Store",
    "Trace",
    "UnsupportedError",
    "WriteReport",
    "ZarrloomError",
    "ZipStore",
    "config",
    "consolidate_metadata",
    "convert",
    "copy_array",
    "create_array",
    "create_group",
    "create_hierarchy",
    "load",
    "open",
    "open_array",
    "open_group",
    "reduce",
    "register_codec",
    "register_data_type",
    "save",
    "stats",
    "trace",
]
