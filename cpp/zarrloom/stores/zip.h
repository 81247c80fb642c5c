// A zip archive as a store: each object is a member.
//
// Reading. Stored members are read by their byte ranges, deflated ones inflated whole. A whole
// object is checked against its CRC-32. A handle that does not write keeps to the archive as it was
// when it was opened, also while somebody appends to it; once old bytes were changed its reads
// fail.
//
// Writing. New members go behind the old end of the archive, and flush() writes a new directory
// behind them. Nothing old is overwritten: a crash leaves the archive as it was after the last
// flush, followed by bytes that belong to nothing. This store finds the old directory in front of
// them, and cuts them off when it next writes; other programs look for it in the last 64 KiB only,
// so they may need that first. A full disk is the same: flush() fails, may be tried again, and
// until it succeeds the archive is the old one. Room of replaced objects, erased ones and old
// directories is not used again.
//
// Who reads an archive while it is being written sees it as of the last flush, other than through
// the writing handle itself. There is one writer at a time, in all processes (an advisory lock).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "zarrloom/stores/store.h"

namespace zarrloom {

enum class ZipMode {
  read,       // the archive must be there
  append,     // made if it is not there
  replace,    // a new one, which takes the old one's place at the first flush
  create,     // node_exists if something is there
  on_demand,  // append, beginning with the first write: who only reads needs no lock and no right
};

struct ZipStoreOptions {
  ZipMode mode = ZipMode::on_demand;
  bool deflate = false;  // new members are compressed; encoded chunks gain nothing by it
  bool fsync = false;    // flush() returns when the archive is on the disk
  // Deflated members above this size are refused: a part of one needs memory for all of it.
  std::uint64_t inflate_limit = std::uint64_t{1} << 30;  // bytes
};

class ZipStore : public Store {
 public:
  // Makes what was written a part of the archive. Throws storage; then it may be tried again.
  void flush() const { do_flush(); }

  // Flushes, and gives the lock and the file back; what comes later fails. The destructor does the
  // same, but cannot tell of failures. The child of a fork never writes: its close only forgets.
  void close() const { do_close(); }

  // Whether this handle holds the archive's lock, so that it alone knows what is in it.
  bool is_writing() const { return do_is_writing(); }

 private:
  virtual void do_flush() const = 0;
  virtual void do_close() const = 0;
  virtual bool do_is_writing() const = 0;
};

// Throws node_not_found, node_exists, conflict (there is another writer), corrupt_data (no zip
// archive, a damaged directory, a member whose name is no key), storage.
std::shared_ptr<ZipStore> make_zip_store(std::string path, ZipStoreOptions options = {});

}  // namespace zarrloom
