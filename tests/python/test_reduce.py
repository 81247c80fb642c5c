"""zarrloom.reduce: as numpy, exact, in one pass, and the same for any number of threads."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarrloom

REAL = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float16", "float32", "float64"]
ALL = ["min", "max", "sum", "mean", "std", "var", "count", "argmin", "argmax"]


def stored(
    values: np.ndarray[Any, Any], chunks: tuple[int, ...], fill: Any = 0, compressed: bool = True
) -> zarrloom.Array:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(),
        shape=values.shape,
        chunks=chunks,
        dtype=values.dtype,
        fill_value=fill,
        **({} if compressed else {"compressors": None}),
    )
    array[...] = values
    return array


def numpy_value(
    name: str, values: np.ndarray[Any, Any], axis: Any, skipna: bool, ddof: float
) -> Any:
    """Compute what numpy gives, moments of floats from float64 and rounded once."""
    skips = skipna and values.dtype.kind in "fc"
    if name == "count":
        present = ~np.isnan(values) if skips else np.ones(values.shape, bool)
        return present.sum(axis=axis)
    function: Callable[..., Any] = getattr(np, ("nan" if skips else "") + name)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if name in ("sum", "mean", "std", "var") and values.dtype.kind == "f":
            keywords = {"ddof": ddof} if name in ("std", "var") else {}
            wide = function(values.astype("float64"), axis=axis, **keywords)
            return np.asarray(wide).astype(values.dtype)[()]
        if name in ("std", "var"):
            return function(values, axis=axis, ddof=ddof)
        return function(values, axis=axis)


def assert_equal(name: str, got: Any, expected: Any, scale: float = 1.0) -> None:
    assert np.shape(got) == np.shape(expected), name
    assert np.asarray(got).dtype == np.asarray(expected).dtype, name
    if name in ("sum", "mean", "std", "var") and np.asarray(got).dtype.kind in "fc":
        eps = float(np.finfo(np.asarray(got).dtype).eps)
        np.testing.assert_allclose(got, expected, rtol=8 * eps, atol=8 * eps * scale, err_msg=name)
    else:
        np.testing.assert_array_equal(got, expected, err_msg=name)


@st.composite
def shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    rank = draw(st.integers(0, 4))
    limit = {0: 1, 1: 3000, 2: 60, 3: 15, 4: 7}[rank]
    shape = tuple(draw(st.integers(1, limit)) for _ in range(rank))
    chunks = tuple(draw(st.integers(1, max(1, min(extent, limit)))) for extent in shape)
    while math.prod(-(-n // c) for n, c in zip(shape, chunks, strict=True)) > 200:
        chunks = tuple(min(2 * c, n) for c, n in zip(chunks, shape, strict=True))
    return shape, chunks


def index_of(draw: st.DrawFn, extent: int) -> Any:
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return draw(st.integers(-extent, extent - 1))
    if kind < 3:
        return slice(None)
    bound = st.none() | st.integers(-extent - 2, extent + 2)
    step = draw(st.sampled_from([None, 1, 2, 3, -1, -2, 100]))
    return slice(draw(bound), draw(bound), step)


def values_of(
    draw: st.DrawFn, dtype: str, shape: tuple[int, ...], skew: bool
) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype in FLOATS:
        values = np.asarray(random.normal(3, 2, shape)).astype(dtype)
        special = draw(st.sampled_from([0.0, 0.02, 0.5, 1.0]))
        values[random.random(shape) < special] = np.nan
        return values
    info = np.iinfo(dtype)
    low, high = (info.min, info.max) if skew else (max(info.min, -5), 5)
    return np.asarray(random.integers(low, high, shape, dtype=dtype, endpoint=True))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_like_numpy(data: st.DataObject) -> None:
    shape, chunks = data.draw(shapes())
    dtype = data.draw(st.sampled_from(REAL + FLOATS))
    whole = data.draw(st.composite(values_of)(dtype, shape, data.draw(st.booleans())))
    array = stored(whole, chunks, compressed=data.draw(st.booleans()))
    index: Any = tuple(data.draw(st.composite(index_of)(extent)) for extent in shape)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(index)))
        index = (*index[:at], None, *index[at:])
    index = (*index, ...)
    values = whole[index]
    ndim = values.ndim
    axis: Any = None
    if ndim and data.draw(st.booleans()):
        axis = data.draw(st.integers(-ndim, ndim - 1))
    elif ndim and data.draw(st.booleans()):
        axis = tuple(data.draw(st.sets(st.integers(0, ndim - 1))))
    skipna = data.draw(st.booleans())
    ddof = data.draw(st.sampled_from([0, 1]))
    names = [name for name in ALL if not (name.startswith("arg") and isinstance(axis, tuple))]
    skips = skipna and dtype in FLOATS
    if values.size == 0:
        names = ["sum", "count", "mean", "var"]
    elif skips and np.isnan(values).all(axis=axis).any():
        names = [name for name in names if not name.startswith("arg")]
    arguments: Any = {"axis": axis, "selection": index, "skipna": skipna, "ddof": ddof}
    with zarrloom.config(threads=data.draw(st.sampled_from([1, 4]))):
        got = zarrloom.reduce(array, names, **arguments)
    assert list(got) == names
    for name in names:
        expected = numpy_value(name, values, axis, skipna, ddof)
        if name == "sum" and dtype not in FLOATS:
            expected = exact_sum(values, axis)
        scale = 1.0 if values.size == 0 else float(np.nan_to_num(np.abs(values * 1.0)).max())
        assert_equal(name, got[name], expected, scale * max(1, values.size))


def exact_sum(values: np.ndarray[Any, Any], axis: Any) -> Any:
    exact = np.asarray(values.astype(object).sum(axis=axis), object)
    dtype = "uint64" if values.dtype.kind == "u" else "int64"
    info = np.iinfo(dtype)
    fits = all(info.min <= int(item) <= info.max for item in exact.ravel())
    return exact.astype(dtype)[()] if fits else exact[()]


@pytest.fixture
def field() -> np.ndarray[Any, Any]:
    random = np.random.default_rng(1)
    return np.asarray(random.normal(0, 1, (61, 47, 33)) * 10.0 ** random.integers(-8, 8, 33))


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_bits_for_any_threads(field: np.ndarray[Any, Any], axis: Any, dtype: str) -> None:
    array = stored(field.astype(dtype), (7, 11, 8))
    names = ["sum", "mean", "std", "var", "min", "max"]
    results = []
    for threads in (1, 2, 4, 4, 4, 4):
        with zarrloom.config(threads=threads):
            for parallel in (None, 1, threads):
                results.append(zarrloom.reduce(array, names, axis=axis, parallel=parallel))
    first = {name: np.asarray(value).tobytes() for name, value in results[0].items()}
    for other in results[1:]:
        assert {name: np.asarray(value).tobytes() for name, value in other.items()} == first


def test_many_python_threads_at_once(field: np.ndarray[Any, Any], threads: int) -> None:
    array = stored(field, (7, 11, 8))

    def both() -> bytes:
        got = zarrloom.reduce(array, ["sum", "std"]), zarrloom.reduce(array, "mean", axis=0)
        return repr(got[0]).encode() + got[1].tobytes()

    expected = both()
    with ThreadPoolExecutor(16) as pool:
        results = [pool.submit(both) for _ in range(32)]
    assert all(result.result() == expected for result in results)


def test_memory_is_bounded(path: str) -> None:
    shape, chunks = (128, 512, 512), (1, 256, 256)  # 128 MiB
    array = zarrloom.create_array(
        path, shape=shape, chunks=chunks, dtype="float32", compressors=None
    )
    array[...] = 1
    script = f"""
