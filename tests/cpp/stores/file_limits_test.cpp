// The file store out of space, of descriptors and of rights: each in a child of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "conformance/check_store.h"
#include "fakes/in_child.h"
#include "fakes/temp_folder.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

using namespace conformance;
using namespace fakes;
namespace fs = std::filesystem;

#define REQUIRE_IN_CHILD(condition)                                        \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                            \
    }                                                                      \
  } while (false)

std::size_t files_in(const std::string& folder) {
  const fs::recursive_directory_iterator all(folder);
  return static_cast<std::size_t>(std::count_if(
      begin(all), end(all), [](const fs::directory_entry& e) { return e.is_regular_file(); }));
}

// So that a limit on their numbers is one on their count.
void fill_gaps_between_descriptors() {
  int highest = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1) highest = fd;
  }
  int fd = ::dup(0);
  while (fd >= 0 && fd < highest) fd = ::dup(0);
  ::close(fd);
}

int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) != -1;
  return count;
}

// A write that cannot be finished: an error that says why, the old object, nothing else.
int check_write_fails(const Store& store, const std::string& root, int expected_errno) {
  write_text(store, "c/0", "old");
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 100; ++i) {
    for (const WriteCondition condition : {WriteCondition::none, WriteCondition::if_absent}) {
      const char* key = condition == WriteCondition::none ? "c/0" : "c/1";
      const Failure failure = failure_of([&] { write_text(store, key, large, condition); });
      REQUIRE_IN_CHILD(failure.code == ErrorCode::storage);
      REQUIRE_IN_CHILD(failure.os_error == expected_errno);
      REQUIRE_IN_CHILD(failure.message.starts_with(store.locate(key) + ": write: "));
    }
  }
  REQUIRE_IN_CHILD(read_text(store, "c/0") == "old");
  REQUIRE_IN_CHILD(files_in(root) == 1);
  write_text(store, "c/0", "new");
  REQUIRE_IN_CHILD(read_text(store, "c/0") == "new");
  return 0;
}

TEST(FileStoreLimits, C3NoSpaceLeft) {
  const TempFolder folder;
  const int code = in_child([&] {
    // A mount that only this child sees and that ends with it.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=256k") != 0) {
      return kChildSkips;
    }
    for (const bool sync : {false, true}) {
      const std::string root = folder / (sync ? "synced" : "plain");
      const int failed = check_write_fails(*make_file_store(root, {.fsync = sync}), root, ENOSPC);
      if (failed != 0) return failed;
    }
    return 0;
  });
  if (code == kChildSkips) GTEST_SKIP() << "may not mount a small tmpfs here";
  EXPECT_EQ(code, 0);
}

