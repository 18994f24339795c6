#include "edge/control/config.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/map_files.h"

using namespace perigee;
using namespace perigee::control;
using test::MapFiles;

namespace {

constexpr std::string_view minimal = R"(
[listen]
client = ["127.0.0.1:8080"]
[[origin]]
name = "main"
servers = ["127.0.0.1:8000"]
[[site]]
name = "all"
hosts = ["*"]
origin = "main"
)";

constexpr std::string_view two_nodes = R"(
[cluster]
peer_keys = [{id = "a", file = "keys/peer.key"}]
[[node]]
name = "eu-1"
region = "eu"
client = "127.0.1.1:80"
peer = "127.0.1.1:81"
admin = "127.0.1.1:82"
[[node]]
name = "us-1"
region = "us"
client = "127.0.2.1:80"
peer = "127.0.2.1:81"
weight = 3
)";

// All errors of a node file, a line each; "" when it is good.
std::string errors_of(std::string node_file, const std::string& topology = "", std::string_view name = "") {
  MapFiles files{{"n.toml", std::move(node_file)}, {"keys/peer.key", "0123456789abcdef0123456789abcdef\n"}};
  if (!topology.empty()) files.put("t.toml", topology);
  auto config = load_config(files, "n.toml", name);
  std::string text;
  if (config) return text;
  REQUIRE(!config.error().empty());
  for (const ConfigError& error : config.error()) text += error.to_string() + "\n";
  return text;
}

std::string with(std::string_view more) { return std::string(minimal) + std::string(more); }

std::string topology_errors(const std::string& topology, std::string_view name = "eu-1") {
  return errors_of("node.topology = \"t.toml\"\n", topology, name);
}

std::shared_ptr<const Config> good(const std::string& node_file, const std::string& topology = "",
                                   std::string_view name = "") {
  MapFiles files{{"n.toml", node_file}, {"keys/peer.key", "0123456789abcdef0123456789abcdef\n"}};
  if (!topology.empty()) files.put("t.toml", topology);
  auto config = load_config(files, "n.toml", name);
  INFO((config ? std::string() : config.error().front().to_string()));
  REQUIRE(config);
  return *config;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string copy(text);
  const size_t at = copy.find(from);
  REQUIRE(at != std::string::npos);
  return copy.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a minimal configuration has every default of its structs", "[config]") {
  const auto config = good(std::string(minimal));
  const Config fresh;
  CHECK(config->node.name == fresh.node.name);
  CHECK(config->node.workers == fresh.node.workers);
  CHECK(config->cache.store.budget_bytes == fresh.cache.store.budget_bytes);
  CHECK(config->cache.store.shards == fresh.cache.store.shards);
  CHECK(config->cache.store.eviction == fresh.cache.store.eviction);
  CHECK(config->cache.fill.window_bytes == fresh.cache.fill.window_bytes);
  CHECK(config->cache.fill.private_window_bytes == fresh.cache.fill.private_window_bytes);
  CHECK(config->cache.fill.finish_without_followers_bytes == fresh.cache.fill.finish_without_followers_bytes);
  CHECK(config->cache.fill.followers_max == fresh.cache.fill.followers_max);
  CHECK(config->cache.fill_age_max == fresh.cache.fill_age_max);
  CHECK(config->cache.follower_wait_max == fresh.cache.follower_wait_max);
  CHECK(config->server.connections_max == fresh.server.connections_max);
  CHECK(config->server.head_bytes_max == fresh.server.head_bytes_max);
  CHECK(config->server.fields_max == fresh.server.fields_max);
  CHECK(config->server.target_bytes_max == fresh.server.target_bytes_max);
  CHECK(config->server.header_timeout == fresh.server.header_timeout);
  CHECK(config->server.keep_alive_timeout == fresh.server.keep_alive_timeout);
  CHECK(config->server.request_body_timeout == fresh.server.request_body_timeout);
  CHECK(config->server.write_stall_timeout == fresh.server.write_stall_timeout);
  CHECK(config->server.drain_deadline == fresh.server.drain_deadline);
  CHECK(config->retries.max == fresh.retries.max);
  CHECK(config->retries.budget.percent == fresh.retries.budget.percent);
  CHECK(config->retries.budget.per_second == fresh.retries.budget.per_second);
  CHECK(config->peers.connect_timeout == fresh.peers.connect_timeout);
  CHECK(config->peers.connect_across_timeout == fresh.peers.connect_across_timeout);
  CHECK(config->peers.first_answer_timeout == fresh.peers.first_answer_timeout);
  CHECK(config->peers.connections_max == fresh.peers.connections_max);
  CHECK(config->peers.idle_connections_max == fresh.peers.idle_connections_max);
  CHECK(config->peers.health.consecutive_failures == fresh.peers.health.consecutive_failures);
  CHECK(config->peers.health.connect_failures == fresh.peers.health.connect_failures);
  CHECK(config->peers.health.ejection_base == fresh.peers.health.ejection_base);
  CHECK(config->peers.health.ejection_max == fresh.peers.health.ejection_max);
  CHECK(config->peers.health.ejected_one_in == fresh.peers.health.ejected_one_in);
  CHECK(config->log.level == fresh.log.level);
  CHECK(config->log.path == fresh.log.path);
  CHECK(config->log.access == fresh.log.access);
  CHECK(config->log.access_sample == fresh.log.access_sample);
  CHECK(config->log.queue_lines == fresh.log.queue_lines);
  CHECK(config->listen.client.size() == 1);
  CHECK(config->listen.admin->to_string() == "127.0.0.1:9180");
  CHECK(!config->listen.health);
  CHECK(!config->listen.peer);
  CHECK(config->topology == nullptr);
}

