// The files that a configuration is made of.
#include <fmt/format.h>

#include "edge/base/hash.h"
#include "edge/control/config_parts.h"

namespace perigee::control {
namespace {

constexpr size_t secret_bytes_max = 64 * 1024;

std::string_view trim_white_space(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  const size_t first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white) - first + 1);
}

}  // namespace

std::string beside(std::string_view file, std::string_view name) {
  if (name.starts_with('/')) return std::string(name);
  const size_t slash = file.rfind('/');
  if (slash == std::string_view::npos) return std::string(name);
  return std::string(file.substr(0, slash + 1)) + std::string(name);
}

bool read_toml_file(net::Files& files, const std::string& path, const Place& named_at, const std::string& key,
                    TomlNode& root, ErrorList& errors) {
  auto bytes = files.read_all(path, toml_bytes_max);
  if (!bytes) {
    errors.add(named_at, key, bytes.error().context,
               fmt::format("a readable file of at most {}", print_bytes(toml_bytes_max)));
    return false;
  }
  return parse_toml(*bytes, path, root, errors);
}

std::string read_secret(net::Files& files, const SecretFile& file, ErrorList& errors,
                        std::vector<ConfigError>& warnings) {
  auto bytes = files.read_all(file.path, secret_bytes_max);
  if (!bytes) {
    errors.add(file.named_at, file.key, bytes.error().context, "a readable file that holds a secret");
    return "";
  }
  auto opened = files.open(file.path);
  if (opened && (*opened)->info().readable_by_others) {
    warnings.push_back(
        {file.named_at, file.key, "found a file that every user can read, expected mode 0600 or 0640"});
  }
  std::string secret(trim_white_space(*bytes));
  if (secret.size() >= file.bytes_min) return secret;
  errors.add(file.named_at, file.key, fmt::format("a secret of {} bytes", secret.size()),
             fmt::format("at least {} bytes, to resist guessing", file.bytes_min));
  return "";
}

void add_fingerprint(std::vector<ConfigEntry>& entries, std::string_view key, std::string_view secret) {
  for (ConfigEntry& entry : entries) {
    if (entry.key == key) entry.fingerprint = hash64(entry.fingerprint, hash64(secret));
  }
}

}  // namespace perigee::control
