// The little of XML that answers of S3 are made of: elements without namespaces of their own,
// attributes that do not matter, and the five entities.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zarrloom {

// The insides of all elements of that name, in order, wherever they are; markup is kept.
std::vector<std::string_view> xml_elements(std::string_view xml, std::string_view name);

// The text of the first such element, entities replaced; empty if there is none.
std::string xml_text(std::string_view xml, std::string_view name);

std::string xml_escape(std::string_view text);

struct S3Listing {
  std::vector<std::string> keys;
  std::vector<std::string> prefixes;  // common ones, with the slash at their end
  std::string next;                   // the token of the next page; empty: this is the last
};

// Of ListObjectsV2 with encoding-type=url. Throws storage for what is no such answer.
S3Listing parse_s3_listing(std::string_view xml);

}  // namespace zarrloom
