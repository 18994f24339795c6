// Makes a field list out of literals, for tests that are tables.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

#include "edge/http/fields.h"

namespace perigee::test {

inline http::FieldList fields_of(std::initializer_list<std::pair<std::string_view, std::string_view>> rows) {
  http::FieldList fields;
  for (const auto& [name, value] : rows) fields.add(name, value);
  return fields;
}

}  // namespace perigee::test
