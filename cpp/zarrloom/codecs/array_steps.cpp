#include "zarrloom/codecs/array_steps.h"

#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"

namespace zarrloom {
namespace {

ArrayView seen_by_transform(const ArrayStep& step, ArrayView view) {
  for (const auto& codec : step.views) view = codec->encoded_view(view);
  return view;
}

// The one of the workspace's two arrays in which `taken` does not begin.
MutableBytes other_array(Workspace& workspace, const std::byte* taken, std::size_t size) {
  Bytes& array = workspace.array_a.data() == taken ? workspace.array_b : workspace.array_a;
  array.resize_uninitialized(size);
  return array.span();
}

template <typename Run>
void run_named(const ArrayStep& step, const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    throw Error(with_context(error.failure(), step.name));
  }
}

}  // namespace

ByteView ArraySteps::encode(const ConstArrayView& chunk, Workspace& workspace) const {
  // Views only look; nothing is written through this one.
  ArrayView view{const_cast<std::byte*>(chunk.data), chunk.shape, chunk.strides, chunk.item_size};
  for (const ArrayStep& step : steps_) {
    const ArrayView seen = seen_by_transform(step, view);
    ByteView decoded{seen.data, seen.byte_size()};
    if (!is_c_contiguous(seen)) {
      const MutableBytes copy = other_array(workspace, view.data, seen.byte_size());
      strided_copy(seen, c_view(copy, seen.shape, seen.item_size));
      decoded = copy;
    }
    const ChunkSpec spec = step.transform->encoded_spec();
    const MutableBytes encoded = other_array(workspace, decoded.data(), spec.decoded_size());
    run_named(step, [&] { step.transform->encode(decoded, encoded); });
    view = c_view(encoded, spec.shape, spec.dtype.item_size);
  }
  return {view.data, view.byte_size()};
}

ByteView ArraySteps::decode(ByteView encoded, MutableBytes into, Workspace& workspace) const {
  for (std::size_t i = steps_.size(); i-- > 0;) {
    const ArrayStep& step = steps_[i];
    const std::size_t size = step.spec.decoded_size();
    const bool last = i == 0 && !into.empty();
    const auto memory_beside = [&](const std::byte* taken) {
      return last ? into : other_array(workspace, taken, size);
    };
    const Dims strides = c_strides(step.spec.shape, step.spec.dtype.item_size);
    const ArrayView seen =
        seen_by_transform(step, {nullptr, step.spec.shape, strides, step.spec.dtype.item_size});
    if (is_c_contiguous(seen)) {
      const MutableBytes decoded = memory_beside(encoded.data());
      run_named(step, [&] { step.transform->decode(encoded, decoded); });
      encoded = decoded;
      continue;
    }
    const MutableBytes turned = other_array(workspace, encoded.data(), size);
    run_named(step, [&] { step.transform->decode(encoded, turned); });
    const MutableBytes decoded = memory_beside(turned.data());
    strided_copy(c_view(ByteView(turned), seen.shape, seen.item_size),
                 {decoded.data(), seen.shape, seen.strides, seen.item_size});
    encoded = decoded;
  }
  return encoded;
}

std::size_t ArraySteps::codec_count() const {
  std::size_t count = 0;
  for (const ArrayStep& step : steps_) count += step.views.size() + 1;
  return count;
}

void ArraySteps::tell(std::vector<Json>& configurations) const {
  for (const ArrayStep& step : steps_) {
    for (const auto& codec : step.views) configurations.push_back(codec->configuration());
    configurations.push_back(step.transform->configuration());
  }
}

}  // namespace zarrloom
