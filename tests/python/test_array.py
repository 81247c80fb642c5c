"""What a handle tells, and how arrays are made, opened, saved and loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom


def test_properties(path: str) -> None:
    array = zarrloom.create_array(
        path,
        shape=(10, 7),
        chunks=(4, 3),
        dtype="float32",
        fill_value=1.5,
        attributes={"a": 1},
        dimension_names=["y", None],
    )
    assert array.shape == (10, 7)
    assert array.chunks == (4, 3)
    assert array.cdata_shape == (3, 3)
    assert (array.ndim, array.size, array.nbytes, array.nchunks) == (2, 70, 280, 9)
    assert array.dtype == np.dtype("float32")
    assert array.fill_value == np.float32(1.5)
    assert array.dimension_names == ("y", None)
    assert array.zarr_format == 3
    assert array.order == "C"
    assert array.filters == ()
    assert array.serializer == {"name": "bytes", "configuration": {"endian": "little"}}
    assert [codec["name"] for codec in array.compressors] == ["zstd"]
    assert (array.path, array.name) == ("", "/")
    assert not array.read_only
    assert len(array) == 10
    assert path in repr(array)
    for part in ("(10, 7)", "float32", "zstd", path):
        assert part in array.info
    assert array.metadata["data_type"] == "float32"
    assert array.chunk_bounds((2, 2)) == (slice(8, 10, 1), slice(6, 7, 1))
    assert array.chunk_key((2, 0)) == "c/2/0"
    with pytest.raises(zarrloom.SelectionError):
        array.chunk_bounds((3, 0))


def test_array_protocol(path: str) -> None:
    array = zarrloom.create_array(path, data=np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(np.asarray(array), np.arange(6).reshape(2, 3))
    assert np.asarray(array, dtype="float64").dtype == np.float64
    assert np.add(array, 1).sum() == 21
    with pytest.raises(ValueError, match="copy"):
        np.array(array, copy=False)


def test_attributes(path: str) -> None:
    array = zarrloom.create_array(path, shape=(1,), dtype="int8")
    array.attrs["x"] = {"y": [1, 2.5, None, "ü"]}
    array.attrs.update(z=2**80)
    again = zarrloom.open_array(path)
    assert dict(again.attrs) == {"x": {"y": [1, 2.5, None, "ü"]}, "z": 2**80}
    del again.attrs["x"]
    assert list(array.attrs) == ["z"]
    assert len(array.attrs) == 1
    array.attrs.put({})
    assert again.attrs.asdict() == {}
    with pytest.raises(KeyError):
        array.attrs["x"]
    with pytest.raises((TypeError, ValueError)):
        array.attrs["x"] = object()


def test_modes(path: str) -> None:
    with pytest.raises(zarrloom.NodeNotFoundError):
        zarrloom.open(path, mode="r+")
    with pytest.raises(zarrloom.NodeNotFoundError):
        zarrloom.open(path)
    zarrloom.open(path, mode="a", shape=(3,), dtype="int8")[...] = 1
    assert zarrloom.open(path, mode="a", shape=(99,), dtype="int8").shape == (3,)
    assert zarrloom.open(path, mode="r").read_only
    with pytest.raises(zarrloom.NodeExistsError):
        zarrloom.open(path, mode="w-", shape=(3,), dtype="int8")
    assert zarrloom.open(path, mode="w", shape=(3,), dtype="int8")[0] == 0
    with pytest.raises(zarrloom.InvalidArgumentError, match="mode"):
        zarrloom.open(path, mode="x")  # type: ignore[arg-type]


@pytest.mark.parametrize("form", [str, Path, lambda p: f"file://{p}", zarrloom.FileStore])
def test_forms_of_a_store(path: str, form: Any) -> None:
    zarrloom.save(form(path), np.arange(5))
    np.testing.assert_array_equal(zarrloom.load(path), np.arange(5))
    assert os.path.exists(f"{path}/zarr.json")


def test_unknown_scheme_is_named() -> None:
    with pytest.raises(zarrloom.UnsupportedError, match="gopher"):
        zarrloom.open("gopher://host/a.zarr")


def test_arrays_below_a_root(tmp_path: Path) -> None:
    zarrloom.create_array(tmp_path, name="group/a", shape=(2,), dtype="int8")[...] = 5
    array = zarrloom.open_array(tmp_path, path="/group/a")
    assert array.path == "group/a"
    assert array[0] == 5
    assert (tmp_path / "group" / "a" / "zarr.json").exists()


def test_automatic_chunks(path: str) -> None:
    array = zarrloom.create_array(path, shape=(10_000, 10_000), dtype="float64")
    assert 2**18 <= np.prod(array.chunks) * 8 <= 2**23
    small = zarrloom.create_array(zarrloom.MemoryStore(), shape=(5,), dtype="int8")
    assert small.chunks == (5,)


@pytest.mark.parametrize(
    "compressors",
    ["zstd", {"name": "zstd"}, ["zstd"], {"id": "zstd", "level": 3}, [{"name": "gzip"}, "crc32c"]],
)
def test_forms_of_codecs(path: str, compressors: Any) -> None:
    array = zarrloom.create_array(path, shape=(100,), dtype="int32", compressors=compressors)
    array[...] = np.arange(100)
    np.testing.assert_array_equal(zarrloom.load(path), np.arange(100))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"shape": (-1,)}, ValueError),
        ({"shape": (10,), "chunks": (0,)}, ValueError),
        ({"shape": (10,), "chunks": (2, 2)}, ValueError),
        ({"shape": (10,), "dtype": "float128"}, NotImplementedError),
        ({"shape": (10,), "dtype": object}, ValueError),
        ({"shape": (10,), "compressors": "made_up"}, NotImplementedError),
        (
            {"shape": (10,), "compressors": [{"name": "zstd", "configuration": {"level": 99}}]},
            ValueError,
        ),
        ({"shape": (10,), "fill_value": 300, "dtype": "uint8"}, ValueError),
        ({"shape": (10,), "dimension_names": ["a", "b"]}, ValueError),
        ({"shape": (10,), "order": "X"}, ValueError),
        ({"shape": (10,), "zarr_format": 4}, ValueError),
        ({}, ValueError),
    ],
)
def test_bad_options_create_nothing(path: str, options: dict[str, Any], error: type) -> None:
    with pytest.raises(error) as caught:
        zarrloom.create_array(path, **{"dtype": "int32", **options})
    assert isinstance(caught.value, zarrloom.ZarrloomError)
    assert not os.path.exists(path)


def test_config(capsys: pytest.CaptureFixture[str]) -> None:
    before = zarrloom.config.threads
    with zarrloom.config(threads=3, memory_limit="2MiB", io_concurrency=7):
        assert zarrloom.config.threads == 3
        assert zarrloom.config.memory_limit == 2 << 20
        assert zarrloom.config.io_concurrency == {"file": 7, "http": 7, "s3": 7}
        zarrloom.config.io_concurrency = {"s3": 99}
        assert zarrloom.config.io_concurrency == {"file": 7, "http": 7, "s3": 99}
        zarrloom.config.show()
        shown = capsys.readouterr().out
        assert "2097152" in shown
        assert [line.split()[-1] for line in shown.splitlines()[1:]] == ["set"] * 5 + [
            "default"
        ] * 4
    assert zarrloom.config.threads == before
    assert not zarrloom.config.inline
    defaults = zarrloom.config.io_concurrency
    assert (defaults["http"], defaults["s3"]) == (32, 64)
    assert defaults["file"] >= 8
    with pytest.raises(zarrloom.InvalidArgumentError, match="ftp"):
        zarrloom.config(io_concurrency={"ftp": 3})
    with pytest.raises(zarrloom.InvalidArgumentError, match="thread_count"):
        zarrloom.config(thread_count=3)
    with pytest.raises(zarrloom.InvalidArgumentError, match="lots"):
        zarrloom.config.memory_limit = "lots"  # type: ignore[assignment]


def test_environment() -> None:
    script = (
        "import zarrloom; c = zarrloom.config;"
        "print(c.threads, c.memory_limit, c.io_concurrency['s3'])"
    )
    environment = {
        **os.environ,
        "ZARRLOOM_THREADS": "5",
        "ZARRLOOM_MEMORY_LIMIT": "1g",
        "ZARRLOOM_IO_CONCURRENCY": "s3=9,http=3",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["5", str(1 << 30), "9"]


def test_import_needs_numpy_alone() -> None:
    script = (
        "import sys, zarrloom;"
        "print([m for m in ('zarr', 'rich', 'numcodecs', 'tensorstore') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_has_a_docstring() -> None:
    for name in zarrloom.__all__:
        assert getattr(zarrloom, name).__doc__, name
    for name, member in vars(zarrloom.Array).items():
        if not name.startswith("_"):
            assert member.__doc__, name


def test_command_line(path: str) -> None:
    pytest.importorskip("rich")
    zarrloom.save(path, np.arange(1000).reshape(10, 100), chunks=(3, 7))

    script = "import sys; from zarrloom.cli import main; sys.exit(main())"

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "(10, 100)" in run("info", path)
    table = run("demo", path)
    for word in ("read all", "stream chunks", "map max", "checksum"):
        assert word in table
    assert "write all" in run("demo", "--megabytes", "16", "--rounds", "1")


def test_stores_with_a_latency_or_a_limit(path: str, threads: int) -> None:
    import pickle

    values = np.arange(100, dtype="int32").reshape(10, 10)
    zarrloom.save(path, values, chunks=(2, 5))
    store = zarrloom.FileStore(path)
    for paced in (store.delayed(0.001), store.limited(1e6), store.limited(1e6, burst=5).delayed(0)):
        for each in (paced, pickle.loads(pickle.dumps(paced))):
            array = zarrloom.open_array(each)
            np.testing.assert_array_equal(array[...], values)
            array[0, 0] = 0
            assert len(list(array.chunk_stream())) == 10
    with pytest.raises(zarrloom.InvalidArgumentError, match="latency"):
        store.delayed(-1)
    with pytest.raises(zarrloom.InvalidArgumentError, match="rate"):
        store.limited(0)
