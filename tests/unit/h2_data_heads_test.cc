#include "edge/serve/h2_data_heads.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "edge/serve/cut_short_streams.h"
#include "tests/node/support/h2_frames.h"

namespace perigee::test {
namespace {

TEST_CASE("heads of DATA frames are found however the bytes are cut", "[serve][h2]") {
  const std::string bytes = h2_hello() + get_frame(1) + frame(FrameType::data, 0, 3, std::string(300, '\0')) +
                            frame(FrameType::ping, 0, 0, "12345678") +
                            frame(FrameType::data, end_stream, 0x7ffffffd) +
                            frame(FrameType::data, 0, 0x80000005, "x") + get_frame(7);
  for (size_t cut = 1; cut <= bytes.size(); ++cut) {
    serve::H2DataHeads heads;
    std::vector<int32_t> streams;
    for (size_t at = 0; at < bytes.size(); at += cut) {
      std::string_view part = std::string_view(bytes).substr(at, cut);
      while (!part.empty()) {
        const size_t used = heads.next(part);
        REQUIRE(used > 0);
        REQUIRE(used <= part.size());
        part.remove_prefix(used);
        if (heads.stream() != 0) streams.push_back(heads.stream());
      }
    }
    INFO("cut " << cut);
    REQUIRE(streams == std::vector<int32_t>{3, 0x7ffffffd, 5});
  }
}

TEST_CASE("what was cut short is remembered, and what is forgotten is forgiven", "[serve][h2]") {
  serve::CutShortStreams streams;
  CHECK(!streams.has(1));
  for (int32_t id = 1; id <= 2 * 64; id += 2) streams.add(id);
  CHECK(streams.has(1));
  CHECK(streams.has(127));
  CHECK(!streams.has(129));
  streams.add(201);
  CHECK(streams.has(1));
  CHECK(streams.has(3));
  CHECK(!streams.has(199));
  CHECK(streams.has(201));
  streams.add(203);
  CHECK(streams.has(3));
  CHECK(!streams.has(131));
}

}  // namespace
}  // namespace perigee::test
