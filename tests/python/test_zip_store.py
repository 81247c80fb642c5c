"""Zip archives as stores, with zipfile and zarr-python on the other side."""

from __future__ import annotations

import gc
import io
import pickle
import subprocess
import sys
import warnings
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import zarr

import zarrloom

VALUES = np.arange(600, dtype="int32").reshape(20, 30)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    return str(tmp_path / "a.zip")


def make(store: Any, **kwargs: Any) -> zarrloom.Array:
    return zarrloom.create_array(store, data=VALUES, chunks=(8, 8), **kwargs)


def written_by_zarr(path: str, **kwargs: Any) -> None:
    with zarr.storage.ZipStore(path, mode="w", **kwargs) as store:
        array = zarr.create_array(
            store, shape=VALUES.shape, chunks=(8, 8), dtype="int32", attributes={"by": "zarr"}
        )
        array[...] = VALUES


# ---- With other programs ----


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("compression", ["stored", "deflated"])
def test_zarr_python_reads_what_we_write(
    archive: str, zarr_format: Literal[2, 3], compression: Literal["stored", "deflated"]
) -> None:
    with zarrloom.ZipStore(archive, mode="w", compression=compression) as store:
        make(store, zarr_format=zarr_format, attributes={"by": "zarrloom"})
    with zarr.storage.ZipStore(archive, mode="r") as theirs:
        array = zarr.open_array(theirs, mode="r")
        assert array.attrs["by"] == "zarrloom"
        assert (array[...] == VALUES).all()
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_we_read_what_zarr_python_writes(archive: str, compression: int) -> None:
    written_by_zarr(archive, compression=compression)
    array = zarrloom.open(archive, mode="r")
    assert (array[...] == VALUES).all()
    assert array.attrs["by"] == "zarr"
    assert (zarrloom.open(f"zip://{archive}")[3:9, ::4] == VALUES[3:9, ::4]).all()