TEST_CASE("a site without its own settings has the defaults of its structs", "[config]") {
  const auto config = good(std::string(minimal));
  const proxy::Site& site = *config->sites->sites().front();
  const proxy::Site fresh;
  const proxy::OriginGroup group;
  CHECK(site.policy.enabled == fresh.policy.enabled);
  CHECK(site.policy.default_freshness_lifetime == fresh.policy.default_freshness_lifetime);
  CHECK(site.policy.heuristic_freshness == fresh.policy.heuristic_freshness);
  CHECK(site.policy.heuristic_freshness_max == fresh.policy.heuristic_freshness_max);
  CHECK(site.policy.stale_while_revalidate == fresh.policy.stale_while_revalidate);
  CHECK(site.policy.stale_if_error == fresh.policy.stale_if_error);
  CHECK(site.policy.hit_for_miss == fresh.policy.hit_for_miss);
  CHECK(site.policy.stale_if_disconnected == fresh.policy.stale_if_disconnected);
  CHECK(site.policy.set_cookie == fresh.policy.set_cookie);
  CHECK(site.policy.targets == fresh.policy.targets);
  CHECK(site.allow_upgrade == fresh.allow_upgrade);
  CHECK(site.forward_client_address == fresh.forward_client_address);
  CHECK(site.request_body_bytes_max == fresh.request_body_bytes_max);
  CHECK(site.shield_region.empty());
  CHECK(site.origin->connect_timeout == group.connect_timeout);
  CHECK(site.origin->first_byte_timeout == group.first_byte_timeout);
  CHECK(site.origin->idle_body_timeout == group.idle_body_timeout);
  CHECK(site.origin->connections_max == group.connections_max);
  CHECK(site.origin->idle_connections_max == group.idle_connections_max);
  REQUIRE(site.origin->servers.size() == 1);
  CHECK(site.origin->servers[0].weight == proxy::OriginServer().weight);
}

constexpr std::string_view many_settings = R"(
[node]
name = "solo"
cdn_id = "acme"
workers = 2
[listen]
client = ["0.0.0.0:80", "[::1]:80"]
health = "0.0.0.0:81"
[cache]
budget = "1GiB"
shards = 8
eviction = "gdsf"
[limits]
head_bytes = 32768
[timeouts]
drain = "2m"
[retries]
budget_percent = 25
[log]
level = "debug"
access = "logs/access.json"
[[origin]]
name = "main"
servers = ["a.example:8000", "[::1]:8001", {address = "b.example", weight = 5, backup = true}]
host_header = "internal.example"
first_byte_timeout = "250ms"
[[site]]
name = "shop"
hosts = ["Shop.Example", "*.shop.example"]
origin = "main"
allow_upgrade = true
[site.cache]
default_freshness = "1h"
heuristic_freshness = false
set_cookie = "never"
surrogate_device = "shop-edge"
targeted_fields = ["Perigee-Cache-Control", "CDN-Cache-Control"]
[[site.rule]]
path_prefix = "/cart"
bypass = true
[[site.rule]]
path_prefix = "/img/"
default_freshness = "7d"
)";

