#include "zarrloom/base/json.h"

#include <yyjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_set>

#include "zarrloom/base/error.h"

namespace zarrloom {

Json::Json(std::uint64_t v) {
  if (v <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    value_ = static_cast<std::int64_t>(v);
  } else {
    value_ = v;
  }
}

const Json* Json::find(std::string_view key) const {
  const Object* object = as_object();
  if (object == nullptr) return nullptr;
  for (const Member& member : *object) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

void Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object{};
  Object& object = std::get<Object>(value_);
  for (Member& member : object) {
    if (member.first == key) {
      member.second = std::move(value);
      return;
    }
  }
  object.emplace_back(std::string(key), std::move(value));
}

void Json::erase(std::string_view key) {
  if (Object* object = as_object()) {
    std::erase_if(*object, [&](const Member& member) { return member.first == key; });
  }
}

const char* Json::type_name() const {
  static constexpr const char* kNames[] = {"null",       "a boolean", "an integer",
                                           "an integer", "a number",  "a number",
                                           "a string",   "an array",  "an object"};
  return kNames[value_.index()];
}

namespace {

struct FreeDocument {
  void operator()(yyjson_doc* doc) const { yyjson_doc_free(doc); }
};

[[noreturn]] void fail_at(std::string_view text, std::size_t position, const std::string& what) {
  position = std::min(position, text.size());
  const std::string_view before = text.substr(0, position);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n');
  const std::size_t column = start == std::string_view::npos ? position + 1 : position - start;
  fail(ErrorCode::corrupt_metadata, "not valid JSON: line " + std::to_string(line) + ", column " +
                                        std::to_string(column) + ": " + what);
}

// Ahead of parsing, so that no recursion of ours can go deeper than the limit.
void check_depth(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth <= kJsonMaxDepth) continue;
      fail_at(text, i, "nested deeper than " + std::to_string(kJsonMaxDepth) + " levels");
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

// Builds values from a document that was parsed in place: its strings lie where they were read, and
// so tell their position.
class Converter {
 public:
  Converter(std::string_view text, const char* parsed) : text_(text), parsed_(parsed) {}

  Json convert(yyjson_val* value) const {
    switch (yyjson_get_type(value)) {
      case YYJSON_TYPE_BOOL:
        return Json(yyjson_get_bool(value));
      case YYJSON_TYPE_NUM:
        return number(value);
      case YYJSON_TYPE_RAW:
        return Json(BigNumber{{yyjson_get_raw(value), yyjson_get_len(value)}});
      case YYJSON_TYPE_STR:
        return Json(string(value));
      case YYJSON_TYPE_ARR:
        return array(value);
      case YYJSON_TYPE_OBJ:
        return object(value);
      default:
        return Json();
    }
  }

 private:
  static Json number(yyjson_val* value) {
    if (yyjson_is_uint(value)) return Json(static_cast<std::uint64_t>(yyjson_get_uint(value)));
    if (yyjson_is_sint(value)) return Json(static_cast<std::int64_t>(yyjson_get_sint(value)));
    return Json(yyjson_get_real(value));
  }

  static std::string string(yyjson_val* value) {
    return {yyjson_get_str(value), yyjson_get_len(value)};
  }

  Json array(yyjson_val* value) const {
    Json::Array items;
    items.reserve(yyjson_arr_size(value));
    yyjson_arr_iter iter = yyjson_arr_iter_with(value);
    while (yyjson_val* item = yyjson_arr_iter_next(&iter)) items.push_back(convert(item));
    return items;
  }

  Json object(yyjson_val* value) const {
    Json::Object members;
    members.reserve(yyjson_obj_size(value));
    std::unordered_set<std::string_view> seen;  // of the document's own strings
    yyjson_obj_iter iter = yyjson_obj_iter_with(value);
    while (yyjson_val* key = yyjson_obj_iter_next(&iter)) {
      std::string name = string(key);
      if (!seen.insert({yyjson_get_str(key), yyjson_get_len(key)}).second) {
        const auto behind_quote = static_cast<std::size_t>(yyjson_get_str(key) - parsed_);
        fail_at(text_, behind_quote - 1, "the key \"" + name + "\" is given twice in one object");
      }
      members.emplace_back(std::move(name), convert(yyjson_obj_iter_get_val(key)));
    }
    return members;
  }

  std::string_view text_;
  const char* parsed_;
};

}  // namespace

Json parse_json(std::string_view text, JsonOptions options) {
  if (text.starts_with("\xef\xbb\xbf")) {
    fail_at(text, 0, "it begins with a byte order mark, which JSON does not allow");
  }
  if (text.empty()) fail_at(text, 0, "it is empty");
  check_depth(text);
  yyjson_read_flag flags = YYJSON_READ_BIGNUM_AS_RAW | YYJSON_READ_INSITU;
  if (options.allow_nan) flags |= YYJSON_READ_ALLOW_INF_AND_NAN;
  std::string parsed(text);
  parsed.append(YYJSON_PADDING_SIZE, '\0');
  yyjson_read_err error{};
  const std::unique_ptr<yyjson_doc, FreeDocument> doc(
      yyjson_read_opts(parsed.data(), text.size(), flags, nullptr, &error));
  if (!doc && error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
    fail(ErrorCode::out_of_memory, "not enough memory to parse JSON");
  }
  if (!doc) fail_at(text, error.pos, error.msg == nullptr ? "unreadable" : error.msg);
  return Converter(text, parsed.data()).convert(yyjson_doc_get_root(doc.get()));
}

namespace {

void write_string(const std::string& text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void write_double(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const Json& value) {
    if (value.is_null()) {
      out += "null";
    } else if (const bool* b = value.as_bool()) {
      out += *b ? "true" : "false";
    } else if (const std::int64_t* i = value.as_int()) {
      out += std::to_string(*i);
    } else if (const std::uint64_t* u = value.as_uint()) {
      out += std::to_string(*u);
    } else if (const double* d = value.as_double()) {
      write_double(*d, out);
    } else if (const BigNumber* big = value.as_big()) {
      out += big->digits;
    } else if (const std::string* s = value.as_string()) {
      write_string(*s, out);
    } else if (const Json::Array* array = value.as_array()) {
      write_list('[', ']', *array, [this](const Json& item) { write(item); });
    } else {
      write_list('{', '}', *value.as_object(), [this](const Json::Member& member) {
        write_string(member.first, out);
        out += indent_ == 0 ? ":" : ": ";
        write(member.second);
      });
    }
  }

  std::string out;

 private:
  template <typename List, typename Item>
  void write_list(char open, char close, const List& list, const Item& item) {
    out += open;
    if (list.empty()) {
      out += close;
      return;
    }
    if (++level_ > kJsonMaxDepth) {
      fail(ErrorCode::invalid_argument,
           "nested deeper than the " + std::to_string(kJsonMaxDepth) + " levels that can be read");
    }
    bool first = true;
    for (const auto& entry : list) {
      if (!first) out += ',';
      first = false;
      new_line();
      item(entry);
    }
    --level_;
    new_line();
    out += close;
  }

  void new_line() {
    if (indent_ == 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent_ * level_), ' ');
  }

  int indent_;
  int level_ = 0;
};

}  // namespace

std::string write_json(const Json& value, int indent) {
  Writer writer(indent);
  writer.write(value);
  return std::move(writer.out);
}

}  // namespace zarrloom
