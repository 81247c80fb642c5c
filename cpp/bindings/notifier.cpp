#include "notifier.h"

#include <pybind11/stl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bind.h"
#include "zarrloom/base/error.h"

namespace zarrloom::bindings {
namespace {

int make_descriptor() {
  const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made >= 0) return made;
  throw Error(Failure{.code = ErrorCode::storage,
                      .message = "no descriptor for an event loop to wait for",
                      .os_error = errno});
}

}  // namespace

Notifier::Notifier() : descriptor_(make_descriptor()) {}

Notifier::~Notifier() {
  while (latest_) latest_ = std::move(latest_->next_);
  close(descriptor_);
}

void Notifier::tell(const std::shared_ptr<Source>& source) noexcept {
  const std::lock_guard lock(mutex_);
  if (source->told_) return;
  source->told_ = true;
  source->next_ = std::move(latest_);
  latest_ = source;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(descriptor_, &one, sizeof one);
}

std::vector<std::uint64_t> Notifier::take() {
  std::vector<std::uint64_t> tokens;
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(descriptor_, &count, sizeof count);
  while (latest_) {
    tokens.push_back(latest_->token_);
    latest_->told_ = false;
    latest_ = std::exchange(latest_->next_, nullptr);
  }
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

void bind_notifier(py::module_& module) {
  py::class_<Notifier, std::shared_ptr<Notifier>>(module, "Notifier")
      .def(py::init())
      .def("fileno", &Notifier::descriptor)
      .def("take", &Notifier::take);
}

}  // namespace zarrloom::bindings
