// Against a real server, where one is named: ZARRLOOM_TEST_S3 is its endpoint, with a bucket
// "conformance" and the credentials of the environment. tests/python/test_s3_store.py starts one.
#include "zarrloom/stores/s3.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "conformance/check_store.h"
#include "zarrloom/stores/s3_xml.h"

namespace zarrloom {
namespace {

TEST(S3Store, Conformance) {
  const char* endpoint = std::getenv("ZARRLOOM_TEST_S3");
  if (!endpoint) GTEST_SKIP() << "ZARRLOOM_TEST_S3 names no server";
  if (!has_s3_store()) GTEST_SKIP() << "built with -DZARRLOOM_S3=OFF";
  conformance::check_store(
      *make_s3_store("s3://conformance/some/prefix", {.endpoint_url = endpoint}));
}

TEST(S3Xml, Listing) {
  const S3Listing listing = parse_s3_listing(
      "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3\"><Prefix>p/</Prefix>"
      "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>a&amp;b</NextContinuationToken>"
      "<Contents><Key>p/a+b%2B%25</Key></Contents><Contents><Key>p/c</Key></Contents>"
      "<CommonPrefixes><Prefix>p/d/</Prefix></CommonPrefixes></ListBucketResult>");
  EXPECT_EQ(listing.keys, (std::vector<std::string>{"p/a b+%", "p/c"}));
  EXPECT_EQ(listing.prefixes, std::vector<std::string>{"p/d/"});
  EXPECT_EQ(listing.next, "a&b");
}

TEST(S3Xml, WhatIsNoListingIsAnError) {
  for (const char* xml : {"", "<html>login</html>", "<ListBucketResult>",
                          "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    EXPECT_EQ(conformance::failure_of([&] { parse_s3_listing(xml); }).code, ErrorCode::storage)
        << xml;
  }
}

TEST(S3Xml, Entities) {
  EXPECT_EQ(xml_text("<E><K>a&lt;b&#x41;&#66;&unknown;&</K></E>", "K"), "a<bAB&unknown;&");
  EXPECT_EQ(xml_text("<E><K/></E>", "K"), "");
  EXPECT_EQ(xml_text("<E><Keys>x</Keys><K a=\"1\">y</K></E>", "K"), "y");
  EXPECT_EQ(xml_escape("<a&\"'>"), "&lt;a&amp;&quot;&apos;&gt;");
}

}  // namespace
}  // namespace zarrloom
