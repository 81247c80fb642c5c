"""Codecs and data types in Python: both ways with zarr-python, threads, errors, fork, exit."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom
from zarrloom import _core

numcodecs = pytest.importorskip("numcodecs")
zarr = pytest.importorskip("zarr", minversion="3")

PEERS = Path(__file__).parent / "peers"
sys.path.insert(0, str(PEERS))
import python_codecs as codecs  # noqa: E402

sys.path.remove(str(PEERS))

DATA = np.arange(13 * 7, dtype="i4").reshape(13, 7) * 2
XOR = {"id": "test_xor", "mask": 90}
REVERSE = {"name": "test.reverse", "configuration": {"times": 1}}
TEXT = {"name": "test.text", "configuration": {"separator": ";"}}
WIDEN = {"name": "test.widen", "configuration": {}}


@pytest.fixture(scope="module", autouse=True)
def registered() -> None:
    numcodecs.register_codec(codecs.Xor)
    numcodecs.register_codec(codecs.Halve)
    for cls in (codecs.Reverse, codecs.Text, codecs.Widen):
        zarr.registry.register_codec(cls.name, cls)


@pytest.fixture(params=["inline", 1, 4])
def workers(request: pytest.FixtureRequest) -> Iterator[Any]:
    inline = request.param == "inline"
    with zarrloom.config(inline=inline, threads=1 if inline else request.param):
        yield request.param


def theirs(path: Path) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = zarr.open_array(path, mode="r")[...]
    return values


@pytest.mark.parametrize(
    ("filters", "compressor"),
    [
        (None, XOR),
        ([XOR], None),
        ([{"id": "test_halve"}], XOR),
        ([{"id": "test_halve"}, XOR], {"id": "zlib", "level": 1}),
        ([{"id": "delta", "dtype": "<i4"}, {"id": "test_halve"}], None),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_format_2_both_ways(
    filters: Any, compressor: Any, order: Any, workers: Any, tmp_path: Path
) -> None:
    made = zarr.create_array(
        tmp_path / "theirs",
        shape=DATA.shape,
        chunks=(4, 3),
        dtype="<i4",
        order=order,
        zarr_format=2,
        filters=None if filters is None else [numcodecs.get_codec(dict(f)) for f in filters],
        compressors=None if compressor is None else numcodecs.get_codec(dict(compressor)),
    )
    made[...] = DATA
    array = zarrloom.open_array(tmp_path / "theirs", mode="r+")
    np.testing.assert_array_equal(array[...], DATA)
    array[2:9, 1:5] = 8  # read, changed and written again
    np.testing.assert_array_equal(theirs(tmp_path / "theirs")[2:9, 1:5], np.full((7, 4), 8))
    zarrloom.create_array(
        tmp_path / "ours",
        data=DATA,
        chunks=(4, 3),
        order=order,
        zarr_format=2,
        filters=filters,
        compressors=compressor,
    )
    np.testing.assert_array_equal(theirs(tmp_path / "ours"), DATA)


def test_big_endian_elements_reach_a_filter_as_such(tmp_path: Path) -> None:
    made = zarr.create_array(
        tmp_path,
        shape=DATA.shape,
        dtype=">i4",
        zarr_format=2,
        compressors=numcodecs.get_codec(dict(XOR)),
    )
    made[...] = DATA
    array = zarrloom.open_array(tmp_path, mode="r+")
    np.testing.assert_array_equal(array[...], DATA)
    array[...] = DATA + 1
    np.testing.assert_array_equal(theirs(tmp_path), DATA + 1)


@pytest.mark.parametrize("shards", [None, (8, 6)])
@pytest.mark.parametrize(
    ("filters", "serializer", "compressors"),
    [
        ([], "auto", [REVERSE]),
        ([], TEXT, []),
        ([WIDEN], "auto", []),
        ([WIDEN], TEXT, [REVERSE, {"name": "gzip", "configuration": {"level": 1}}, REVERSE]),
    ],
)
def test_format_3_both_ways(
    filters: Any, serializer: Any, compressors: Any, shards: Any, workers: Any, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "chunks": (4, 3),
        "shards": shards,
        "filters": filters,
        "serializer": serializer,
        "compressors": compressors,
    }
    made = zarr.create_array(tmp_path / "theirs", shape=DATA.shape, dtype="i4", **options)
    made[...] = DATA
    array = zarrloom.open_array(tmp_path / "theirs", mode="r+")
    np.testing.assert_array_equal(array[...], DATA)
    np.testing.assert_array_equal(array[1:12:3, ::-2], DATA[1:12:3, ::-2])
    array[2:9, 1:5] = 8
    np.testing.assert_array_equal(theirs(tmp_path / "theirs")[2:9, 1:5], np.full((7, 4), 8))
    zarrloom.create_array(tmp_path / "ours", data=DATA, **options)
    np.testing.assert_array_equal(theirs(tmp_path / "ours"), DATA)


def test_a_codec_for_numcodecs_in_format_3(workers: Any, tmp_path: Path) -> None:
    array = zarrloom.create_array(
        tmp_path, data=DATA, chunks=(4, 3), compressors=codecs.Xor(7), fill_value=1
    )
    assert array.compressors == ({"name": "numcodecs.test_xor", "configuration": {"mask": 7}},)
    assert (tmp_path / "c/0/0").read_bytes()[:1] == b"X"
    np.testing.assert_array_equal(zarrloom.load(tmp_path), DATA)
    with pytest.raises(zarrloom.UnsupportedError, match=r"numcodecs\.test_xor.*serializer"):
        zarrloom.create_array("memory://", data=DATA, filters=[codecs.Xor(7)])


def test_info_says_that_it_is_slow() -> None:
    array = zarrloom.create_array(
        "memory://", data=DATA, shards=(4, 7), chunks=(2, 7), compressors=[REVERSE, "zstd"]
    )
    assert array.python_codecs == ("test.reverse",)
    assert "test.reverse (in Python, under the GIL)" in array.info
    assert "Slow" not in zarrloom.create_array("memory://", data=DATA).info
    assert zarrloom.create_array("memory://", data=DATA, serializer=TEXT).serializer == TEXT


def test_entry_points(tmp_path: Path) -> None:
    info = tmp_path / "site" / "test_codecs-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: test-codecs\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[numcodecs.codecs]\ntest_xor = python_codecs:Xor\n"
        "[zarr.codecs]\ntest.reverse = python_codecs:Reverse\n"
    )
    code = """
