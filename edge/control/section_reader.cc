#include "edge/control/section_reader.h"

#include <cassert>

#include "edge/base/hash.h"

namespace perigee::control {
namespace {

// Of one array of tables: bounds what a hostile file can cost where tables are compared with each other.
constexpr size_t tables_max = 10'000;

bool is_secret(const Setting& setting) { return setting.type == SettingType::secret_file; }

// How a list of servers is shown: its strings, and the addresses of its tables.
std::string print_servers(const TomlNode* node) {
  std::string text;
  if (node == nullptr || node->array() == nullptr) return text;
  for (const TomlNode& element : *node->array()) {
    const TomlNode* address = element.table() != nullptr ? element.find("address") : &element;
    const auto* shown = address == nullptr ? nullptr : std::get_if<std::string>(&address->value);
    if (shown != nullptr) text += (text.empty() ? "" : ", ") + *shown;
  }
  return text;
}

std::vector<std::string_view> keys_of(Section section) {
  std::vector<std::string_view> keys;
  for (const Setting& setting : setting_table()) {
    if (setting.section == section) keys.push_back(setting.key);
  }
  for (const SectionInfo& info : section_table()) {
    if (info.parent == section && info.id != section) keys.push_back(info.name);
  }
  return keys;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  for (std::string_view known : names) {
    if (known == name) return true;
  }
  return false;
}

std::string one_of(std::string_view found, const std::vector<std::string_view>& names) {
  const std::string_view near = closest(found, names);
  std::string text = "one of " + alternatives(names);
  if (!near.empty()) text += "; did you mean " + in_quotes(near) + "?";
  return text;
}

}  // namespace

Place SectionValues::place(std::string_view key) const {
  const TomlNode* found = at(key).node;
  return found == nullptr ? table_place_ : Place{file_, found->line, found->column};
}

const SectionValues::Value& SectionValues::at(std::string_view key) const {
  auto found = values_.find(key);
  assert(found != values_.end());
  return found->second;
}

SectionValues SectionReader::read(Section section, const TomlNode* table, std::string prefix) {
  SectionValues values;
  values.file_ = file_;
  values.prefix_ = std::move(prefix);
  values.table_place_ = table == nullptr ? Place{file_, 0, 0} : place(*table);
  if (table != nullptr) refuse_unknown_keys(section, *table, values.prefix_);
  for (const Setting& setting : setting_table()) {
    if (setting.section != section) continue;
    const std::string key = values.full_key(setting.key);
    SectionValues::Value value;
    value.node = table == nullptr ? nullptr : table->find(setting.key);
    if (value.node != nullptr) {
      value.value = read_value(setting, *value.node, key);
    } else if (setting.required) {
      errors_.add(values.table_place_, key, "nothing", expectation(setting));
    } else if (!setting.fallback.empty()) {
      value.value = parse_setting(setting, setting.fallback).value_or(SettingValue());
    }
    add_entry(setting, key, value.value, value.node);
    values.values_.emplace(setting.key, std::move(value));
  }
  return values;
}

const TomlNode* SectionReader::find_table(const TomlNode* parent, Section section, std::string_view prefix) {
  const SectionInfo& info = section_info(section);
  const TomlNode* node = parent == nullptr ? nullptr : parent->find(info.name);
  if (node == nullptr || node->table() != nullptr) return node;
  errors_.add(place(*node), std::string(prefix) + std::string(info.name), node->describe(),
              "a table " + std::string(info.title));
  return nullptr;
}

std::vector<NamedTable> SectionReader::find_tables(const TomlNode* parent, Section section,
                                                   std::string_view prefix, std::string_view label) {
  const SectionInfo& info = section_info(section);
  const std::string key = std::string(prefix) + std::string(info.name);
  const TomlNode* node = parent == nullptr ? nullptr : parent->find(info.name);
  std::vector<NamedTable> tables;
  if (node == nullptr) return tables;
  if (node->array() == nullptr) {
    errors_.add(place(*node), key, node->describe(), "a list of tables " + std::string(info.title));
    return tables;
  }
  if (node->array()->size() > tables_max) {
    errors_.add(place(*node), key, std::to_string(node->array()->size()) + " tables",
                "at most " + std::to_string(tables_max));
    return tables;
  }
  for (const TomlNode& element : *node->array()) {
    if (element.table() == nullptr) {
      errors_.add(place(element), key, element.describe(), "a table");
      continue;
    }
    const TomlNode* name = element.find(label);
    const auto* text = name == nullptr ? nullptr : std::get_if<std::string>(&name->value);
    const std::string shown = text == nullptr ? std::to_string(tables.size()) : *text;
    tables.push_back({&element, key + "[" + shown + "]."});
  }
  return tables;
}

void SectionReader::check_top_level(const TomlNode& root, bool topology) {
  std::vector<std::string_view> names;
  for (const SectionInfo& info : section_table()) {
    if (info.parent == info.id && info.topology == topology) names.push_back(info.name);
  }
  for (const auto& [name, node] : *root.table()) {
    if (!contains(names, name) && !errors_.full())
      errors_.add(place(node), name, "an unknown key", one_of(name, names));
  }
}

void SectionReader::refuse_unknown_keys(Section section, const TomlNode& table, const std::string& prefix) {
  const auto keys = keys_of(section);
  for (const auto& [name, node] : *table.table()) {
    if (!contains(keys, name) && !errors_.full())
      errors_.add(place(node), prefix + name, "an unknown key", one_of(name, keys));
  }
}

SettingValue SectionReader::read_value(const Setting& setting, const TomlNode& node, const std::string& key) {
  if (setting.type == SettingType::servers) return SettingValue();
  if (setting.type == SettingType::text_list || setting.type == SettingType::address_list) {
    return read_list(setting, node, key);
  }
  auto value = read_scalar(setting, node);
  if (value) return std::move(*value);
  errors_.add(place(node), key, node.describe(), value.error().context);
  return SettingValue();
}

SettingValue SectionReader::read_list(const Setting& setting, const TomlNode& node, const std::string& key) {
  const TomlNode::Array* array = node.array();
  if (array == nullptr) {
    errors_.add(place(node), key, node.describe(), expectation(setting));
    return SettingValue();
  }
  std::vector<std::string> texts;
  std::vector<net::Address> addresses;
  for (const TomlNode& element : *array) {
    auto value = read_scalar(setting, element);
    if (!value) {
      errors_.add(place(element), key, element.describe(), value.error().context);
    } else if (auto* text = std::get_if<std::vector<std::string>>(&*value)) {
      texts.push_back(std::move(text->front()));
    } else if (auto* address = std::get_if<std::vector<net::Address>>(&*value)) {
      addresses.push_back(address->front());
    }
  }
  if (setting.type == SettingType::address_list) return SettingValue(std::move(addresses));
  return SettingValue(std::move(texts));
}

Result<SettingValue> SectionReader::read_scalar(const Setting& setting, const TomlNode& node) const {
  const SettingType type = setting.type;
  const bool number = type == SettingType::integer || type == SettingType::ratio;
  if (const auto* text = std::get_if<std::string>(&node.value)) {
    if (!number && type != SettingType::boolean) return parse_setting(setting, *text);
  } else if (const auto* integer = std::get_if<int64_t>(&node.value)) {
    if (type == SettingType::integer || type == SettingType::bytes) return check_integer(setting, *integer);
    if (type == SettingType::ratio) return check_ratio(setting, static_cast<double>(*integer));
  } else if (const auto* real = std::get_if<double>(&node.value)) {
    if (type == SettingType::ratio) return check_ratio(setting, *real);
  } else if (const auto* flag = std::get_if<bool>(&node.value)) {
    if (type == SettingType::boolean) return parse_setting(setting, *flag ? "true" : "false");
  }
  return fail(Side::internal, "bad_value", expectation(setting));
}

void SectionReader::add_entry(const Setting& setting, const std::string& key, const SettingValue& value,
                              const TomlNode* node) {
  ConfigEntry entry{key, print_setting(value, setting.type), node == nullptr ? Place{} : place(*node),
                    setting.reload, 0};
  if (setting.type == SettingType::servers) entry.value = print_servers(node);
  if (is_secret(setting) && !entry.value.empty()) {
    entry.fingerprint = hash64(entry.value);
    entry.value = redacted;
  }
  entries_.push_back(std::move(entry));
}

}  // namespace perigee::control
