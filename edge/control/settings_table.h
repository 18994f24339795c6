// The one table of settings. The parser, its error messages, --check-config, redaction, the decision whether
// a reload needs a restart, and docs/CONFIG.md all come from it: a setting that is not here does not exist.
//
// Thread rule: constant data and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/result.h"
#include "edge/net/address.h"

namespace perigee::control {

enum class Section : uint8_t {
  // of the node file
  node,
  listen,
  cache,
  limits,
  timeouts,
  retries,
  peers,
  peers_tls,
  purge,
  log,
  admin,
  admin_tls,
  tls,
  certificate,
  origin,
  origin_server,
  site,
  site_cache,
  site_rule,
  site_certificate,
  // of the topology file
  cluster,
  cluster_key,
  region,
  topology_node,
};

struct SectionInfo {
  Section id;
  std::string_view title;  // as written in a file: "[limits]", "[[site]]", "[site.cache]"
  std::string_view name;   // the last part of it: "limits", "site", "cache"
  bool repeated;           // an array of tables
  bool topology;           // belongs to the topology file
  Section parent;          // itself at the top
  std::string_view text;
};

enum class SettingType : uint8_t {
  boolean,
  integer,
  bytes,     // "256MiB", or a number of bytes; min and max in bytes
  duration,  // "250ms", "10s", "5m", "1h", "1d"; min and max in milliseconds
  seconds,   // a duration in whole seconds; min and max in seconds
  ratio,     // 0 to 1
  text,
  name,  // letters, digits, '.', '_', '-'; at most 63
  text_list,
  address,  // "ip:port"
  address_list,
  choice,       // one of `choices`
  file,         // a path, relative to the file that names it
  secret_file,  // the same; its content is a secret and the path is redacted
  servers,      // "host:port" or a table of section origin_server, each
};
std::string_view to_string(SettingType type);

enum class Reload : uint8_t { live, restart };

struct Setting {
  Section section;
  std::string_view key;
  SettingType type;
  std::string_view fallback;  // the default, as text; "" without one
  bool required;
  int64_t min;  // see SettingType; both 0: no range
  int64_t max;
  std::string_view choices;  // "a|b|c"
  Reload reload;
  std::string_view text;
};

std::span<const SectionInfo> section_table();
std::span<const Setting> setting_table();
const SectionInfo& section_info(Section section);
// Null when the section has no such key.
const Setting* find_setting(Section section, std::string_view key);

// The value of a setting. monostate: not given, and no default.
using SettingValue = std::variant<std::monostate, bool, int64_t, Duration, double, std::string,
                                  std::vector<std::string>, net::Address, std::vector<net::Address>>;

// Reads a value from its text, as in quotes in a file or as a default in the table. The error's context is
// the "expected" half of a message. Lists take one element.
Result<SettingValue> parse_setting(const Setting& setting, std::string_view text);
// Judges an integer or ratio against the setting's range; the same error.
Result<SettingValue> check_integer(const Setting& setting, int64_t value);
Result<SettingValue> check_ratio(const Setting& setting, double value);

// What the setting expects: "a duration from 1ms to 1h such as \"10s\"". For messages and the reference page.
std::string expectation(const Setting& setting);
// Its range alone, "1ms to 1h"; empty without one.
std::string range_text(const Setting& setting);

// The value as an operator would write it, without quotes: "256MiB", "10s", "a, b". "" for monostate.
std::string print_setting(const SettingValue& value, SettingType type);
std::string print_bytes(uint64_t bytes);
std::string print_duration(Duration duration);

}  // namespace perigee::control