TEST_CASE("what a file says arrives in the snapshot", "[config]") {
  const auto config = good(std::string(many_settings));
  CHECK(config->node.name == "solo");
  CHECK(config->node.cdn_id == "acme");
  CHECK(config->node.workers == 2);
  CHECK(config->listen.client[1].to_string() == "[::1]:80");
  CHECK(config->listen.health->to_string() == "0.0.0.0:81");
  CHECK(config->cache.store.budget_bytes == 1ull << 30);
  CHECK(config->cache.store.shards == 8);
  CHECK(config->cache.store.eviction == cache::EvictionKind::gdsf);
  CHECK(config->server.head_bytes_max == 32768);
  CHECK(config->server.drain_deadline == std::chrono::minutes(2));
  CHECK(config->retries.budget.percent == 25);
  CHECK(config->log.level == LogLevel::debug);
  CHECK(config->log.access == "logs/access.json");
  const proxy::Site* site = config->sites->find("www.shop.example");
  REQUIRE(site != nullptr);
  CHECK(site->hosts[0] == "shop.example");
  CHECK(site->allow_upgrade);
  CHECK(site->policy.default_freshness_lifetime == 3600);
  CHECK(!site->policy.heuristic_freshness);
  CHECK(site->policy.set_cookie == cache::PolicyOptions::SetCookie::never);
  CHECK(site->policy.targets == std::vector<std::string>{"perigee-cache-control", "cdn-cache-control"});
  CHECK(site->policy.surrogate_device == "shop-edge");
  REQUIRE(site->rules.size() == 2);
  CHECK(!site->rules[0].policy.enabled);
  CHECK(site->rules[0].policy.default_freshness_lifetime == 3600);
  CHECK(site->rules[1].policy.enabled);
  CHECK(site->rules[1].policy.default_freshness_lifetime == 7 * 86400);
  const proxy::OriginGroup& origin = *site->origin;
  CHECK(origin.host_header == "internal.example");
  CHECK(origin.first_byte_timeout == std::chrono::milliseconds(250));
  REQUIRE(origin.servers.size() == 3);
  CHECK((origin.servers[0].host == "a.example" && origin.servers[0].port == 8000));
  CHECK((origin.servers[1].host == "::1" && origin.servers[1].port == 8001));
  CHECK((origin.servers[2].port == 80 && origin.servers[2].weight == 5 && origin.servers[2].backup));
}

TEST_CASE("an error names file, line, column, key, what was found and what was expected", "[config]") {
  CHECK(errors_of(with("[limits]\nfields = 3\n")) ==
        "n.toml:12:1: limits.fields: found the integer 3, expected a whole number from 8 to 10000\n");
  CHECK(errors_of(with("[timeouts]\nheader = 10\n")) ==
        "n.toml:12:1: timeouts.header: found the integer 10, expected a duration from 100ms to 1h such as "
        "\"10s\" (ms, "
        "s, m, h, d)\n");
  CHECK(errors_of(with("[log]\nlevel = \"loud\"\n")) ==
        "n.toml:12:1: log.level: found the string \"loud\", expected \"debug\", \"info\", \"warning\" or "
        "\"error\"\n");
}

