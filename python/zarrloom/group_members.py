"""What a group is, and what lies in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Self

from zarrloom import _core
from zarrloom.array import Array
from zarrloom.attributes import Attributes
from zarrloom.stores import Store
from zarrloom.tree import Tree, make_tree

Native = _core.Array | _core.Group


class GroupMembers:
    """The part of a group that changes nothing."""

    def __init__(self, native: _core.Group, store: Store, write_empty_chunks: bool = False) -> None:
        self._native = native
        self._store = store
        self._write_empty_chunks = write_empty_chunks

    def _wrap(self, native: Native) -> Array | Self:
        if isinstance(native, _core.Array):
            return Array(native, self._store, self._write_empty_chunks)
        return type(self)(native, self._store, self._write_empty_chunks)

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

    def __getitem__(self, path: str) -> Array | Self:
        """Open the array or group at a path.

        Raises
        ------
        NodeNotFoundError
            There is nothing; the error tells what is there. It is a KeyError too.
        """
        return self._wrap(self._native.at(node_path(path)))

    def get(self, path: str, default: Any = None) -> Any:
        """Open what lies at a path; `default` if there is nothing."""
        native = self._native.find(node_path(path))
        return default if native is None else self._wrap(native)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._native.contains(node_path(path))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._native.members(0))

    def _below(self, entry: _core.NodeEntry) -> str:
        return entry.path[len(self.path) + 1 :] if self.path else entry.path

    def keys(self) -> list[str]:
        """Give the names of what lies directly in it, sorted."""
        return [self._below(entry) for entry in self._native.members(0)]

    def members(self, max_depth: int | None = 0) -> list[tuple[str, Array | Self]]:
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

    def items(self) -> list[tuple[str, Array | Self]]:
        """Open what lies directly in it: ``members()``."""
        return self.members()

    def values(self) -> list[Array | Self]:
        """Open what lies directly in it, without names."""
        return [node for _, node in self.members()]

    def arrays(self) -> list[tuple[str, Array]]:
        """Open the arrays that lie directly in it, by name."""
        return [(name, node) for name, node in self.members() if isinstance(node, Array)]

    def groups(self) -> list[tuple[str, Self]]:
        """Open the groups that lie directly in it, by name."""
        entries = [entry for entry in self._native.members(0) if not entry.is_array]
        opened = [(self._below(e), self._wrap(self._native.open_member(e))) for e in entries]
        return [(name, node) for name, node in opened if not isinstance(node, Array)]

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


def node_path(path: str) -> str:
    """Give a path as the core has it."""
    return path.strip("/")
