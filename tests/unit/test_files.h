// Files that tests bring along, under tests/data.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace perigee::test {

inline std::string read_test_file(const std::string& name) {
  std::ifstream in(std::string(PERIGEE_SOURCE_DIR) + "/tests/data/" + name, std::ios::binary);
  if (!in) throw std::logic_error("no tests/data/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A certificate, a chain or a key for tests: "a.pem".
inline std::string pem(const std::string& name) { return read_test_file("certificates/" + name); }

}  // namespace perigee::test
