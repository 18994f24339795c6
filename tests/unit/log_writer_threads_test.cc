// One log and the threads that write to it, for the thread and address sanitizers to watch.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <thread>
#include <vector>

#include "edge/base/json.h"
#include "tests/unit/log_rig.h"

using namespace perigee;
using namespace perigee::control;
using namespace perigee::control::rig;

namespace {

std::string line_of(int thread, int number) {
  return "{\"t\":" + std::to_string(thread) + ",\"i\":" + std::to_string(number) + "}";
}

}  // namespace

TEST_CASE("lines of many threads are whole and none is lost while the queue has room", "[log]") {
  TestFolder folder;
  {
    auto writer = open_writer(folder / "log", 10'000);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&writer, t] {
        for (int i = 0; i < 1000; ++i) writer->write(line_of(t, i));
      });
    }
    for (auto& thread : threads) thread.join();
  }
  const auto lines = lines_of(folder / "log");
  CHECK(lines.size() == 4000);
  for (const std::string& line : lines) REQUIRE(!parse_json(line).is_discarded());
}

TEST_CASE("a file is opened again, and lines are lost and counted, while many threads write", "[log]") {
  TestFolder folder;
  uint64_t dropped = 0;
  size_t files = 1;
  {
    auto writer = open_writer(folder / "log", 8);
    std::atomic<int> writing = 2;
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&writer, &writing, t] {
        for (int i = 0; i < 2000; ++i) writer->write(line_of(t, i));
        --writing;
      });
    }
    while (writing > 0 && files < 50) {
      std::error_code gone;
      std::filesystem::rename(folder / "log", folder / ("log." + std::to_string(files)), gone);
      if (!gone) ++files;
      writer->reopen();
      dropped = writer->dropped();
    }
    for (auto& thread : threads) thread.join();
    // What is still queued is written when the writer goes; nothing is lost from here on.
    dropped = writer->dropped();
  }
  size_t kept = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder / ""))
    kept += lines_of(file.path()).size();
  CHECK(kept + dropped == 4000);
}
