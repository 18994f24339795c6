#include "edge/net/posix_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace perigee::net {
namespace {

tl::unexpected<Error> failed(const std::string& path, int error) {
  std::string_view code = "file_error";
  if (error == ENOENT || error == ENOTDIR) code = "file_not_found";
  if (error == EACCES || error == EPERM) code = "file_denied";
  return perigee::fail(Side::internal, code, path + ": " + std::strerror(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  // What close() says; some file systems report a full disk only there.
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

FileInfo to_info(const struct stat& status) {
  auto modified =
      std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return {static_cast<uint64_t>(status.st_size),
          WallTime(std::chrono::floor<std::chrono::milliseconds>(modified)), S_ISDIR(status.st_mode)};
}

class PosixFile final : public File {
 public:
  PosixFile(std::string path, int fd, FileInfo info) : path_(std::move(path)), fd_(fd), info_(info) {}

  FileInfo info() const override { return info_; }

  Result<size_t> read(uint64_t offset, char* into, size_t size) override {
    size_t taken = 0;
    while (taken < size) {
      ssize_t part = ::pread(fd_.get(), into + taken, size - taken, static_cast<off_t>(offset + taken));
      if (part == 0) break;
      if (part < 0 && errno == EINTR) continue;
      if (part < 0) return failed(path_, errno);
      taken += static_cast<size_t>(part);
    }
    return taken;
  }

 private:
  std::string path_;
  Descriptor fd_;
  FileInfo info_;
};

// The name beside the file under which it is written first, unlinked again unless it was renamed.
class Draft {
 public:
  explicit Draft(const std::string& path)
      : name_(path + ".XXXXXX"), fd_(::mkostemp(name_.data(), O_CLOEXEC)) {}
  ~Draft() {
    if (fd_.get() >= 0 || written_) ::unlink(name_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  bool is_open() const { return fd_.get() >= 0; }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t part = ::write(fd_.get(), bytes.data(), bytes.size());
      if (part < 0 && errno == EINTR) continue;
      if (part < 0) return false;
      bytes.remove_prefix(static_cast<size_t>(part));
    }
    written_ = true;
    return ::fsync(fd_.get()) == 0 && fd_.close() == 0;
  }
  bool rename_to(const std::string& path) {
    if (::rename(name_.c_str(), path.c_str()) != 0) return false;
    written_ = false;
    return true;
  }

 private:
  std::string name_;
  Descriptor fd_;
  bool written_ = false;
};

bool sync_directory_of(const std::string& path) {
  size_t slash = path.rfind('/');
  std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd.get() >= 0 && ::fsync(fd.get()) == 0;
}

}  // namespace

Result<std::unique_ptr<File>> PosixFiles::open(const std::string& path) {
  // Without O_NONBLOCK a FIFO in a served directory would block the loop until somebody writes to it.
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) return failed(path, errno);
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    return perigee::fail(Side::internal, "file_denied", path + ": neither a file nor a directory");
  }
  return std::make_unique<PosixFile>(path, fd.release(), to_info(status));
}

Result<std::string> PosixFiles::read_all(const std::string& path, size_t bytes_max) {
  auto file = open(path);
  if (!file) return tl::unexpected(file.error());
  if ((*file)->info().is_directory) return failed(path, EISDIR);
  // Read to the end rather than to a size: files under /proc say that they are empty.
  std::string bytes;
  while (true) {
    size_t before = bytes.size();
    bytes.resize(before + 64 * 1024);
    auto taken = (*file)->read(before, bytes.data() + before, bytes.size() - before);
    if (!taken) return tl::unexpected(taken.error());
    bytes.resize(before + *taken);
    if (bytes.size() > bytes_max) {
      return perigee::fail(
          Side::internal, "file_error",
          path + ": found more than the expected " + std::to_string(bytes_max) + " bytes at most");
    }
    if (*taken == 0) return bytes;
  }
}

Result<void> PosixFiles::append_synced(const std::string& path, std::string_view bytes) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  struct stat before {};
  if (fd.get() < 0 || ::fstat(fd.get(), &before) != 0) return failed(path, errno);
  while (!bytes.empty()) {
    const ssize_t part = ::write(fd.get(), bytes.data(), bytes.size());
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) break;
    bytes.remove_prefix(static_cast<size_t>(part));
  }
  if (bytes.empty() && ::fdatasync(fd.get()) == 0) {
    if (before.st_size == 0 && !sync_directory_of(path)) return failed(path, errno);
    return {};
  }
  const int error = errno;
  if (::ftruncate(fd.get(), before.st_size) != 0) return failed(path, errno);
  return failed(path, error);
}

Result<void> PosixFiles::write_atomically(const std::string& path, std::string_view bytes) {
  Draft draft(path);
  if (!draft.is_open() || !draft.write(bytes) || !draft.rename_to(path)) return failed(path, errno);
  if (!sync_directory_of(path)) return failed(path, errno);
  return {};
}

}  // namespace perigee::net
