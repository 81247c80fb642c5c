"""One system writes or reads all cases: ``python peer.py SYSTEM write|read FOLDER``.

Run in the environment of the system, without zarrloom. Prints a JSON object: for each case "ok",
"different", or why the system refuses it.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from cases import (
    CHUNKS,
    SHAPE,
    SHARDS,
    V2_CODECS,
    V3_CODECS,
    VARIABLE,
    Case,
    all_cases,
    document_of,
    filters_of,
    place_of,
    values_of,
)


class Refused(Exception):
    """The system has no way to say this."""


class ZarrPython:
    """zarr-python, version 2 or 3."""

    def __init__(self) -> None:
        import zarr

        self.zarr = zarr
        self.old = zarr.__version__.startswith("2.")
        if not self.old and "rectilinear_chunks" in zarr.config.get("array"):
            zarr.config.set({"array.rectilinear_chunks": True})

    def write(self, case: Case, path: str, values: np.ndarray[Any, Any]) -> None:
        array = self._make_old(case, path) if self.old else self._make(case, path)
        array[...] = values

    def _make_old(self, case: Case, path: str) -> Any:
        import numcodecs

        if case["zarr_format"] == 3:
            raise Refused("format 3 is experimental there")
        config = V2_CODECS[case["codec"]]
        objects = VARIABLE.get(case["dtype"])
        return self.zarr.open_array(
            path,
            object_codec=numcodecs.get_codec({"id": objects}) if objects else None,
            mode="w",
            shape=SHAPE,
            chunks=CHUNKS,
            dtype=object if objects else case["dtype"],
            order=case["order"],
            compressor=None if config is None else numcodecs.get_codec(dict(config)),
            filters=[numcodecs.get_codec(dict(each)) for each in filters_of(case) or []] or None,
            dimension_separator=case["separator"],
        )

    def _make(self, case: Case, path: str) -> Any:
        if case["rectilinear"]:  # create_array wants sizes that end where the array does
            Path(path).mkdir(parents=True)
            (Path(path) / "zarr.json").write_text(json.dumps(document_of(case)), encoding="utf-8")
            return self.zarr.open_array(path, mode="r+")
        options: dict[str, Any] = {"zarr_format": case["zarr_format"], "order": case["order"]}
        if filters := filters_of(case):
            options["filters"] = filters
        if case["zarr_format"] == 2:
            import numcodecs

            if filters:
                options["filters"] = [numcodecs.get_codec(dict(each)) for each in filters]
            options["compressors"] = V2_CODECS[case["codec"]]
        else:
            del options["order"]
            options["compressors"] = V3_CODECS[case["codec"]]
            if case["order"] == "F":
                options["filters"] = [self.zarr.codecs.TransposeCodec(order=(2, 1, 0))]
            if case["shards"]:
                options["shards"] = SHARDS
        name = "default" if case["zarr_format"] == 3 else "v2"
        return self.zarr.create_array(
            path,
            shape=SHAPE,
            chunks=CHUNKS,
            dtype=case["dtype"],
            chunk_key_encoding={"name": name, "separator": case["separator"]},
            **options,
        )

    def read(self, case: Case, path: str) -> np.ndarray[Any, Any]:
        if self.old and case["zarr_format"] == 3:
            raise Refused("format 3 is experimental there")
        if self.old and case["dtype"] == "variable_length_bytes":
            raise Refused("its fill values of objects are text")
        return self.zarr.open_array(path, mode="r")[...]


class Zarrs(ZarrPython):
    """The Rust codec pipeline below zarr-python."""

    def __init__(self) -> None:
        super().__init__()
        import zarrs  # noqa: F401

        self.zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})


class TensorStore:
    """TensorStore's drivers zarr and zarr3."""

    def _spec(self, case: Case, path: str) -> dict[str, Any]:
        driver = "zarr" if case["zarr_format"] == 2 else "zarr3"
        return {"driver": driver, "kvstore": {"driver": "file", "path": path}}

    def write(self, case: Case, path: str, values: np.ndarray[Any, Any]) -> None:
        import tensorstore as ts

        document = document_of(case)
        for name in ("zarr_format", "node_type"):
            document.pop(name, None)
        spec = {**self._spec(case, path), "metadata": document, "create": True}
        if case["zarr_format"] == 2:
            spec["metadata"].pop("dimension_separator")
            spec["metadata"]["dimension_separator"] = case["separator"]
        ts.open(spec).result()[...] = values

    def read(self, case: Case, path: str) -> np.ndarray[Any, Any]:
        import tensorstore as ts

        values: np.ndarray[Any, Any] = ts.open(self._spec(case, path)).result().read().result()
        return values


