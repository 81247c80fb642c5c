"""The command ``zarrloom``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from zarrloom import __version__
from zarrloom.errors import ZarrloomError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code is returned."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (ZarrloomError, MemoryError) as error:
        print(f"zarrloom: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zarrloom", description="Parallel Zarr arrays.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo", help="write and read an array in parallel and show how long it takes"
    )
    demo.add_argument("path", nargs="?", help="read this array instead of making one")
    demo.add_argument("--folder", help="where to make the array (default: a temporary folder)")
    demo.add_argument("--megabytes", type=int, default=256, help="its size (default: %(default)s)")
    demo.add_argument("--rounds", type=int, default=3, help="best of how many (default: 3)")
    demo.set_defaults(run=_demo)

    info = commands.add_parser("info", help="tell what an array or group is")
    info.add_argument("path")
    info.set_defaults(run=_info)

    export = commands.add_parser("export", help="write each chunk to a CSV or npy file")
    export.add_argument("path")
    export.add_argument("folder", help="where the files go, named by chunk index: 0.3.csv")
    export.add_argument("--format", choices=("csv", "npy"), default="csv")
    export.add_argument("--processes", type=int, help="how many write (default: one a CPU)")
    export.set_defaults(run=_export)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from zarrloom.cli.demo import run_demo

    return run_demo(options.path, options.folder, options.megabytes, options.rounds)


def _info(options: argparse.Namespace) -> int:
    import zarrloom

    node = zarrloom.open(options.path, mode="r")
    print(node.info)
    if isinstance(node, zarrloom.Group):
        print(node.tree())
    return 0


def _export(options: argparse.Namespace) -> int:
    from zarrloom.cli.export import run_export

    return run_export(options.path, options.folder, options.format, options.processes)
