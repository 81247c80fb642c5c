// The file that the writer of a zip archive writes to. Private to the zip store.
#pragma once

#include <memory>
#include <string>

#include "zarrloom/stores/file_io.h"
#include "zarrloom/stores/zip.h"

namespace zarrloom {

// Locked against other writers as long as it lives: the lock is advisory, of this open file.
class ZipTarget {
 public:
  // Makes the archive and its folders where they are missing. With ZipMode::replace it is a
  // temporary beside an archive that has something in it, which is locked too. Throws conflict,
  // node_exists.
  ZipTarget(const std::string& path, ZipMode mode);
  ~ZipTarget();
  ZipTarget(const ZipTarget&) = delete;
  ZipTarget& operator=(const ZipTarget&) = delete;

  const std::shared_ptr<const Fd>& file() const { return file_; }

  // Gives a temporary the archive's name. Throws storage if the archive has no name any more.
  void publish(bool sync);

  // In the child of a fork: lock and temporary are the parent's.
  void disown();

 private:
  void open_temporary(Fd old);

  std::string path_;
  std::shared_ptr<const Fd> file_;
  Fd replaced_;            // the old archive, for its lock
  std::string temporary_;  // its path until it is published
  bool owned_ = true;
};

}  // namespace zarrloom
