// A codec and a data type of one's own: a compressor for runs of equal bytes, and temperatures
// stored as hundredths of a degree, whose fill value is written as text.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "zarrloom/zarrloom.h"

using namespace zarrloom;

namespace {

// Pairs of a byte and how often it comes, 1 to 255. All members are const: many threads call them.
class RunLength final : public BytesToBytes {
 private:
  Json configuration() const override { return Json::Object{}; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override { return 2 * decoded_size; }
  bool has_fixed_size() const override { return false; }
  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    std::size_t written = 0;
    for (std::size_t at = 0; at < decoded.size();) {
      std::size_t run = 1;
      while (run < 255 && at + run < decoded.size() && decoded[at + run] == decoded[at]) ++run;
      out[written++] = decoded[at];
      out[written++] = static_cast<std::byte>(run);
      at += run;
    }
    return written;
  }

  // Stored bytes may be damaged: nothing in them is believed.
  void decode(ByteView encoded, MutableBytes out) const override {
    if (encoded.size() % 2 != 0) fail(ErrorCode::corrupt_data, "a run is cut");
    std::size_t at = 0;
    for (std::size_t i = 0; i < encoded.size(); i += 2) {
      const auto run = std::to_integer<std::size_t>(encoded[i + 1]);
      if (run > out.size() - at) fail(ErrorCode::corrupt_data, "the runs are too long");
      std::memset(out.data() + at, std::to_integer<int>(encoded[i]), run);
      at += run;
    }
    if (at != out.size()) fail(ErrorCode::corrupt_data, "the runs are too short");
  }
  std::uint64_t max_decoded_size(ByteView encoded) const override {
    return 255 * std::uint64_t{encoded.size() / 2};
  }
  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    std::size_t size = 0;
    for (std::size_t i = 1; i < encoded.size(); i += 2) {
      size += std::to_integer<std::size_t>(encoded[i]);
    }
    if (size > limit) fail(ErrorCode::corrupt_data, "the runs are too long");
    Bytes out(size);
    decode(encoded, out.span());
    return out;
  }
};

CustomCodec run_length() {
  return {"example.run_length", "example_run_length",
          [](const Json& configuration, const ChunkSpec&) -> AnyCodec {
            if (!configuration.as_object()->empty()) {
              fail(ErrorCode::invalid_argument, "it has no options");
            }
            return std::make_unique<RunLength>();
          }};
}

// "-12.5 C" and int16 hundredths.
ExtensionType celsius() {
  ExtensionType type;
  type.name = "example.celsius";
  type.item_size = 2;
  type.swap_size = 2;
  type.parse_fill = [](const Json& value, int) {
    double degrees = 0;
    if (value.as_string() == nullptr ||
        std::sscanf(value.as_string()->c_str(), "%lf C", &degrees) != 1) {
      fail(ErrorCode::corrupt_metadata, "a fill value such as \"-12.5 C\" is needed");
    }
    const auto hundredths = static_cast<std::int16_t>(degrees * 100);
    std::vector<std::byte> element(2);
    std::memcpy(element.data(), &hundredths, 2);
    return element;
  };
  type.write_fill = [](ByteView element, int) -> Json {
    std::int16_t hundredths = 0;
    std::memcpy(&hundredths, element.data(), 2);
    char text[32];
    std::snprintf(text, sizeof text, "%.2f C", hundredths / 100.0);
    return std::string(text);
  };
  return type;
}

}  // namespace

int main() {
  RuntimeOptions known;
  known.extensions = make_extensions({run_length()}, {celsius()});
  OpenOptions options;
  options.runtime = std::make_shared<Runtime>(known);

  CreateOptions create;
  create.shape = {1000};
  create.chunk_shape = Dims{100};
  create.dtype = look_up_dtype("example.celsius", known.extensions.get());
  create.compressors = {{CodecConfig{"example.run_length"}}};
  const std::shared_ptr<Store> store = make_memory_store();
  const Array array = Array::create(store, "", create, false, options);

  std::vector<std::int16_t> values(1000, 2150);
  const MutableBytes memory{reinterpret_cast<std::byte*>(values.data()), values.size() * 2};
  array.write(Selection::all(create.shape), c_view(memory, create.shape, 2));

  const Array again = Array::open(store, "", options);
  std::vector<std::int16_t> out(1000);
  again.read(Selection::all(create.shape),
             c_view(MutableBytes{reinterpret_cast<std::byte*>(out.data()), out.size() * 2},
                    create.shape, 2));
  std::printf("%.2f C, stored as %s\n", out[999] / 100.0,
              again.metadata().codecs.back().name.c_str());
  return out == values ? 0 : 1;
}
