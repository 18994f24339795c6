#include "edge/control/reload.h"

#include <catch2/catch_test_macros.hpp>

#include "edge/control/admin_pages.h"
#include "tests/unit/map_files.h"

using namespace perigee;
using namespace perigee::control;

namespace {

std::string node_file(std::string_view more) {
  return "[listen]\nclient = [\"127.0.0.1:8080\"]\n[[origin]]\nname = \"o\"\nservers = [\"127.0.0.1:8000\"]\n"
         "[[site]]\nname = \"s\"\nhosts = [\"*\"]\norigin = \"o\"\n" +
         std::string(more);
}

struct Rig {
  test::MapFiles files{{"n.toml", node_file("")}};
  ConfigHolder holder{*load_config(files, "n.toml", ""), WallTime{}};
  std::vector<std::shared_ptr<const Config>> published;

  ReloadResult reload(std::string bytes) {
    files.put("n.toml", std::move(bytes));
    return holder.reload(
        files, "n.toml", "", wall_from_unix_seconds(1000),
        [this](const std::shared_ptr<const Config>& config) { published.push_back(config); });
  }
};

}  // namespace

TEST_CASE("a reload swaps the snapshot, publishes it and says what changed", "[reload]") {
  Rig rig;
  const auto before = rig.holder.current();
  const ReloadResult result = rig.reload(node_file("[log]\nlevel = \"debug\"\n"));
  CHECK(result.applied);
  CHECK(result.id == 2);
  CHECK(rig.holder.current_id() == 2);
  REQUIRE(result.changes.size() == 1);
  CHECK(result.changes[0].key == "log.level");
  CHECK(result.changes[0].before == "info");
  CHECK(result.changes[0].after == "debug");
  REQUIRE(rig.published.size() == 1);
  CHECK(rig.published[0] == rig.holder.current());
  CHECK(before->log.level == LogLevel::info);
  CHECK(rig.holder.current()->log.level == LogLevel::debug);
}

TEST_CASE("a bad file never replaces a good configuration", "[reload]") {
  Rig rig;
  const auto before = rig.holder.current();
  for (const char* bad : {"", "[", "[limits]\nfields = 1\n", "\xff\xff"}) {
    const ReloadResult result = rig.reload(bad);
    CHECK(!result.applied);
    CHECK(!result.errors.empty());
    CHECK(rig.holder.current() == before);
    CHECK(rig.holder.current_id() == 1);
  }
  rig.files.remove("n.toml");
  CHECK(!rig.holder.reload(rig.files, "n.toml", "", WallTime{}, [](const auto&) {}).applied);
  CHECK(rig.published.empty());
  CHECK(rig.reload(node_file("[timeouts]\ndrain = \"1s\"\n")).applied);
}

TEST_CASE("a reload that changes a restart-only setting is refused by name, at its place", "[reload]") {
  Rig rig;
  const ReloadResult result = rig.reload(node_file("[log]\nlevel = \"debug\"\n[cache]\nbudget = \"1GiB\"\n"));
  CHECK(!result.applied);
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].to_string() ==
        "n.toml:13:1: cache.budget: found \"1GiB\", expected \"256MiB\" as it is in force: this setting "
        "changes with "
        "a restart only");
  CHECK(rig.holder.current()->log.level == LogLevel::info);
}

TEST_CASE("a reload without change is applied without a new snapshot", "[reload]") {
  Rig rig;
  const auto before = rig.holder.current();
  const ReloadResult result = rig.reload(node_file("\n# a comment\n"));
  CHECK(result.applied);
  CHECK(result.changes.empty());
  CHECK(rig.holder.current() == before);
  CHECK(rig.holder.current_id() == result.id);
  CHECK(rig.published.empty());
}

TEST_CASE("one can come back to the configuration in force after any number of reloads without change",
          "[reload][rollback]") {
  Rig rig;
  for (size_t i = 0; i < ConfigHolder::rollbacks_max + 5; ++i) REQUIRE(rig.reload(node_file("")).applied);
  const uint64_t before = rig.holder.current_id();
  REQUIRE(rig.reload(node_file("[log]\nlevel = \"debug\"\n")).applied);
  const ReloadResult back = rig.holder.roll_back(before, "n.toml", "", WallTime{}, [](const auto&) {});
  CHECK(back.applied);
  CHECK(rig.holder.current()->log.level == LogLevel::info);
}

TEST_CASE("with too many snapshots in use a reload is refused as busy until one is let go", "[reload]") {
  Rig rig;
  std::vector<std::shared_ptr<const Config>> held{rig.holder.current()};
  for (size_t i = 1; i < ConfigHolder::snapshots_max; ++i) {
    REQUIRE(rig.reload(node_file("[retries]\nper_second = " + std::to_string(100 + i) + "\n")).applied);
    held.push_back(rig.holder.current());
  }
  rig.published.clear();
  const ReloadResult refused = rig.reload(node_file("[retries]\nper_second = 1\n"));
  CHECK(!refused.applied);
  CHECK(refused.busy);
  CHECK(refused.errors.front().message.find("busy: 16 snapshots are still in use") == 0);
  held.erase(held.begin());
  CHECK(rig.reload(node_file("[retries]\nper_second = 1\n")).applied);
}

