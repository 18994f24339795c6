#include "tests/sim/support/sim_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace perigee::sim {

namespace {

constexpr std::string_view node_path = "/etc/node.toml";
constexpr std::string_view topology_path = "/etc/topology.toml";
constexpr std::string_view journal_path = "/etc/purges";
// Until every worker of a machine goes by what it has read.
constexpr Duration settling = std::chrono::milliseconds(100);
constexpr std::string_view secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";

}  // namespace

class SimCluster::NoLog final : public proxy::ExchangeLog {
 public:
  bool wants(Random&, std::optional<double>) const override { return false; }
  void record(const proxy::ExchangeRecord&) override {}
};

SimCluster::SimCluster(net::MemoryWorld& world, ClusterSettings settings, std::vector<Membership> memberships)
    : world_(world),
      settings_(std::move(settings)),
      memberships_(std::move(memberships)),
      no_log_(std::make_unique<NoLog>()) {
  for (const NodeSpec& spec : memberships_.front()) {
    machines_.push_back(std::make_unique<Machine>());
    machines_.back()->spec = spec;
    machines_.back()->counted.resize(metric_count);
  }
}

SimCluster::~SimCluster() {
  for (const auto& machine : machines_) {
    if (machine->life != nullptr) machine->life->io->stop();
  }
}

std::string SimCluster::node_toml(const NodeSpec& spec) const {
  std::string toml = fmt::format("[node]\nname = \"{}\"\nworkers = {}\ntopology = \"topology.toml\"\n",
                                 spec.name, settings_.workers);
  toml += fmt::format("[cache]\nbudget = {}\nshards = 4\n", settings_.budget_bytes);
  toml += "[purge]\njournal = \"purges\"\n";
  toml += fmt::format("[[origin]]\nname = \"content\"\nservers = [\"{}\"]\n", settings_.origin);
  toml += "[[site]]\nname = \"all\"\nhosts = [\"*\"]\norigin = \"content\"\n";
  if (!settings_.shield.empty()) toml += fmt::format("shield = \"{}\"\n", settings_.shield);
  toml += settings_.more_site;
  toml += fmt::format("[site.cache]\nstale_if_disconnected = \"{}s\"\nhit_for_miss = \"5s\"\n",
                      settings_.stale_if_disconnected_s);
  return toml;
}

std::string SimCluster::topology_toml(const Membership& membership) const {
  std::string toml = "[cluster]\ninsecure_peers = true\npeer_keys = [{ id = \"a\", file = \"peer.key\" }]\n";
  if (!settings_.purge_log.empty()) toml += fmt::format("purge_log = \"{}\"\n", settings_.purge_log);
  std::set<std::string> regions;
  for (const NodeSpec& node : membership) regions.insert(node.region);
  for (const std::string& region : regions)
    toml += fmt::format("[[region]]\nname = \"{}\"\nslots = {}\n", region, settings_.slots);
  for (const NodeSpec& node : membership) {
    toml += fmt::format(
        "[[node]]\nname = \"{0}\"\nregion = \"{1}\"\nclient = \"{2}:80\"\npeer = \"{2}:81\"\nweight = {3}\n",
        node.name, node.region, node.ip, node.weight);
  }
  return toml;
}

void SimCluster::boot(const std::string& name) {
  Machine& machine = find(name);
  auto life = std::make_unique<Life>();
  life->io = world_.make_io(name, machine.spec.ip);
  if (settings_.short_writes) {
    life->io->shape().write_bytes_max = 1500;
    life->io->shape().read_bytes_max = 3000;
    life->io->shape().random_read_sizes = true;
  }
  net::MemoryFiles& files = life->io->memory_files();
  files.put(std::string(node_path), node_toml(machine.spec));
  files.put(std::string(topology_path), topology_toml(memberships_.front()));
  files.put("/etc/peer.key", std::string(secret));
  // What it had synced before is still there.
  if (!machine.past.empty()) {
    net::MemoryFiles& disk = machine.past.back()->io->memory_files();
    const std::string journal(journal_path);
    if (disk.contains(journal)) files.put(journal, disk.read_all(journal, SIZE_MAX).value());
  }
  const control::ConfigResult config = control::load_config(files, std::string(node_path), name);
  if (!config) throw std::logic_error(config.error().front().to_string());
  life->control = &life->io->add_loop("control");
  NodeOptions options;
  options.config_path = std::string(node_path);
  options.node_name = name;
  const Log log(life->log, settings_.open_log ? LogLevel::debug : LogLevel::warning);
  life->node = std::make_unique<Node>(*life->io, *life->control, *config, std::move(options), log, *no_log_);
  if (const auto started = life->node->start(); !started) throw std::logic_error(started.error().context);
  life->io->start();
  machine.life = std::move(life);
  machine.paused = false;
  machine.booted = world_.now();
  machine.readings.push_back({world_.now(), 0, world_.now()});
}

