// Unicode text as bytes.
#pragma once

#include <string>
#include <string_view>

#include "zarrloom/base/bytes.h"

namespace zarrloom {

// True for what Unicode calls well-formed: no overlong forms, no surrogates, nothing above
// U+10FFFF.
bool is_utf8(ByteView bytes);

// Takes the first code point off. The text is well-formed and not empty.
char32_t next_code_point(std::string_view& text);

void append_utf8(char32_t code, std::string& text);

}  // namespace zarrloom
