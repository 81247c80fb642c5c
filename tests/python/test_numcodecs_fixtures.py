"""The encoded bytes that numcodecs keeps of its releases decode to the arrays they were made of."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

import zarrloom

VERSION = "0.16.5"
CODECS = ["zlib", "gzip", "zstd", "lz4", "blosc"]


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder ``fixture/`` of numcodecs' source distribution, fetched by pip."""
    folder = tmp_path_factory.mktemp("numcodecs")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", str(folder)]
    fetched = subprocess.run(
        [*command, "--no-binary", "numcodecs", f"numcodecs=={VERSION}"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    archives = list(folder.glob("numcodecs-*.tar.gz"))
    if fetched.returncode != 0 or not archives:
        pytest.skip(f"pip could not fetch numcodecs {VERSION}: {fetched.stderr[-300:]}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"numcodecs-{VERSION}" / "fixture"


@pytest.mark.timeout(700)
@pytest.mark.parametrize("codec", CODECS)
def test_fixtures_decode_equal(fixtures: Path, codec: str) -> None:
    compared = 0
    for source in sorted((fixtures / codec).rglob("array.*.npy")):
        values = np.load(source, allow_pickle=True)
        if values.dtype == object:
            continue
        raw = np.frombuffer(values.tobytes(order="A"), "uint8")
        number = source.name.split(".")[1]
        for folder in sorted(source.parent.glob("codec.*")):
            config = json.loads((folder / "config.json").read_text())
            encoded = (folder / f"encoded.{number}.dat").read_bytes()
            store = zarrloom.MemoryStore()
            metadata = {
                "zarr_format": 2,
                "shape": raw.shape,
                "chunks": raw.shape,
                "dtype": "|u1",
                "compressor": config,
                "fill_value": 0,
                "order": "C",
                "filters": None,
            }
            store.write(".zarray", json.dumps(metadata).encode())
            store.write("0", encoded)
            try:
                array = zarrloom.open_array(store)
            except zarrloom.UnsupportedError as error:
                # c-blosc is built without Snappy by default; then it is refused by its name.
                assert config["cname"] == "snappy"
                assert "snappy" in str(error)
                continue
            assert array[...].tobytes() == raw.tobytes(), f"{source} {config}"
            compared += 1
    assert compared >= 10
