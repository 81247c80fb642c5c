// In the place of http.cpp where the network is left out of the build.
#include "zarrloom/stores/http.h"

namespace zarrloom {

bool has_http_store() { return false; }

std::shared_ptr<Store> make_http_store(std::string_view, HttpStoreOptions) {
  fail(ErrorCode::unsupported,
       "http:// and https:// are not built in: zarrloom was built with -DZARRLOOM_S3=OFF");
}

}  // namespace zarrloom