import resource, zarrloom
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
zarrloom.config.threads = 4
array = zarrloom.open_array({path!r})
zarrloom.reduce(array, ["sum", "std"], selection=slice(0, 2), axis=0)
before = peak()
assert zarrloom.reduce(array, ["sum", "std", "argmax"])["sum"] == array.size
assert (zarrloom.reduce(array, ["mean", "std"], axis=0)["mean"] == 1).all()
print((peak() - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64  # MiB


def test_float_sums_are_better_than_one_after_another() -> None:
    random = np.random.default_rng(5)
    values = random.random(1_000_000) * 10.0 ** random.integers(-12, 12, 1_000_000)
    array = stored(values, (1000,))
    exact = math.fsum(values)
    assert abs(zarrloom.reduce(array, "sum") - exact) <= 2 * math.ulp(exact)


def test_variance_far_from_zero() -> None:
    values = np.random.default_rng(2).random((500, 40)) + 1e9
    array = stored(values, (50, 7))
    np.testing.assert_allclose(zarrloom.reduce(array, "var"), np.var(values - 1e9), rtol=1e-6)
    got = zarrloom.reduce(array, "var", axis=0)
    np.testing.assert_allclose(got, np.var(values - 1e9, axis=0), rtol=1e-6)


def test_integer_sums_are_exact_where_numpy_wraps() -> None:
    values = np.full((4, 1000), np.iinfo("int64").max)
    array = stored(values, (1, 300))
    total = zarrloom.reduce(array, "sum")
    assert type(total) is int
    assert total == 4000 * (2**63 - 1)
    rows = zarrloom.reduce(array, "sum", axis=1)
    assert rows.dtype == object
    assert rows.tolist() == [1000 * (2**63 - 1)] * 4
    assert zarrloom.reduce(stored(np.full(3, 2**64 - 1, "uint64"), (2,)), "sum") == 3 * 2**64 - 3
    low = zarrloom.reduce(stored(np.full(2, -(2**63)), (1,)), "sum")
    assert low == -(2**64)
    small = zarrloom.reduce(stored(np.ones((3, 3), bool), (2, 2)), "sum")
    assert small.dtype == np.int64
    assert small == 9


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_complex(dtype: str, axis: int | None, threads: int) -> None:
    random = np.random.default_rng(3)
    values = (random.random((50, 30)) + 1j * random.random((50, 30))).astype(dtype)
    array = stored(values, (8, 7))
    got = zarrloom.reduce(array, ["sum", "mean", "count"], axis=axis)
    wide = values.astype("complex128")
    assert_equal("sum", got["sum"], np.asarray(wide.sum(axis)).astype(dtype)[()])
    assert_equal("mean", got["mean"], np.asarray(wide.mean(axis)).astype(dtype)[()])
    values[3, 4] = complex(1, np.nan)
    array[...] = values
    clean = zarrloom.reduce(array, ["sum", "count"], axis=axis, skipna=True)
    assert_equal(
        "sum", clean["sum"], np.asarray(np.nansum(values.astype("c16"), axis)).astype(dtype)[()]
    )
    assert np.sum(clean["count"]) == 1499
    assert np.isnan(zarrloom.reduce(array, "sum"))
    with pytest.raises(zarrloom.UnsupportedError, match=r'complex.* "min"'):
        zarrloom.reduce(array, "min")


@pytest.mark.parametrize("skipna", [False, True])
@pytest.mark.parametrize("fill", [0.0, 2.5, math.nan, math.inf])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_missing_chunks(fill: float, axis: int | None, skipna: bool, threads: int) -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=(30, 40), chunks=(7, 9), dtype="float32", fill_value=fill
    )
    array[3:12, 5:20] = np.random.default_rng(0).random((9, 15))
    values = array[...]
    names = ["min", "max", "sum", "mean", "var", "count"]
    got = zarrloom.reduce(array, names, axis=axis, skipna=skipna)
    for name in names:
        assert_equal(name, got[name], numpy_value(name, values, axis, skipna, 0))


def test_missing_chunks_cost_no_decoding() -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(),
        shape=(2**20, 2**20),
        chunks=(2**15, 2**15),
        dtype="int64",
        fill_value=3,
    )
    array[5, 7] = -4
    got = zarrloom.reduce(array, ["sum", "min", "argmin", "count"])
    assert got == {"sum": 3 * 2**40 - 7, "min": -4, "argmin": 5 * 2**20 + 7, "count": 2**40}


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", *FLOATS])
@pytest.mark.parametrize("bins", [1, 7, 100, [-3.0, 0.5, 1.0, 4.25], [0, 1, 2]])
@pytest.mark.parametrize("range_", [None, (-2.5, 3.5), (1, 1)])
def test_histogram(dtype: str, bins: Any, range_: Any, threads: int) -> None:
    random = np.random.default_rng(4)
    values = (random.normal(1, 2, (37, 53)) * 2).round(1).astype(dtype)
    array = stored(values, (8, 16))
    counts, edges = zarrloom.reduce(
        array, "histogram", bins=bins, range=range_, selection=np.s_[::-2]
    )
    plain = values.astype("u1") if dtype == "bool" else values
    expected_counts, expected_edges = np.histogram(plain[::-2], bins, range_)
    assert edges.dtype == expected_edges.dtype
    np.testing.assert_array_equal(edges, expected_edges)
    np.testing.assert_array_equal(counts, expected_counts)
    assert counts.dtype == expected_counts.dtype


