"""A hierarchy as a picture of text."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Sequence
from typing import Any

Node = tuple[str, bool, dict[str, Any]]  # path, whether it is an array, metadata


class Tree:
    """Shown by ``print`` as plain text; at a prompt in colours if rich is installed."""

    def __init__(self, name: str, label: str = "") -> None:
        self.name = name
        self.label = label
        self.children: dict[str, Tree] = {}

    def __str__(self) -> str:
        return "\n".join([self.name, *self._lines("")])

    def _lines(self, indent: str) -> list[str]:
        lines = []
        for number, child in enumerate(self.children.values(), 1):
            last = number == len(self.children)
            lines.append(f"{indent}{'└── ' if last else '├── '}{child.name}{child.label}")
            lines += child._lines(indent + ("    " if last else "│   "))
        return lines

    def __repr__(self) -> str:
        if not sys.stdout.isatty() or importlib.util.find_spec("rich") is None:
            return str(self)
        from rich.console import Console

        text = io.StringIO()
        Console(file=text, force_terminal=True).print(self.__rich__())
        return text.getvalue().rstrip("\n")

    def __rich__(self) -> Any:
        from rich.text import Text
        from rich.tree import Tree as RichTree

        style = "" if self.label else "bold"
        tree = RichTree(Text.assemble((self.name, style), (self.label, "dim")))
        for child in self.children.values():
            tree.children.append(child.__rich__())
        return tree


def make_tree(name: str, nodes: Sequence[Node]) -> Tree:
    """Build the tree of nodes that are sorted by path."""
    root = Tree(name)
    for path, is_array, metadata in nodes:
        above, _, last = path.rpartition("/")
        parent = root
        for part in above.split("/") if above else ():
            parent = parent.children.setdefault(part, Tree(part))
        child = parent.children.setdefault(last, Tree(last))
        if is_array:
            child.label = f" {_shape(metadata)} {_dtype(metadata)}"
    return root


def _shape(metadata: dict[str, Any]) -> str:
    shape = metadata.get("shape")
    return str(tuple(shape)) if isinstance(shape, list) else "?"


def _dtype(metadata: dict[str, Any]) -> str:
    dtype = metadata.get("data_type", metadata.get("dtype"))
    return str(dtype.get("name", "?") if isinstance(dtype, dict) else dtype)
