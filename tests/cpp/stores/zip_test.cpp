// The zip store: writers, readers beside them, forks and crashes. Faults of archives that others
// made are in zip_faults_test.cpp.
#include "zarrloom/stores/zip.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "conformance/check_store.h"
#include "fakes/in_child.h"
#include "fakes/temp_folder.h"
#include "zarrloom/stores/zip_archive.h"

namespace zarrloom {
namespace {

using namespace conformance;
using namespace fakes;
namespace fs = std::filesystem;
using Status = ReadResult::Status;

class Zip : public testing::Test {
 protected:
  std::shared_ptr<ZipStore> open(ZipMode mode) const {
    return make_zip_store(path, {.mode = mode});
  }
  ErrorCode code_of_opening(ZipMode mode) const {
    return failure_of([&] { open(mode); }).code;
  }
  void make(std::initializer_list<std::pair<const char*, const char*>> members) const {
    const auto store = open(ZipMode::append);
    for (const auto& [key, text] : members) write_text(*store, key, text);
    store->close();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  const TempFolder folder;
  const std::string path = folder / "s.zip";
};

TEST_F(Zip, WhatIsWrittenIsThereForTheWriterAtOnceAndForOthersAfterAFlush) {
  const auto writer = open(ZipMode::append);
  write_text(*writer, "a/c/0", "chunk");
  EXPECT_EQ(read_text(*writer, "a/c/0"), "chunk");
  EXPECT_EQ(code_of_opening(ZipMode::read), ErrorCode::corrupt_data) << "no directory yet";
  writer->flush();
  const auto reader = open(ZipMode::read);
  EXPECT_EQ(read_text(*reader, "a/c/0"), "chunk");
  write_text(*writer, "a/c/0", "another chunk");
  write_text(*writer, "a/c/1", "more");
  EXPECT_EQ(read_text(*reader, "a/c/0"), "chunk") << "the archive as it was when it was opened";
  EXPECT_EQ(read_text(*reader, "a/c/1"), "<missing>");
  EXPECT_EQ(read_text(*open(ZipMode::read), "a/c/0"), "chunk") << "not flushed yet";
  writer->close();
  EXPECT_EQ(read_text(*reader, "a/c/0"), "chunk");
  EXPECT_EQ(read_text(*open(ZipMode::read), "a/c/0"), "another chunk");
  EXPECT_EQ(read_text(*open(ZipMode::read), "a/c/1"), "more");
}

TEST_F(Zip, TheLastHandleCloses) {
  {
    const auto writer = open(ZipMode::on_demand);
    EXPECT_FALSE(fs::exists(path)) << "made by the first write";
    write_text(*writer, "k", "x");
  }
  EXPECT_EQ(read_text(*open(ZipMode::read), "k"), "x");
}

TEST_F(Zip, Modes) {
  EXPECT_EQ(code_of_opening(ZipMode::read), ErrorCode::node_not_found);
  open(ZipMode::create)->close();
  EXPECT_TRUE(open(ZipMode::read)->list("", ListDepth::all).empty());
  EXPECT_EQ(code_of_opening(ZipMode::create), ErrorCode::node_exists);
  make({{"old", "x"}});
  make({{"new", "y"}});
  EXPECT_EQ(open(ZipMode::read)->list("", ListDepth::all).size(), 2u);
  open(ZipMode::replace)->close();
  EXPECT_TRUE(open(ZipMode::read)->list("", ListDepth::all).empty());
  EXPECT_EQ(files(), std::vector<std::string>{"s.zip"});
}

TEST_F(Zip, ReadingTakesNoLockAndNoRight) {
  make({{"k", "x"}});
  const auto writer = open(ZipMode::append);
  EXPECT_EQ(read_text(*open(ZipMode::on_demand), "k"), "x");
  const auto reader = open(ZipMode::read);
  EXPECT_FALSE(reader->capabilities().writable);
  EXPECT_EQ(failure_of([&] { write_text(*reader, "k", "y"); }).code, ErrorCode::read_only);
  EXPECT_FALSE(reader->is_writing());
  EXPECT_TRUE(writer->is_writing());
}

TEST_F(Zip, ErasingWhatIsNotThereWritesNothing) {
  const auto store = open(ZipMode::on_demand);
  store->erase("k");
  erase_prefix(*store, "");
  store->close();
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Zip, AnErasedMemberIsGoneAfterTheFlush) {
  make({{"a/0", "x"}, {"a/1", "y"}, {"b", "z"}});
  const auto writer = open(ZipMode::append);
  writer->erase("b");
  erase_prefix(*writer, "a");
  EXPECT_EQ(read_text(*open(ZipMode::read), "b"), "z");
  writer->close();
  EXPECT_TRUE(open(ZipMode::read)->list("", ListDepth::all).empty());
}

TEST_F(Zip, AfterCloseEverythingFails) {
  const auto store = open(ZipMode::append);
  write_text(*store, "k", "x");
  store->close();
  store->close();
  store->flush();
  EXPECT_EQ(failure_of([&] { read_text(*store, "k"); }).code, ErrorCode::storage);
  EXPECT_EQ(failure_of([&] { write_text(*store, "k", "y"); }).code, ErrorCode::storage);
  EXPECT_EQ(failure_of([&] { store->list("", ListDepth::all); }).code, ErrorCode::storage);
  EXPECT_EQ(read_text(*open(ZipMode::read), "k"), "x");
}

TEST_F(Zip, TheSameWritesGiveTheSameBytes) {
  const auto bytes = [&] {
    fs::remove(path);
    make({{"zarr.json", "{}"}, {"c/0", "x"}});
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(bytes(), bytes());
}

TEST_F(Zip, MoreThan65535Members) {
  const auto writer = open(ZipMode::append);
  for (int i = 0; i < 70'000; ++i) write_text(*writer, std::to_string(i), "x");
  writer->close();
  const auto reader = open(ZipMode::read);
  EXPECT_EQ(reader->list("", ListDepth::all).size(), 70'000u);
  EXPECT_EQ(read_text(*reader, "69999"), "x");
}

// Most of the file is a hole.
TEST_F(Zip, C9Zip64MembersBehind4GiB) {
  constexpr std::uint64_t kFar = std::uint64_t{5} << 30;
  const ZipMember near{.stored_size = 1, .size = 1, .crc = zip_crc(as_byte_view("x"))};
  ZipMember far = near;
  far.offset = kFar;
  const std::string front = make_zip_local_header("near", near) + "x";
  const std::string behind = make_zip_local_header("far", far) + "x";
  {
    std::ofstream file(path, std::ios::binary);
    file << front;
    file.seekp(static_cast<std::streamoff>(kFar));
    file << behind << make_zip_directory({{"near", near}, {"far", far}}, kFar + behind.size());
  }
  EXPECT_EQ(read_text(*open(ZipMode::read), "near"), "x");
  EXPECT_EQ(read_text(*open(ZipMode::read), "far"), "x");
  make({{"farther", "y"}});
  const auto reader = open(ZipMode::read);
  for (const char* key : {"near", "far"}) EXPECT_EQ(read_text(*reader, key), "x");
  EXPECT_EQ(read_text(*reader, "farther"), "y");
}

TEST_F(Zip, C9TheSecondWriterIsRefused) {
  make({{"k", "x"}});
  auto first = open(ZipMode::append);
  for (const ZipMode mode : {ZipMode::append, ZipMode::replace}) {
    EXPECT_EQ(code_of_opening(mode), ErrorCode::conflict);
    EXPECT_EQ(in_child([&] { return code_of_opening(mode) == ErrorCode::conflict ? 0 : 1; }), 0);
  }
  const auto late = open(ZipMode::on_demand);
  EXPECT_EQ(failure_of([&] { write_text(*late, "k", "y"); }).code, ErrorCode::conflict);
  write_text(*first, "k", "z");
  first->close();
  write_text(*late, "l", "y");
  EXPECT_EQ(read_text(*late, "k"), "z") << "who begins to write looks again";
}

TEST_F(Zip, C9TheSecondWriterIsRefusedWhileTheFirstReplaces) {
  make({{"k", "old"}});
  const auto first = open(ZipMode::replace);
  EXPECT_EQ(code_of_opening(ZipMode::append), ErrorCode::conflict);
  write_text(*first, "k", "new");
  EXPECT_EQ(read_text(*open(ZipMode::read), "k"), "old");
  first->flush();
  EXPECT_EQ(read_text(*open(ZipMode::read), "k"), "new");
  EXPECT_EQ(code_of_opening(ZipMode::append), ErrorCode::conflict);
  first->close();
  make({{"l", "z"}});
}

// The child never closes, as if it had crashed.
TEST_F(Zip, C9ACrashBeforeCloseLeavesTheOldArchive) {
  make({{"k", "old"}});
  for (const ZipMode mode : {ZipMode::append, ZipMode::replace}) {
    const int code = in_child([&] {
      const auto writer = open(mode);
      write_text(*writer, "k", "new");
      write_text(*writer, "large", std::string(200'000, 'x'));
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    EXPECT_EQ(code, 1000 + SIGKILL);
    EXPECT_EQ(read_text(*open(ZipMode::read), "k"), "old");
    EXPECT_EQ(open(ZipMode::read)->list("", ListDepth::all).size(), 1u);
  }
  make({{"l", "after"}});
  EXPECT_LT(fs::file_size(path), 1000u) << "what the crash left was cut off";
  EXPECT_EQ(read_text(*open(ZipMode::read), "k"), "old");
  EXPECT_EQ(read_text(*open(ZipMode::read), "l"), "after");
}

// Cut at every byte, as a crash while the new directory is written would: the last whole one
// counts.
TEST_F(Zip, C9ACrashAtEveryByteOfAFlushLeavesTheOldArchive) {
  make({{"k", "old"}});
  const auto before = fs::file_size(path);
  make({{"k", "new"}, {"l", "x"}});
  const auto after = fs::file_size(path);
  for (auto size = before; size <= after; ++size) {
    const std::string cut = folder / "cut.zip";
    fs::copy_file(path, cut, fs::copy_options::overwrite_existing);
    fs::resize_file(cut, size);
    const auto store = make_zip_store(cut, {.mode = ZipMode::read});
    EXPECT_EQ(read_text(*store, "k"), size == after ? "new" : "old") << size;
  }
}

// A limit to the file's size stands for a full disk.
TEST_F(Zip, C9AFullDiskLeavesTheOldArchiveAndMayBeTriedAgain) {
  make({{"k", "old"}});
  const int code = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const auto limit = [](rlim_t bytes) {
      const rlimit files{bytes, RLIM_INFINITY};
      ::setrlimit(RLIMIT_FSIZE, &files);
    };
    const auto writer = open(ZipMode::append);
    limit(fs::file_size(path) + 150);
    if (failure_of([&] { write_text(*writer, "large", std::string(1000, 'x')); }).code !=
        ErrorCode::storage) {
      return 1;
    }
    write_text(*writer, "k", std::string(100, 'n'));  // fits, but its directory does not
    if (failure_of([&] { writer->flush(); }).code != ErrorCode::storage) return 2;
    if (read_text(*open(ZipMode::read), "k") != "old") return 3;
    if (failure_of([&] { writer->close(); }).code != ErrorCode::storage) return 4;
    limit(RLIM_INFINITY);
    writer->close();
    return read_text(*open(ZipMode::read), "k") == std::string(100, 'n') ? 0 : 5;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(read_text(*open(ZipMode::read), "large"), "<missing>");
}

TEST_F(Zip, ADeletedArchiveIsNotWrittenIntoTheVoid) {
  make({{"k", "x"}});
  const auto writer = open(ZipMode::append);
  write_text(*writer, "k", "y");
  fs::remove(path);
  EXPECT_EQ(failure_of([&] { writer->flush(); }).code, ErrorCode::storage);
}

TEST_F(Zip, E1AForkedChildReadsButDoesNotWrite) {
  make({{"k", "x"}});
  auto writer = open(ZipMode::append);
  write_text(*writer, "l", "y");
  EXPECT_EQ(in_child([&] {
              if (read_text(*writer, "l") != "y") return 1;
              if (failure_of([&] { write_text(*writer, "m", "z"); }).code != ErrorCode::read_only) {
                return 2;
              }
              writer->close();
              writer.reset();
              return code_of_opening(ZipMode::append) == ErrorCode::conflict ? 0 : 3;
            }),
            0);
  write_text(*writer, "n", "z");
  writer->close();
  EXPECT_EQ(open(ZipMode::read)->list("", ListDepth::all).size(), 3u);
}

TEST_F(Zip, E1ForkWhileThreadsWriteAndFlush) {
  const auto store = open(ZipMode::append);
  write_text(*store, "fixed", "here");
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) write_text(*store, std::to_string(t * 100 + i % 100), "x");
    });
  }
  threads.emplace_back([&] {
    while (!stop) store->flush();
  });
  for (int round = 0; round < 20; ++round) {
    const int code = in_child([&] {
      ::alarm(10);  // a lock held by a thread that is gone would hang
      const bool right = read_text(*store, "fixed") == "here";
      store->close();
      return right ? 0 : 1;
    });
    EXPECT_EQ(code, 0);
    if (code != 0) break;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Zip, ThreadsWriteReadAndFlushAtOnce) {
  const auto store = open(ZipMode::append);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        write_text(*store, key, key);
        EXPECT_EQ(read_text(*store, key), key);
        if (i % 20 == 0) store->flush();
        if (i % 2 == 1) store->erase(key);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  store->close();
  const auto reader = open(ZipMode::read);
  EXPECT_EQ(reader->list("", ListDepth::all).size(), 200u);
  for (int t = 0; t < 4; ++t) EXPECT_EQ(read_text(*reader, std::to_string(t) + "/98").size(), 4u);
}

}  // namespace
}  // namespace zarrloom
