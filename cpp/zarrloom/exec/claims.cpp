#include "zarrloom/exec/claims.h"

#include <utility>

#include "zarrloom/exec/fork_guard.h"

namespace zarrloom {

Claims::Claim::Claim(Claims* claims, std::string name)
    : claims_(claims), name_(std::move(name)), generation_(fork_generation()) {}

Claims::Claim::Claim(Claim&& other) noexcept
    : claims_(std::exchange(other.claims_, nullptr)),
      name_(std::move(other.name_)),
      generation_(other.generation_) {}

Claims::Claim::~Claim() {
  if (claims_ == nullptr || generation_ != fork_generation()) return;
  const std::lock_guard lock(claims_->mutex_);
  claims_->names_.erase(name_);
}

std::optional<Claims::Claim> Claims::try_claim(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    if (!names_.insert(name).second) return std::nullopt;
  }
  return Claim(this, name);
}

}  // namespace zarrloom
