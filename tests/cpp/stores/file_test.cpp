// The file store under the faults of a file system; names begin with the fault.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "conformance/check_store.h"
#include "fakes/in_child.h"
#include "fakes/temp_folder.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

using namespace conformance;
using namespace fakes;
namespace fs = std::filesystem;
using Status = ReadResult::Status;

class FileStore : public testing::Test {
 protected:
  Failure read_failure(const Store& store, std::string_view key) {
    const Answer answer = read_answer(store, {.key = key});
    EXPECT_EQ(answer.status, Status::failed) << key << ": " << answer.text;
    return answer.failure;
  }

  // Whatever lies in the folder, temporaries too.
  static std::vector<std::string> files_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    return names;
  }

  static void make_file(const std::string& path, std::string_view text) {
    std::ofstream(path) << text;
  }

  const TempFolder folder;
  const std::string root = folder / "s.zarr";
  const std::shared_ptr<Store> store = make_file_store(root);
};

TEST_F(FileStore, AReadMakesNoFolder) {
  EXPECT_EQ(read_text(*store, "zarr.json"), "<missing>");
  EXPECT_TRUE(store->list("", ListDepth::all).empty());
  store->erase("zarr.json");
  erase_prefix(*store, "");
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(FileStore, TwoHandlesOnOneFolderGiveEqualNames) {
  write_text(*store, "c/0", "x");
  fs::create_directory_symlink(root, folder / "link");
  for (const std::string& path : {root + "/", root + "/../s.zarr", folder / "link"}) {
    EXPECT_EQ(make_file_store(path)->locate("c/0"), "file://" + root + "/c/0") << path;
  }
  EXPECT_EQ(make_file_store("/")->locate("c/0"), "file:///c/0");
  EXPECT_EQ(make_file_store("a")->locate(""), "file://" + (fs::current_path() / "a").string());
}

TEST_F(FileStore, ReadOnlyTouchesNothing) {
  const auto reader = make_file_store(root, {.read_only = true});
  EXPECT_FALSE(reader->capabilities().writable);
  const Failure failure = failure_of([&] { write_text(*reader, "k", "x"); });
  EXPECT_EQ(failure.code, ErrorCode::read_only);
  EXPECT_TRUE(failure.message.starts_with("file://" + root + "/k: ")) << failure.message;
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(FileStore, ARootThatIsAFileIsAnError) {
  make_file(root, "not a folder");
  EXPECT_EQ(read_failure(*store, "k").code, ErrorCode::storage);
  EXPECT_EQ(failure_of([&] { write_text(*store, "k", "x"); }).code, ErrorCode::storage);
}

TEST_F(FileStore, C1OnlyRegularFilesAreObjects) {
  write_text(*store, "here", "x");
  fs::create_directory(root + "/directory");
  ASSERT_EQ(::mkfifo((root + "/fifo").c_str(), 0600), 0);
  fs::create_symlink("loop", root + "/loop");
  fs::create_symlink("/dev/null", root + "/device");
  for (const char* key : {"directory", "fifo", "device"}) {
    const Failure failure = read_failure(*store, key);
    EXPECT_EQ(failure.code, ErrorCode::storage) << key;
    EXPECT_NE(failure.message.find("not an object"), std::string::npos) << failure.message;
    EXPECT_EQ(failure_of([&] { store->exists(key); }).code, ErrorCode::storage) << key;
  }
  EXPECT_NE(read_failure(*store, "loop").os_error, 0);
  EXPECT_EQ(store->list("", ListDepth::all).size(), 1u);

  const Failure over = failure_of([&] { write_text(*store, "directory", "x"); });
  EXPECT_EQ(over.code, ErrorCode::storage);
  EXPECT_TRUE(fs::is_directory(root + "/directory"));
  EXPECT_EQ(failure_of([&] { store->erase("directory"); }).code, ErrorCode::storage);
  write_text(*store, "fifo", "now an object");  // must not hang either
  EXPECT_EQ(read_text(*store, "fifo"), "now an object");
}

TEST_F(FileStore, C1LinksOutOfTheRootAreFollowedOnlyIfAllowed) {
  make_file(folder / "secret", "outside");
  fs::create_directory(folder / "elsewhere");
  make_file(folder / "elsewhere/0", "outside too");
  write_text(*store, "inside", "x");
  fs::create_symlink(folder / "secret", root + "/link");
  fs::create_symlink("inside", root + "/near");
  fs::create_directory_symlink(folder / "elsewhere", root + "/c");
  EXPECT_EQ(read_text(*store, "link"), "outside");
  EXPECT_EQ(read_text(*store, "c/0"), "outside too");
  EXPECT_EQ(store->list("", ListDepth::all).size(), 4u);

  const auto strict = make_file_store(root, {.follow_symlinks = false});
  for (const char* key : {"link", "near", "c/0", "c/missing"}) {
    EXPECT_EQ(read_failure(*strict, key).code, ErrorCode::permission_denied) << key;
  }
  EXPECT_EQ(failure_of([&] { write_text(*strict, "c/1", "x"); }).code,
            ErrorCode::permission_denied);
  EXPECT_EQ(failure_of([&] { write_text(*strict, "c/d/1", "x"); }).code,
            ErrorCode::permission_denied);
  EXPECT_EQ(failure_of([&] { strict->erase("c/0"); }).code, ErrorCode::permission_denied);
  EXPECT_EQ(failure_of([&] { erase_prefix(*strict, "c"); }).code, ErrorCode::permission_denied);
  EXPECT_EQ(failure_of([&] { strict->list("c", ListDepth::all); }).code,
            ErrorCode::permission_denied);
  EXPECT_EQ(strict->list("", ListDepth::all), (std::vector<ListEntry>{{"inside", false}}));
  EXPECT_EQ(read_text(*strict, "inside"), "x");
  EXPECT_FALSE(fs::exists(folder / "elsewhere/1"));
}

TEST_F(FileStore, C1CirclesOfLinksEndAndErasingDoesNotFollowLinks) {
  make_file(folder / "precious", "outside");
  fs::create_directory(folder / "outside");
  make_file(folder / "outside/precious", "outside");
  write_text(*store, "a/b/x", "x");
  fs::create_directory_symlink("..", root + "/a/b/up");
  fs::create_directory_symlink(folder / "outside", root + "/a/out");
  fs::create_symlink(folder / "precious", root + "/a/file");
  fs::create_symlink("nowhere", root + "/a/dangling");
  EXPECT_EQ(store->list("a", ListDepth::all),
            (std::vector<ListEntry>{{"b/x", false}, {"file", false}, {"out/precious", false}}));
  erase_prefix(*store, "a");
  EXPECT_FALSE(fs::exists(fs::symlink_status(root + "/a")));
  EXPECT_TRUE(fs::exists(folder / "precious"));
  EXPECT_TRUE(fs::exists(folder / "outside/precious"));
}

TEST_F(FileStore, C2AKilledWriterLeavesOldOrNewAndNothingVisible) {
  const std::string versions[] = {std::string(8 << 20, 'a'), std::string(9 << 20, 'b')};
  write_text(*store, "c/0", versions[0]);
  std::size_t leftovers = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int i = 0;; ++i) write_text(*store, "c/0", versions[i % 2]);
    }
    ASSERT_GT(child, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + 3 * round));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const std::string now = read_text(*store, "c/0");
    ASSERT_TRUE(now == versions[0] || now == versions[1]) << now.size();
    ASSERT_EQ(store->list("", ListDepth::all), (std::vector<ListEntry>{{"c/0", false}}));
    leftovers = files_in(root).size() - 1;
  }
  EXPECT_GT(leftovers, 0u) << "no writer was caught in the act: the test is blind";
  EXPECT_EQ(store->list("c", ListDepth::one), (std::vector<ListEntry>{{"0", false}}));
  erase_prefix(*store, "c");
  EXPECT_TRUE(files_in(root).empty());
}

