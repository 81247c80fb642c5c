"""References (kerchunk) to ranges of other files, with kerchunk and h5py where installed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

VALUES = np.arange(600, dtype="float32").reshape(20, 30)


def array_metadata(**changes: Any) -> str:
    return json.dumps(
        {
            "zarr_format": 2,
            "shape": [20, 30],
            "chunks": [5, 30],
            "dtype": "<f4",
            "compressor": None,
            "filters": None,
            "fill_value": 0,
            "order": "C",
            **changes,
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Has a file with a header of 100 bytes and then the values."""
    (tmp_path / "data.bin").write_bytes(bytes(100) + VALUES.tobytes())
    return tmp_path


def references(url: str = "data.bin") -> dict[str, Any]:
    chunks = {f"a/{i}.0": [url, 100 + 600 * i, 600] for i in range(4)}
    return {".zgroup": '{"zarr_format": 2}', "a/.zarray": array_metadata(), **chunks}


def opened(folder: Path, refs: dict[str, Any], path: str = "a") -> zarrloom.Array:
    (folder / "refs.json").write_text(json.dumps(refs))
    return zarrloom.open(f"reference://{folder}/refs.json", path=path, mode="r")


def test_chunks_are_ranges_of_a_file(folder: Path, threads: int) -> None:
    array = opened(folder, references())
    assert (array[...] == VALUES).all()
    assert (array[7, 3:9] == VALUES[7, 3:9]).all()
    assert sum(float(chunk.sum()) for _, chunk in array.chunk_stream()) == VALUES.sum()


def test_version_1_and_templates(folder: Path) -> None:
    refs = references("{{u}}/data.bin")
    array = opened(folder, {"version": 1, "templates": {"u": str(folder)}, "refs": refs})
    assert (array[...] == VALUES).all()


def test_a_mapping_and_another_store(folder: Path) -> None:
    memory = zarrloom.MemoryStore()
    memory.write("deep/data.bin", (folder / "data.bin").read_bytes())
    store = zarrloom.ReferenceStore(references("deep/data.bin"), remote=memory)
    assert (zarrloom.open(store, path="a")[...] == VALUES).all()
    assert store.list("a") == [".zarray", "0.0", "1.0", "2.0", "3.0"]
    store = zarrloom.ReferenceStore(references(), remote=folder)
    assert (zarrloom.open(store, path="a")[...] == VALUES).all()
    assert (zarrloom.open(store.delayed(0.001), path="a")[...] == VALUES).all()
    copy = pickle.loads(pickle.dumps(zarrloom.open(store, path="a")))
    assert (copy[...] == VALUES).all()


def test_what_has_no_reference_is_the_fill_value(folder: Path) -> None:
    refs = references()
    del refs["a/1.0"]
    values = opened(folder, refs)[...]
    assert (values[5:10] == 0).all()
    assert (values[10:] == VALUES[10:]).all()


def test_a_missing_target_is_an_error(folder: Path) -> None:
    array = opened(folder, references())
    (folder / "data.bin").unlink()
    with pytest.raises(zarrloom.StorageError, match=r"chunk \(0, 0\).*data\.bin.*is not there"):
        array[0]


def test_a_range_outside_its_target_is_an_error(folder: Path) -> None:
    array = opened(folder, references())
    (folder / "data.bin").write_bytes(bytes(100) + VALUES.tobytes()[:-1])
    assert (array[:15] == VALUES[:15]).all()
    with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(3, 0\).*not inside"):
        array[15:]


def test_an_unknown_scheme_is_named(folder: Path) -> None:
    array = opened(folder, references("gopher://host/data.bin"))
    with pytest.raises(zarrloom.UnsupportedError, match="gopher"):
        array[...]


def test_gen_is_refused_with_the_reason(folder: Path) -> None:
    refs = {"version": 1, "gen": [{"key": "a/{{i}}.0"}], "refs": references()}
    with pytest.raises(zarrloom.UnsupportedError, match='"gen": rules'):
        opened(folder, refs)


def test_it_is_for_reading_only(folder: Path) -> None:
    array = zarrloom.open(zarrloom.ReferenceStore(references(), remote=folder), path="a")
    with pytest.raises(zarrloom.ReadOnlyError):
        array[0] = 1
    with pytest.raises(FileNotFoundError):
        zarrloom.ReferenceStore(folder / "nowhere.json")
    with pytest.raises(zarrloom.MetadataError, match="zmetadata"):
        zarrloom.ReferenceStore(folder)


# ---- kerchunk ----


def hdf5_file(path: Path, **options: Any) -> np.ndarray[Any, Any]:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("deep/a", data=VALUES, **options)
        file.create_dataset("b", data=np.arange(7, dtype=">i2"))
        file.create_dataset("scalar", data=np.float64(2.5))
        values: np.ndarray[Any, Any] = file["deep/a"][...]
    return values


def translated(path: Path) -> dict[str, Any]:
    hdf = pytest.importorskip("kerchunk.hdf")
    document: dict[str, Any] = hdf.SingleHdf5ToZarr(str(path), inline_threshold=0).translate()
    return document


HDF5_OPTIONS = [
    {},
    {"chunks": (8, 8)},
    {"chunks": (8, 8), "compression": "gzip"},
    {"chunks": (8, 8), "compression": "gzip", "shuffle": True},
]


@pytest.mark.filterwarnings("ignore")  # of the other libraries
@pytest.mark.parametrize("options", HDF5_OPTIONS, ids=lambda options: "-".join(options))
def test_kerchunk_of_hdf5(folder: Path, options: dict[str, Any]) -> None:
    values = hdf5_file(folder / "data.h5", **options)
    (folder / "refs.json").write_text(json.dumps(translated(folder / "data.h5")))
    store = f"reference://{folder}/refs.json"
    assert (zarrloom.open(store, path="deep/a", mode="r")[...] == values).all()
    assert (zarrloom.open(store, path="b", mode="r")[...] == np.arange(7)).all()
    assert zarrloom.open(store, path="scalar", mode="r")[()] == 2.5


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("record_size", [3, 1000])
def test_kerchunk_in_parquet(folder: Path, record_size: int) -> None:
    pytest.importorskip("fastparquet")
    df = pytest.importorskip("kerchunk.df")
    values = hdf5_file(folder / "data.h5", chunks=(8, 8), compression="gzip")
    df.refs_to_dataframe(
        translated(folder / "data.h5"), str(folder / "refs.parq"), record_size=record_size
    )
    url = f"reference://{folder}/refs.parq"
    array = zarrloom.open(url, path="deep/a", mode="r")
    assert (array[...] == values).all()
    assert (pickle.loads(pickle.dumps(array))[3] == values[3]).all()
    assert zarrloom.open(url, path="scalar", mode="r")[()] == 2.5
    store = zarrloom.ReferenceStore(folder / "refs.parq")
    assert store.exists("deep/a/2.3")
    assert not store.exists("deep/a/3.0")
    assert store.read("b/0") == np.arange(7, dtype=">i2").tobytes()
    assert len(store.list("deep/a")) == 12 + 2