TEST_CASE("snapshots that nobody holds do not count", "[reload]") {
  Rig rig;
  for (int i = 0; i < 200; ++i) {
    REQUIRE(rig.reload(node_file("[retries]\nper_second = " + std::to_string(i % 2) + "\n")).applied);
    rig.published.clear();
    REQUIRE(rig.holder.live_snapshots() == 1);
  }
  CHECK(rig.holder.history().size() == ConfigHolder::history_max);
  CHECK(rig.holder.history().back().id == 201);
}

TEST_CASE("the result of a reload is JSON with id, changes and errors", "[reload]") {
  Rig rig;
  const std::string applied = reload_json(rig.reload(node_file("[log]\nlevel = \"error\"\n")));
  CHECK(applied.find("\"id\": 2") != std::string::npos);
  CHECK(applied.find("\"applied\": true") != std::string::npos);
  CHECK(applied.find("\"key\": \"log.level\"") != std::string::npos);
  CHECK(applied.find("1970-01-01T00:16:40.000Z") != std::string::npos);
  const std::string refused = reload_json(rig.reload("[limits]\nfields = 1\n"));
  CHECK(refused.find("\"applied\": false") != std::string::npos);
  CHECK(refused.find("\"at\": \"n.toml:2:1\"") != std::string::npos);
}

TEST_CASE("comparing changes nothing and counts nothing", "[reload]") {
  Rig rig;
  rig.files.put("n.toml", node_file("[log]\nlevel = \"debug\"\n"));
  const ReloadResult result = rig.holder.compare(rig.files, "n.toml", "", WallTime{});
  CHECK(result.dry_run);
  CHECK(!result.applied);
  REQUIRE(result.changes.size() == 1);
  CHECK(result.changes[0].key == "log.level");
  CHECK(rig.holder.current()->log.level == LogLevel::info);
  CHECK(rig.holder.history().size() == 1);
  rig.files.put("n.toml", "[");
  CHECK(!rig.holder.compare(rig.files, "n.toml", "", WallTime{}).errors.empty());
}

TEST_CASE("a rollback puts the files of an earlier reload in force again", "[reload]") {
  Rig rig;
  const auto publish = [&](const std::shared_ptr<const Config>& config) { rig.published.push_back(config); };
  REQUIRE(rig.reload(node_file("[log]\nlevel = \"debug\"\n")).applied);  // 2
  REQUIRE(rig.reload(node_file("[log]\nlevel = \"error\"\n")).applied);  // 3
  REQUIRE(!rig.reload("[").applied);                                     // 4
  const ReloadResult back = rig.holder.roll_back(2, "n.toml", "", WallTime{}, publish);
  CHECK(back.applied);
  CHECK(back.id == 5);
  CHECK(rig.holder.current()->log.level == LogLevel::debug);
  // And forth.
  CHECK(rig.holder.roll_back(3, "n.toml", "", WallTime{}, publish).applied);
  CHECK(rig.holder.current()->log.level == LogLevel::error);
  for (const uint64_t none : {uint64_t{4}, uint64_t{99}}) {
    const ReloadResult refused = rig.holder.roll_back(none, "n.toml", "", WallTime{}, publish);
    CHECK(!refused.applied);
    REQUIRE(refused.errors.size() == 1);
    CHECK(refused.errors[0].message.find("found no applied reload") != std::string::npos);
    CHECK(rig.holder.current()->log.level == LogLevel::error);
  }
}

TEST_CASE("a bundle keeps every byte of the files it was read from", "[reload]") {
  ConfigBundle bundle;
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  bundle.files = {{"a.toml", bytes}, {"folder/b", ""}};
  const auto read = ConfigBundle::parse(bundle.print());
  REQUIRE(read);
  CHECK(read->files == bundle.files);
  for (const char* broken : {"", "{}", "[]", R"({"kind":"other","files":{}})",
                             R"({"kind":"perigee-configuration-1","files":{"a":1}})"}) {
    CHECK(!ConfigBundle::parse(broken));
  }
  BundleFiles files(bundle);
  CHECK(files.read_all("a.toml", SIZE_MAX).value() == bytes);
  CHECK(files.read_all("c", SIZE_MAX).error().code == "file_not_found");
  CHECK(files.write_atomically("a.toml", "").error().code == "file_denied");
}

TEST_CASE("a site that is broken refuses the reload by its name", "[reload]") {
  Rig rig;
  const ReloadResult result =
      rig.reload(node_file("[[site]]\nname = \"broken\"\nhosts = [\"b.example\"]\norigin = \"none\"\n"));
  CHECK(!result.applied);
  REQUIRE(!result.errors.empty());
  CHECK(result.errors[0].key.find("site[broken]") != std::string::npos);
}