def test_c9_of_duplicate_names_the_last_wins(archive: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile's: duplicate name
        written_by_zarr(archive)
        with zarr.storage.ZipStore(archive, mode="a") as store:
            zarr.open_array(store)[:8] = -1
    with zipfile.ZipFile(archive) as file:
        assert len(file.namelist()) > len(set(file.namelist()))
    values = zarrloom.open(archive)[...]
    assert (values[:8] == -1).all()
    assert (values[8:] == VALUES[8:]).all()


def test_each_appends_to_the_others_archive(archive: str) -> None:
    written_by_zarr(archive)
    with zarrloom.ZipStore(archive, mode="a") as store:
        zarrloom.open(store)[8:16] = 7
        store.write("more", b"than the array")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with zarr.storage.ZipStore(archive, mode="a") as theirs:
            assert (zarr.open_array(theirs)[8:16] == 7).all()
            zarr.open_array(theirs)[16:] = 9
    with zarrloom.ZipStore(archive, mode="a") as store:
        array = zarrloom.open(store)
        array[:8] = 5
        assert (array[...] == np.repeat([5, 7, 9], [8, 8, 4])[:, None]).all()
        assert store.read("more") == b"than the array"
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None


def test_shards_are_read_by_ranges(archive: str) -> None:
    with zarrloom.ZipStore(archive, mode="w") as store:
        zarrloom.create_array(store, data=VALUES, shards=(16, 16), chunks=(4, 4))
    array = zarrloom.open(archive, mode="r")
    assert (array[5, 6:9] == VALUES[5, 6:9]).all()
    assert (array[...] == VALUES).all()
    with zarr.storage.ZipStore(archive, mode="r") as theirs:
        assert (zarr.open_array(theirs, mode="r")[...] == VALUES).all()


def test_c9_data_descriptors_and_zip64_of_zipfile(archive: str) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/0", b"sizes follow" * 100)
        with file.open("a/1", "w", force_zip64=True) as member:
            member.write(b"64 bits")
        file.mkdir("empty")
    Path(archive).write_bytes(pipe.getvalue())
    store = zarrloom.ZipStore(archive, mode="r")
    assert store.read("a/0") == b"sizes follow" * 100
    assert store.read("a/1") == b"64 bits"
    assert store.list() == ["a/0", "a/1"]


def test_c9_more_members_than_16_bits_count(archive: str) -> None:
    with zarrloom.ZipStore(archive, mode="w") as store:
        for i in range(66_000):
            store.write(str(i), b"x")
    with zipfile.ZipFile(archive) as file:
        assert len(file.namelist()) == 66_000
        assert file.read("65999") == b"x"
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("one/more", b"y")
    store = zarrloom.ZipStore(archive, mode="r")
    assert len(store.list()) == 66_001
    assert store.read("one/more") == b"y"


def test_names_in_other_scripts(archive: str) -> None:
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("höhe/größe", b"x")
    with zarrloom.ZipStore(archive) as store:
        assert store.read("höhe/größe") == b"x"
        store.write("температура", b"y")
    with zipfile.ZipFile(archive) as file:
        assert sorted(file.namelist()) == ["höhe/größe", "температура"]


# ---- Faults of archives ----


@pytest.mark.parametrize("name", ["../x", "/absolute", "a/../../x"])
def test_c9_names_that_are_no_keys_are_refused(archive: str, name: str) -> None:
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(zarrloom.CorruptDataError, match="no key"):
        zarrloom.ZipStore(archive, mode="r")


def test_c9_a_truncated_archive_is_an_error_not_fill_values(archive: str) -> None:
    written_by_zarr(archive)
    whole = Path(archive).read_bytes()
    for size in (len(whole) - 1, len(whole) - 30, len(whole) // 2, 10, 0):
        Path(archive).write_bytes(whole[:size])
        with pytest.raises(zarrloom.CorruptDataError):
            zarrloom.ZipStore(archive, mode="r")
        if size > 0:
            with pytest.raises(zarrloom.CorruptDataError):
                zarrloom.open(archive)


def test_c9_a_damaged_chunk_is_an_error_that_names_it(archive: str) -> None:
    with zarrloom.ZipStore(archive, mode="w") as store:
        make(store, compressors=None)
    whole = bytearray(Path(archive).read_bytes())
    whole[whole.index(VALUES[:8, :8].tobytes()) + 40] ^= 1
    Path(archive).write_bytes(whole)
    with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(0, 0\).*CRC-32") as caught:
        zarrloom.open(archive)[...]
    assert caught.value.key == "c/0/0"


def test_c9_a_deflate_bomb_is_refused(archive: str) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", bytes(50_000_000))
    store = zarrloom.ZipStore(archive, mode="r", inflate_limit=1_000_000)
    with pytest.raises(zarrloom.CorruptDataError, match="limit"):
        store.read("bomb")


# ---- Handles ----


def test_a_crash_before_close_leaves_the_old_archive(archive: str) -> None:
    make(archive).store.flush()
    script = (
        "import os, sys, zarrloom\n"
        "store = zarrloom.ZipStore(sys.argv[1])\n"
        "zarrloom.open(store)[...] = 1\n"
        "store.write('large', os.urandom(200_000))\n"
        "os._exit(1)\n"
    )
    gc.collect()
    subprocess.run([sys.executable, "-c", script, archive], check=False)
    assert (zarrloom.open(archive, mode="r")[...] == VALUES).all()
    zarrloom.ZipStore(archive, mode="a").close()
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None, "cut off"


def test_the_end_of_the_process_closes(archive: str) -> None:
    script = (
        "import sys, numpy, zarrloom\n"
        "a = zarrloom.create_array(sys.argv[1], data=numpy.arange(9))\n"
        "kept = [a]; kept.append(kept)\n"
    )
    subprocess.run([sys.executable, "-c", script, archive], check=True)
    assert zarrloom.open(archive, mode="r")[8] == 8


def test_save_and_load(archive: str) -> None:
    zarrloom.save(archive, VALUES)
    assert (zarrloom.load(archive) == VALUES).all()
    zarrloom.save(archive, VALUES + 1)
    assert (zarrloom.load(archive) == VALUES + 1).all()


def test_one_process_shares_the_writing_handle(archive: str) -> None:
    array = make(archive)
    again = zarrloom.open(archive)
    assert again.store is array.store
    again[0, 0] = 99
    assert array[0, 0] == 99
    array.store.close()
    with pytest.raises(zarrloom.StorageError, match="closed"):
        array[...]
    fresh = zarrloom.open(archive)
    assert fresh.store is not array.store
    assert fresh[0, 0] == 99


def test_the_second_writer_is_refused(archive: str) -> None:
    with zarrloom.ZipStore(archive) as store:
        make(store)
        with pytest.raises(zarrloom.ConflictError, match="elsewhere"):
            zarrloom.ZipStore(archive)
        script = "import sys, zarrloom; zarrloom.ZipStore(sys.argv[1])"
        done = subprocess.run(
            [sys.executable, "-c", script, archive], capture_output=True, text=True, check=False
        )
        assert "ConflictError" in done.stderr
    zarrloom.ZipStore(archive).close()


def test_modes(archive: str) -> None:
    with pytest.raises(FileNotFoundError):
        zarrloom.ZipStore(archive, mode="r")
    with pytest.raises(zarrloom.NodeNotFoundError):
        zarrloom.open(archive, mode="r")
    zarrloom.ZipStore(archive, mode="x").close()
    with pytest.raises(FileExistsError):
        zarrloom.ZipStore(archive, mode="x")
    with pytest.raises(zarrloom.InvalidArgumentError):
        zarrloom.ZipStore(archive, mode="r+")  # type: ignore[arg-type]
    with pytest.raises(zarrloom.InvalidArgumentError):
        zarrloom.ZipStore(archive, compression="zstd")  # type: ignore[arg-type]
    reader = zarrloom.ZipStore(archive, mode="r")
    with pytest.raises(zarrloom.ReadOnlyError):
        reader.write("k", b"x")


def test_a_folder_may_be_called_zip(tmp_path: Path) -> None:
    (tmp_path / "b.zip").mkdir()
    make(tmp_path / "b.zip").store.flush()
    assert (tmp_path / "b.zip" / "zarr.json").exists()
    assert isinstance(zarrloom.FileStore(tmp_path / "c.zip"), zarrloom.FileStore)
    make(zarrloom.FileStore(tmp_path / "c.zip"))
    assert (tmp_path / "c.zip" / "zarr.json").exists()


def test_other_processes_read_a_pickled_archive(archive: str) -> None:
    array = make(archive)
    copy = pickle.loads(pickle.dumps(array))
    assert (copy[...] == VALUES).all()
    with pytest.raises(zarrloom.ReadOnlyError):
        copy[0, 0] = 1
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_total, array).result() == VALUES.sum()


def _total(array: zarrloom.Array) -> int:
    return int(array[...].sum())


def test_streams_maps_and_threads(archive: str, threads: int) -> None:
    with zarrloom.ZipStore(archive) as store:
        array = make(store, name="in")
        out = zarrloom.create_array(
            store, name="out", shape=VALUES.shape, chunks=(8, 8), dtype="int32"
        )
        array.parallel_chunk_map(lambda index, chunk: chunk + 1, out=out).run()
        assert sum(int(chunk.sum()) for _, chunk in out.chunk_stream()) == (VALUES + 1).sum()
        slow = zarrloom.open(store.delayed(0.001), path="out")
        assert (slow[...] == VALUES + 1).all()
    assert (zarrloom.open(archive, path="out")[...] == VALUES + 1).all()


def test_repr_and_names(archive: str) -> None:
    with zarrloom.ZipStore(archive) as store:
        assert repr(store) == f"<ZipStore zip://{archive}>"
        assert store.path == archive
        assert not store.closed
    assert store.closed
