// Purges as text, the journal that keeps them, and the log that orders them.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <deque>

#include "edge/control/purge_appender.h"
#include "edge/control/purge_wire.h"
#include "edge/net/memory_io.h"
#include "edge/net/memory_loop.h"
#include "tests/unit/map_files.h"

using namespace perigee;
using namespace perigee::control;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const proxy::SiteTable> sites() {
  auto site = std::make_shared<proxy::Site>();
  site->name = "docs";
  site->hosts = {"docs.example"};
  return proxy::SiteTable::build({site}).value();
}

PurgeCommand url(std::string subject) { return {cache::PurgeScope::url, std::move(subject), "", false}; }

// Remembers what the log told it; applies at once.
struct Applier final : PurgeApplier {
  void rebase(cluster::LogPosition at) override { rebased.push_back(at); }
  void apply(std::span<const PurgeCommand> commands, std::function<void()> done) override {
    for (const PurgeCommand& command : commands) subjects.push_back(command.subject);
    done();
  }
  void verified_until(std::optional<MonoTime>) override {}
  std::vector<cluster::LogPosition> rebased;
  std::vector<std::string> subjects;
};

// The node that holds the log, on a loop of its own.
struct LogNode {
  explicit LogNode(std::string journal = "/j", size_t kept = 20'000)
      : io(world.make_io("a")), loop(io->add_loop("c")), disk(io->add_loop("d")) {
    options.self = "a";
    options.journal = std::move(journal);
    options.away_after = 10s;
    options.records_kept = kept;
    start();
    io->start();
  }
  // As if the process had been started again on the same disk.
  void start() {
    applier = Applier();
    log = std::make_unique<PurgeAppender>(loop, disk, io->files(), options, applier, Log());
    started = log->start().has_value();
  }
  void append(std::vector<PurgeCommand> commands, Duration wait = 5s) {
    outcomes.emplace_back();
    log->append(std::move(commands), wait, [&to = outcomes.back()](Result<PurgeReceipt> receipt) {
      to = receipt ? print_receipt(*receipt) : std::string(receipt.error().code);
    });
    world.run_until_idle();
  }
  void poll(const std::string& node, uint64_t epoch, uint64_t after, Duration wait = 3s) {
    log->poll({node, epoch, after, wait}, [this](const PurgeNews& news) { heard.push_back(news); });
    world.run_until_idle();
  }
  uint64_t epoch() const { return log->head().epoch; }

  net::MemoryWorld world;
  std::unique_ptr<net::MemoryIo> io;
  net::Loop& loop;
  net::Loop& disk;
  PurgeAppenderOptions options;
  Applier applier;
  std::unique_ptr<PurgeAppender> log;
  bool started = false;
  std::deque<std::string> outcomes;
  std::vector<PurgeNews> heard;
};

}  // namespace

