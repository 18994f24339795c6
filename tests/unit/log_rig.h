// Vocabulary of the tests of logs: a folder for files, a writer, the lines of a file.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edge/control/log_writer.h"

namespace perigee::control::rig {

// A folder of this test's own, gone afterwards.
class TestFolder {
 public:
  TestFolder() {
    char name[] = "/tmp/perigee-log-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline std::unique_ptr<LogWriter> open_writer(const std::string& target, size_t queue_lines = 1024) {
  auto writer = LogWriter::open(target, queue_lines);
  REQUIRE(writer);
  return std::move(*writer);
}

}  // namespace perigee::control::rig
