#include "edge/control/settings_table.h"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "edge/cache/store.h"
#include "edge/control/config_error.h"
#include "edge/control/reference_docs.h"

using namespace perigee;
using namespace perigee::control;

namespace {

Setting setting(SettingType type, int64_t min = 0, int64_t max = 0) {
  return {Section::node, "x", type, "", false, min, max, "one|two", Reload::live, ""};
}

// The value as it is printed, or "refused".
std::string read(const Setting& of, std::string_view text) {
  auto value = parse_setting(of, text);
  return value ? print_setting(*value, of.type) : "refused";
}

std::string read_source(const std::string& path) {
  std::ifstream in(std::string(PERIGEE_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

}  // namespace

TEST_CASE("values are read with their units and printed as an operator would write them", "[settings]") {
  struct Case {
    Setting setting;
    std::string_view text;
    std::string_view printed;
  };
  const Case cases[] = {
      {setting(SettingType::boolean), "true", "true"},
      {setting(SettingType::boolean), "yes", "refused"},
      {setting(SettingType::integer), "0", "0"},
      {setting(SettingType::integer), "-1", "refused"},
      {setting(SettingType::integer), "1e3", "refused"},
      {setting(SettingType::integer, 1, 10), "10", "10"},
      {setting(SettingType::integer, 1, 10), "11", "refused"},
      {setting(SettingType::bytes), "512", "512B"},
      {setting(SettingType::bytes), "2048", "2KiB"},
      {setting(SettingType::bytes), "256MiB", "256MiB"},
      {setting(SettingType::bytes), "1024MiB", "1GiB"},
      {setting(SettingType::bytes), "0", "0B"},
      {setting(SettingType::bytes), "1kb", "refused"},
      {setting(SettingType::bytes), "MiB", "refused"},
      {setting(SettingType::bytes), "16777216TiB", "refused"},
      {setting(SettingType::duration), "250ms", "250ms"},
      {setting(SettingType::duration), "1000ms", "1s"},
      {setting(SettingType::duration), "60s", "60s"},
      {setting(SettingType::duration), "120s", "2m"},
      {setting(SettingType::duration), "24h", "1d"},
      {setting(SettingType::duration), "0", "0s"},
      {setting(SettingType::duration), "1.5s", "refused"},
      {setting(SettingType::duration), "5", "refused"},
      {setting(SettingType::duration), "9999999999999d", "refused"},
      {setting(SettingType::duration, 100, 1000), "99ms", "refused"},
      {setting(SettingType::seconds), "1500ms", "refused"},
      {setting(SettingType::seconds, 0, 60), "60s", "60s"},
      {setting(SettingType::seconds, 0, 60), "61s", "refused"},
      {setting(SettingType::ratio), "0.25", "0.25"},
      {setting(SettingType::ratio), "1.01", "refused"},
      {setting(SettingType::ratio), "nan", "refused"},
      {setting(SettingType::name), "eu-1", "eu-1"},
      {setting(SettingType::name), "a b", "refused"},
      {setting(SettingType::text), "a\nb", "refused"},
      {setting(SettingType::address), "[::1]:80", "[::1]:80"},
      {setting(SettingType::address), "127.0.0.1", "refused"},
      {setting(SettingType::address), "127.0.0.1:0", "refused"},
      {setting(SettingType::choice), "two", "two"},
      {setting(SettingType::choice), "three", "refused"},
  };
  for (const Case& example : cases) {
    INFO(to_string(example.setting.type) << " " << example.text);
    CHECK(read(example.setting, example.text) == example.printed);
  }
}

TEST_CASE("every default is within its own range", "[settings]") {
  for (const Setting& row : setting_table()) {
    INFO(section_info(row.section).title << " " << row.key);
    if (!row.fallback.empty()) CHECK(parse_setting(row, row.fallback).has_value());
    CHECK(row.min <= row.max);
    CHECK((!row.required || row.fallback.empty()));
  }
}

TEST_CASE("a section has no key twice, and every row says what it is for", "[settings]") {
  std::set<std::pair<Section, std::string_view>> seen;
  for (const Setting& row : setting_table()) {
    INFO(section_info(row.section).title << " " << row.key);
    CHECK(seen.emplace(row.section, row.key).second);
    CHECK(find_setting(row.section, row.key) == &row);
    CHECK(row.text.ends_with("."));
  }
  CHECK(find_setting(Section::node, "nothing") == nullptr);
}

TEST_CASE("the sections stand in the order of their numbers", "[settings]") {
  for (size_t i = 0; i < section_table().size(); ++i) {
    CHECK(static_cast<size_t>(section_table()[i].id) == i);
  }
}

TEST_CASE("the closest word is found only when it is close", "[settings]") {
  const std::vector<std::string_view> words = {"header", "keep_alive", "drain"};
  CHECK(closest("haeder", words) == "header");
  CHECK(closest("keepalive", words) == "keep_alive");
  CHECK(closest("drian", words).empty());
  CHECK(closest("zzz", words).empty());
  CHECK(closest(std::string(1000, 'x'), words).empty());
}

TEST_CASE("a value in a message is short and printable", "[settings]") {
  CHECK(in_quotes("a\x1b[31mb\xff") == "\"a?[31mb?\"");
  CHECK(in_quotes(std::string(100, 'x')).size() == 64 + 5);
}

TEST_CASE("every eviction strategy can be chosen, and nothing else", "[settings]") {
  const Setting* setting = find_setting(Section::cache, "eviction");
  REQUIRE(setting != nullptr);
  std::string choices;
  for (const auto name : cache::eviction_names) choices += (choices.empty() ? "" : "|") + std::string(name);
  std::string found(setting->choices);
  CHECK(found.size() == choices.size());
  for (const auto name : cache::eviction_names) CHECK(parse_setting(*setting, name).has_value());
  CHECK(setting->fallback == cache::to_string(cache::StoreOptions{}.eviction));
}

TEST_CASE("docs/CONFIG.md is what the table makes", "[settings]") {
  CHECK(read_source("docs/CONFIG.md") == config_reference());
}
