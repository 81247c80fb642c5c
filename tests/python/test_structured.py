"""Fixed-length text and structured types, both ways against zarr-python."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import zarrloom

TEXT = np.array([["a", "ünï"], ["", "😀😀"], ["abcd", "z"]], "U4")
RECORD = np.dtype([("id", "<i4"), ("place", "<f8"), ("name", "U3"), ("raw", "S2")])
RECORDS = np.array([(i, i / 3, f"n{i}", b"x") for i in range(23)], RECORD)
formats = pytest.mark.parametrize("zarr_format", [2, 3])


def theirs(path: Path, **options: Any) -> Any:
    with warnings.catch_warnings():  # of types without a specification
        warnings.simplefilter("ignore")
        return zarr.open_array(path, **options)


def they_make(path: Path, data: np.ndarray[Any, Any], **options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = zarr.create_array(path, shape=data.shape, dtype=data.dtype, **options)
        array[...] = data


@formats
@pytest.mark.parametrize("kind", ["<U4", ">U4"])
def test_text_of_fixed_length(zarr_format: Any, kind: str, tmp_path: Path) -> None:
    data = TEXT.astype(kind)
    options: dict[str, Any] = {"chunks": (2, 2), "zarr_format": zarr_format, "fill_value": "é"}
    they_make(tmp_path / "theirs", data, **options)
    array = zarrloom.open(tmp_path / "theirs")
    assert array.dtype == "U4"
    assert array.fill_value == "é"
    np.testing.assert_array_equal(array[...], TEXT)
    array[0, 0] = "new"
    assert theirs(tmp_path / "theirs")[0, 0] == "new"
    ours = zarrloom.create_array(tmp_path / "ours", shape=(3, 2), dtype=data.dtype, **options)
    assert (ours[...] == "é").all()
    ours[...] = data
    np.testing.assert_array_equal(theirs(tmp_path / "ours")[...], TEXT)
    assert theirs(tmp_path / "ours").fill_value == "é"


@formats
def test_records(zarr_format: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = {"chunks": (5,), "zarr_format": zarr_format}
    they_make(tmp_path / "theirs", RECORDS, **options)
    array = zarrloom.open(tmp_path / "theirs")
    assert array.dtype == RECORD
    np.testing.assert_array_equal(array[...], RECORDS)
    ours = zarrloom.create_array(tmp_path / "ours", shape=(23,), dtype=RECORD, **options)
    ours[...] = RECORDS
    np.testing.assert_array_equal(theirs(tmp_path / "ours")[...], RECORDS)
    np.testing.assert_array_equal(zarrloom.open(tmp_path / "ours")[::-3], RECORDS[::-3])


def test_format_2_keeps_byte_orders_shapes_and_padding(tmp_path: Path) -> None:
    inner = np.dtype([("x", "u1"), ("y", ">U2")])
    dtype = np.dtype(
        {
            "names": ["a", "b", "c"],
            "formats": ["<i2", (">f8", (2, 3)), inner],
            "offsets": [0, 8, 56],
            "itemsize": 72,
        }
    )
    data = np.zeros(7, dtype)
    data["a"], data["b"] = np.arange(7), np.arange(42).reshape(7, 2, 3)
    data["c"]["y"] = "né"
    fill = np.zeros((), dtype)
    fill["a"] = 9
    array = zarrloom.create_array(
        tmp_path / "a", shape=(9,), dtype=dtype, chunks=(4,), zarr_format=2, fill_value=fill
    )
    array[:7] = data
    again = zarrloom.open(tmp_path / "a")
    assert again.dtype == dtype
    assert again.dtype["b"].base == ">f8"
    for name in dtype.names or ():
        np.testing.assert_array_equal(again[:7][name], data[name])
        np.testing.assert_array_equal(again[8][name], fill[name])
    with pytest.raises(NotImplementedError, match="format 3 has no structured"):
        zarrloom.create_array(zarrloom.MemoryStore(), shape=(9,), dtype=dtype)


@pytest.mark.parametrize("options", [{"chunks": (5,)}, {"chunks": (5,), "shards": (10,)}])
def test_fields_are_read_and_written_by_themselves(options: dict[str, Any]) -> None:
    array = zarrloom.create_array(zarrloom.MemoryStore(), data=RECORDS, **options)
    expected = RECORDS.copy()
    np.testing.assert_array_equal(array["place"], expected["place"])
    np.testing.assert_array_equal(array["id", 3:9], expected["id"][3:9])
    np.testing.assert_array_equal(array[[5, 1], "name"], expected["name"][[5, 1]])
    np.testing.assert_array_equal(array[["id", "raw"], 2:4], expected[["id", "raw"]][2:4])
    assert array["id", 4] == 4
    array["id"] = expected["id"] = -1
    array["place", 3:7] = expected["place"][3:7] = np.arange(4)
    array["name", [22, 0]] = ["last", "1st"]
    expected["name"][[22, 0]] = ["last", "1st"]
    array[["id", "raw"], :2] = np.array([(7, b"q"), (8, b"r")], expected[["id", "raw"]].dtype)
    expected[["id", "raw"]][:2] = [(7, b"q"), (8, b"r")]
    expected["id"][:2], expected["raw"][:2] = [7, 8], [b"q", b"r"]
    array[10] = (1, 2.5, "abc", b"d")
    expected[10] = (1, 2.5, "abc", b"d")
    np.testing.assert_array_equal(array[...], expected)
    with pytest.raises(IndexError, match="no field 'x'; there are id, place, name, raw"):
        array["x"]


def test_writers_of_different_fields_lose_nothing() -> None:
    array = zarrloom.create_array(zarrloom.MemoryStore(), shape=(40,), dtype=RECORD, chunks=(8,))

    def write(name: str) -> None:
        for i in range(40):
            array[name, i] = RECORDS[name][i % 23]

    threads = [threading.Thread(target=write, args=(name,)) for name in RECORD.names or ()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(array[...], np.resize(RECORDS, 40))
