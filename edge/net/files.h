// Files, as far as a node needs them: read configuration, serve a directory, append a journal.
//
// Calls block. That is accepted for small or page-cached files (configuration, the demo origin's tree);
// anything that could wait for a slow disk on a worker needs its own thread and its own issue.
//
// Thread rule: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "edge/base/clock.h"
#include "edge/base/result.h"

namespace perigee::net {

struct FileInfo {
  uint64_t size = 0;
  WallTime modified{};
  bool is_directory = false;
  bool readable_by_others = false;  // its permissions let every user of the machine read it
};

class File {
 public:
  virtual ~File() = default;
  virtual FileInfo info() const = 0;
  // Up to size bytes at offset; fewer only at the end of the file. Error: internal, "file_error".
  virtual Result<size_t> read(uint64_t offset, char* into, size_t size) = 0;
};

class Files {
 public:
  virtual ~Files() = default;
  // Errors: internal, "file_not_found", "file_denied" or "file_error"; the context holds path and reason.
  virtual Result<std::unique_ptr<File>> open(const std::string& path) = 0;
  virtual Result<std::string> read_all(const std::string& path, size_t bytes_max) = 0;
  // Replaces the file whole: written beside it, synced, renamed.
  virtual Result<void> write_atomically(const std::string& path, std::string_view bytes) = 0;
  // Adds to the end of a file, made when it is not there, and syncs: on success the bytes survive a power
  // cut, after an error none of them are there.
  virtual Result<void> append_synced(const std::string& path, std::string_view bytes) = 0;
};

}  // namespace perigee::net
