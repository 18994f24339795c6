// Values of settings: from text, to text, and against their range.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "edge/base/bytes.h"
#include "edge/control/config_error.h"
#include "edge/control/settings_table.h"

namespace perigee::control {
namespace {

// "a, b": what stands in the table as the default of a list, or in a file in place of one. No member of any
// list of ours may hold a comma.
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> members;
  for (;;) {
    const size_t comma = text.find(',');
    members.emplace_back(trim_ows(text.substr(0, comma)));
    if (comma == std::string_view::npos) return members;
    text.remove_prefix(comma + 1);
  }
}

using T = SettingType;

struct Unit {
  std::string_view name;
  int64_t size;
};

// Largest first, as print_unit() needs them.
constexpr Unit byte_units[] = {
    {"TiB", 1ll << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
constexpr Unit time_units[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};

// A number directly followed by one of the units; nullopt on anything else and on overflow.
std::optional<int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  const auto number = parse_decimal(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != text.substr(digits)) continue;
    if (*number > static_cast<uint64_t>(INT64_MAX / unit.size)) return std::nullopt;
    return static_cast<int64_t>(*number) * unit.size;
  }
  return std::nullopt;
}

std::string print_unit(int64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.size == 0)
      return std::to_string(value / unit.size) + std::string(unit.name);
  }
  return "";
}

tl::unexpected<Error> unexpected_value(const Setting& setting) {
  return fail(Side::internal, "bad_value", expectation(setting));
}

// Built in place: gcc 12 warns of uninitialised members when it sees a variant moved here.
template <typename Value>
Result<SettingValue> accept(Value value) {
  return Result<SettingValue>(tl::in_place, std::in_place_type<Value>, std::move(value));
}

bool in_range(const Setting& setting, int64_t value) {
  if (setting.min == 0 && setting.max == 0) return value >= 0;
  return value >= setting.min && value <= setting.max;
}

Result<SettingValue> parse_duration(const Setting& setting, std::string_view text) {
  auto milliseconds = parse_with_unit(text, time_units);
  if (!milliseconds && text == "0") milliseconds = 0;
  if (!milliseconds) return unexpected_value(setting);
  if (setting.type == T::seconds) {
    if (*milliseconds % 1000 != 0 || !in_range(setting, *milliseconds / 1000))
      return unexpected_value(setting);
  } else if (!in_range(setting, *milliseconds)) {
    return unexpected_value(setting);
  }
  // Ranges end well below the 292 years of a Duration.
  if (*milliseconds > INT64_MAX / 1'000'000) return unexpected_value(setting);
  return accept(Duration(std::chrono::milliseconds(*milliseconds)));
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '.' || c == '_' || c == '-';
  });
}

std::vector<std::string_view> split_choices(std::string_view choices) {
  std::vector<std::string_view> list;
  while (true) {
    const size_t bar = choices.find('|');
    list.push_back(choices.substr(0, bar));
    if (bar == std::string_view::npos) return list;
    choices.remove_prefix(bar + 1);
  }
}

Result<SettingValue> parse_text(const Setting& setting, std::string_view text) {
  const bool control = std::any_of(text.begin(), text.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control) return unexpected_value(setting);
  if (setting.type == T::name && !text.empty() && !is_name(text)) return unexpected_value(setting);
  if (setting.required && text.empty()) return unexpected_value(setting);
  return accept(std::string(text));
}

Result<SettingValue> parse_address(const Setting& setting, std::string_view text) {
  if (text.empty() && setting.type == T::address) return accept(std::monostate());
  auto address = net::Address::parse(text);
  if (!address || address->port == 0) return unexpected_value(setting);
  if (setting.type == T::address) return accept(*address);
  return accept(std::vector<net::Address>{*address});
}

Result<SettingValue> parse_number(const Setting& setting, std::string_view text) {
  if (setting.type == T::ratio) {
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return unexpected_value(setting);
    return check_ratio(setting, value);
  }
  const auto value = setting.type == T::bytes ? parse_with_unit(text, byte_units) : std::nullopt;
  if (value) return check_integer(setting, *value);
  const auto plain = parse_decimal(text);
  if (!plain || *plain > static_cast<uint64_t>(INT64_MAX)) return unexpected_value(setting);
  return check_integer(setting, static_cast<int64_t>(*plain));
}

}  // namespace

