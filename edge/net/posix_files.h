// Files of the operating system.
//
// Thread rule: any thread; it has no state.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "edge/net/files.h"

namespace perigee::net {

class PosixFiles final : public Files {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path) override;
  Result<std::string> read_all(const std::string& path, size_t bytes_max) override;
  // The new file has mode 0600; it is synced, and so is its directory.
  Result<void> write_atomically(const std::string& path, std::string_view bytes) override;
  Result<void> append_synced(const std::string& path, std::string_view bytes) override;
};

}  // namespace perigee::net
