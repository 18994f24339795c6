// A TOML file as a small tree of our own, every node with its place. The one user of the TOML library;
// everything else in control works on this tree.
//
// Ownership: a tree owns all its nodes. Thread rule: plain values, one owner.
//
// Parsing never throws and never recurses without bound, whatever the bytes: files beyond toml_bytes_max,
// keys of more than dotted_parts_max parts and values nested deeper than depth_max are refused. It does not
// know any key's meaning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "edge/control/config_error.h"

namespace perigee::control {

inline constexpr size_t toml_bytes_max = 16u << 20;
inline constexpr size_t dotted_parts_max = 16;
inline constexpr size_t depth_max = 16;

struct TomlMember;

struct TomlNode {
  using Table = std::vector<TomlMember>;  // in the order of the keys' names
  using Array = std::vector<TomlNode>;
  struct Date {};  // known to TOML, of no use to any setting

  uint32_t line = 0;
  uint32_t column = 0;
  std::variant<Table, Array, std::string, int64_t, double, bool, Date> value;

  const Table* table() const { return std::get_if<Table>(&value); }
  const Array* array() const { return std::get_if<Array>(&value); }
  // The member of that name; null in anything but a table that has it.
  const TomlNode* find(std::string_view key) const;
  // What it is, as a message shows it: `the integer 7`, `the string "x"`, `a table`.
  std::string describe() const;
};

struct TomlMember {
  std::string name;
  TomlNode node;
};

// The root table of a file. False after adding what is wrong to errors; file names it in messages.
bool parse_toml(std::string_view bytes, const std::string& file, TomlNode& root, ErrorList& errors);

}  // namespace perigee::control
