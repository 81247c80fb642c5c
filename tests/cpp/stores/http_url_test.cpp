#include "zarrloom/stores/http_url.h"

#include <gtest/gtest.h>

#include "conformance/check_store.h"

namespace zarrloom {
namespace {

using conformance::failure_of;

TEST(HttpUrl, Parts) {
  const HttpUrl url = parse_http_url("HTTPS://me:p%40ss@Example.com:8443/a%20b/c?x=1#part");
  EXPECT_TRUE(url.origin.tls);
  EXPECT_EQ(url.origin.host, "example.com");
  EXPECT_EQ(url.origin.port, 8443);
  EXPECT_EQ(url.user_info, "me:p@ss");
  EXPECT_EQ(url.path, "/a%20b/c");
  EXPECT_EQ(url.query, "x=1");
  EXPECT_EQ(origin_text(url.origin), "https://example.com:8443");
}

TEST(HttpUrl, Defaults) {
  EXPECT_EQ(parse_http_url("http://host").origin.port, 80);
  EXPECT_EQ(parse_http_url("https://host:").origin.port, 443);
  EXPECT_EQ(parse_http_url("http://host").path, "/");
  EXPECT_EQ(parse_http_url("http://host?q").query, "q");
  EXPECT_EQ(origin_text(parse_http_url("http://[::1]:80/").origin), "http://[::1]");
  EXPECT_EQ(parse_http_url("http://[::1]:81/").origin.port, 81);
  EXPECT_EQ(parse_http_url("http://host/a b\r\nc").path, "/a%20b%0D%0Ac");
}

TEST(HttpUrl, MalformedIsRefusedWithoutItsSecrets) {
  for (const char* text :
       {"", "host/path", "ftp://host", "http://", "http://:80", "http://u:secret@", "http://host:0",
        "http://host:65536", "http://host:x", "http://[::1"}) {
    const Failure failure = failure_of([&] { parse_http_url(text); });
    EXPECT_EQ(failure.code, ErrorCode::invalid_argument) << text;
    EXPECT_EQ(failure.message.find("secret"), std::string::npos);
  }
}

TEST(HttpUrl, Locations) {
  const HttpUrl base = parse_http_url("https://host/a/b?x");
  const auto led = [&](const char* location) {
    const HttpUrl url = resolve_location(base, location);
    return origin_text(url.origin) + url.path + (url.query.empty() ? "" : "?" + url.query);
  };
  EXPECT_EQ(led("http://other/c"), "http://other/c");
  EXPECT_EQ(led("//other/c?y"), "https://other/c?y");
  EXPECT_EQ(led("/c"), "https://host/c");
  EXPECT_EQ(led("c?z"), "https://host/a/c?z");
  EXPECT_EQ(failure_of([&] { led("ftp://other/c"); }).code, ErrorCode::storage);
}

TEST(HttpUrl, PercentCodingThereAndBack) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(all, false)), all);
  EXPECT_EQ(percent_encode("a/b c+%~", true), "a/b%20c%2B%25~");
  EXPECT_EQ(percent_encode("a/b", false), "a%2Fb");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace zarrloom
