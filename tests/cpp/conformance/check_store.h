// What every store must do, as GoogleTest expectations.
#pragma once

#include <string>

#include "zarrloom/stores/store.h"

namespace zarrloom::conformance {

// Runs the whole suite; the store must be empty and may hold anything afterwards.
void check_store(const Store& store);

// The bad keys of A10: each is refused by each verb with invalid_argument.
void check_bad_keys(const Store& store);

// The outcome of a read, with the bytes as text.
struct Answer {
  ReadResult::Status status = ReadResult::Status::missing;
  std::string text;
  bool in_place = false;  // in the request's `into`
  Failure failure;
  ObjectVersion version = {};
  std::uint64_t object_size = 0;
};

// Waits for the completion.
Answer read_answer(const Store& store, const ReadRequest& request);

// The whole object as text; "<missing>" where there is none.
std::string read_text(const Store& store, std::string_view key);

void write_text(const Store& store, std::string_view key, std::string_view text,
                WriteCondition condition = WriteCondition::none);

// The failure that `work` throws; code internal and the message "nothing was thrown" if none.
template <class Work>
Failure failure_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.failure();
  }
  Failure none;
  none.message = "nothing was thrown";
  return none;
}

}  // namespace zarrloom::conformance
