// Reads one table of a TOML file against the settings table: unknown keys, wrong types and values out of
// range become errors, everything else typed values, and every setting an entry that remembers where its
// value is from.
//
// Thread rule: one owner, during one load.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "edge/control/config.h"
#include "edge/control/settings_table.h"
#include "edge/control/toml_tree.h"

namespace perigee::control {

// The settings of one table. A required one that is missing, or any that was refused, reads as empty: the
// load has failed by then and only looks for more errors.
class SectionValues {
 public:
  // A key that the section has. T is the setting's type in SettingValue.
  template <typename T>
  T get(std::string_view key) const {
    const T* value = std::get_if<T>(&at(key).value);
    return value == nullptr ? T{} : *value;
  }
  // True when the section has such a key.
  bool known(std::string_view key) const { return values_.find(key) != values_.end(); }
  // True when the file says it.
  bool given(std::string_view key) const { return at(key).node != nullptr; }
  // True when there is a value, from the file or by default.
  bool has(std::string_view key) const { return !std::holds_alternative<std::monostate>(at(key).value); }
  const TomlNode* node(std::string_view key) const { return at(key).node; }
  // Where the key is, else where the table is.
  Place place(std::string_view key) const;
  // "site[docs].origin".
  std::string full_key(std::string_view key) const { return prefix_ + std::string(key); }
  const std::string& prefix() const { return prefix_; }

 private:
  friend class SectionReader;
  struct Value {
    SettingValue value;
    const TomlNode* node = nullptr;
  };
  const Value& at(std::string_view key) const;

  std::string file_;
  std::string prefix_;
  Place table_place_;
  std::map<std::string_view, Value> values_;
};

// A table of an array of tables, and the prefix of its keys.
struct NamedTable {
  const TomlNode* node;
  std::string prefix;  // "site[docs]."
};

class SectionReader {
 public:
  SectionReader(std::string file, ErrorList& errors, std::vector<ConfigEntry>& entries)
      : file_(std::move(file)), errors_(errors), entries_(entries) {}

  // table may be null: everything is at its default. prefix ends with a dot.
  SectionValues read(Section section, const TomlNode* table, std::string prefix);
  // The table of a section that is not repeated; null when the file has none.
  const TomlNode* find_table(const TomlNode* parent, Section section, std::string_view prefix = "");
  // The tables of a repeated section. Those with a `label` key are named by it in messages, the others by
  // their position.
  std::vector<NamedTable> find_tables(const TomlNode* parent, Section section, std::string_view prefix = "",
                                      std::string_view label = "name");
  // Refuses what is at the top of a file and no section of it.
  void check_top_level(const TomlNode& root, bool topology);

  const std::string& file() const { return file_; }
  ErrorList& errors() { return errors_; }
  Place place(const TomlNode& node) const { return {file_, node.line, node.column}; }

 private:
  SettingValue read_value(const Setting& setting, const TomlNode& node, const std::string& key);
  SettingValue read_list(const Setting& setting, const TomlNode& node, const std::string& key);
  Result<SettingValue> read_scalar(const Setting& setting, const TomlNode& node) const;
  void refuse_unknown_keys(Section section, const TomlNode& table, const std::string& prefix);
  void add_entry(const Setting& setting, const std::string& key, const SettingValue& value,
                 const TomlNode* node);

  std::string file_;
  ErrorList& errors_;
  std::vector<ConfigEntry>& entries_;
};

inline constexpr std::string_view redacted = "(redacted)";

}  // namespace perigee::control
