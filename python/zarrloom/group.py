"""The handle on a group."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from zarrloom import _core
from zarrloom.array import Array
from zarrloom.attributes import Attributes, to_json
from zarrloom.creation import array_spec, write_empty_chunks
from zarrloom.errors import InvalidArgumentError
from zarrloom.stores import Store
from zarrloom.tree import Tree, make_tree

Native = _core.Array | _core.Group


class Group:
    """A Zarr group: arrays and groups by name. Opened by `zarrloom.open_group`.

    Paths are relative to the group, "a/b" for what lies in the group "a" of it. One handle may be
    used from any number of threads, and be pickled to other processes if its store can be.

    With consolidated metadata in use, what lies in the group is what lay there when it was opened.
    A change through this group, or through anything that came out of it, erases the stored
    consolidated metadata first, so that nobody finds it untrue: write it again by
    `consolidate_metadata` when you are done.
    """

    def __init__(self, native: _core.Group, store: Store, write_empty_chunks: bool = False) -> None:
        self._native = native
        self._store = store
        self._write_empty_chunks = write_empty_chunks

    def _wrap(self, native: Native) -> Array | Group:
        kind = Array if isinstance(native, _core.Array) else Group
        return kind(native, self._store, self._write_empty_chunks)  # type: ignore[arg-type]

    def __reduce__(self) -> Any:
        arguments = (self.zarr_format, self.read_only, self._write_empty_chunks)
        return _open_pickled, (self._store, self.path, *arguments, self._native.consolidated_at)

    # ---- What it is ----

    @property
    def store(self) -> Store:
        """Where it lies."""
        return self._store

    @property
    def path(self) -> str:
        """Its path in the store, "" at the root."""
        return self._native.path

    @property
    def name(self) -> str:
        """The path with a leading slash."""
        return "/" + self.path

    @property
    def basename(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def zarr_format(self) -> int:
        """2 or 3."""
        return self._native.zarr_format

    @property
    def read_only(self) -> bool:
        """Whether changes are refused."""
        return self._native.read_only

    @property
    def attrs(self) -> Attributes:
        """The attributes; changes are stored at once."""
        return Attributes(self._native)

    @property
    def is_consolidated(self) -> bool:
        """Whether what lies in it is known from consolidated metadata."""
        return self._native.is_consolidated

    @property
    def info(self) -> str:
        """A table of what it is, for people to read."""
        entries = self._native.members(0)
        arrays = sum(entry.is_array for entry in entries)
        rows = {
            "Place": self._native.store.locate(self.path),
            "Zarr format": self.zarr_format,
            "Read-only": self.read_only,
            "Consolidated": self.is_consolidated,
            "Arrays in it": arrays,
            "Groups in it": len(entries) - arrays,
        }
        return "\n".join(f"{name:17}: {value}" for name, value in rows.items())

    def __repr__(self) -> str:
        return f"<zarrloom.Group {self._native.store.locate(self.path)}>"

    # ---- What lies in it ----

    def __getitem__(self, path: str) -> Array | Group:
        """Open the array or group at a path.

        Raises
        ------
        NodeNotFoundError
            There is nothing; the error tells what is there. It is a KeyError too.
        """
        return self._wrap(self._native.at(_path(path)))

    def get(self, path: str, default: Any = None) -> Any:
        """Open what lies at a path; `default` if there is nothing."""
        native = self._native.find(_path(path))
        return default if native is None else self._wrap(native)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._native.contains(_path(path))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._native.members(0))

    def _below(self, entry: _core.NodeEntry) -> str:
        return entry.path[len(self.path) + 1 :] if self.path else entry.path

    def keys(self) -> list[str]:
        """Give the names of what lies directly in it, sorted."""
        return [self._below(entry) for entry in self._native.members(0)]

    def members(self, max_depth: int | None = 0) -> list[tuple[str, Array | Group]]:
        """Open what lies in it, by path.

        The metadata of each level of the tree is read with many requests in flight; with
        consolidated metadata nothing is read.

        Parameters
        ----------
        max_depth : int or None, default 0
            0: what lies directly in it; 1: also what lies in its groups; None: everything.

        Raises
        ------
        UnsupportedError, MetadataError
            An array that cannot be opened. `tree` and the names show it all the same.
        """
        entries = self._native.members(max_depth)
        return [(self._below(e), self._wrap(self._native.open_member(e))) for e in entries]

    def items(self) -> list[tuple[str, Array | Group]]:
        """Open what lies directly in it: ``members()``."""
        return self.members()

    def values(self) -> list[Array | Group]:
        """Open what lies directly in it, without names."""
        return [node for _, node in self.members()]

    def arrays(self) -> list[tuple[str, Array]]:
        """Open the arrays that lie directly in it, by name."""
        return [(name, node) for name, node in self.members() if isinstance(node, Array)]

    def groups(self) -> list[tuple[str, Group]]:
        """Open the groups that lie directly in it, by name."""
        entries = [entry for entry in self._native.members(0) if not entry.is_array]
        opened = [(self._below(e), self._wrap(self._native.open_member(e))) for e in entries]
        return [(name, node) for name, node in opened if isinstance(node, Group)]

    def array_keys(self) -> list[str]:
        """Give the names of the arrays that lie directly in it."""
        return [self._below(entry) for entry in self._native.members(0) if entry.is_array]

    def group_keys(self) -> list[str]:
        """Give the names of the groups that lie directly in it."""
        return [self._below(entry) for entry in self._native.members(0) if not entry.is_array]

    def tree(self, max_depth: int | None = None) -> Tree:
        """Show what lies in it: in colours by rich, if that is installed and this is a terminal.

        Parameters
        ----------
        max_depth : int or None, optional
            As in `members`. Default: everything.
        """
        nodes = [
            (self._below(e), e.is_array, json.loads(e.metadata_json))
            for e in self._native.members(max_depth)
        ]
        return make_tree(self.name, nodes)

    # ---- New nodes ----

    def create_array(
        self,
        name: str,
        *,
        overwrite: bool = False,
        config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Array:
        """Make an array, and the groups that it lies in.

        Parameters
        ----------
        name : str
            Its path.
        overwrite : bool, default False
            Erase what lies there.
        config : mapping, optional
            ``write_empty_chunks``. Default: as the group has it.
        **options
            As in `zarrloom.create_array`; the format is the group's unless `zarr_format` is given.

        Raises
        ------
        NodeExistsError, ReadOnlyError, InvalidArgumentError, UnsupportedError
        """
        spec, data = array_spec(**{"zarr_format": self.zarr_format, **options})
        empty_chunks = self._write_empty_chunks if config is None else write_empty_chunks(config)
        native = self._native.create_array(
            _path(name), overwrite=overwrite, write_empty_chunks=empty_chunks, **spec
        )
        array = Array(native, self._store, empty_chunks)
        if data is not None:
            array[...] = data
        return array

    def create_group(
        self, name: str, *, attributes: Mapping[str, Any] | None = None, overwrite: bool = False
    ) -> Group:
        """Make a group, and the groups that it lies in.

        Parameters
        ----------
        name : str
            Its path.
        attributes : mapping, optional
            JSON values.
        overwrite : bool, default False
            Erase what lies there.

        Raises
        ------
        NodeExistsError, ReadOnlyError, InvalidArgumentError
        """
        text = to_json(attributes or {}, self.zarr_format)
        native = self._native.create_group(_path(name), attributes=text, overwrite=overwrite)
        return Group(native, self._store, self._write_empty_chunks)

    def require_group(self, name: str) -> Group:
        """Open the group at a path, or make it. InvalidArgumentError if an array lies there."""
        node = self.get(name)
        if isinstance(node, Array):
            raise InvalidArgumentError(f"{node!r} is an array, not a group")
        return node or self.create_group(name)

    def require_array(
        self,
        name: str,
        *,
        shape: int | tuple[int, ...],
        dtype: npt.DTypeLike | None = None,
        exact: bool = False,
        **options: Any,
    ) -> Array:
        """Open the array at a path, or make it.

        Parameters
        ----------
        name : str
            Its path.
        shape : int or tuple of int
            What is there must have it.
        dtype : numpy dtype, optional
            What is there must hold it: ``numpy.can_cast(dtype, there)``. Needed for a new array.
        exact : bool, default False
            What is there must have exactly this dtype.
        **options
            For a new array, as in `create_array`.

        Raises
        ------
        InvalidArgumentError
            A group lies there, or an array of another shape or dtype.
        """
        node = self.get(name)
        if node is None:
            return self.create_array(name, shape=shape, dtype=dtype, **options)
        if isinstance(node, Group):
            raise InvalidArgumentError(f"{node!r} is a group, not an array")
        extents = (shape,) if isinstance(shape, int) else tuple(shape)
        wanted = node.dtype if dtype is None else np.dtype(dtype)
        fits = wanted == node.dtype if exact else np.can_cast(wanted, node.dtype)
        if node.shape != extents or not fits:
            raise InvalidArgumentError(f"{node!r} is there, not shape={extents} dtype={wanted}")
        array: Array = node
        return array

    def create_hierarchy(
        self, nodes: Mapping[str, Mapping[str, Any]], *, overwrite: bool = False
    ) -> dict[str, Array | Group]:
        """Make many arrays and groups at once, as `zarrloom.create_hierarchy` does."""
        specs = node_specs(nodes, self.zarr_format)
        made = self._native.create_hierarchy(specs, overwrite)
        return {path: self._wrap(node) for path, node in zip(nodes, made, strict=True)}

    def __delitem__(self, path: str) -> None:
        """Erase an array or group with all that is in it. NodeNotFoundError if there is none."""
        self._native.erase(_path(path))

    # ---- Consolidated metadata ----

    def consolidate_metadata(self) -> None:
        """Store the metadata of all that is in it as one document, and use that.

        Format 2: ``.zmetadata``. Format 3: inside the group's ``zarr.json``, as zarr-python does.

        Raises
        ------
        UnsupportedError
            Something in it has another format, which such a document would hide.
        """
        self._native = self._native.consolidate()

    def refresh(self) -> None:
        """Take in the consolidated metadata that is stored by now, or its absence."""
        self._native.refresh()


def node_specs(nodes: Mapping[str, Mapping[str, Any]], zarr_format: int) -> list[tuple[str, Any]]:
    """Turn specifications of arrays and groups into the core's."""
    specs: list[tuple[str, Any]] = []
    for path, spec in nodes.items():
        given = {"zarr_format": zarr_format, **spec}
        if "shape" in spec:
            if spec.get("data") is not None:
                raise InvalidArgumentError(f"{path}: data cannot be written with the hierarchy")
            specs.append((_path(path), array_spec(**given)[0]))
        elif given.keys() <= {"zarr_format", "attributes"}:
            text = to_json(given.get("attributes") or {}, given["zarr_format"])
            specs.append((_path(path), (given["zarr_format"], text)))
        else:
            raise InvalidArgumentError(f"{path}: an array needs a shape; a group has attributes")
    return specs


def _path(path: str) -> str:
    return path.strip("/")


def _open_pickled(
    store: Store,
    path: str,
    zarr_format: int,
    read_only: bool,
    write_empty_chunks: bool,
    consolidated_at: tuple[str, int] | None,
) -> Group:
    own = consolidated_at is None or consolidated_at[0] == path
    native = _core.Group.open(
        store._native,
        path,
        zarr_format=zarr_format,
        read_only=read_only,
        write_empty_chunks=write_empty_chunks,
        use_consolidated=None,
        consolidated_at=None if own else consolidated_at,
    )
    return Group(native, store, write_empty_chunks)
