"""Many reads in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import zarrloom

VALUES = np.arange(37 * 53, dtype="int32").reshape(37, 53)


@pytest.fixture
def array(path: str, threads: int) -> zarrloom.Array:
    made = zarrloom.create_array(path, shape=(37, 53), chunks=(8, 16), dtype="int32")
    made[...] = VALUES
    return made


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(npst.basic_indices((37, 53), allow_newaxis=True, allow_ellipsis=True), max_size=8))
def test_it_gives_what_single_reads_give(array: zarrloom.Array, selections: list[object]) -> None:
    results = array.read_many(selections)
    for selection, result in zip(selections, results, strict=True):
        np.testing.assert_array_equal(result, VALUES[selection])  # type: ignore[index]


def test_out_may_be_one_array_or_several(array: zarrloom.Array) -> None:
    starts = [0, 5, 11, 20]
    selections = [np.s_[s : s + 4, 3:9] for s in starts]
    stacked = np.empty((4, 4, 6), "int32")
    results = array.read_many(iter(selections), out=stacked)
    assert all(np.shares_memory(result, stacked) for result in results)
    np.testing.assert_array_equal(stacked, [VALUES[s] for s in selections])
    several = [np.empty((4, 6), "int32") for _ in starts]
    array.read_many(selections, out=several, parallel=1)
    np.testing.assert_array_equal(several, stacked)
    points = np.empty(3, "int32")
    array.read_many([(0, 1), (2, 3), (36, 52)], out=points)
    assert points.tolist() == [VALUES[0, 1], VALUES[2, 3], VALUES[36, 52]]
    with pytest.raises(zarrloom.InvalidArgumentError, match="room"):
        array.read_many(selections, out=stacked[:2])
    with pytest.raises(zarrloom.InvalidArgumentError, match="shape"):
        array.read_many(selections, out=np.empty((4, 4, 7), "int32"))


def test_a_failure_names_the_chunk(array: zarrloom.Array, path: str) -> None:
    (Path(path) / "c" / "1" / "2").write_bytes(b"broken")
    with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(1, 2\)"):
        array.read_many([np.s_[0], np.s_[10]])
    assert len(array.read_many([])) == 0


def test_read_of_one_element(array: zarrloom.Array) -> None:
    assert array.read((3, 4)) == VALUES[3, 4]
    assert array.read((-1, -1), parallel=1) == VALUES[-1, -1]


LISTS = [
    {"chunks": (3, 4)},
    {"chunks": (2, 2), "shards": (4, 8)},
    {"chunks": ([2, 1, 4], 4)},
    {"chunks": (2, 2), "shards": ([4, 2, 2], [2, 10])},
]


def listed_indices() -> Any:
    rows = st.lists(st.integers(-7, 6), max_size=6)
    columns = st.lists(st.integers(-11, 10), max_size=6)
    mask = st.lists(st.booleans(), min_size=7, max_size=7).map(np.array)
    some = st.integers(0, 5).flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(-7, 6), min_size=n, max_size=n).map(lambda v: np.array(v, int)),
            st.lists(st.integers(-11, 10), min_size=n, max_size=n).map(lambda v: np.array(v, int)),
        )
    )
    basic = st.sampled_from([np.s_[1:5, ::-3], np.s_[2], np.s_[..., 4], np.s_[:, 3:9]])
    one_list = st.tuples(rows, st.just(slice(1, 9, 2))) | st.tuples(st.just(slice(None)), columns)
    return basic | one_list | mask | some


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("grid", LISTS)
def test_lists_and_masks_among_many(grid: dict[str, Any], far: bool) -> None:
    values = np.arange(77, dtype="int32").reshape(7, 11)
    store = zarrloom.MemoryStore()
    zarrloom.create_array(store, shape=values.shape, dtype="int32", **grid)[...] = values
    array = zarrloom.open_array(store.delayed(1e-5) if far else store, mode="r")

    @settings(max_examples=40, deadline=None)
    @given(st.lists(listed_indices(), max_size=5))
    def check(indices: list[Any]) -> None:
        for got, index in zip(array.read_many(indices), indices, strict=True):
            np.testing.assert_array_equal(got, values[index])
        for index in indices:
            np.testing.assert_array_equal(array[index], values[index])

    check()
    with pytest.raises(zarrloom.SelectionError, match="out of bounds"):
        array.read_many([np.s_[0], [9]])
    outs = [np.empty((2, 11), "int32"), np.empty(3, "int32")]
    array.read_many([[5, 1], (np.array([0, 6, 3]), 2)], out=outs)
    np.testing.assert_array_equal(outs[0], values[[5, 1]])
    np.testing.assert_array_equal(outs[1], values[[0, 6, 3], 2])
