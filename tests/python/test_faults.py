"""Bad bytes and bad file systems: a clear error, in bounded memory, and no change.

Names follow the rows of the project's table of faults.
"""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults import Meta, edit, make

import zarrloom


def refuse(array: zarrloom.Array, match: str | None = None) -> None:
    """The chunk is refused by every way of reading, and the error names it."""
    for read in (lambda: array[...], lambda: array[1], lambda: list(array.chunk_stream())):
        with pytest.raises(zarrloom.CorruptDataError, match=match) as caught:
            read()
        assert caught.value.chunk_index == (0,)
        assert caught.value.key == "c/0"


RAW: dict[str, Any] = {"compressors": None}
GZIP: dict[str, Any] = {"compressors": [{"name": "gzip", "configuration": {"level": 1}}]}
ZSTD: dict[str, Any] = {"compressors": [{"name": "zstd", "configuration": {"level": 1}}]}
BLOSC: dict[str, Any] = {"compressors": [{"name": "blosc", "configuration": {"cname": "lz4"}}]}


class TestChunks:
    @pytest.mark.parametrize("size", [0, 1, 19, 21, 4000])
    def test_b1_raw_of_wrong_size(self, tmp_path: Path, size: int) -> None:
        array = make(tmp_path, **RAW)
        (tmp_path / "c" / "0").write_bytes(b"\1" * size)
        refuse(array)

    @pytest.mark.parametrize("codec", [GZIP, ZSTD, BLOSC], ids=["gzip", "zstd", "blosc"])
    def test_b2_truncated_and_flipped(self, tmp_path: Path, codec: Meta) -> None:
        array = make(tmp_path, **codec)
        good = (tmp_path / "c" / "0").read_bytes()
        for cut in range(len(good)):
            (tmp_path / "c" / "0").write_bytes(good[:cut])
            refuse(array)
        (tmp_path / "c" / "0").write_bytes(good)
        assert array[0] == 1

    def test_b2_checksums(self, tmp_path: Path) -> None:
        for name, codecs in {
            "crc32c": [{"name": "crc32c"}],
            "gzip": GZIP["compressors"],
            "zstd": [{"name": "zstd", "configuration": {"level": 1, "checksum": True}}],
        }.items():
            array = make(tmp_path / name, compressors=codecs)
            good = bytearray((tmp_path / name / "c" / "0").read_bytes())
            good[-1] ^= 1
            (tmp_path / name / "c" / "0").write_bytes(good)
            refuse(array)

    @pytest.mark.parametrize("codec", [RAW, GZIP, ZSTD, BLOSC], ids=["raw", "gz", "zstd", "blosc"])
    def test_b3_chunk_declared_to_be_a_tebibyte(self, tmp_path: Path, codec: Meta) -> None:
        array = make(tmp_path, shape=(10,), chunks=(5,), **codec)
        array[...] = np.arange(10)
        edit(tmp_path, lambda m: m["chunk_grid"]["configuration"].update(chunk_shape=[2**38]))
        huge = zarrloom.open_array(tmp_path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(zarrloom.CorruptDataError):
            huge[0]
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024

    def test_b4_gzip_bomb(self, tmp_path: Path) -> None:
        array = make(tmp_path, dtype="uint8", shape=(200,), chunks=(100,), **GZIP)
        (tmp_path / "c" / "0").write_bytes(gzip.compress(bytes(256 << 20)))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        refuse(array, "gzip")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024

    def test_b5_zstd_bomb_and_lies(self, tmp_path: Path) -> None:
        numcodecs = pytest.importorskip("numcodecs")
        array = make(tmp_path, dtype="uint8", shape=(200,), chunks=(100,), **ZSTD)
        chunk = tmp_path / "c" / "0"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        chunk.write_bytes(numcodecs.Zstd(1).encode(bytes(64 << 20)))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        refuse(array, "zstd")
        # A frame that tells of 2^40 bytes, and one that asks for a window of 2 GiB.
        chunk.write_bytes(b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + b"\x01\x00\x00")
        refuse(array, "zstd")
        chunk.write_bytes(b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00")
        refuse(array, "zstd")
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert after - max(before, grown) < 64 * 1024

    @pytest.mark.parametrize("codec", ["gzip", "zstd"])
    def test_b6_members_and_garbage(self, tmp_path: Path, codec: str) -> None:
        numcodecs = pytest.importorskip("numcodecs")
        pack = numcodecs.get_codec({"id": codec}).encode
        array = make(
            tmp_path, dtype="uint8", shape=(200,), chunks=(100,), compressors=[{"name": codec}]
        )
        chunk = tmp_path / "c" / "0"
        chunk.write_bytes(bytes(pack(b"\1" * 60)) + bytes(pack(b"\2" * 40)))
        assert array[:100].tolist() == [1] * 60 + [2] * 40
        chunk.write_bytes(bytes(pack(b"\1" * 100)) + bytes(pack(b"\2" * 100)))
        refuse(array)
        chunk.write_bytes(bytes(pack(b"\1" * 100)) + b"garbage")
        refuse(array)

    def test_b7_blosc_headers(self, tmp_path: Path) -> None:
        array = make(tmp_path, shape=(2000,), chunks=(1000,), **BLOSC)
        good = (tmp_path / "c" / "0").read_bytes()
        chunk = tmp_path / "c" / "0"

        def put(at: int, value: int) -> bytes:
            return good[:at] + value.to_bytes(4, "little") + good[at + 4 :]

        bad = {
            "cut by 3": good[:-3],
            "cbytes too long": put(12, len(good) + 100),
            "nbytes 2 GiB": put(4, 2**31 - 1),
            "10 bytes": good[:10],
            "typesize 0": good[:3] + b"\0" + good[4:],
            "version of blosc2": b"\5" + good[1:],
            "garbage behind": good + b"xyz",
        }
        for data in bad.values():
            chunk.write_bytes(data)
            with pytest.raises(zarrloom.CorruptDataError, match="blosc"):
                array[...]

    def test_b10_bool_other_than_0_and_1(self, tmp_path: Path) -> None:
        for name, codec in {"raw": RAW, "zstd": ZSTD}.items():
            array = make(tmp_path / name, dtype="bool", **codec)
            other = zarrloom.create_array(
                tmp_path / f"{name}8", shape=(10,), chunks=(5,), dtype="uint8", **codec
            )
            other[...] = 2
            data = (tmp_path / f"{name}8" / "c" / "0").read_bytes()
            (tmp_path / name / "c" / "0").write_bytes(data)
            refuse(array, "bool")

    def test_b10_nan_payloads_are_kept(self, tmp_path: Path) -> None:
        bits = np.array([0x7FC00001, 0xFFFFFFFF, 0x7F800001, 0x80000000, 1], "uint32")
        array = make(tmp_path, dtype="float32", shape=(5,))
        array[...] = bits.view("float32")
        np.testing.assert_array_equal(array[...].view("uint32"), bits)


class TestFileSystem:
    @pytest.mark.parametrize("kind", ["directory", "fifo", "device", "loop", "dangling"])
    def test_c1_a_chunk_that_is_no_file(self, tmp_path: Path, kind: str) -> None:
        array = make(tmp_path)
        chunk = tmp_path / "c" / "0"
        chunk.unlink()
        if kind == "directory":
            chunk.mkdir()
        elif kind == "fifo":
            os.mkfifo(chunk)
        elif kind == "device":
            chunk.symlink_to("/dev/zero")
        elif kind == "loop":
            chunk.symlink_to(chunk)
        else:
            chunk.symlink_to(tmp_path / "gone")
        if kind == "dangling":  # as good as absent
            assert array[0] == 0
            return
        with pytest.raises(OSError, match="c/0"):
            array[...]

    def test_c3_a_write_that_fails_keeps_the_old_chunk(self, tmp_path: Path) -> None:
        # A limit on file sizes is a full disk as far as write() is concerned.
        make(tmp_path, shape=(200_000,), chunks=(100_000,), **RAW)
        script = f"""
import resource, signal
import numpy as np, zarrloom
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
array = zarrloom.open_array({str(tmp_path)!r}, mode="r+")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    array[...] = -1
except OSError as error:
    assert isinstance(error, zarrloom.StorageError), type(error)
    assert "c/0" in str(error) or "c/1" in str(error), error
    assert error.key in ("c/0", "c/1")
else:
    raise SystemExit("the write did not fail")
"""
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
        assert sorted(p.name for p in (tmp_path / "c").iterdir()) == ["0", "1"]
        np.testing.assert_array_equal(zarrloom.open_array(tmp_path)[...], np.arange(1, 200_001))

    def test_c7_moved_and_deleted(self, tmp_path: Path) -> None:
        array = make(tmp_path / "a")
        (tmp_path / "a").rename(tmp_path / "b")
        np.testing.assert_array_equal(array[...], np.arange(1, 11))
        subprocess.run(["rm", "-r", tmp_path / "b"], check=True)
        with pytest.raises(OSError, match=r"a|b"):
            array[...]

    @pytest.mark.skipif(os.geteuid() != 0, reason="drops root's rights")
    def test_c8_no_permission_is_not_missing(self, tmp_path: Path) -> None:
        for folder in [tmp_path, *tmp_path.parents][:-1]:
            folder.chmod(folder.stat().st_mode | 0o055)
        make(tmp_path / "a")
        (tmp_path / "a" / "c" / "0").chmod(0)
        (tmp_path / "a" / "zarr.json").chmod(0o644)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.setgid(65534)
                os.setuid(65534)
                array = zarrloom.open_array(tmp_path / "a", mode="r+")
                with pytest.raises(PermissionError) as caught:
                    array[...]
                assert caught.value.key == "c/0"
                with pytest.raises(PermissionError):
                    array[5:] = 1
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_read_only_array(tmp_path: Path) -> None:
    make(tmp_path)
    array = zarrloom.open_array(tmp_path, mode="r")
    with pytest.raises(zarrloom.ReadOnlyError):
        array[0] = 1
    with pytest.raises(zarrloom.ReadOnlyError):
        array.attrs["a"] = 1
    assert array[0] == 1


def test_creation_does_not_overwrite(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(FileExistsError):
        zarrloom.create_array(tmp_path, shape=(1,), dtype="int8")
    assert zarrloom.open_array(tmp_path)[0] == 1
    assert zarrloom.create_array(tmp_path, shape=(1,), dtype="int8", overwrite=True)[0] == 0
    assert not (tmp_path / "c").exists() or not list((tmp_path / "c").iterdir())
