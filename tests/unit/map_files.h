// Files that are a map of paths to bytes.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "edge/net/files.h"

namespace perigee::test {

class MapFiles final : public net::Files {
 public:
  MapFiles() = default;
  MapFiles(std::initializer_list<std::pair<const std::string, std::string>> files) : files_(files) {}

  void put(const std::string& path, std::string bytes) { files_[path] = std::move(bytes); }
  void remove(const std::string& path) { files_.erase(path); }
  void let_others_read(const std::string& path) { open_to_others_.insert(path); }

  Result<std::unique_ptr<net::File>> open(const std::string& path) override {
    auto bytes = read_all(path, SIZE_MAX);
    if (!bytes) return tl::unexpected(bytes.error());
    return std::make_unique<MapFile>(std::move(*bytes), open_to_others_.count(path) > 0);
  }

  Result<std::string> read_all(const std::string& path, size_t bytes_max) override {
    const auto found = files_.find(path);
    if (found == files_.end()) return fail(Side::internal, "file_not_found", path + ": no such file");
    if (found->second.size() > bytes_max) return fail(Side::internal, "file_error", path + ": too large");
    return found->second;
  }

  Result<void> write_atomically(const std::string& path, std::string_view bytes) override {
    files_[path] = std::string(bytes);
    return {};
  }

  Result<void> append_synced(const std::string& path, std::string_view bytes) override {
    files_[path] += bytes;
    return {};
  }

 private:
  class MapFile final : public net::File {
   public:
    MapFile(std::string bytes, bool open_to_others)
        : bytes_(std::move(bytes)), open_to_others_(open_to_others) {}
    net::FileInfo info() const override { return {bytes_.size(), {}, false, open_to_others_}; }
    Result<size_t> read(uint64_t offset, char* into, size_t size) override {
      return offset >= bytes_.size() ? 0 : bytes_.copy(into, size, offset);
    }

   private:
    std::string bytes_;
    bool open_to_others_;
  };

  std::map<std::string, std::string> files_;
  std::set<std::string> open_to_others_;
};

}  // namespace perigee::test
