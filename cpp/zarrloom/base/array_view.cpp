#include "zarrloom/base/array_view.h"

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

template <typename Byte>
BasicArrayView<Byte> checked_c_view(Byte* data, std::size_t size, const Dims& shape,
                                    std::size_t item_size) {
  const unsigned __int128 elements = wide_product(shape);
  if (elements > size || elements * item_size != size) {
    fail(ErrorCode::internal, "memory of " + std::to_string(size) +
                                  " bytes does not hold an array of shape " + to_string(shape));
  }
  return {data, shape, c_strides(shape, item_size), item_size};
}

template <typename Byte>
BasicArrayView<Byte> part_of(const BasicArrayView<Byte>& view, const Dims& start, const Dims& step,
                             const Dims& count) {
  BasicArrayView<Byte> part = view;
  part.shape = count;
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < count.size(); ++d) {
    offset += start[d] * view.strides[d];
    // A single element's stride is never used, and the product might not fit.
    part.strides[d] = count[d] > 1 ? view.strides[d] * step[d] : view.strides[d];
  }
  if (part.element_count() > 0) part.data += offset;
  return part;
}

template <typename Byte>
BasicArrayView<Byte> with_order(const BasicArrayView<Byte>& view, const Dims& order) {
  BasicArrayView<Byte> result = view;
  for (std::size_t d = 0; d < order.size(); ++d) {
    const auto from = static_cast<std::size_t>(order[d]);
    result.shape[d] = view.shape[from];
    result.strides[d] = view.strides[from];
  }
  return result;
}

}  // namespace

Dims c_strides(const Dims& shape, std::size_t item_size) {
  Dims strides = Dims::filled(shape.size(), 0);
  auto stride = static_cast<std::uint64_t>(item_size);  // may wrap for shapes without memory
  for (std::size_t d = shape.size(); d-- > 0;) {
    strides[d] = static_cast<std::int64_t>(stride);
    stride *= static_cast<std::uint64_t>(shape[d]);
  }
  return strides;
}

bool is_c_contiguous(const ConstArrayView& view) {
  if (view.element_count() == 0) return true;
  auto stride = static_cast<std::int64_t>(view.item_size);
  for (std::size_t d = view.shape.size(); d-- > 0;) {
    if (view.shape[d] == 1) continue;
    if (view.strides[d] != stride) return false;
    stride *= view.shape[d];
  }
  return true;
}

ArrayView c_view(MutableBytes bytes, const Dims& shape, std::size_t item_size) {
  return checked_c_view(bytes.data(), bytes.size(), shape, item_size);
}
ConstArrayView c_view(ByteView bytes, const Dims& shape, std::size_t item_size) {
  return checked_c_view(bytes.data(), bytes.size(), shape, item_size);
}

ArrayView sub_view(const ArrayView& view, const Dims& start, const Dims& step, const Dims& count) {
  return part_of(view, start, step, count);
}
ConstArrayView sub_view(const ConstArrayView& view, const Dims& start, const Dims& step,
                        const Dims& count) {
  return part_of(view, start, step, count);
}

ArrayView transposed(const ArrayView& view, const Dims& order) { return with_order(view, order); }
ConstArrayView transposed(const ConstArrayView& view, const Dims& order) {
  return with_order(view, order);
}

}  // namespace zarrloom