TEST_CASE("a purge request says what it is about or why it is refused", "[purge]") {
  const auto table = sites();
  struct Case {
    std::string_view body;
    std::string_view outcome;  // commands, or what the message says
  };
  const Case cases[] = {
      {R"({"url": "https://DOCS.example:443/a/../b?q"})",
       R"({"scope":"url","subject":"docs.example/b?q","site":"docs","soft":false})"},
      {R"({"url": "//other.example"})",
       R"({"scope":"url","subject":"other.example/","site":"","soft":false})"},
      {R"({"prefix": "http://docs.example/img/", "soft": true})",
       R"({"scope":"prefix","subject":"docs.example/img/","site":"docs","soft":true})"},
      {R"({"tag": ["a", "b"], "site": "docs"})",
       R"({"scope":"tag","subject":"a","site":"docs","soft":false}{"scope":"tag","subject":"b","site":"docs","soft":false})"},
      {R"({"site": "docs"})", R"({"scope":"site","subject":"","site":"docs","soft":false})"},
      {R"({"everything": true})", R"({"scope":"everything","subject":"","site":"","soft":false})"},
      {"", "expected a JSON object"},
      {"[]", "expected a JSON object"},
      {"{}", "expected one of url, prefix, tag, site, everything"},
      {R"({"everything": false})", "expected true"},
      {R"({"url": "docs.example/a"})", "expected an absolute URL"},
      {R"({"url": "ftp://docs.example/a"})", "expected an absolute URL"},
      {R"({"url": []})", "expected 1 to 1000"},
      {R"({"url": [7]})", "expected a string"},
      {R"({"tag": ""})", "expected a string"},
      {R"({"site": "nowhere"})", "expected the name of a site"},
      {R"({"url": "http://docs.example/", "tag": "a"})", "expected one of"},
      {R"({"url": "http://docs.example/", "site": "docs"})", "expected no site"},
      {R"({"urls": "http://docs.example/"})", "expected url, prefix, tag"},
      {R"({"everything": true, "soft": 1})", "expected true or false"},
  };
  for (const Case& example : cases) {
    INFO(example.body);
    const auto commands = parse_purge_request(example.body, *table);
    std::string outcome;
    if (commands) {
      for (const PurgeCommand& command : *commands) {
        outcome += print_command(command);
        CHECK(parse_command(print_command(command)).value() == command);
      }
      CHECK(outcome == example.outcome);
    } else {
      CHECK(commands.error().context.find(example.outcome) != std::string::npos);
    }
  }
}

TEST_CASE("what nodes say to the log survives the wire", "[purge]") {
  const auto poll = read_poll(poll_target({"eu-2", 3, 1207, 3s}));
  REQUIRE(poll);
  CHECK(poll->node == "eu-2");
  CHECK(poll->epoch == 3);
  CHECK(poll->after == 1207);
  CHECK(poll->wait == 3s);
  CHECK_FALSE(read_poll("/purges?node=a&epoch=x&after=1&wait_ms=1"));
  CHECK_FALSE(read_poll("/purges?node=a&epoch=1&after=1&wait_ms=60001"));

  std::vector<PurgeCommand> commands;
  for (int i = 0; i < 200; ++i) commands.push_back(url("a.b/&=%?" + std::to_string(i)));
  std::vector<PurgeCommand> arrived;
  for (std::span<const PurgeCommand> left = commands; !left.empty();) {
    const std::string target = append_target(left, 5s);
    CHECK(target.size() < 8192);
    const auto part = read_append(target);
    REQUIRE(part);
    arrived.insert(arrived.end(), part->commands.begin(), part->commands.end());
  }
  CHECK(arrived == commands);
  CHECK_FALSE(read_append("/purges?wait_ms=1"));
  CHECK_FALSE(read_append("/purges?wait_ms=1&command=%7B%7D"));

  const auto news = read_news(print_news({7, 9, false, {url("a"), url("b")}}));
  REQUIRE(news);
  CHECK(news->epoch == 7);
  CHECK(news->head == 9);
  CHECK(news->commands.size() == 2);
  for (const char* broken : {"", "{}", "[]", R"({"epoch":-1,"head":1,"reset":false,"commands":[]})",
                             R"({"epoch":1,"head":1,"reset":false,"commands":["x"]})"}) {
    CHECK_FALSE(read_news(broken));
  }
  const auto receipt =
      read_receipt(print_receipt({{3, 8}, {{"a", PurgeState::applied}, {"b", PurgeState::away}}}));
  REQUIRE(receipt);
  CHECK(receipt->position == cluster::LogPosition{3, 8});
  CHECK(receipt->nodes[1].state == PurgeState::away);
}

TEST_CASE("a journal gives back what was appended, without a last line that was cut", "[purge]") {
  test::MapFiles files;
  PurgeJournal journal(files, "j");
  std::string why;
  CHECK_FALSE(journal.load(why));
  CHECK(why.empty());
  REQUIRE(journal.write({{5, 10}, {}}));
  const std::vector<PurgeCommand> commands = {url("a/1"), url("a/2")};
  REQUIRE(journal.append(commands));
  const std::string whole = files.read_all("j", SIZE_MAX).value();
  const size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
  for (size_t cut = last_line; cut <= whole.size(); ++cut) {
    files.put("j", whole.substr(0, cut));
    const auto content = PurgeJournal(files, "j").load(why);
    REQUIRE(content);
    CHECK(content->before == cluster::LogPosition{5, 10});
    CHECK(content->commands.size() == (cut == whole.size() ? 2 : 1));
    // And nothing of the cut line is left to confuse the next one.
    CHECK(files.read_all("j", SIZE_MAX).value().ends_with('\n'));
  }
  std::string broken = whole;
  broken[last_line - 5] ^= 1;
  files.put("j", broken);
  CHECK_FALSE(journal.load(why));
  CHECK(why.find("j:2: found a broken line") != std::string::npos);
  for (const char* header : {"", "\n", "perigee-purges 2 1 1\n", "perigee-purges 1 x 1\n"}) {
    files.put("j", header);
    CHECK_FALSE(journal.load(why));
    CHECK_FALSE(why.empty());
  }
}

TEST_CASE("a purge is acknowledged when every node has applied it, or counts as away", "[purge]") {
  LogNode node;
  node.log->set_nodes({"a", "b", "c"});
  node.poll("b", node.epoch(), 0);
  node.poll("c", node.epoch(), 0);
  node.append({url("x/1"), url("x/2")});
  CHECK(node.applier.subjects == std::vector<std::string>{"x/1", "x/2"});
  CHECK(node.outcomes[0].empty());
  REQUIRE(node.heard.size() == 2);
  CHECK(node.heard[0].commands.size() == 2);
  node.poll("b", node.epoch(), 2);
  CHECK(node.outcomes[0].empty());
  node.poll("c", node.epoch(), 2);
  CHECK(node.outcomes[0].find("\"applied\":true") != std::string::npos);
  // Silent for so long that it validates everything by itself: nothing to wait for.
  node.world.advance(7s);
  node.poll("b", node.epoch(), 2);
  node.world.advance(4s);
  node.append({url("x/3")});
  node.poll("b", node.epoch(), 3);
  CHECK(node.outcomes[1].find("{\"node\":\"c\",\"state\":\"away\"}") != std::string::npos);
  CHECK(node.outcomes[1].find("\"applied\":true") != std::string::npos);
}

TEST_CASE("who does not confirm in time is reported as pending, and told all the same", "[purge]") {
  LogNode node;
  node.log->set_nodes({"a", "b"});
  node.poll("b", node.epoch(), 0);
  node.append({url("x/1")}, 2s);
  node.world.advance(1999ms);
  CHECK(node.outcomes[0].empty());
  node.world.advance(2ms);
  CHECK(node.outcomes[0].find("{\"node\":\"b\",\"state\":\"pending\"}") != std::string::npos);
  CHECK(node.outcomes[0].find("\"applied\":false") != std::string::npos);
  REQUIRE(node.heard.size() == 1);
  CHECK(node.heard[0].commands == std::vector{url("x/1")});
}

TEST_CASE("a question without news is answered when its time is over", "[purge]") {
  LogNode node;
  node.log->set_nodes({"a", "b"});
  node.poll("b", node.epoch(), 0, 3s);
  CHECK(node.heard.empty());
  node.world.advance(3s);
  REQUIRE(node.heard.size() == 1);
  CHECK(node.heard[0].commands.empty());
  CHECK_FALSE(node.heard[0].reset);
}

TEST_CASE("what was acknowledged survives a restart of the log, under the same epoch", "[purge]") {
  LogNode node;
  node.append({url("x/1"), url("x/2")});
  const auto head = node.log->head();
  node.world.shift_wall(-24h);
  node.start();
  CHECK(node.log->head() == head);
  CHECK(node.applier.rebased == std::vector{head});
  node.poll("b", head.epoch, 1);
  REQUIRE(node.heard.size() == 1);
  CHECK(node.heard[0].commands == std::vector{url("x/2")});
}

TEST_CASE("a lost or broken journal begins a new epoch", "[purge]") {
  LogNode node;
  node.append({url("x/1")});
  const auto head = node.log->head();
  node.world.advance(2s);
  node.io->memory_files().put("/j", "rubbish");
  node.start();
  CHECK(node.log->head().epoch != head.epoch);
  CHECK(node.log->head().sequence == 0);
  node.poll("b", head.epoch, head.sequence);
  REQUIRE(node.heard.size() == 1);
  CHECK(node.heard[0].reset);
}

TEST_CASE("a purge that cannot be written is refused, and nobody hears of it", "[purge]") {
  LogNode node;
  node.io->memory_files().set_disk_full(true);
  node.append({url("x/1")});
  CHECK(node.outcomes[0] == "purge_log_failed");
  CHECK(node.applier.subjects.empty());
  CHECK(node.log->head().sequence == 0);
  node.io->memory_files().set_disk_full(false);
  node.append({url("x/2")});
  CHECK(node.outcomes[1].find("\"applied\":true") != std::string::npos);
  CHECK(node.log->head().sequence == 1);
}

TEST_CASE("while the disk takes its time purges gather, and other nodes are answered", "[purge]") {
  LogNode node;
  node.log->set_nodes({"a", "b"});
  auto& disk = static_cast<net::MemoryLoop&>(node.disk);
  disk.set_paused(true);
  for (const char* subject : {"x/1", "x/2", "x/3"}) node.append({url(subject)});
  CHECK(node.applier.subjects.empty());
  node.poll("b", node.epoch(), 0, 1s);
  node.world.advance(1s);
  REQUIRE(node.heard.size() == 1);
  CHECK(node.heard[0].commands.empty());
  CHECK(node.log->head().sequence == 0);
  node.poll("b", node.epoch(), 0);
  disk.set_paused(false);
  node.world.run_until_idle();
  CHECK(node.applier.subjects == std::vector<std::string>{"x/1", "x/2", "x/3"});
  CHECK(node.log->head().sequence == 3);
  // The first was on its way alone; the two behind it went together.
  REQUIRE(node.heard.size() == 2);
  CHECK(node.heard[1].commands == std::vector{url("x/1")});
  node.poll("b", node.epoch(), 1);
  CHECK(node.heard[2].commands == std::vector{url("x/2"), url("x/3")});
  node.poll("b", node.epoch(), 3);
  for (const std::string& outcome : node.outcomes)
    CHECK(outcome.find("\"applied\":true") != std::string::npos);
  node.start();
  CHECK(node.log->head().sequence == 3);
}

TEST_CASE("what is asked for while the disk is full fails; what comes behind it does not", "[purge]") {
  LogNode node;
  auto& disk = static_cast<net::MemoryLoop&>(node.disk);
  disk.set_paused(true);
  node.append({url("x/1")});
  node.append({url("x/2")});
  node.io->memory_files().set_disk_full(true);
  disk.set_paused(false);
  node.world.run_until_idle();
  CHECK(node.outcomes[0] == "purge_log_failed");
  CHECK(node.outcomes[1] == "purge_log_failed");
  node.io->memory_files().set_disk_full(false);
  node.append({url("x/3")});
  CHECK(node.applier.subjects == std::vector<std::string>{"x/3"});
  CHECK(node.log->head().sequence == 1);
}

TEST_CASE("who is too far behind begins anew, and the journal does not grow for ever", "[purge]") {
  LogNode node("/j", 10);
  for (int i = 0; i < 50; ++i) node.append({url("x/" + std::to_string(i))});
  node.poll("b", node.epoch(), 5);
  REQUIRE(node.heard.size() == 1);
  CHECK(node.heard[0].reset);
  CHECK(node.heard[0].head == 50);
  node.poll("b", node.epoch(), 45);
  REQUIRE(node.heard.size() == 2);
  CHECK(node.heard[1].commands.size() == 5);
  const std::string journal = node.io->files().read_all("/j", SIZE_MAX).value();
  CHECK(std::count(journal.begin(), journal.end(), '\n') <= 21);
  node.start();
  CHECK(node.log->head().sequence == 50);
}
