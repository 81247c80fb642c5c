// In the place of s3.cpp where the network is left out of the build.
#include "zarrloom/stores/s3.h"

namespace zarrloom {

bool has_s3_store() { return false; }

std::shared_ptr<Store> make_s3_store(std::string_view, S3StoreOptions) {
  fail(ErrorCode::unsupported, "s3:// is not built in: zarrloom was built with -DZARRLOOM_S3=OFF");
}

}  // namespace zarrloom