import sys, numpy as np, zarrloom
place, kind = sys.argv[1:]
codec = {"id": "test_xor"} if kind == "2" else {"name": "test.reverse"}
array = zarrloom.create_array(place, data=np.arange(20), chunks=(6,), compressors=codec,
                              zarr_format=int(kind))
assert (zarrloom.load(place) == np.arange(20)).all()
print(array.python_codecs)
"""
    path = os.pathsep.join([str(info.parent), str(PEERS), os.environ.get("PYTHONPATH", "")])
    for kind, name in (("2", "numcodecs.test_xor"), ("3", "test.reverse")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / kind), kind],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.stdout.strip() == f"('{name}',)", done.stderr[-2000:]


def test_register_codec() -> None:
    class Own(codecs.Xor):
        codec_id = "test_own"

    zarrloom.register_codec(Own)
    zarrloom.register_codec(codecs.Reverse, "test.renamed")
    for options in (
        {"zarr_format": 2, "compressors": {"id": "test_own", "mask": 3}},
        {"compressors": Own(3)},
        {"compressors": "test.renamed"},
    ):
        array = zarrloom.create_array("memory://", data=DATA, **options)
        np.testing.assert_array_equal(zarrloom.load(array.store), DATA)

    class Zlib(codecs.Xor):
        codec_id = "zlib"

    for wrong in (Zlib, int, codecs.Reverse):
        with pytest.raises(zarrloom.InvalidArgumentError):
            zarrloom.register_codec(wrong)


def test_built_in_codecs_win(tmp_path: Path) -> None:
    class Wrong(codecs.Xor):
        codec_id = "zlib"

    old = numcodecs.registry.codec_registry["zlib"]
    numcodecs.register_codec(Wrong)
    try:
        array = zarrloom.create_array(
            tmp_path, data=DATA, zarr_format=2, compressors={"id": "zlib", "level": 1}
        )
        assert array.python_codecs == ()
    finally:
        numcodecs.register_codec(old, "zlib")
    np.testing.assert_array_equal(theirs(tmp_path), DATA)


@pytest.mark.parametrize("name", ["pickle", "json2", "msgpack2"])
def test_what_runs_code_stays_refused(name: str, tmp_path: Path) -> None:
    numcodecs.get_codec({"id": "json2"})  # numcodecs knows them
    array = zarrloom.create_array(tmp_path, data=DATA, zarr_format=2, compressors=None)
    changed = {**array.metadata, "filters": [{"id": name}]}
    (tmp_path / ".zarray").write_text(json.dumps(changed))
    with pytest.raises(zarrloom.UnsupportedError, match=f'"{name}" is not supported: it '):
        zarrloom.open_array(tmp_path)

    class Known(codecs.Xor):
        codec_id = name

    zarrloom.register_codec(Known)
    with pytest.raises(zarrloom.UnsupportedError, match=f'"{name}" is not supported: it '):
        zarrloom.open_array(tmp_path)


def test_errors_name_codec_and_chunk(workers: Any, tmp_path: Path) -> None:
    class Failing(codecs.Xor):
        codec_id = "test_failing"

        def encode(self, buf: Any) -> bytes:
            encoded = super().encode(buf)
            if self.mask == 1:
                raise ArithmeticError("not these")
            return encoded * 1000 if self.mask == 2 else encoded

    zarrloom.register_codec(Failing)
    options: dict[str, Any] = {"shape": (8,), "chunks": (4,), "dtype": "i4"}
    array = zarrloom.create_array(tmp_path, **options, compressors=Failing(0))
    array[...] = np.arange(8)
    path = tmp_path / "c" / "1"
    path.write_bytes(b"Y" + path.read_bytes()[1:])
    with pytest.raises(zarrloom.CorruptDataError, match=r"1.*test_failing.*ValueError: no X ahead"):
        array[...]
    path.write_bytes(b"X123")
    with pytest.raises(zarrloom.CorruptDataError, match=r"test_failing.*3 bytes came out, 16"):
        array[...]
    for mask, error, text in (
        (1, zarrloom.InvalidArgumentError, "ArithmeticError: not these"),
        (2, zarrloom.UnsupportedError, "too many"),
    ):
        bad = zarrloom.create_array(
            "memory://", shape=(90000,), dtype="i4", compressors=Failing(mask)
        )
        with pytest.raises(error, match=f"test_failing.*{text}"):
            bad[...] = np.arange(90000)
    with pytest.raises(zarrloom.InvalidArgumentError, match=r"test_failing.*TypeError"):
        zarrloom.create_array(
            "memory://",
            **options,
            compressors={"name": "numcodecs.test_failing", "configuration": {"no": 1}},
        )
    with pytest.raises(zarrloom.UnsupportedError, match=r'"no\.such" is not known'):
        zarrloom.create_array("memory://", **options, compressors="no.such")


def test_streams_maps_and_event_loops(workers: Any) -> None:
    data = np.arange(4000, dtype="i4")
    array = zarrloom.create_array("memory://", data=data, chunks=(100,), compressors=REVERSE)
    total = sum(int(chunk.sum()) for _, chunk in array.chunk_stream())
    assert total == data.sum()
    assert zarrloom.reduce(array, "sum") == data.sum()

    async def inside() -> np.ndarray[Any, Any]:  # this thread's loop runs already
        values: np.ndarray[Any, Any] = array[...]
        return values

    np.testing.assert_array_equal(asyncio.run(inside()), data)
    stream = iter(array.chunk_stream())
    next(stream)
    del stream  # dropped with the GIL, while the pool decodes


def test_many_threads_at_once() -> None:
    data = np.arange(6000, dtype="i4")
    array = zarrloom.create_array("memory://", data=data, chunks=(50,), compressors=codecs.Xor(9))
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(3):
            array[i::10] = data[i::10]
            if not (array[i::10] == data[i::10]).all():
                wrong.append(i)

    with zarrloom.config(threads=4):
        threads = [threading.Thread(target=work, args=(i,)) for i in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    np.testing.assert_array_equal(array[...], data)


@pytest.mark.parametrize("codec", ["codecs.Xor(5)", "{'name': 'test.reverse'}"])
def test_fork_and_exit(codec: str, tmp_path: Path) -> None:
    code = f"""
