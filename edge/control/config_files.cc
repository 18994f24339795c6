// The files that a configuration is made of.
#include <fmt/format.h>

#include "edge/control/config_parts.h"

namespace perigee::control {
namespace {

constexpr size_t secret_bytes_max = 64 * 1024;
constexpr size_t secret_bytes_sensible = 16;

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

std::string read_secret(net::Files& files, const std::string& path, const Place& named_at,
                        const std::string& key, ErrorList& errors, std::vector<ConfigError>& warnings) {
  auto bytes = files.read_all(path, secret_bytes_max);
  if (!bytes) {
    errors.add(named_at, key, bytes.error().context, "a readable file that holds a secret");
    return "";
  }
  auto file = files.open(path);
  if (file && (*file)->info().readable_by_others) {
    warnings.push_back({named_at, key, "found a file that every user can read, expected mode 0600 or 0640"});
  }
  std::string secret(trim_white_space(*bytes));
  if (secret.empty()) {
    errors.add(named_at, key, "an empty file", "a file that holds a secret");
  } else if (secret.size() < secret_bytes_sensible) {
    warnings.push_back({named_at, key,
                        fmt::format("found a secret of {} bytes, expected at least {} to resist guessing",
                                    secret.size(), secret_bytes_sensible)});
  }
  return secret;
}

}  // namespace perigee::control
