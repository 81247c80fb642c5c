#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "conformance/check_codec.h"
#include "conformance/guarded_bytes.h"
#include "conformance/outcome.h"
#include "zarrloom/base/strided_copy.h"

namespace zarrloom::testing {
namespace {

// Memory that holds an array of `shape` in one of several layouts.
struct Layout {
  Bytes memory;
  ArrayView view;
};

Layout make_layout(int kind, const Dims& shape, std::size_t item_size) {
  const std::size_t rank = shape.size();
  Layout layout;
  Dims stored = shape;
  Dims reversed;
  for (std::size_t d = rank; d-- > 0;) reversed.push_back(static_cast<std::int64_t>(d));
  if (kind == 1) {  // F order
    for (std::size_t d = 0; d < rank; ++d) stored[d] = shape[rank - 1 - d];
  } else if (kind == 2) {  // every second of a larger array
    for (std::int64_t& extent : stored) extent *= 2;
  }
  layout.memory = Bytes(static_cast<std::size_t>(checked_product(stored, "shape")) * item_size);
  std::fill_n(layout.memory.data(), layout.memory.size(), std::byte{0xEE});
  layout.view = c_view(layout.memory.span(), stored, item_size);
  if (kind == 1) layout.view = transposed(layout.view, reversed);
  if (kind == 2) {
    layout.view = sub_view(layout.view, Dims::filled(rank, 0), Dims::filled(rank, 2), shape);
  }
  for (std::size_t d = 0; kind == 3 && d < rank; ++d) {  // backwards
    layout.view.data += (shape[d] - 1) * layout.view.strides[d];
    layout.view.strides[d] = -layout.view.strides[d];
  }
  return layout;
}

Bytes c_ordered(const ConstArrayView& view) {
  Bytes bytes(view.byte_size());
  strided_copy(view, c_view(bytes.span(), view.shape, view.item_size));
  return bytes;
}

void check_layouts(const CodecChain& chain, const Bytes& elements) {
  const ChunkSpec& spec = chain.spec();
  const std::size_t item = spec.dtype.item_size;
  const ConstArrayView chunk = c_view(elements.view(), spec.shape, item);
  Workspace workspace;
  const Bytes stored = Bytes::copy_of(chain.encode(chunk, workspace));
  EXPECT_LE(stored.size(), chain.max_stored_size());
  EXPECT_TRUE(!chain.is_memory_image() || equal(stored.view(), elements.view()));
  for (int kind = 0; kind < 4; ++kind) {
    const Layout source = make_layout(kind, spec.shape, item);
    strided_copy(chunk, source.view);
    EXPECT_TRUE(equal(chain.encode(source.view, workspace), stored.view())) << "layout " << kind;
    const Layout target = make_layout(kind, spec.shape, item);
    chain.decode(stored.view(), target.view, workspace);
    EXPECT_TRUE(equal(c_ordered(target.view).view(), elements.view())) << "layout " << kind;
  }
}

// A part against the same part of the whole, taken naively.
void check_parts(const CodecChain& chain, const Bytes& elements) {
  const ChunkSpec& spec = chain.spec();
  const ConstArrayView chunk = c_view(elements.view(), spec.shape, spec.dtype.item_size);
  Workspace workspace;
  const Bytes stored = Bytes::copy_of(chain.encode(chunk, workspace));
  std::mt19937 random(7);
  const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random()) % n; };
  for (int i = 0; i < 30; ++i) {
    Dims start, step, count;
    for (std::int64_t extent : spec.shape) {
      start.push_back(below(extent));
      step.push_back(1 + below(4));
      const std::int64_t most = (extent - start[start.size() - 1] - 1) / step[step.size() - 1] + 1;
      count.push_back(i == 0 ? 0 : 1 + below(most));
    }
    const Layout target = make_layout(i % 4, count, spec.dtype.item_size);
    chain.decode_part(stored.view(), start, step, target.view, workspace);
    const Bytes wanted = c_ordered(sub_view(chunk, start, step, count));
    EXPECT_TRUE(equal(c_ordered(target.view).view(), wanted.view()))
        << to_string(start) << " by " << to_string(step) << ", " << to_string(count);
  }
}

void check_damage(const CodecChain& chain, const Bytes& elements) {
  const ChunkSpec& spec = chain.spec();
  Workspace workspace;
  const ConstArrayView chunk = c_view(elements.view(), spec.shape, spec.dtype.item_size);
  const Bytes stored = Bytes::copy_of(chain.encode(chunk, workspace));
  GuardedBytes in(stored.size() + 1), out(elements.size());
  const ArrayView to = c_view(out.last(elements.size()), spec.shape, spec.dtype.item_size);
  const auto decode = [&](ByteView data) {
    return outcome_of([&] { chain.decode(data, to, workspace); }, elements.view(),
                      out.last(elements.size()));
  };
  for (std::size_t n = 0; n < stored.size(); ++n) {
    EXPECT_EQ(decode(in.hold(stored.view().first(n))), Outcome::refused) << "cut to " << n;
  }
  const MutableBytes longer = in.last(stored.size() + 1);
  std::copy_n(stored.data(), stored.size(), longer.data());
  longer.back() = std::byte{0};
  EXPECT_EQ(decode(longer), Outcome::refused) << "a byte behind the data";
  const MutableBytes data = in.hold(stored.view());
  for (std::byte& byte : data) {
    byte ^= std::byte{0x10};
    decode(data);
    byte ^= std::byte{0x10};
  }
  EXPECT_EQ(decode(data), Outcome::right) << "after all that";
}

// What the chain makes of these elements: other ones only if it is lossy, and then at some point
// the same again. Empty if the chain does not take them.
Bytes settled(const CodecChain& chain, Bytes elements) {
  const ChunkSpec& spec = chain.spec();
  const std::size_t item = spec.dtype.item_size;
  Workspace workspace;
  for (int round = 0; round < 8; ++round) {
    Bytes again(elements.size());
    const bool taken = takes([&] {
      const Bytes stored =
          Bytes::copy_of(chain.encode(c_view(elements.view(), spec.shape, item), workspace));
      chain.decode(stored.view(), c_view(again.span(), spec.shape, item), workspace);
    });
    if (!taken) return Bytes();
    if (equal(again.view(), elements.view())) return elements;
    elements = std::move(again);
  }
  ADD_FAILURE() << "what is decoded is encoded to something else each time";
  return Bytes();
}

}  // namespace

void check_chain(const CodecChain& chain) {
  const Bytes elements = settled(chain, make_elements(chain.spec(), 3));
  if (elements.empty()) return;
  const std::size_t rank = chain.spec().shape.size();
  check_layouts(chain, elements);
  check_layouts(chain, settled(chain, make_elements(chain.spec(), 0)));
  if (rank > 0) check_parts(chain, elements);
  if (elements.size() <= kEveryLength) check_damage(chain, elements);
  const CodecChain again(chain.configs(), chain.spec());
  EXPECT_EQ(again.configs(), chain.configs());
}

}  // namespace zarrloom::testing