TEST_CASE("every kind of mistake is refused at its place", "[config]") {
  struct Case {
    std::string_view more;
    std::string_view place_and_key;
    std::string_view part;
  };
  const Case cases[] = {
      {"[cache]\nbudget = \"1KiB\"", "n.toml:12:1: cache.budget", "from 1MiB to"},
      {"[cache]\nbudget = \"256MB\"", "n.toml:12:1: cache.budget", "\"256MB\""},
      {"[cache]\nbudget = -1", "n.toml:12:1: cache.budget", "-1"},
      {"[cache]\nbudget = \"99999999999999999999TiB\"", "n.toml:12:1: cache.budget", "a size"},
      {"[cache]\neviction = \"fifo\"", "n.toml:12:1: cache.eviction", "s3_fifo_adaptive"},
      {"[cache]\nshards = 12", "n.toml:12:1: cache.shards", "a power of two"},
      {"[cache]\nshards = 1.5", "n.toml:12:1: cache.shards", "the number 1.5"},
      {"[cache]\nbugdet = 1", "n.toml:12:1: cache.bugdet", "did you mean \"budget\"?"},
      {"[cachee]\nx = 1", "n.toml:11:1: cachee", "did you mean \"cache\"?"},
      {"[limits]\ntarget_bytes = \"32KiB\"", "n.toml:12:1: limits.target_bytes", "at most limits.head_bytes"},
      {"[timeouts]\nheader = \"10\"", "n.toml:12:1: timeouts.header", "a duration"},
      {"[timeouts]\nheader = \"10 s\"", "n.toml:12:1: timeouts.header", "a duration"},
      {"[timeouts]\nheader = \"2h\"", "n.toml:12:1: timeouts.header", "from 100ms to 1h"},
      {"[timeouts]\ndrain = 2020-01-01", "n.toml:12:1: timeouts.drain", "a date or time"},
      {"[log]\naccess_sample = 1.5", "n.toml:12:1: log.access_sample", "from 0 to 1"},
      {"[log]\naccess_sample = nan", "n.toml:12:1: log.access_sample", "from 0 to 1"},
      {"[peers]\nejection = \"10m\"", "n.toml:11:1: peers.ejection_max", "at least peers.ejection"},
      {"[log]\nlevel = true", "n.toml:12:1: log.level", "found true"},
      {"[log]\npath = \"\"", "n.toml:12:1: log.path", "an empty string"},
      {"[admin]\ntoken_file = \"missing\"", "n.toml:12:1: admin.token_file", "no such file"},
      {"[node]\nname = \"a b\"", "n.toml:12:1: node.name", "a name of 1 to 63"},
      {"[node]\ntopology = \"none.toml\"", "none.toml: ", "no such file"},
      {"[[origin]]\nname = \"main\"\nservers = [\"a\"]", "n.toml:12:1: origin[main].name", "a second origin"},
      {"[[origin]]\nname = \"x\"\nservers = []", "n.toml:13:", "an empty list"},
      {"[[origin]]\nname = \"x\"", "n.toml:11:1: origin[x].servers", "found nothing"},
      {"[[origin]]\nname = \"x\"\nservers = [\"a:0\"]", "n.toml:13:12: origin[x].servers[0]",
       "a server such as"},
      {"[[origin]]\nname = \"x\"\nservers = [\"http://a\"]", "origin[x].servers[0]", "a server such as"},
      {"[[origin]]\nname = \"x\"\nservers = [\"a\", \"a:80\"]", "origin[x].servers[1]", "listed already"},
      {"[[origin]]\nname = \"x\"\nservers = [{port = 1}]", "origin[x].servers[0].port", "an unknown key"},
      {"[[origin]]\nname = \"x\"\nservers = [7]", "origin[x].servers[0]", "the integer 7"},
      {"[[origin]]\nname = \"x\"\nservers = [{address = \"a\", backup = true}]", "origin[x].servers",
       "only backup"},
      {"[[site]]\nname = \"s\"\nhosts = [\"a\"]\norigin = \"mian\"", "n.toml:14:1: site[s].origin",
       "expected \"main\""},
      {"[[site]]\nname = \"s\"\nhosts = [\"*\"]\norigin = \"main\"", "n.toml:13:", "which site \"all\" has"},
      {"[[site]]\nname = \"s\"\nhosts = [\"a b\"]\norigin = \"main\"", "site[s].hosts", "a host such as"},
      {"[[site]]\nname = \"s\"\nhosts = [\"a:80\"]\norigin = \"main\"", "site[s].hosts", "without port"},
      {"[[site]]\nname = \"s\"\nhosts = []\norigin = \"main\"", "site[s].hosts", "an empty list"},
      {"[[site]]\nname = \"all\"\nhosts = [\"b\"]\norigin = \"main\"", "site[all].name", "a second site"},
      {"[[site]]\nhosts = [\"b\"]\norigin = \"main\"", "n.toml:11:1: site[1].name", "found nothing"},
      {"[[site]]\nname = \"s\"\nhosts = [\"a\"]\norigin = \"main\"\nshield = \"eu\"", "site[s].shield",
       "no regions"},
      {"[site.cache]\ndefault_freshness = \"1ms\"", "n.toml:12:1: site[all].cache.default_freshness",
       "whole seconds"},
      {"[site.cache]\ntargeted_fields = [\"a b\"]", "site[all].cache.targeted_fields", "the name of a field"},
      {"[site.cache]\nstale = \"1s\"", "site[all].cache.stale", "an unknown key"},
      {"[[site.rule]]\npath_prefix = \"img\"", "site[all].rule[img].path_prefix", "begins with \"/\""},
      {"[[site.rule]]\npath_prefix = \"/a\"\n[[site.rule]]\npath_prefix = \"/a/b\"",
       "n.toml:14:1: site[all].rule[/a/b]", "does not cover"},
  };
  for (const Case& example : cases) {
    INFO(example.more);
    const std::string text = errors_of(with(example.more));
    INFO(text);
    CHECK(text.find(example.place_and_key) != std::string::npos);
    CHECK(text.find(example.part) != std::string::npos);
  }
}