def test_histogram_and_nan() -> None:
    array = stored(np.array([1.0, np.nan, 2.0, 3.0]), (2,))
    with pytest.raises(ValueError, match="not finite"):
        zarrloom.reduce(array, "histogram")
    counts, edges = zarrloom.reduce(array, "histogram", bins=2, skipna=True)
    assert (counts.tolist(), edges.tolist()) == ([1, 2], [1.0, 2.0, 3.0])
    both = zarrloom.reduce(array, ["max", "histogram"], bins=2, range=(0, 2), skipna=True)
    assert both["max"] == 3
    assert both["histogram"][0].tolist() == [0, 2]
    counts, edges = zarrloom.reduce(array, "histogram", bins=2, selection=slice(0, 0))
    assert (counts.tolist(), edges.tolist()) == ([0, 0], [0.0, 0.5, 1.0])
    with pytest.raises(ValueError, match="monotonically"):
        zarrloom.reduce(array, "histogram", bins=[2, 1])
    with pytest.raises(zarrloom.UnsupportedError, match="auto"):
        zarrloom.reduce(array, "histogram", bins="auto")
    with pytest.raises(zarrloom.InvalidArgumentError, match="no axis"):
        zarrloom.reduce(stored(np.ones((2, 2)), (1, 1)), "histogram", axis=0)


