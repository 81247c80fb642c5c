#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "conformance/check_store.h"
#include "fakes/in_child.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

using namespace conformance;
using namespace fakes;

TEST(MemoryStore, EachIsAWorldOfItsOwn) {
  const auto one = make_memory_store();
  const auto two = make_memory_store();
  write_text(*one, "k", "x");
  EXPECT_FALSE(two->exists("k"));
  EXPECT_NE(one->locate("k"), two->locate("k"));
}

TEST(MemoryStore, KeepsACopyOfWhatWasWritten) {
  const auto store = make_memory_store();
  std::string text = "before";
  write_text(*store, "k", text);
  text = "after!";
  EXPECT_EQ(read_text(*store, "k"), "before");
}

// E1: the child of a fork finds no lock held, whatever the other threads were doing.
TEST(MemoryStore, E1ForkWhileAnotherThreadWrites) {
  const auto store = make_memory_store();
  write_text(*store, "fixed", "here");
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) write_text(*store, "k" + std::to_string(i % 100), "x");
  });
  for (int round = 0; round < 50; ++round) {
    const int code = in_child([&] {
      ::alarm(10);  // a lock held by a thread that is gone would hang
      write_text(*store, "child", "x");
      return read_text(*store, "fixed") == "here" && read_text(*store, "child") == "x" ? 0 : 1;
    });
    EXPECT_EQ(code, 0);
    if (code != 0) break;
  }
  stop = true;
  writer.join();
  EXPECT_FALSE(store->exists("child"));
}

}  // namespace
}  // namespace zarrloom
