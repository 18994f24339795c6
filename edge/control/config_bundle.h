// The files that made one configuration, as they were read: what a rollback goes back to, and what a node
// starts from when its files are broken.
//
// A bundle holds secrets; on disk it is a file of mode 0600.
//
// Thread rule: one owner.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "edge/net/files.h"

namespace perigee::control {

struct ConfigBundle {
  std::map<std::string, std::string> files;  // by path as it was opened

  // JSON, and back; nullopt for anything else.
  std::string print() const;
  static std::optional<ConfigBundle> parse(std::string_view text);
};

// Reads through to other files and keeps what was read.
class RecordingFiles final : public net::Files {
 public:
  RecordingFiles(net::Files& from, ConfigBundle& into) : from_(from), into_(into) {}
  Result<std::unique_ptr<net::File>> open(const std::string& path) override { return from_.open(path); }
  Result<std::string> read_all(const std::string& path, size_t bytes_max) override;
  Result<void> write_atomically(const std::string& path, std::string_view bytes) override;
  Result<void> append_synced(const std::string& path, std::string_view bytes) override;

 private:
  net::Files& from_;
  ConfigBundle& into_;
};

// The files of a bundle, which outlives this. They cannot be written.
class BundleFiles final : public net::Files {
 public:
  explicit BundleFiles(const ConfigBundle& bundle) : bundle_(bundle) {}
  Result<std::unique_ptr<net::File>> open(const std::string& path) override;
  Result<std::string> read_all(const std::string& path, size_t bytes_max) override;
  Result<void> write_atomically(const std::string& path, std::string_view bytes) override;
  Result<void> append_synced(const std::string& path, std::string_view bytes) override;

 private:
  const ConfigBundle& bundle_;
};

}  // namespace perigee::control