// The kernel writes up to the limit, so this is a short write too.
TEST(FileStoreLimits, C3FileTooLarge) {
  const TempFolder folder;
  const std::string root = folder / "s.zarr";
  EXPECT_EQ(in_child([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{100'000, 100'000};
              REQUIRE_IN_CHILD(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
              return check_write_fails(*make_file_store(root), root, EFBIG);
            }),
            0);
}

int check_without_descriptors(const Store& store) {
  write_text(store, "c/0", "x");
  fill_gaps_between_descriptors();
  const int before = open_descriptors();
  const rlimit limit{static_cast<rlim_t>(before), 1024};
  REQUIRE_IN_CHILD(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (int i = 0; i < 10'000; ++i) {
    const Answer answer = read_answer(store, {.key = "c/0"});
    REQUIRE_IN_CHILD(answer.status == ReadResult::Status::failed);
    REQUIRE_IN_CHILD(answer.failure.os_error == EMFILE);
    REQUIRE_IN_CHILD(answer.failure.message.find("ulimit") != std::string::npos);
    REQUIRE_IN_CHILD(failure_of([&] { write_text(store, "c/0", "y"); }).os_error == EMFILE);
    REQUIRE_IN_CHILD(failure_of([&] { store.list("", ListDepth::all); }).os_error == EMFILE);
    REQUIRE_IN_CHILD(failure_of([&] { erase_prefix(store, "c"); }).os_error == EMFILE);
  }
  // One descriptor is enough to read; failures at the second one must not leak the first.
  const rlimit one_more{static_cast<rlim_t>(before + 1), 1024};
  REQUIRE_IN_CHILD(::setrlimit(RLIMIT_NOFILE, &one_more) == 0);
  for (int i = 0; i < 10'000; ++i) {
    REQUIRE_IN_CHILD(read_text(store, "c/0") == "x");
    REQUIRE_IN_CHILD(failure_of([&] { write_text(store, "c/0", "y"); }).os_error == EMFILE);
    REQUIRE_IN_CHILD(failure_of([&] { write_text(store, "d/e/0", "y"); }).os_error == EMFILE);
    REQUIRE_IN_CHILD(failure_of([&] { erase_prefix(store, "c"); }).os_error == EMFILE);
  }
  const rlimit enough{1024, 1024};
  REQUIRE_IN_CHILD(::setrlimit(RLIMIT_NOFILE, &enough) == 0);
  REQUIRE_IN_CHILD(open_descriptors() == before);
  write_text(store, "c/0", "z");
  REQUIRE_IN_CHILD(read_text(store, "c/0") == "z");
  REQUIRE_IN_CHILD(open_descriptors() == before);
  return 0;
}

TEST(FileStoreLimits, C4OutOfDescriptorsWithoutALeak) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's check of virtual tables needs a descriptor of its own";
#endif
  const TempFolder folder;
  for (const bool follow : {true, false}) {
    EXPECT_EQ(in_child([&] {
                return check_without_descriptors(
                    *make_file_store(folder / (follow ? "a" : "b"), {.follow_symlinks = follow}));
              }),
              0);
  }
}

TEST(FileStoreLimits, FailuresOfAllKindsLeakNoDescriptor) {
  const TempFolder folder;
  const auto store = make_file_store(folder / "s.zarr");
  write_text(*store, "c/0", "x");
  const int before = open_descriptors();
  for (int i = 0; i < 2'000; ++i) {
    read_answer(*store, {.key = "missing"});
    read_answer(*store, {.key = "c"});
    read_answer(*store, {.key = "c/0", .range = {5, 5}});
    failure_of([&] { write_text(*store, "c", "x"); });
    failure_of([&] { write_text(*store, "c/0/below", "x"); });
    failure_of([&] { write_text(*store, "c/0", "x", WriteCondition::if_absent); });
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(files_in(folder / "s.zarr"), 1u);
}

int check_without_rights(const Store& store, const std::string& root) {
  REQUIRE_IN_CHILD(::setresuid(65534, 65534, 65534) == 0);
  for (const char* key : {"unreadable/0", "closed/0", "closed/missing"}) {
    const Answer answer = read_answer(store, {.key = key});
    REQUIRE_IN_CHILD(answer.status == ReadResult::Status::failed);
    REQUIRE_IN_CHILD(answer.failure.code == ErrorCode::permission_denied);
  }
  const auto denied = [](const Failure& failure) {
    return failure.code == ErrorCode::permission_denied;
  };
  REQUIRE_IN_CHILD(denied(failure_of([&] { store.exists("closed/0"); })));
  REQUIRE_IN_CHILD(denied(failure_of([&] { store.list("", ListDepth::all); })));
  REQUIRE_IN_CHILD(denied(failure_of([&] { write_text(store, "open/0", "y"); })));
  REQUIRE_IN_CHILD(denied(failure_of([&] { write_text(store, "new/0", "y"); })));
  REQUIRE_IN_CHILD(denied(failure_of([&] { store.erase("open/0"); })));
  REQUIRE_IN_CHILD(denied(failure_of([&] { erase_prefix(store, "open"); })));
  REQUIRE_IN_CHILD(read_text(store, "open/0") == "x");
  REQUIRE_IN_CHILD(read_text(store, "open/missing") == "<missing>");
  // A fresh handle below a folder that may not be entered.
  const auto below = make_file_store(root + "/closed/s.zarr");
  const Answer answer = read_answer(*below, {.key = "zarr.json"});
  REQUIRE_IN_CHILD(denied(answer.failure));
  return 0;
}

TEST(FileStoreLimits, C8WithoutRightsIsAnErrorAndNotMissing) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  const TempFolder folder;
  fs::permissions(folder.path(), fs::perms(0755));
  for (const bool follow : {true, false}) {
    const std::string root = folder / (follow ? "a" : "b");
    const auto store = make_file_store(root, {.follow_symlinks = follow});
    for (const char* key : {"unreadable/0", "closed/0", "open/0"}) write_text(*store, key, "x");
    fs::permissions(root + "/unreadable/0", fs::perms::none);
    fs::permissions(root + "/closed", fs::perms::none);
    EXPECT_EQ(in_child([&] { return check_without_rights(*store, root); }), 0);
  }
}

TEST(FileStoreLimits, ObjectsGetTheRightsOfTheUmask) {
  const TempFolder folder;
  const mode_t kept = ::umask(027);
  write_text(*make_file_store(folder / "s.zarr"), "c/0", "x");
  ::umask(kept);
  EXPECT_EQ(fs::status(folder / "s.zarr/c/0").permissions(), fs::perms(0640));
  EXPECT_EQ(fs::status(folder / "s.zarr/c").permissions(), fs::perms(0750));
}

}  // namespace
}  // namespace zarrloom