TEST_F(FileStore, TemporaryNamesAreNoKeysToWrite) {
  const Failure failure = failure_of([&] { write_text(*store, "c/.zarrloom-1-2.tmp", "x"); });
  EXPECT_EQ(failure.code, ErrorCode::invalid_argument);
}

TEST_F(FileStore, C5ARangeOutsideAShortFileIsCorrupt) {
  write_text(*store, "c/0", "0123456789");
  fs::resize_file(root + "/c/0", 4);
  const Answer answer = read_answer(*store, {.key = "c/0", .range = {2, 6}});
  EXPECT_EQ(answer.failure.code, ErrorCode::corrupt_data);
}

TEST_F(FileStore, C5TruncatedAndGrownWhileReading) {
  const std::string whole(1 << 20, 'x');
  write_text(*store, "c/0", whole);
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
      fs::resize_file(root + "/c/0", 100);
      fs::resize_file(root + "/c/0", whole.size());
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const Answer answer = read_answer(*store, {.key = "c/0"});
    if (answer.status == Status::failed) {
      EXPECT_EQ(answer.failure.code, ErrorCode::corrupt_data) << answer.failure.message;
    } else {
      EXPECT_TRUE(answer.text.size() == 100 || answer.text.size() == whole.size());
    }
  }
  stop = true;
  other.join();
}

