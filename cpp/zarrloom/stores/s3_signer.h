// AWS Signature Version 4 with the credentials of an S3 store.
#pragma once

#include <memory>
#include <string>

#include "zarrloom/stores/http_client.h"
#include "zarrloom/stores/s3.h"

namespace zarrloom {

class S3Signer {
 public:
  explicit S3Signer(const S3StoreOptions& options);
  ~S3Signer();

  // Adds date, payload hash and signature for the region. May wait for credentials, not on this
  // thread.
  void sign(HttpRequest request, const std::string& region, HttpSigned done) const;

  // The server says what time it is; signatures are dated so from now on. False: nothing new.
  bool set_clock(std::string_view date) const;

  // Gets credentials anew for what follows. False: there are no others to be had.
  bool renew() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

// Base64 of the MD5 of the bytes, as the header Content-MD5 has it.
std::string content_md5(ByteView bytes);

}  // namespace zarrloom
