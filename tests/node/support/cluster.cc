#include "tests/node/support/cluster.h"

#include <fmt/format.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "edge/base/bytes.h"
#include "edge/cache/key.h"
#include "edge/cluster/placement.h"

namespace perigee::test {

namespace {

using namespace std::chrono_literals;

std::string region_of(const std::string& name) { return name.substr(0, name.find('-')); }

// 10.<region>.0.<number>
std::string ip_of(const std::string& name) {
  const std::string region = region_of(name);
  const int second = region == "eu" ? 1 : region == "us" ? 2 : 3;
  return fmt::format("10.{}.0.{}", second, name.substr(name.find('-') + 1));
}

net::Address address_of(const std::string& name, uint16_t port) {
  return net::Address::parse_ip(ip_of(name), port).value();
}

constexpr std::string_view secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";

}  // namespace

uint64_t default_seed() {
  const char* given = std::getenv("PERIGEE_TEST_SEED");
  if (given == nullptr) return 1;
  const auto seed = parse_decimal(given);
  if (!seed)
    throw std::invalid_argument(fmt::format("PERIGEE_TEST_SEED: a number expected, found '{}'", given));
  return *seed;
}

std::string Setup::node_toml(const std::string& name) const {
  // First, so that a scenario's tables go on where listen ends.
  std::string toml = fmt::format("[peers]\njoining = \"{}\"\nprobe = \"{}\"\n", joining_, probe_) + peers_;
  toml += fmt::format("[node]\nname = \"{}\"\nworkers = {}\n", name, workers_);
  if (nodes_.size() > 1) {
    toml += "topology = \"topology.toml\"\n";
  } else {
    toml += fmt::format("[listen]\nclient = [\"{}:80\"]\n", ip_of(name));
  }
  toml += tables_;
  toml += "[[origin]]\nname = \"content\"\n" + origin_;
  toml += "[[site]]\nname = \"all\"\nhosts = [\"*\"]\norigin = \"content\"\n" + site_;
  return toml;
}

std::string Setup::topology_toml(bool other) const {
  std::string toml = "[cluster]\n";
  if (!peers_have_certificates_)
    toml += "insecure_peers = true\npeer_keys = [{ id = \"a\", file = \"peer.key\" }]\n";
  if (!purge_log_.empty()) toml += "purge_log = \"" + purge_log_ + "\"\n";
  std::set<std::string> regions;
  for (const std::string& name : nodes_) regions.insert(region_of(name));
  // Few slots: the placement of a handful of nodes is ready at once.
  for (const std::string& region : regions)
    toml += fmt::format("[[region]]\nname = \"{}\"\nslots = 256\n", region);
  for (const std::string& name : nodes_) {
    toml +=
        fmt::format("[[node]]\nname = \"{0}\"\nregion = \"{1}\"\nclient = \"{2}:80\"\npeer = \"{2}:81\"\n",
                    name, region_of(name), ip_of(name));
    if (other && name == nodes_.front()) toml += "weight = 7\n";
  }
  return toml;
}

const Reply& Reply::expect(int status) const {
  INFO("cache-status: " << answer_.header("cache-status")
                        << " proxy-status: " << answer_.header("proxy-status"));
  REQUIRE(answer_.status == status);
  REQUIRE(answer_.complete);
  return *this;
}

const Reply& Reply::body(std::string_view expected) const {
  REQUIRE(answer_.body.size() == expected.size());
  REQUIRE((answer_.body == expected));
  return *this;
}

const Reply& Reply::field(std::string_view name, std::string_view expected) const {
  INFO(name);
  REQUIRE(answer_.header(name) == expected);
  return *this;
}

const Reply& Reply::hit() const {
  INFO("cache-status: " << answer_.header("cache-status"));
  REQUIRE(answer_.hit());
  return *this;
}

const Reply& Reply::forwarded(std::string_view reason) const {
  INFO("cache-status: " << answer_.header("cache-status"));
  REQUIRE(!answer_.hit());
  REQUIRE(answer_.header("cache-status").find(fmt::format("; fwd={}", reason)) != std::string::npos);
  return *this;
}

const Reply& Reply::cut() const {
  REQUIRE(!answer_.complete);
  return *this;
}

Cluster::Cluster(const Setup& setup) : world_(setup.seed_) {
  add_origin("origin", "10.9.0.1:80");
  client_io_ = world_.make_io("client", "10.8.0.1");
  client_loop_ = &client_io_->add_loop("client");
  for (const std::string& name : setup.nodes_) boot(setup, name);
  client_io_->start();
  run();
}

Cluster::~Cluster() {
  connections_.clear();
  for (const auto& machine : machines_) machine->io->stop();
}

void Cluster::boot(const Setup& setup, const std::string& name, net::MemoryFiles* disk) {
  machines_.push_back(std::make_unique<Machine>());
  Machine& machine = *machines_.back();
  machine.name = name;
  machine.io = world_.make_io(name, ip_of(name));
  net::MemoryFiles& files = machine.io->memory_files();
  files.put(std::string(node_path), setup.node_toml(name));
  files.put("/etc/topology.toml", setup.topology_toml(name == setup.disagrees_));
  files.put("/etc/peer.key", std::string(secret));
  for (const auto& [file, bytes] : setup.more_files_) files.put("/etc/" + file, bytes);
  for (const auto& [node, file] : setup.files_of_) {
    if (node == name) files.put("/etc/" + file.first, file.second);
  }
  const std::string journal = "/etc/purges";
  if (disk != nullptr && disk->contains(journal))
    files.put(journal, disk->read_all(journal, SIZE_MAX).value());
  const control::ConfigResult config = control::load_config(files, std::string(node_path), name);
  if (!config) throw std::logic_error(config.error().front().to_string());
  machine.config = *config;
  if (name != setup.disagrees_) topology_ = (*config)->topology;
  net::Loop& control = machine.io->add_loop("control");
  NodeOptions options;
  options.config_path = std::string(node_path);
  options.node_name = name;
  machine.node = std::make_unique<Node>(*machine.io, control, *config, std::move(options),
                                        Log(machine.log, LogLevel::debug), machine.exchanges);
  if (const auto started = machine.node->start(); !started) throw std::logic_error(started.error().context);
  machine.io->start();
}

ScriptedOrigin& Cluster::add_origin(const std::string& name, const std::string& address) {
  origins_.push_back(std::make_unique<ScriptedOrigin>(world_, name, net::Address::parse(address).value()));
  return *origins_.back();
}

Cluster::Machine& Cluster::find(const std::string& name) {
  for (const auto& machine : machines_) {
    if (machine->name == name) return *machine;
  }
  throw std::logic_error("no node " + name);
}

uint64_t Cluster::metric(Metric metric) {
  uint64_t sum = 0;
  for (const auto& machine : machines_) sum += machine->node->metric(metric);
  return sum;
}

net::Address Cluster::address(const std::string& node) { return address_of(node, 80); }

TestConnection& Cluster::connect(const std::string& node, uint16_t port) {
  connections_.push_back(std::make_unique<TestConnection>(*client_loop_, address_of(node, port)));
  return *connections_.back();
}

TestConnection& Cluster::connect_tls(const std::string& node, const TestTls& tls, uint16_t port) {
  connections_.push_back(std::make_unique<TestConnection>(*client_loop_, address_of(node, port), tls));
  return *connections_.back();
}

TestConnection& Cluster::ask(const std::string& node, std::string_view target, const Headers& headers) {
  TestConnection& connection = connect(node);
  connection.request("GET", target, default_host, headers);
  return connection;
}

Reply Cluster::request(const std::string& node, std::string_view method, std::string_view target,
                       const Headers& headers, std::optional<std::string_view> content) {
  TestConnection connection(*client_loop_, address_of(node, 80));
  connection.request(method, target, default_host, headers, content);
  world_.run_until([&] { return connection.answers() > 0 || connection.ended(); }, 120s);
  if (connection.answers() > 0) return Reply(connection.answer(0));
  return Reply(connection.partial());
}

void Cluster::run_until(const std::function<bool()>& so) { REQUIRE(world_.run_until(so, 60s)); }

void Cluster::crash(const std::string& name) {
  Machine& machine = find(name);
  machine.crashed = true;
  world_.stop_node(*machine.io);
}

void Cluster::restart(const Setup& setup, const std::string& name) {
  Machine& before = find(name);
  before.name += " before";
  boot(setup, name, &before.io->memory_files());
  run();
}

Cluster::Purged Cluster::purge(const std::string& node, std::string_view body) {
  auto answer = std::make_shared<std::optional<Purged>>();
  find(node).node->purge(body, [answer](int status, std::string json) {
    *answer = Purged{status, std::move(json)};
  });
  run_until([&] { return answer->has_value(); });
  return **answer;
}

std::vector<std::string> Cluster::owners(const std::string& region, std::string_view target) const {
  std::string key;
  cache::build_key("http", default_host, target, key);
  const auto placement = cluster::Placement::build(*topology_);
  std::vector<std::string> names;
  for (const cluster::NodeIndex owner :
       placement->owners(*topology_->find_region(region), cache::key_hash(key))) {
    names.push_back(topology_->nodes[owner].name);
  }
  return names;
}

}  // namespace perigee::test
