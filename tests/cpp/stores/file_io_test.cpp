#include "zarrloom/stores/file_io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "conformance/check_store.h"
#include "fakes/temp_folder.h"

namespace zarrloom {
namespace {

using conformance::failure_of;
using fakes::TempFolder;
namespace fs = std::filesystem;

// What open_below says with openat2, and what it says where the kernel has none.
TEST(FileIo, OpenBelowIsTheSameWithAndWithoutOpenat2) {
  const TempFolder folder;
  fs::create_directories(folder / "a/b");
  std::ofstream(folder / "a/b/file") << "x";
  fs::create_symlink("file", folder / "a/b/link");
  fs::create_directory_symlink("b", folder / "a/linked");
  fs::create_directory_symlink("/", folder / "out");
  const Fd root = open_folder(AT_FDCWD, folder.path(), Symlinks::follow);
  ASSERT_TRUE(root);
  const std::pair<const char*, int> cases[] = {{"a/b/file", 0},           {"a/b/none", ENOENT},
                                               {"a/none/file", ENOENT},   {"a/b/link", ELOOP},
                                               {"a/linked/file", ELOOP},  {"out/etc/passwd", ELOOP},
                                               {"a/b/file/none", ENOTDIR}};
  for (const auto& [path, expected] : cases) {
    const Fd one = open_below(root.get(), path, O_RDONLY, Symlinks::refuse);
    EXPECT_EQ(one ? 0 : errno, expected) << path;
    const Fd two = open_below_by_parts(root.get(), path, O_RDONLY);
    EXPECT_EQ(two ? 0 : errno, expected) << path;
  }
  const Fd list = open_below_by_parts(root.get(), "a/linked", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(list ? 0 : errno, ELOOP);
}

// C5: the size came from fstat, and then the file was cut.
TEST(FileIo, C5AFileThatEndsWhileBeingReadIsCorrupt) {
  const TempFolder folder;
  std::ofstream(folder / "short") << "0123";
  const Fd fd(::open((folder / "short").c_str(), O_RDONLY | O_CLOEXEC));
  Bytes into(10);
  const Failure failure = failure_of([&] { read_at(fd.get(), 1, into.span()); });
  EXPECT_EQ(failure.code, ErrorCode::corrupt_data);
  EXPECT_NE(failure.message.find("cut to 4 bytes"), std::string::npos) << failure.message;
}

TEST(FileIo, AFailedCallNamesItselfItsErrorAndWhatHelps) {
  const Failure failure = failure_of([] { fail_call("openat", EMFILE); });
  EXPECT_EQ(failure.code, ErrorCode::storage);
  EXPECT_EQ(failure.os_error, EMFILE);
  EXPECT_TRUE(failure.message.starts_with("openat: Too many open files; ")) << failure.message;
  EXPECT_EQ(failure_of([] { fail_call("openat", EACCES); }).code, ErrorCode::permission_denied);
  EXPECT_EQ(failure_of([] { fail_call("openat", EROFS); }).code, ErrorCode::read_only);
  EXPECT_EQ(failure_of([] { fail_call("pread", EIO); }).code, ErrorCode::storage);
}

TEST(FileIo, AWriteIntoARemovedFolderAsksToBeTriedAgain) {
  const TempFolder folder;
  fs::create_directory(folder / "gone");
  const Fd fd = open_folder(AT_FDCWD, folder / "gone", Symlinks::follow);
  fs::remove(folder / "gone");
  EXPECT_FALSE(write_object(fd.get(), "k", as_byte_view("x"), {}));
}

}  // namespace
}  // namespace zarrloom
