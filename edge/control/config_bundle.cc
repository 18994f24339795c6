#include "edge/control/config_bundle.h"

#include "edge/base/json.h"

namespace perigee::control {
namespace {

constexpr std::string_view bundle_kind = "perigee-configuration-1";

// Files may hold any bytes; JSON only text. A character for each byte.
std::string to_text(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

std::string to_bytes(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80 || i + 1 == text.size()) {
      bytes += text[i];
    } else {
      bytes += static_cast<char>((byte & 0x03) << 6 | (text[++i] & 0x3f));
    }
  }
  return bytes;
}

class BundleFile final : public net::File {
 public:
  explicit BundleFile(const std::string& bytes) : bytes_(bytes) {}
  net::FileInfo info() const override { return {bytes_.size(), {}, false, false}; }
  Result<size_t> read(uint64_t offset, char* into, size_t size) override {
    return offset >= bytes_.size() ? 0 : bytes_.copy(into, size, offset);
  }

 private:
  const std::string& bytes_;
};

tl::unexpected<Error> read_only(const std::string& path) {
  return fail(Side::internal, "file_denied", path + ": a copy of a configuration is not written to");
}

}  // namespace

std::string ConfigBundle::print() const {
  Json json = {{"kind", std::string(bundle_kind)}, {"files", Json::object()}};
  for (const auto& [path, bytes] : files) json["files"][to_text(path)] = to_text(bytes);
  return json.dump(1) + "\n";
}

std::optional<ConfigBundle> ConfigBundle::parse(std::string_view text) {
  const Json json = parse_json(text);
  if (!json.is_object() || json.value("kind", Json()) != bundle_kind || !json.contains("files"))
    return std::nullopt;
  if (!json["files"].is_object()) return std::nullopt;
  ConfigBundle bundle;
  for (const auto& [path, bytes] : json["files"].items()) {
    if (!bytes.is_string()) return std::nullopt;
    bundle.files[to_bytes(path)] = to_bytes(bytes.get<std::string>());
  }
  return bundle;
}

Result<std::string> RecordingFiles::read_all(const std::string& path, size_t bytes_max) {
  auto bytes = from_.read_all(path, bytes_max);
  if (bytes) into_.files[path] = *bytes;
  return bytes;
}

Result<void> RecordingFiles::write_atomically(const std::string& path, std::string_view bytes) {
  return from_.write_atomically(path, bytes);
}

Result<void> RecordingFiles::append_synced(const std::string& path, std::string_view bytes) {
  return from_.append_synced(path, bytes);
}

Result<std::unique_ptr<net::File>> BundleFiles::open(const std::string& path) {
  const auto found = bundle_.files.find(path);
  if (found == bundle_.files.end()) return fail(Side::internal, "file_not_found", path + ": not in the copy");
  return std::make_unique<BundleFile>(found->second);
}

Result<std::string> BundleFiles::read_all(const std::string& path, size_t bytes_max) {
  const auto found = bundle_.files.find(path);
  if (found == bundle_.files.end()) return fail(Side::internal, "file_not_found", path + ": not in the copy");
  if (found->second.size() > bytes_max) return fail(Side::internal, "file_error", path + ": too large");
  return found->second;
}

Result<void> BundleFiles::write_atomically(const std::string& path, std::string_view) {
  return read_only(path);
}
Result<void> BundleFiles::append_synced(const std::string& path, std::string_view) { return read_only(path); }

}  // namespace perigee::control