Result<SettingValue> parse_setting(const Setting& setting, std::string_view text) {
  switch (setting.type) {
    case T::boolean:
      if (text != "true" && text != "false") return unexpected_value(setting);
      return accept(text == "true");
    case T::integer:
    case T::bytes:
    case T::ratio:
      return parse_number(setting, text);
    case T::duration:
    case T::seconds:
      return parse_duration(setting, text);
    case T::address:
    case T::address_list:
      return parse_address(setting, text);
    case T::choice: {
      const auto choices = split_choices(setting.choices);
      if (std::find(choices.begin(), choices.end(), text) == choices.end()) return unexpected_value(setting);
      return accept(std::string(text));
    }
    case T::text_list:
      return accept(split_list(text));
    case T::text:
    case T::name:
    case T::file:
    case T::secret_file:
      return parse_text(setting, text);
    case T::servers:
      break;
  }
  return unexpected_value(setting);
}

Result<SettingValue> check_integer(const Setting& setting, int64_t value) {
  if (!in_range(setting, value)) return unexpected_value(setting);
  return accept(value);
}

Result<SettingValue> check_ratio(const Setting& setting, double value) {
  if (!(value >= 0.0 && value <= 1.0)) return unexpected_value(setting);
  return accept(value);
}

std::string range_text(const Setting& setting) {
  if (setting.type == T::ratio) return "0 to 1";
  if (setting.min == 0 && setting.max == 0) return "";
  auto print = [&](int64_t value) -> std::string {
    switch (setting.type) {
      case T::bytes:
        return print_bytes(static_cast<uint64_t>(value));
      case T::duration:
        return print_duration(std::chrono::milliseconds(value));
      case T::seconds:
        return print_duration(std::chrono::seconds(value));
      default:
        return std::to_string(value);
    }
  };
  return print(setting.min) + " to " + print(setting.max);
}

std::string expectation(const Setting& setting) {
  const std::string range = range_text(setting);
  const std::string within = range.empty() ? "" : " from " + range;
  switch (setting.type) {
    case T::boolean:
      return "true or false";
    case T::integer:
      return range.empty() ? "a whole number" : "a whole number" + within;
    case T::bytes:
      return "a size" + within + " such as \"256MiB\" (B, KiB, MiB, GiB, TiB)";
    case T::duration:
      return "a duration" + within + " such as \"10s\" (ms, s, m, h, d)";
    case T::seconds:
      return "a duration in whole seconds" + within + " such as \"10s\" (s, m, h, d)";
    case T::ratio:
      return "a number from 0 to 1";
    case T::text:
      return setting.required ? "a string that is not empty" : "a string without control characters";
    case T::name:
      return "a name of 1 to 63 letters, digits, '.', '_' or '-'";
    case T::text_list:
      return "a list of strings";
    case T::address:
      return "an address such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
    case T::address_list:
      return "a list of addresses such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
    case T::choice:
      return alternatives(split_choices(setting.choices));
    case T::file:
    case T::secret_file:
      return "the path of a file";
    case T::servers:
      return "a list of servers such as \"10.0.0.1:8000\"";
  }
  return "";
}

std::string print_bytes(uint64_t bytes) {
  const std::string text = print_unit(static_cast<int64_t>(bytes), byte_units);
  return text.empty() ? "0B" : text;
}

std::string print_duration(Duration duration) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  // 60s reads better than 1m: a unit is left only for two or more of the next.
  for (const Unit& unit : time_units) {
    const bool whole = milliseconds != 0 && milliseconds % unit.size == 0;
    if (whole &&
        (milliseconds / unit.size > 1 || unit.name == "s" || unit.name == "ms" || unit.size > 60'000)) {
      return std::to_string(milliseconds / unit.size) + std::string(unit.name);
    }
  }
  return "0s";
}

std::string print_setting(const SettingValue& value, SettingType type) {
  struct Print {
    SettingType type;
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(int64_t number) const {
      return type == T::bytes ? print_bytes(static_cast<uint64_t>(number)) : std::to_string(number);
    }
    std::string operator()(Duration duration) const { return print_duration(duration); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(const std::vector<std::string>& list) const {
      return fmt::format("{}", fmt::join(list, ", "));
    }
    std::string operator()(const net::Address& address) const { return address.to_string(); }
    std::string operator()(const std::vector<net::Address>& list) const {
      std::string text;
      for (const net::Address& address : list) text += (text.empty() ? "" : ", ") + address.to_string();
      return text;
    }
  };
  return std::visit(Print{type}, value);
}

}  // namespace perigee::control
