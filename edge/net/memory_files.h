// The file tree of one in-memory node: a map from path to bytes, with errors on demand.
//
// Owned by its MemoryIo. A File that is open keeps the bytes it was opened with, as an open descriptor does.
//
// Thread rule: the world's one thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "edge/net/files.h"
#include "edge/net/memory_scheduler.h"

namespace perigee::net {

class MemoryFiles final : public Files {
 public:
  explicit MemoryFiles(MemoryScheduler& scheduler) : scheduler_(scheduler) {}

  Result<std::unique_ptr<File>> open(const std::string& path) override;
  Result<std::string> read_all(const std::string& path, size_t bytes_max) override;
  Result<void> write_atomically(const std::string& path, std::string_view bytes) override;
  Result<void> append_synced(const std::string& path, std::string_view bytes) override;

  // A file or a new content for it, modified at the world's wall time.
  void put(const std::string& path, std::string bytes);
  void remove(const std::string& path) { files_.erase(path); }
  bool contains(const std::string& path) const { return files_.contains(path); }

  // From now on open and read of the path give this code: "file_denied" or "file_error"; empty: no longer.
  void fail(const std::string& path, std::string_view code);
  // Writes fail and leave the old content.
  void set_disk_full(bool full) { disk_full_ = full; }

 private:
  struct Content {
    std::shared_ptr<const std::string> bytes;
    WallTime modified{};
  };
  Result<Content> find(const std::string& path) const;
  bool is_directory(const std::string& path) const;

  MemoryScheduler& scheduler_;
  std::map<std::string, Content> files_;
  std::map<std::string, std::string_view> failing_;
  bool disk_full_ = false;
};

}  // namespace perigee::net