import os, sys, threading
sys.path.insert(0, {str(PEERS)!r})
import numpy as np, numcodecs, zarr, python_codecs as codecs, zarrloom
numcodecs.register_codec(codecs.Xor)
zarr.registry.register_codec("test.reverse", codecs.Reverse)
zarrloom.config.threads = 3
data = np.arange(4000)
array = zarrloom.create_array({str(tmp_path)!r}, data=data, chunks=(10,), compressors={codec})
def read():
    while True:
        array[...]
threading.Thread(target=read, daemon=True).start()
child = os.fork()
if child == 0:
    os._exit(0 if (array[...] == data).all() else 1)
assert os.waitpid(child, 0)[1] == 0
stream = iter(array.chunk_stream())
next(stream)
print("read")  # and ends while the pool and a daemon thread decode
"""
    with warnings.catch_warnings():
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "read"


def test_a_data_type_of_ones_own(tmp_path: Path) -> None:
    zarrloom.register_data_type("test.kelvin", "f4")
    for zarr_format in (2, 3):
        array = zarrloom.create_array(
            tmp_path / str(zarr_format),
            shape=(4,),
            dtype="test.kelvin",
            fill_value=273.15,
            zarr_format=zarr_format,  # type: ignore[arg-type]
        )
        array[1] = 1.5
        again = zarrloom.open_array(tmp_path / str(zarr_format), mode="r")
        assert again.metadata["data_type" if zarr_format == 3 else "dtype"] == "test.kelvin"
        assert again.dtype == "f4"
        assert again.fill_value == np.float32(273.15)
        assert again[:2].tolist() == [np.float32(273.15), 1.5]
    for name, dtype in (("int4", "i4"), ("float32", "f4"), ("", "f4"), ("test.objects", "O")):
        with pytest.raises(zarrloom.InvalidArgumentError):
            zarrloom.register_data_type(name, dtype)
    with pytest.raises(zarrloom.UnsupportedError, match=r"test\.celsius"):
        changed = (tmp_path / "3/zarr.json").read_text().replace("test.kelvin", "test.celsius")
        (tmp_path / "3/zarr.json").write_text(changed)
        zarrloom.open_array(tmp_path / "3")


def test_a_data_type_of_zarr_python(tmp_path: Path) -> None:
    from zarr.core.dtype import Float64, data_type_registry

    class Volt(Float64):
        _zarr_v3_name = "test.volt"  # type: ignore[assignment]

        @classmethod
        def _check_json_v3(cls, data: Any) -> Any:
            return data == "test.volt"

        def to_json(self, zarr_format: Any) -> Any:
            return "test.volt" if zarr_format == 3 else super().to_json(zarr_format)

    data_type_registry.register("test.volt", Volt)
    try:
        made = zarr.create_array(tmp_path, shape=(6,), chunks=(4,), dtype=Volt(), fill_value=1.5)
        made[:3] = np.arange(3)
        array = zarrloom.open_array(tmp_path, mode="r+")
        assert array.dtype == "f8"
        assert array[...].tolist() == [0, 1, 2, 1.5, 1.5, 1.5]
        array[5] = 7
        assert theirs(tmp_path).tolist() == [0, 1, 2, 1.5, 1.5, 7]
        assert _core.is_dtype_name("float64")
    finally:
        del data_type_registry.contents["test.volt"]
