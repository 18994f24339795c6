#include "edge/control/log_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "edge/base/json.h"
#include "edge/control/access_log.h"
#include "edge/control/json_text.h"
#include "edge/control/memory_log.h"
#include "tests/unit/log_rig.h"

using namespace perigee;
using namespace perigee::control;
using namespace perigee::control::rig;

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

WallTime fixed_time() { return WallTime(std::chrono::milliseconds(1767225600123)); }

}  // namespace

TEST_CASE("a log line is JSON with time, level, event and typed fields", "[log]") {
  TestFolder folder;
  {
    auto writer = open_writer(folder / "log");
    JsonLogSink sink(*writer, fixed_time);
    const Log log(sink, LogLevel::info);
    log.debug("not_written");
    log.warning("peer_down", {{"peer", "eu-\"2\""},
                              {"count", int64_t{-3}},
                              {"bytes", uint64_t{7}},
                              {"share", 0.5},
                              {"nothing", std::numeric_limits<double>::infinity()},
                              {"drained", true}});
  }
  const auto lines = lines_of(folder / "log");
  REQUIRE(lines.size() == 1);
  CHECK(parse_json(lines[0]) == Json({{"ts", "2026-01-01T00:00:00.123Z"},
                                      {"level", "warning"},
                                      {"event", "peer_down"},
                                      {"peer", "eu-\"2\""},
                                      {"count", -3},
                                      {"bytes", 7},
                                      {"share", 0.5},
                                      {"nothing", nullptr},
                                      {"drained", true}}));
}

