// Names that one holder at a time may have, in this process: of arrays whose shape is being
// changed.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace zarrloom {

// Unlike a lock it is never waited for, may be held for hours and be given back on another thread.
class Claims {
 public:
  // Gives the name back when it dies; the claims must still live then. In the child of a fork,
  // which holds nothing of its parent, it does nothing.
  class Claim {
   public:
    Claim(Claim&& other) noexcept;
    Claim& operator=(Claim&&) = delete;
    ~Claim();

   private:
    friend class Claims;
    Claim(Claims* claims, std::string name);
    Claims* claims_;
    std::string name_;
    std::uint64_t generation_;
  };

  // nullopt while somebody has it.
  std::optional<Claim> try_claim(const std::string& name);

 private:
  std::mutex mutex_;
  std::set<std::string> names_;  // guarded by mutex_
};

}  // namespace zarrloom
