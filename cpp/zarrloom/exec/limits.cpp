#include "zarrloom/exec/limits.h"

#include <algorithm>

#include "zarrloom/exec/machine.h"

namespace zarrloom {
namespace {

constexpr std::size_t kLeastFiles = 8;
constexpr std::size_t kHttpRequests = 32;
constexpr std::size_t kS3Requests = 64;
// The rest is for whatever else the process opens; a read may hold a file and a folder.
constexpr std::size_t kShareOfOpenFiles = 4;

}  // namespace

IoLimits with_defaults(IoLimits limits) {
  auto& file = limits[static_cast<std::size_t>(IoKind::file)];
  if (file == 0) file = std::max(kLeastFiles, 2 * usable_cpus());
  file = std::clamp<std::size_t>(open_file_limit() / kShareOfOpenFiles, 1, file);
  auto& http = limits[static_cast<std::size_t>(IoKind::http)];
  if (http == 0) http = kHttpRequests;
  auto& s3 = limits[static_cast<std::size_t>(IoKind::s3)];
  if (s3 == 0) s3 = kS3Requests;
  auto& memory = limits[static_cast<std::size_t>(IoKind::memory)];
  if (memory == 0) memory = Gate::kNoLimit;
  return limits;
}

}  // namespace zarrloom
