#include "edge/serve/h2_frame_heads.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "edge/serve/cut_short_streams.h"
#include "edge/serve/window_credit.h"
#include "tests/node/support/h2_frames.h"

namespace perigee::test {
namespace {

TEST_CASE("heads of DATA and CONTINUATION frames are found however the bytes are cut", "[serve][h2]") {
  const std::string bytes = h2_hello() + get_frame(1) + frame(FrameType::data, 0, 3, std::string(300, '\0')) +
                            frame(FrameType::ping, 0, 0, "12345678") +
                            frame(FrameType::data, end_stream, 0x7ffffffd) +
                            frame(FrameType::continuation, 0, 9, "piece") +
                            frame(FrameType::data, 0, 0x80000005, "x") + get_frame(7);
  for (size_t cut = 1; cut <= bytes.size(); ++cut) {
    serve::H2FrameHeads heads;
    std::vector<std::string> found;
    for (size_t at = 0; at < bytes.size(); at += cut) {
      std::string_view part = std::string_view(bytes).substr(at, cut);
      while (!part.empty()) {
        const size_t used = heads.next(part);
        REQUIRE(used > 0);
        REQUIRE(used <= part.size());
        part.remove_prefix(used);
        if (heads.found())
          found.push_back((heads.is_data() ? "data " : "piece ") + std::to_string(heads.stream()) + " " +
                          std::to_string(heads.length()));
      }
    }
    INFO("cut " << cut);
    REQUIRE(found == std::vector<std::string>{"data 3 300", "data 2147483645 0", "piece 9 5", "data 5 1"});
  }
}

TEST_CASE("what was cut short is remembered, and what is forgotten is ignored without an allowance",
          "[serve][h2]") {
  serve::CutShortStreams streams;
  CHECK(!streams.has(1));
  constexpr int32_t last = 2 * serve::CutShortStreams::remembered - 1;
  for (int32_t id = 1; id <= last; id += 2) streams.add(id, 1000);
  CHECK(streams.remembers(1));
  CHECK(streams.has(last));
  CHECK(!streams.has(last + 2));
  streams.add(last + 100, 1000);
  CHECK(streams.has(1));
  CHECK(!streams.remembers(1));
  CHECK(!streams.spend(1, 0));
  CHECK(streams.remembers(3));
  CHECK(!streams.has(last + 98));
  CHECK(streams.has(last + 100));
  streams.add(last + 102, 1000);
  CHECK(!streams.remembers(3));
  CHECK(!streams.has(last + 4));
}

TEST_CASE("an allowance is spent by content and by frames, and given once", "[serve][h2]") {
  serve::CutShortStreams streams;
  streams.add(1, 1000);
  streams.add(3, 0);
  CHECK(streams.spend(1, 500));
  streams.add(1, 1000);
  CHECK(streams.spend(1, 0));
  CHECK(!streams.spend(1, 0));
  CHECK(!streams.spend(3, 0));
}

TEST_CASE("windows may be opened as often as there was reason to", "[serve][h2]") {
  serve::WindowCredit credit;
  const auto spent = [&] {
    int count = 0;
    while (credit.spend()) ++count;
    return count;
  };
  CHECK(spent() == 10);
  credit.on_request();
  CHECK(spent() == 2);
  credit.on_data_sent();
  CHECK(spent() == 2);
  for (int i = 0; i < 10'000; ++i) credit.on_data_sent();
  CHECK(spent() == 4096);
}

}  // namespace
}  // namespace perigee::test