void SimCluster::crash(const std::string& name) {
  Machine& machine = find(name);
  if (machine.life == nullptr) return;
  for (size_t i = 0; i < metric_count; ++i)
    machine.counted[i] += machine.life->node->metric(static_cast<Metric>(i));
  world_.stop_node(*machine.life->io);
  // What the network still has on its way refers to streams of this Io: it stays, its node goes.
  machine.life->node.reset();
  machine.past.push_back(std::move(machine.life));
}

void SimCluster::pause(const std::string& name) {
  Machine& machine = find(name);
  if (machine.life == nullptr) return;
  machine.paused = true;
  world_.pause_node(*machine.life->io);
}

void SimCluster::resume(const std::string& name) {
  Machine& machine = find(name);
  if (!std::exchange(machine.paused, false) || machine.life == nullptr) return;
  world_.resume_node(*machine.life->io);
  for (Reading& reading : machine.readings) {
    if (!reading.settled) reading.settled = world_.now() + settling;
  }
}

bool SimCluster::read_membership(const std::string& name, size_t number) {
  Machine& machine = find(name);
  if (machine.life == nullptr) return false;
  machine.life->io->memory_files().put(std::string(topology_path), topology_toml(memberships_.at(number)));
  if (!machine.life->node->reload().applied) return false;
  machine.readings.push_back({world_.now(), number});
  if (!machine.paused) machine.readings.back().settled = world_.now() + settling;
  return true;
}

bool SimCluster::is_up(const std::string& name) const { return find(name).life != nullptr; }

Node* SimCluster::node(const std::string& name) {
  Machine& machine = find(name);
  return machine.life != nullptr ? machine.life->node.get() : nullptr;
}

const NodeSpec& SimCluster::spec(const std::string& name) const { return find(name).spec; }

net::Address SimCluster::client_address(const std::string& name) const {
  return net::Address::parse_ip(find(name).spec.ip, 80).value();
}

net::MemoryIo& SimCluster::io(const std::string& name) { return *find(name).life->io; }

SimCluster::Machine& SimCluster::find(const std::string& name) {
  for (const auto& machine : machines_) {
    if (machine->spec.name == name) return *machine;
  }
  throw std::logic_error("no node " + name);
}

const SimCluster::Machine& SimCluster::find(const std::string& name) const {
  for (const auto& machine : machines_) {
    if (machine->spec.name == name) return *machine;
  }
  throw std::logic_error("no node " + name);
}

// Topologies of different numbers may have come out the same.
bool SimCluster::went_by(const Machine& machine, const Membership& membership, MonoTime from,
                         MonoTime to) const {
  const std::vector<Reading>& readings = machine.readings;
  for (size_t i = 0; i < readings.size(); ++i) {
    const bool over = i + 1 < readings.size() && readings[i + 1].settled && *readings[i + 1].settled < from;
    if (!over && readings[i].since <= to && memberships_[readings[i].membership] == membership) return true;
  }
  return false;
}

bool SimCluster::agreed_within(const std::string& a, const std::string& b, MonoTime from, MonoTime to) const {
  return std::any_of(memberships_.begin(), memberships_.end(), [&](const Membership& each) {
    return went_by(find(a), each, from, to) && went_by(find(b), each, from, to);
  });
}

bool SimCluster::knew(const std::string& node, const std::string& other, MonoTime from, MonoTime to) const {
  return std::all_of(memberships_.begin(), memberships_.end(), [&](const Membership& each) {
    const bool has =
        std::any_of(each.begin(), each.end(), [&](const NodeSpec& spec) { return spec.name == other; });
    return has || !went_by(find(node), each, from, to);
  });
}

void SimCluster::drain() {
  for (const auto& machine : machines_) {
    if (machine->life != nullptr) machine->life->node->drain([this] { ++drained_; });
  }
}

size_t SimCluster::machines_up() const {
  return static_cast<size_t>(std::count_if(machines_.begin(), machines_.end(),
                                           [](const auto& each) { return each->life != nullptr; }));
}

std::vector<std::string> SimCluster::names() const {
  std::vector<std::string> names;
  for (const auto& machine : machines_) names.push_back(machine->spec.name);
  return names;
}

uint64_t SimCluster::metric(const std::string& name, Metric metric) const {
  const Machine& machine = find(name);
  const uint64_t now = machine.life != nullptr ? machine.life->node->metric(metric) : 0;
  return now + machine.counted[static_cast<size_t>(metric)];
}

uint64_t SimCluster::metric(Metric metric) const {
  uint64_t sum = 0;
  for (const auto& machine : machines_) sum += this->metric(machine->spec.name, metric);
  return sum;
}

std::vector<std::string> SimCluster::errors() const {
  std::vector<std::string> found;
  const auto take = [&](const std::string& name, const Life& life) {
    for (const auto& line : life.log.lines()) {
      if (line.level >= LogLevel::error) found.push_back(name + ": " + line.json);
    }
  };
  for (const auto& machine : machines_) {
    for (const auto& life : machine->past) take(machine->spec.name, *life);
    if (machine->life != nullptr) take(machine->spec.name, *machine->life);
  }
  return found;
}

}  // namespace perigee::sim
