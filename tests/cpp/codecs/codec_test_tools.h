// Small things that the codecs' tests share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "conformance/check_codec.h"
#include "conformance/guarded_bytes.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom::testing {

// Runs what must throw this code; gives the message.
template <typename Run>
std::string expect_error(ErrorCode code, const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

inline void expect_contains(const std::string& text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in: " << text;
}

inline std::unique_ptr<BytesToBytes> make_compressor(std::string_view name,
                                                     std::string_view configuration = "{}",
                                                     std::string_view dtype = "uint8") {
  return std::get<std::unique_ptr<BytesToBytes>>(
      find_codec(name).make(parse_json(configuration), spec_of({16}, dtype)));
}

inline Bytes encoded_by(const BytesToBytes& codec, ByteView decoded) {
  Bytes encoded(codec.max_encoded_size(decoded.size()));
  encoded.resize_uninitialized(codec.encode(decoded, encoded.span()));
  return encoded;
}

// Into memory that ends at a guard page.
inline std::string decoded_by(const BytesToBytes& codec, ByteView encoded, std::size_t size) {
  GuardedBytes out(size);
  codec.decode(encoded, out.last(size));
  return std::string(as_text(out.last(size)));
}

inline Bytes joined(std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (ByteView part : parts) size += part.size();
  Bytes all(size);
  std::byte* to = all.data();
  for (ByteView part : parts) to = std::copy(part.begin(), part.end(), to);
  return all;
}

inline Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes(values.size());
  std::transform(values.begin(), values.end(), bytes.data(),
                 [](int value) { return static_cast<std::byte>(value); });
  return bytes;
}

// `text` repeated up to `size` bytes.
inline std::string repeated(std::string_view text, std::size_t size) {
  std::string all;
  while (all.size() < size) all += text;
  all.resize(size);
  return all;
}

}  // namespace zarrloom::testing