TEST_CASE("a section of the wrong shape is refused", "[config]") {
  CHECK(errors_of("limits = 3\n").find("limits: found the integer 3, expected a table [limits]") !=
        std::string::npos);
  CHECK(errors_of("[site]\nname = \"x\"\n").find("site: found a table, expected a list of tables [[site]]") !=
        std::string::npos);
  CHECK(errors_of("site = [1]\n").find("site: found the integer 1, expected a table") != std::string::npos);
}

TEST_CASE("a file that is no TOML, a duplicate key, and a file that is not there are refused", "[config]") {
  CHECK(errors_of("[node\n").starts_with("n.toml:1:6: not valid TOML"));
  CHECK(errors_of("[node]\nname = \"a\"\nname = \"b\"\n").starts_with("n.toml:3:"));
  CHECK(errors_of(std::string("\xff\xfe\0", 3)).starts_with("n.toml"));
  MapFiles none;
  auto config = load_config(none, "gone.toml", "");
  REQUIRE(!config);
  CHECK(config.error().front().to_string().starts_with("gone.toml: found gone.toml: no such file"));
}

TEST_CASE("all errors of a file are collected, in the order of their lines", "[config]") {
  const std::string text =
      errors_of(with("[limits]\nfields = 3\nheads = 1\n[timeouts]\nheader = \"x\"\n[log]\nlevel = 1\n"));
  CHECK(text.find(":12:") < text.find(":13:"));
  CHECK(text.find(":13:") < text.find(":15:"));
  CHECK(text.find(":15:") < text.find(":17:"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
}

TEST_CASE("a file with very many errors stays cheap and says that there are more", "[config]") {
  std::string text(minimal);
  text += "[limits]\n";
  for (int i = 0; i < 5000; ++i) text += "unknown" + std::to_string(i) + " = 1\n";
  MapFiles files{{"n.toml", text}};
  auto config = load_config(files, "n.toml", "");
  REQUIRE(!config);
  CHECK(config.error().size() == ErrorList::errors_max);
  const bool says_so = std::any_of(
      config.error().begin(), config.error().end(),
      [](const ConfigError& error) { return error.message.find("too many errors") != std::string::npos; });
  CHECK(says_so);
}

TEST_CASE("keys and values nested without end are refused before they can exhaust the stack", "[config]") {
  std::string dotted = "a";
  for (int i = 0; i < 1'000'000; ++i) dotted += ".a";
  CHECK(errors_of(dotted + " = 1\n").find("a key of too many parts") != std::string::npos);
  CHECK(errors_of("[" + dotted + "]\n").find("a key of too many parts") != std::string::npos);
  std::string quoted_parts = "\"=\"";
  for (int i = 0; i < 100'000; ++i) quoted_parts += ".\"=\"";
  CHECK(errors_of(quoted_parts + " = 1\n").find("a key of too many parts") != std::string::npos);
  CHECK(errors_of("a = " + std::string(200'000, '[') + "\n").starts_with("n.toml:1:"));
  CHECK(errors_of("a = " + std::string(100, '[') + std::string(100, ']') + "\n").find("nested") !=
        std::string::npos);
}

TEST_CASE("a node without client listener is refused", "[config]") {
  const std::string file = replaced(minimal, "client = [\"127.0.0.1:8080\"]", "");
  CHECK(errors_of(file).find("listen.client: found no address, expected at least one") != std::string::npos);
}

TEST_CASE("an admin address beyond loopback needs a token", "[config]") {
  const std::string file = replaced(minimal, "[listen]", "[listen]\nadmin = \"10.0.0.1:9180\"");
  CHECK(errors_of(file).find("admin.token_file: found none for the admin address 10.0.0.1:9180") !=
        std::string::npos);
  MapFiles files{{"n.toml", file + "[admin]\ntoken_file = \"token\"\n"},
                 {"token", "a-token-of-some-length\n"}};
  auto config = load_config(files, "n.toml", "");
  REQUIRE(config);
  CHECK((*config)->admin.token == "a-token-of-some-length");
}

TEST_CASE("listeners of one node need different addresses", "[config]") {
  const std::string file = replaced(minimal, "[listen]", "[listen]\nhealth = \"127.0.0.1:8080\"");
  CHECK(errors_of(file).find("listen.health: found \"127.0.0.1:8080\", which listen.client has") !=
        std::string::npos);
}

TEST_CASE("a node takes its listeners from the topology by its name", "[config]") {
  const std::string file = replaced(replaced(minimal, "client = [\"127.0.0.1:8080\"]", ""), "[listen]",
                                    "[node]\ntopology = \"t.toml\"\n[listen]");
  const auto config = good(file, std::string(two_nodes), "us-1");
  CHECK(config->node.name == "us-1");
  CHECK(config->listen.client.front().to_string() == "127.0.2.1:80");
  CHECK(config->listen.peer->to_string() == "127.0.2.1:81");
  CHECK(!config->listen.admin);
  REQUIRE(config->self() != nullptr);
  CHECK(config->self()->weight == 3);
  CHECK(config->topology->regions.size() == 2);
  CHECK(config->peer_keys != nullptr);
}

TEST_CASE("an address in [listen] is bound instead of the topology's", "[config]") {
  const std::string file = replaced(replaced(minimal, "127.0.0.1:8080", "0.0.0.0:8080"), "[listen]",
                                    "[node]\ntopology = \"t.toml\"\nname = \"eu-1\"\n[listen]");
  const auto config = good(file, std::string(two_nodes));
  CHECK(config->listen.client.front().to_string() == "0.0.0.0:8080");
  CHECK(config->listen.admin->to_string() == "127.0.1.1:82");
}

TEST_CASE("a name that the topology does not have is refused", "[config]") {
  CHECK(topology_errors(std::string(two_nodes), "eu-9") ==
        "--node: node.name: found \"eu-9\", expected a node of t.toml: \"eu-1\" or \"us-1\"\n");
}

TEST_CASE("every kind of mistake in a topology is refused at its place", "[config]") {
  struct Case {
    std::string_view from;
    std::string_view to;
    std::string_view place_and_key;
    std::string_view part;
  };
  const Case cases[] = {
      {"127.0.1.1:81", "10.0.0.1:81", "t.toml:8:1: node[eu-1].peer", "insecure_peers = true"},
      {"127.0.2.1:81", "127.0.1.1:81", "t.toml:14:1: node[us-1].peer", "which is also node[eu-1].peer"},
      {"127.0.1.1:81", "127.0.1.1:80", "node[eu-1].peer", "which is also node[eu-1].client"},
      {"127.0.1.1:81", "0.0.0.0:81", "node[eu-1].peer", "not the wildcard"},
      {"127.0.1.1:80", "eu.example:80", "node[eu-1].client", "an address such as"},
      {"\"us-1\"", "\"eu-1\"", "node[eu-1].name", "a second node"},
      {"\"us-1\"", "\"US-1\"", "node[US-1].name", "a name in lower case"},
      {"weight = 3", "weight = 0", "node[us-1].weight", "from 1 to 10000"},
      {"weight = 3", "wieght = 3", "node[us-1].wieght", "did you mean \"weight\"?"},
      {"region = \"us\"", "", "node[us-1].region", "found nothing"},
      {"[cluster]", "[cluster]\npurge_log = \"xx\"", "cluster.purge_log", "the name of a node"},
      {"[cluster]", "[[region]]\nname = \"eu\"\n[cluster]", "node[us-1].region", "a [[region]] of this file"},
      {"[cluster]", "[[region]]\nname = \"eu\"\nslots = 3\n[cluster]", "region[eu].slots", "a power of two"},
      {"[cluster]", "[clutser]\na = 1\n[cluster]", "clutser", "did you mean \"cluster\"?"},
      {"peer_keys = [{id = \"a\", file = \"keys/peer.key\"}]", "", "cluster.peer_keys", "found nothing"},
      {"keys/peer.key", "nowhere", "cluster.peer_keys[a].file", "no such file"},
      {"file = \"keys/peer.key\"", "fiel = \"x\"", "cluster.peer_keys[a].file", "found nothing"},
      {"[{id = \"a\", file = \"keys/peer.key\"}]", "7", "cluster.peer_keys", "a list of tables"},
  };
  for (const Case& example : cases) {
    INFO(example.to);
    const std::string text = topology_errors(replaced(two_nodes, example.from, example.to));
    INFO(text);
    CHECK(text.find(example.place_and_key) != std::string::npos);
    CHECK(text.find(example.part) != std::string::npos);
  }
}

TEST_CASE("an empty or short secret is refused, one that every user can read is a warning", "[config]") {
  MapFiles files{{"n.toml", with("[admin]\ntoken_file = \"token\"\n")}};
  for (const char* secret : {"", " \n", "short"}) {
    files.put("token", secret);
    auto config = load_config(files, "n.toml", "");
    REQUIRE(!config);
    CHECK(config.error().front().message.find("expected at least 16 bytes") != std::string::npos);
  }
  files.put("token", "long enough to be a token");
  files.let_others_read("token");
  auto config = load_config(files, "n.toml", "");
  REQUIRE(config);
  REQUIRE((*config)->warnings.size() == 1);
  CHECK((*config)->warnings[0].message.find("every user can read") != std::string::npos);
}

TEST_CASE("entries remember where a value is from, and no secret or its path is among them", "[config]") {
  MapFiles files{{"n.toml", with("[log]\nlevel = \"error\"\n[admin]\ntoken_file = \"very-secret\"\n")},
                 {"very-secret", "content-of-the-secret"}};
  auto config = load_config(files, "n.toml", "");
  REQUIRE(config);
  bool level = false;
  for (const ConfigEntry& entry : (*config)->entries) {
    CHECK(entry.value.find("secret") == std::string::npos);
    if (entry.key == "log.level") level = entry.value == "error" && entry.place.to_string() == "n.toml:12:1";
    if (entry.key == "log.path") CHECK(entry.place.to_string() == "default");
  }
  CHECK(level);
}

TEST_CASE("check_config says good, or every error and how many", "[config]") {
  MapFiles files{{"n.toml", std::string(minimal)}};
  CHECK(check_config(files, "n.toml", "").ok);
  CHECK(check_config(files, "n.toml", "").text == "n.toml: good\n");
  files.put("n.toml", with("[limits]\nfields = 1\nheads = 2\n"));
  const ConfigCheck bad = check_config(files, "n.toml", "");
  CHECK(!bad.ok);
  CHECK(bad.text.ends_with("n.toml: refused, 2 errors\n"));
}