TEST_F(FileStore, C6FoldersAreMadeByManyAtOnce) {
  for (int round = 0; round < 50; ++round) {
    const std::string path = folder / ("r" + std::to_string(round) + "/s.zarr");
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto mine = make_file_store(path);
        const std::string key = "a/b/c/" + std::to_string(i % 2) + "/" + std::to_string(i);
        const Failure failure = failure_of([&] { write_text(*mine, key, "x"); });
        if (failure.message != "nothing was thrown") ++failed;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(make_file_store(path)->list("", ListDepth::all).size(), 8u);
  }
}

TEST_F(FileStore, C6FoldersRemovedWhileWriting) {
  write_text(*store, "fixed", "x");
  std::atomic<bool> stop{false};
  std::thread eraser([&] {
    while (!stop) erase_prefix(*store, "a");
  });
  std::string problem;
  for (int i = 0; i < 2000 && problem.empty(); ++i) {
    const Failure failure = failure_of([&] { write_text(*store, "a/b/c/0", "x"); });
    if (failure.message != "nothing was thrown") problem = failure.message;
  }
  stop = true;
  eraser.join();
  EXPECT_EQ(problem, "");
  write_text(*store, "a/b/c/0", "y");
  EXPECT_EQ(store->list("", ListDepth::all),
            (std::vector<ListEntry>{{"a/b/c/0", false}, {"fixed", false}}));
  EXPECT_EQ(files_in(root).size(), 2u) << "a temporary file stayed";
}

TEST_F(FileStore, C7AMovedStoreKeepsWorking) {
  write_text(*store, "c/0", "x");
  fs::rename(root, folder / "moved");
  EXPECT_EQ(read_text(*store, "c/0"), "x");
  write_text(*store, "c/1", "y");
  EXPECT_EQ(store->list("c", ListDepth::all).size(), 2u);
  EXPECT_FALSE(fs::exists(root));
  EXPECT_TRUE(fs::exists(folder / "moved/c/1"));
}

TEST_F(FileStore, C7ADeletedStoreFailsAndNeverReadsAsMissing) {
  write_text(*store, "c/0", "x");
  const auto unused = make_file_store(root);  // has not read yet, but found the folder
  fs::remove_all(root);
  for (const auto& handle : {store, unused}) {
    const Failure failure = read_failure(*handle, "c/0");
    EXPECT_EQ(failure.code, ErrorCode::storage);
    EXPECT_NE(failure.message.find("deleted"), std::string::npos) << failure.message;
    EXPECT_EQ(failure_of([&] { handle->exists("c/0"); }).code, ErrorCode::storage);
    EXPECT_EQ(failure_of([&] { handle->list("", ListDepth::all); }).code, ErrorCode::storage);
    EXPECT_EQ(failure_of([&] { handle->erase("c/0"); }).code, ErrorCode::storage);
    EXPECT_EQ(failure_of([&] { erase_prefix(*handle, ""); }).code, ErrorCode::storage);
    EXPECT_EQ(failure_of([&] { write_text(*handle, "c/0", "x"); }).code, ErrorCode::storage);
  }
  EXPECT_FALSE(fs::exists(root));
  EXPECT_EQ(read_text(*make_file_store(root), "c/0"), "<missing>");  // a new handle: a new store
}

}  // namespace
}  // namespace zarrloom
