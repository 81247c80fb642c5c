"""Draw docs/overlap.svg, what one parallel_chunk_map did: python bench/trace_picture.py FILE.svg

The times are those of a real run, of sixteen compressed chunks in a store that answers after 20 ms.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import zarrloom
from zarrloom.statistics import Span

CHUNKS = 16
STAGES = ("io", "decode", "function")
NAMES = {"io": "read", "decode": "decode", "function": "function"}
LEFT, WIDTH, ROW, GAP, TOP = 84, 800, 11, 10, 34

STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.axis { stroke: #bbb; stroke-width: 1 }
.io { fill: #4e79a7 } .decode { fill: #f28e2b } .function { fill: #59a14f }
rect { stroke: #fff; stroke-width: 0.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .axis { stroke: #555 } rect { stroke: #111 }
}
</style>"""


def record() -> list[Span]:
    """Map a function over a slow store and give what happened, times from 0 on."""
    rng = np.random.default_rng(0)
    data = (np.cumsum(rng.integers(-3, 4, (CHUNKS, 1 << 20)), axis=1)).astype("int32")
    memory = zarrloom.MemoryStore()
    zarrloom.create_array(memory, shape=data.shape, chunks=(1, 1 << 20), dtype="int32")[...] = data
    array = zarrloom.open_array(memory.delayed(0.020))
    run = array.parallel_chunk_map(lambda index, chunk: float(np.log1p(np.abs(chunk)).sum()), 4)
    with zarrloom.trace() as trace:
        results = list(run)
    assert np.allclose(results, np.log1p(np.abs(data)).sum(axis=1))
    spans = [span for span in trace.spans if span.stage in STAGES]
    zero = min(span.begin for span in spans)
    return [span._replace(begin=span.begin - zero, end=span.end - zero) for span in spans]


def in_rows(spans: Iterable[Span]) -> list[list[Span]]:
    """Put each span into the first row in which nothing runs at its time."""
    rows: list[list[Span]] = []
    for span in sorted(spans, key=lambda span: span.begin):
        free = next((row for row in rows if row[-1].end <= span.begin), None)
        if free is None:
            rows.append([span])
        else:
            free.append(span)
    return rows


def draw(spans: list[Span]) -> str:
    """Give the picture as SVG."""
    end = max(span.end for span in spans)
    scale = WIDTH / end
    parts: list[str] = []
    y = TOP
    for stage in STAGES:
        rows = in_rows(span for span in spans if span.stage == stage)
        middle = y + len(rows) * ROW / 2 + 4
        parts.append(
            f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end">{NAMES[stage]}</text>'
        )
        for row in rows:
            parts += [
                f'<rect class="{stage}" x="{LEFT + span.begin * scale:.1f}" y="{y}" height="{ROW}" '
                f'width="{max(0.5, (span.end - span.begin) * scale):.1f}"/>'
                for span in row
            ]
            y += ROW
        y += GAP
    step = 0.020
    for tick in range(int(end / step) + 1):
        x = LEFT + tick * step * scale
        parts.insert(0, f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{y}"/>')
        label = f"{tick * step * 1000:.0f} ms"
        parts.append(f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="middle">{label}</text>')
    size = f'viewBox="0 0 {LEFT + WIDTH + 30} {y}" width="{LEFT + WIDTH + 30}" height="{y}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([head, STYLE, *parts, "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    record()  # warms caches and wakes threads
    file.write_text(draw(record()))


if __name__ == "__main__":
    main()