class Z5py:
    """z5py."""

    _COMPRESSION: ClassVar = {
        "raw": "raw",
        "zstd": "zstd",
        "gzip": "gzip",
        "zlib": "zlib",
        "bz2": "bzip2",
    }

    def write(self, case: Case, path: str, values: np.ndarray[Any, Any]) -> None:
        import z5py

        if case["codec"].startswith("blosc-"):
            compression, options = "blosc", {"codec": case["codec"][6:], "shuffle": 1}
        elif case["codec"] in self._COMPRESSION:
            compression, options = self._COMPRESSION[case["codec"]], {}
        else:
            raise Refused("no such codec there")
        if case["order"] == "F" or case["separator"] != ("/" if case["zarr_format"] == 3 else "."):
            raise Refused("no way to say order or separator")
        if case["filter"] is not None:
            raise Refused("no filters there")
        if case["rectilinear"]:
            raise Refused("no such grid there")
        if case["shards"]:
            options["shards"] = SHARDS
        parent = Path(path).parent
        with z5py.File(parent, "a", use_zarr_format=True, zarr_format=case["zarr_format"]) as file:
            made = file.create_dataset(
                Path(path).name,
                shape=SHAPE,
                chunks=CHUNKS,
                dtype=case["dtype"],
                compression=compression,
                **options,
            )
            made[...] = values

    def read(self, case: Case, path: str) -> np.ndarray[Any, Any]:
        import z5py

        with z5py.File(Path(path).parent, mode="r", use_zarr_format=True) as file:
            values: np.ndarray[Any, Any] = file[Path(path).name][...]
        return values


class Zarrista:
    """zarrista, the Rust crate zarrs by itself."""

    def write(self, case: Case, path: str, values: np.ndarray[Any, Any]) -> None:
        import zarrista

        if case["zarr_format"] == 2:
            raise Refused("writes format 3")
        Path(path).mkdir(parents=True)
        store = zarrista.store.FilesystemStore(path)
        array = zarrista.Array.from_metadata(document_of(case), store, "/")
        array.store_metadata()
        array[...] = values

    def read(self, case: Case, path: str) -> np.ndarray[Any, Any]:
        import zarrista

        if case["zarr_format"] == 2 and case["dtype"] == "variable_length_bytes":
            raise Refused("takes bytes of format 2 for text")
        return np.asarray(zarrista.Array.open(zarrista.store.FilesystemStore(path), "/")[...])


SYSTEMS = {
    "zarr-python": ZarrPython,
    "zarrs": Zarrs,
    "zarrista": Zarrista,
    "tensorstore": TensorStore,
    "z5py": Z5py,
}


def run(system: Any, verb: str, case: Case, path: Path) -> str:
    """Do one case, and say how it went."""
    try:
        if verb == "write":
            system.write(case, str(path), values_of(case))
            return "ok"
        if not path.exists():
            return "not written"
        got, expected = np.asarray(system.read(case, str(path))), values_of(case)
        if expected.dtype == object:  # newer versions of numpy have a type of text
            got = got.astype(object)
        kinds = (each.dtype.newbyteorder("=") for each in (got, expected))
        same = got.shape == expected.shape and len(set(kinds)) == 1
        return "ok" if same and (got == expected).all() else "different"
    except Exception as error:  # whatever a system raises for what it does not know
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def main() -> None:
    """Do all cases."""
    name, verb, folder = sys.argv[1:]
    warnings.simplefilter("ignore")
    system = SYSTEMS[name]()
    results = {}
    for number, case in enumerate(all_cases()):
        results[case["name"]] = run(system, verb, case, place_of(folder, number))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
