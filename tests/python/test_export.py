"""zarrloom export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zarrloom
from zarrloom.cli import main


@pytest.mark.parametrize("dtype", ["int32", "float64"])
@pytest.mark.parametrize("form", ["csv", "npy"])
def test_every_chunk_is_a_file(
    path: str, tmp_path: Path, form: str, dtype: str, capsys: pytest.CaptureFixture[str]
) -> None:
    values = (np.arange(10 * 6 * 7).reshape(10, 6, 7) / 3).astype(dtype)
    array = zarrloom.create_array(path, data=values, chunks=(4, 6, 4))
    folder = tmp_path / "out"
    assert main(["export", path, str(folder), "--format", form, "--processes", "2"]) == 0
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        f"{i}.{j}.{k}.{form}" for i, j, k in np.ndindex(array.cdata_shape)
    )
    for index in np.ndindex(array.cdata_shape):
        expected = values[array.chunk_bounds(index)]
        file = folder / f"{'.'.join(map(str, index))}.{form}"
        if form == "npy":
            np.testing.assert_array_equal(np.load(file), expected)
        else:
            rows = np.loadtxt(file, delimiter=",", ndmin=2, dtype=dtype)
            np.testing.assert_array_equal(rows, expected.reshape(-1, expected.shape[-1]))
    assert "6 files" in capsys.readouterr().out


def test_it_fails_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "none"), str(tmp_path / "out")]) == 1
    assert "there is no array" in capsys.readouterr().err