TEST_CASE("whatever a client sends, a string in a line is valid JSON", "[log]") {
  CHECK(escaped("a\"b\\c\n\r\t") == "\"a\\\"b\\\\c\\n\\r\\t\"");
  CHECK(escaped(std::string_view("\0\x1f\x7f", 3)) == "\"\\u0000\\u001f\\u007f\"");
  CHECK(escaped("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80") ==
        "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
  // Overlong, surrogate, beyond Unicode, cut short, alone.
  const std::string_view broken[] = {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                     "\xe2\x82", "\x80",         "\xff"};
  for (std::string_view bytes : broken) {
    const std::string text = escaped(bytes);
    CHECK(text.find("\xef\xbf\xbd") != std::string::npos);
    CHECK(!parse_json(text).is_discarded());
  }
}

TEST_CASE("after reopen lines go to a new file of the old name", "[log]") {
  TestFolder folder;
  {
    auto first = open_writer(folder / "log");
    first->write("one");
  }
  {
    auto writer = open_writer(folder / "log");
    std::filesystem::rename(folder / "log", folder / "log.1");
    writer->reopen();
    writer->write("two");
  }
  CHECK(lines_of(folder / "log.1") == std::vector<std::string>{"one"});
  CHECK(lines_of(folder / "log") == std::vector<std::string>{"two"});
}

TEST_CASE("when reopening fails lines go on to the old file", "[log]") {
  TestFolder folder;
  std::filesystem::create_directory(folder / "d");
  {
    auto writer = open_writer(folder / "d/log");
    std::filesystem::rename(folder / "d", folder / "e");
    writer->reopen();
    writer->write("kept");
    writer->write("and on");
  }
  CHECK(lines_of(folder / "e/log").size() == 2);
}

TEST_CASE("a file that cannot be opened is an error that names it", "[log]") {
  auto writer = LogWriter::open("/nowhere/at/all/log", 64);
  REQUIRE(!writer);
  CHECK(writer.error().code == "log_open_failed");
  CHECK(writer.error().context.find("/nowhere/at/all/log") != std::string::npos);
}

TEST_CASE("off takes lines and keeps none", "[log]") {
  auto writer = open_writer("off");
  CHECK(!writer->enabled());
  writer->write("gone");
  writer->reopen();
  CHECK(writer->dropped() == 0);
}

TEST_CASE("a full disk loses lines, counts them and disturbs nobody", "[log]") {
  if (!std::filesystem::exists("/dev/full")) SKIP("no /dev/full here");
  auto writer = open_writer("/dev/full", 64);
  uint64_t written = 0;
  while (writer->dropped() == 0) {
    writer->write("a line");
    REQUIRE(++written < 10'000'000);
  }
  CHECK(writer->dropped() > 0);
}

TEST_CASE("a pipe that nobody reads never blocks the caller nor the end", "[log]") {
  TestFolder folder;
  const std::string path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  {
    auto writer = open_writer(path, 64);
    const std::string line(1000, 'x');
    for (int i = 0; i < 2000; ++i) writer->write(line);
    CHECK(writer->dropped() > 0);
  }
  ::close(reader);
}

TEST_CASE("a pipe whose reader has gone is no signal, and lines are counted", "[log]") {
  TestFolder folder;
  const std::string path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  auto writer = open_writer(path, 64);
  ::close(reader);
  uint64_t written = 0;
  while (writer->dropped() == 0) {
    writer->write("a line");
    REQUIRE(++written < 10'000'000);
  }
  CHECK(writer->dropped() > 0);
}

TEST_CASE("a memory log keeps lines by event and level", "[log]") {
  MemoryLog memory;
  const Log log(memory, LogLevel::debug);
  log.info("a", {{"n", int64_t{1}}});
  log.error("a");
  log.error("b");
  CHECK(memory.count("a") == 2);
  CHECK(memory.count("", LogLevel::error) == 2);
  CHECK(memory.lines()[0].json.find("\"n\":1") != std::string::npos);
  memory.clear();
  CHECK(memory.lines().empty());
}

TEST_CASE("an access line says who asked for what, and how it was answered", "[log]") {
  AccessRecord record;
  record.time = fixed_time();
  record.duration = std::chrono::microseconds(1500);
  record.client = *net::Address::parse("192.0.2.7:5000");
  record.method = "GET";
  record.host = "docs.example.org";
  record.path = "/a?b=\"c\"";
  record.site = "docs";
  record.status = 200;
  record.bytes = 1024;
  record.cache = "miss";
  record.forward = "uri-miss";
  record.upstream = "origin";
  CHECK(parse_json(format_access_line(record)) == Json({{"ts", "2026-01-01T00:00:00.123Z"},
                                                        {"client", "192.0.2.7"},
                                                        {"method", "GET"},
                                                        {"host", "docs.example.org"},
                                                        {"path", "/a?b=\"c\""},
                                                        {"status", 200},
                                                        {"bytes", 1024},
                                                        {"duration", 0.0015},
                                                        {"cache", "miss"},
                                                        {"fwd", "uri-miss"},
                                                        {"upstream", "origin"},
                                                        {"site", "docs"}}));
  record.complete = false;
  record.cache = record.forward = record.upstream = "";
  const Json cut = parse_json(format_access_line(record));
  CHECK(cut["cut"] == true);
  CHECK(!cut.contains("fwd"));
}

TEST_CASE("a line has the fields that were chosen, in one order", "[log]") {
  AccessRecord record;
  record.method = "GET";
  record.host = "a.example";
  record.path = "/";
  record.status = 431;
  record.cache = "refused";
  record.detail = "head too long";
  record.user_agent = "curl";
  record.trace_id = "0af7651916cd43dd8448eb211c80319c";
  const AccessFields chosen =
      access_fields({AccessField::user_agent, AccessField::status, AccessField::detail, AccessField::fwd});
  CHECK(format_access_line(record, chosen) ==
        "{\"status\":431,\"detail\":\"head too long\",\"user_agent\":\"curl\"}");
  CHECK(format_access_line(record, 0) == "{}");
  const Json whole = parse_json(format_access_line(record));
  CHECK(whole["trace_id"] == record.trace_id);
  CHECK(!whole.contains("user_agent"));
  for (size_t i = 0; i < access_field_names.size(); ++i)
    CHECK(access_field(access_field_names[i]) == static_cast<AccessField>(i));
  CHECK(!access_field("referrer"));
}

TEST_CASE("sampling keeps about its share, all of it at 1 and nothing when off", "[log]") {
  TestFolder folder;
  auto writer = open_writer(folder / "access");
  AccessLog log(*writer, 0.1);
  Random random(1);
  const auto wanted = [&] {
    int count = 0;
    for (int i = 0; i < 10'000; ++i) count += log.wants(random);
    return count;
  };
  const int tenth = wanted();
  CHECK((tenth > 800 && tenth < 1200));
  log.set_sample(1.0);
  CHECK(wanted() == 10'000);
  CHECK(!log.wants(random, 0.0));
  log.set_sample(0.0);
  CHECK(log.wants(random, 1.0));
  CHECK(wanted() == 0);
  auto off = open_writer("off");
  CHECK(!AccessLog(*off, 1.0).wants(random));
}
