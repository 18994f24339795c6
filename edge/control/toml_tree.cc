#include "edge/control/toml_tree.h"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <algorithm>

#include <exception>

#include "edge/base/bytes.h"

namespace perigee::control {
namespace {

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
bool is_quote(char c) { return c == '"' || c == '\''; }

// The library builds one nested table per part of a dotted key and takes them apart by recursion, so that a
// line of "a.a.a..." could exhaust the stack. This scan bounds the parts before it sees the file. It does not
// know where strings begin and end, and need not: it counts every run that could be a dotted key, and dots
// that touch a quote (quoted parts may hold anything).
class DottedKeyScan {
 public:
  explicit DottedKeyScan(std::string_view bytes) : bytes_(bytes) {}

  bool within_bounds() {
    while (at_ < bytes_.size()) {
      if (!line()) return false;
    }
    return true;
  }
  uint32_t line_number() const { return line_number_; }

 private:
  static constexpr size_t quoted_dots_max = 64;  // of a whole file, comments aside

  bool line() {
    ++line_number_;
    size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) end = bytes_.size();
    const std::string_view text = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos || text[first] == '#') return true;
    return dots_within_bounds(text);
  }

  bool dots_within_bounds(std::string_view text) {
    size_t parts = 1;
    char before = 0;   // the last character that is no white space
    bool dot = false;  // and whether a dot has come after a part
    for (char c : text) {
      if (c == ' ' || c == '\t' || c == '\r') continue;
      if (c == '.') {
        if (is_quote(before) && ++quoted_dots_ > quoted_dots_max) return false;
        dot = is_bare(before) || is_quote(before);
        if (!dot) parts = 1;
      } else if (is_bare(c) || is_quote(c)) {
        if (dot && ++parts > dotted_parts_max) return false;
        dot = false;
      } else {
        parts = 1;
        dot = false;
      }
      before = c;
    }
    return true;
  }

  std::string_view bytes_;
  size_t at_ = 0;
  uint32_t line_number_ = 0;
  size_t quoted_dots_ = 0;
};

bool convert(const toml::node& from, size_t depth, TomlNode& to);

bool convert_table(const toml::table& from, size_t depth, TomlNode& to) {
  TomlNode::Table table;
  table.reserve(from.size());
  for (const auto& [key, child] : from) {
    auto& [name, node] = table.emplace_back(TomlMember{std::string(key.str()), TomlNode{}});
    if (!convert(child, depth + 1, node)) return false;
    // A key points an operator to the right line better than its value does.
    if (key.source().begin.line != 0 && !child.is_table() && !child.is_array()) {
      node.line = key.source().begin.line;
      node.column = key.source().begin.column;
    }
  }
  to.value = std::move(table);
  return true;
}

bool convert_array(const toml::array& from, size_t depth, TomlNode& to) {
  TomlNode::Array array;
  array.reserve(from.size());
  for (const toml::node& child : from) {
    if (!convert(child, depth + 1, array.emplace_back())) return false;
  }
  to.value = std::move(array);
  return true;
}

bool convert(const toml::node& from, size_t depth, TomlNode& to) {
  to.line = from.source().begin.line;
  to.column = from.source().begin.column;
  if (depth > depth_max) return false;
  if (const auto* table = from.as_table()) return convert_table(*table, depth, to);
  if (const auto* array = from.as_array()) return convert_array(*array, depth, to);
  if (const auto* text = from.as_string()) {
    to.value = text->get();
  } else if (const auto* integer = from.as_integer()) {
    to.value = integer->get();
  } else if (const auto* number = from.as_floating_point()) {
    to.value = number->get();
  } else if (const auto* flag = from.as_boolean()) {
    to.value = flag->get();
  } else {
    to.value = TomlNode::Date{};
  }
  return true;
}

// The key that a line sets, when it can be told from a file that is no TOML; else empty.
std::string key_on_line(std::string_view bytes, uint32_t line) {
  for (uint32_t i = 1; i < line && !bytes.empty(); ++i) {
    const size_t end = bytes.find('\n');
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  }
  bytes = bytes.substr(0, bytes.find('\n'));
  const size_t equals = bytes.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string_view key = trim_ows(bytes.substr(0, equals));
  const bool bare = std::all_of(key.begin(), key.end(), [](char c) { return is_bare(c) || c == '.'; });
  return bare ? std::string(key) : std::string();
}

bool parse_and_convert(std::string_view bytes, const std::string& file, TomlNode& root, ErrorList& errors) {
  try {
    const toml::table parsed = toml::parse(bytes);
    if (convert(parsed, 0, root)) return true;
    errors.add({file, 0, 0}, "", "values nested too deeply", fmt::format("at most {} levels", depth_max));
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    errors.add({file, at.line, at.column}, key_on_line(bytes, at.line),
               "not valid TOML: " + std::string(error.description()));
  } catch (const std::exception& error) {
    errors.add({file, 0, 0}, "", "not readable as TOML: " + std::string(error.what()));
  }
  return false;
}

}  // namespace

const TomlNode* TomlNode::find(std::string_view key) const {
  const Table* members = table();
  if (members == nullptr) return nullptr;
  for (const auto& [name, node] : *members) {
    if (name == key) return &node;
  }
  return nullptr;
}

std::string TomlNode::describe() const {
  struct Describe {
    std::string operator()(const Table&) const { return "a table"; }
    std::string operator()(const Array&) const { return "a list"; }
    std::string operator()(const std::string& text) const { return "the string " + in_quotes(text); }
    std::string operator()(int64_t number) const { return "the integer " + std::to_string(number); }
    std::string operator()(double number) const { return fmt::format("the number {}", number); }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(Date) const { return "a date or time"; }
  };
  return std::visit(Describe{}, value);
}

bool parse_toml(std::string_view bytes, const std::string& file, TomlNode& root, ErrorList& errors) {
  if (bytes.size() > toml_bytes_max) {
    errors.add({file, 0, 0}, "", fmt::format("a file of {} bytes", bytes.size()),
               fmt::format("at most {} bytes", toml_bytes_max));
    return false;
  }
  DottedKeyScan scan(bytes);
  if (!scan.within_bounds()) {
    errors.add({file, scan.line_number(), 1}, "", "a key of too many parts",
               fmt::format("at most {} parts between dots", dotted_parts_max));
    return false;
  }
  return parse_and_convert(bytes, file, root, errors);
}

}  // namespace perigee::control
