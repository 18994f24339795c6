#include "edge/net/memory_files.h"

#include <algorithm>
#include <cstring>

namespace perigee::net {
namespace {

class MemoryFile final : public File {
 public:
  MemoryFile(std::shared_ptr<const std::string> bytes, FileInfo info)
      : bytes_(std::move(bytes)), info_(info) {}

  FileInfo info() const override { return info_; }

  Result<size_t> read(uint64_t offset, char* into, size_t size) override {
    if (info_.is_directory) return perigee::fail(Side::internal, "file_error", "is a directory");
    if (offset >= bytes_->size()) return size_t{0};
    size_t count = std::min<size_t>(size, bytes_->size() - offset);
    std::memcpy(into, bytes_->data() + offset, count);
    return count;
  }

 private:
  std::shared_ptr<const std::string> bytes_;
  FileInfo info_;
};

}  // namespace

bool MemoryFiles::is_directory(const std::string& path) const {
  std::string prefix = path.ends_with('/') ? path : path + "/";
  auto next = files_.lower_bound(prefix);
  return next != files_.end() && next->first.starts_with(prefix);
}

Result<MemoryFiles::Content> MemoryFiles::find(const std::string& path) const {
  auto failing = failing_.find(path);
  if (failing != failing_.end()) {
    return perigee::fail(Side::internal, failing->second, path + ": made to fail");
  }
  auto file = files_.find(path);
  if (file != files_.end()) return file->second;
  if (is_directory(path)) return Content{};
  return perigee::fail(Side::internal, "file_not_found", path + ": no such file");
}

Result<std::unique_ptr<File>> MemoryFiles::open(const std::string& path) {
  auto content = find(path);
  if (!content) return tl::unexpected(content.error());
  FileInfo info{0, content->modified, content->bytes == nullptr};
  if (content->bytes != nullptr) info.size = content->bytes->size();
  return std::make_unique<MemoryFile>(content->bytes, info);
}

Result<std::string> MemoryFiles::read_all(const std::string& path, size_t bytes_max) {
  auto content = find(path);
  if (!content) return tl::unexpected(content.error());
  if (content->bytes == nullptr)
    return perigee::fail(Side::internal, "file_error", path + ": is a directory");
  if (content->bytes->size() > bytes_max) {
    return perigee::fail(Side::internal, "file_error",
                         path + ": found " + std::to_string(content->bytes->size()) +
                             " bytes, expected at most " + std::to_string(bytes_max));
  }
  return *content->bytes;
}

Result<void> MemoryFiles::write_atomically(const std::string& path, std::string_view bytes) {
  if (disk_full_) return perigee::fail(Side::internal, "file_error", path + ": no space left on device");
  auto failing = failing_.find(path);
  if (failing != failing_.end()) {
    return perigee::fail(Side::internal, failing->second, path + ": made to fail");
  }
  put(path, std::string(bytes));
  return {};
}

Result<void> MemoryFiles::append_synced(const std::string& path, std::string_view bytes) {
  const auto file = files_.find(path);
  return write_atomically(path, (file == files_.end() ? "" : *file->second.bytes) + std::string(bytes));
}

void MemoryFiles::put(const std::string& path, std::string bytes) {
  files_[path] = Content{std::make_shared<const std::string>(std::move(bytes)), scheduler_.wall_now()};
}

void MemoryFiles::fail(const std::string& path, std::string_view code) {
  if (code.empty()) {
    failing_.erase(path);
  } else {
    failing_[path] = code;
  }
}

}  // namespace perigee::net