def test_nothing_and_only_nan() -> None:
    array = stored(np.full((4, 6), np.nan), (2, 3))
    for name in ("min", "max", "argmin", "argmax"):
        with pytest.raises(ValueError, match=f"no {name}"):
            zarrloom.reduce(array, name, selection=np.s_[2:2])
    empty = zarrloom.reduce(array, ["sum", "mean", "var", "count"], selection=np.s_[2:2], axis=0)
    assert empty["sum"].tolist() == [0] * 6
    assert np.isnan(empty["mean"]).all()
    assert np.isnan(empty["var"]).all()
    assert empty["count"].tolist() == [0] * 6
    assert zarrloom.reduce(array, "min", selection=np.s_[2:2], axis=1).shape == (0,)
    skipped = zarrloom.reduce(array, ["min", "max", "sum", "mean", "var", "count"], skipna=True)
    assert skipped["sum"] == skipped["count"] == 0
    assert all(np.isnan(skipped[name]) for name in ("min", "max", "mean", "var"))
    with pytest.raises(zarrloom.InvalidArgumentError, match="argmin: there are only NaN"):
        zarrloom.reduce(array, "argmin", skipna=True)
    assert zarrloom.reduce(array, "argmax") == 0


def test_wrong_arguments() -> None:
    array = stored(np.ones((4, 6)), (2, 3))
    with pytest.raises(
        zarrloom.InvalidArgumentError, match=r'no statistic "median"; known are min'
    ):
        zarrloom.reduce(array, "median")
    with pytest.raises(zarrloom.InvalidArgumentError, match="axis 2 does not fit"):
        zarrloom.reduce(array, "sum", axis=2)
    with pytest.raises(zarrloom.InvalidArgumentError, match="does not fit"):
        zarrloom.reduce(array, "sum", axis=(0, -2))
    with pytest.raises(zarrloom.InvalidArgumentError, match="one axis"):
        zarrloom.reduce(array, "argmin", axis=(0, 1))
    with pytest.raises(zarrloom.SelectionError):
        zarrloom.reduce(array, "sum", selection=np.s_[9])
    with pytest.raises(zarrloom.InvalidArgumentError, match="parallel"):
        zarrloom.reduce(array, "sum", parallel=0)
    times = stored(np.zeros(3, "M8[s]"), (2,), fill=np.datetime64(0, "s"))
    with pytest.raises(zarrloom.UnsupportedError, match=r'datetime64\[s\] have no statistic "max"'):
        zarrloom.reduce(times, "max")


@pytest.mark.parametrize("axis", [None, 0])
def test_a_failing_chunk_is_named(path: str, axis: int | None, threads: int) -> None:
    array = zarrloom.create_array(path, shape=(37, 53), chunks=(8, 16), dtype="int64")
    array[...] = 1
    (Path(path) / "c" / "1" / "2").write_bytes(b"broken")
    with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(1, 2\).*c/1/2.*zstd") as caught:
        zarrloom.reduce(array, "sum", axis=axis)
    assert caught.value.chunk_index == (1, 2)
    assert zarrloom.reduce(array, "sum", selection=np.s_[:8]) == 8 * 53
    assert zarrloom.reduce(array, "count") == 37 * 53  # which looks at no element
