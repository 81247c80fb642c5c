"""Selections as JSON: zarr-indexing's vectors, and views that become messages and views again.

``ZARRLOOM_INDEXING_VECTORS`` names the folder ``tests/conformance`` of zarr-indexing's source
distribution.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import zarrloom
from zarrloom.ndsel import MessageError, normalize

SHAPE = (7, 11, 5)
VALUES = np.arange(7 * 11 * 5, dtype="int32").reshape(SHAPE)


def make() -> zarrloom.Array:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=SHAPE, dtype="int32", chunks=(3, [4, 6, 1], 2)
    )
    array[...] = VALUES
    return array


ARRAY = make()


def vectors() -> list[dict[str, Any]]:
    folder = os.environ.get("ZARRLOOM_INDEXING_VECTORS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ZARRLOOM_INDEXING_VECTORS is not set")
    files = sorted(Path(folder).glob("*.json"))
    return [case for file in files for case in json.loads(file.read_text())]


def outcome(message: Any) -> Any:
    try:
        return normalize(message)
    except MessageError as error:
        return error.reason


def test_the_vectors_of_zarr_indexing() -> None:
    cases = vectors()
    wrong = [c["name"] for c in cases if outcome(c["input"]) != c.get("normalized", c.get("error"))]
    assert not wrong
    assert len(cases) >= 54
    for case in cases:
        if "normalized" in case:
            again = {**case["normalized"], "kind": "transform"}
            assert normalize(json.dumps(again)) == case["normalized"]


def listed(extent: int) -> st.SearchStrategy[Any]:
    bounds = st.none() | st.integers(-extent - 1, extent + 1)
    slices = st.builds(slice, bounds, bounds, st.sampled_from([None, -3, -1, 1, 2]))
    points = st.lists(st.integers(-extent, extent - 1), max_size=6)
    return slices | st.integers(-extent, extent - 1) | points.map(np.array)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(st.tuples(*map(listed, SHAPE)), st.permutations(range(3)))
def test_views_become_messages_and_views_again(index: Any, order: list[int]) -> None:
    view = ARRAY.lazy
    for dim, part in enumerate(index):  # one dimension after the other: an outer product
        if not isinstance(part, np.ndarray) or part.size:
            view = view[(slice(None),) * (view.ndim - len(SHAPE) + dim) + (part,)]
    view = view.transpose(*[a for a in order if a < view.ndim])
    message = json.dumps(view.to_message())
    again = ARRAY.lazy.select(message)
    assert again.shape == view.shape
    np.testing.assert_array_equal(again.read(), view.read())
    assert normalize(message) == normalize({**normalize(message), "kind": "transform"})


@pytest.mark.parametrize(
    ("message", "index"),
    [
        ({"kind": "point", "coords": [1, 2, 3]}, (1, 2, 3)),
        ({"kind": "points", "coords": [[1, 2, 3], [0, 10, 0]]}, ([1, 0], [2, 10], [3, 0])),
        ({"kind": "points", "coords": []}, ([], [], [])),
        (
            {"kind": "box", "inclusive_min": [1, 2, 0], "shape": [3, 4, 5]},
            np.s_[1:4, 2:6, 0:5],
        ),
        ({"kind": "box", "inclusive_min": [1, ["-inf"], 3]}, np.s_[1:, :, 3:]),
        (
            {"kind": "slice", "start": [6, 0, 4], "stop": [-1, 11, 1], "step": [-2, 3, -1]},
            np.s_[::-2, ::3, 4:1:-1],
        ),
        (
            {
                "kind": "transform",
                "input_shape": [3],
                "output": [
                    {"input_dimension": 0},
                    {"input_dimension": 0, "stride": 2},
                    {"offset": 4},
                ],
            },
            ([0, 1, 2], [0, 2, 4], 4),
        ),
        (
            {
                "kind": "transform",
                "input_shape": [2, 3],
                "output": [
                    {"index_array": [[5], [1]]},
                    {"index_array": [0, 4, 4], "offset": 1, "stride": 2},
                    {"offset": 2},
                ],
            },
            (np.array([[5], [1]]), [1, 9, 9], 2),
        ),
    ],
)
def test_every_kind_reads_what_numpy_gives(message: dict[str, Any], index: Any) -> None:
    empty = np.zeros(0, "int32")
    expected = VALUES[index] if message != {"kind": "points", "coords": []} else empty
    np.testing.assert_array_equal(ARRAY.lazy.select(message).read(), expected)


def test_a_message_for_a_view_is_composed_with_it() -> None:
    view = ARRAY.lazy[1:6, [4, 0, 9], 3]
    message = {"kind": "slice", "start": [4, 2], "stop": [-1, -1], "step": [-2, -1]}
    chosen = view.select(message)
    np.testing.assert_array_equal(chosen.read(), VALUES[1:6, [4, 0, 9], 3][::-2, ::-1])
    np.testing.assert_array_equal(ARRAY.lazy.select(chosen.to_message()).read(), chosen.read())


def test_writing_by_a_message() -> None:
    array = make()
    array.lazy.select({"kind": "points", "coords": [[0, 0, 0], [6, 10, 4]]}).write([-1, -2])
    assert (array[0, 0, 0], array[6, 10, 4]) == (-1, -2)


@pytest.mark.parametrize(
    ("message", "error", "words"),
    [
        ({"kind": "point", "coords": [-1, 0, 0]}, zarrloom.SelectionError, "from the end"),
        ({"kind": "point", "coords": [7, 0, 0]}, zarrloom.SelectionError, "out of bounds"),
        ({"kind": "point", "coords": [0, 0]}, zarrloom.SelectionError, "dimensions"),
        ({"kind": "box", "shape": [8, 1, 1]}, zarrloom.SelectionError, "out of bounds"),
        ("{", MessageError, "invalid_json"),
        (
            {"kind": "transform", "input_shape": [2], "output": [{"offset": 1}] * 3},
            zarrloom.UnsupportedError,
            "no coordinate",
        ),
        (
            {
                "kind": "transform",
                "input_shape": [2, 2],
                "output": [{"index_array": [[1, 2], [3, 4]]}, {"offset": 1}, {"offset": 1}],
            },
            zarrloom.UnsupportedError,
            "at once",
        ),
        (
            {
                "kind": "transform",
                "input_shape": [2],
                "output": [{"index_array": [1, 2, 3]}, {"offset": 1}, {"offset": 1}],
            },
            MessageError,
            "rank_mismatch",
        ),
        (
            {
                "kind": "transform",
                "input_shape": [2],
                "output": [
                    {"index_array": [1, 5], "index_array_bounds": [0, 4]},
                    {"offset": 1},
                    {"offset": 1},
                ],
            },
            MessageError,
            "bounds",
        ),
    ],
)
def test_what_no_view_can_be(message: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ARRAY.lazy.select(message)
