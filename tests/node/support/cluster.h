// A cluster in one process: whole nodes, built from TOML in their own in-memory files, scripted origins and
// clients, on one network with a manual clock. The vocabulary of the scenarios:
//
//   Cluster cluster(Setup().nodes({"eu-1", "eu-2"}));
//   cluster.origin().on("/a").reply(200).max_age(60);
//   cluster.get("eu-1", "/a").expect(200).miss();
//   cluster.advance(61s);
//
// A node's region is its name up to the dash. Node "eu-1" has the address 10.1.0.1, "us-2" 10.2.0.2,
// "ap-1" 10.3.0.1; clients connect to port 80, peers to port 81. Every host is one site whose origin is
// origin(), at 10.9.0.1:80.
//
// What a cluster draws at random follows from a seed, 1, or PERIGEE_TEST_SEED of the environment: a scenario
// must hold for every one.
//
// Ownership: the Cluster owns everything; whatever it returns by reference lives as long as it does.
// Thread rule: the test's one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "edge/control/memory_log.h"
#include "edge/node.h"
#include "tests/node/support/scripted_origin.h"
#include "tests/node/support/test_client.h"

namespace perigee::test {

inline constexpr std::string_view default_host = "a.example";

uint64_t default_seed();

// What the nodes' files say. Every setter returns the setup.
class Setup {
 public:
  Setup& nodes(std::vector<std::string> names) {
    nodes_ = std::move(names);
    return *this;
  }
  Setup& workers(unsigned count) {
    workers_ = count;
    return *this;
  }
  Setup& seed(uint64_t seed) {
    seed_ = seed;
    return *this;
  }
  // Tables of the node file, such as "[cache]\nbudget = \"8MiB\"\n".
  Setup& tables(std::string toml) {
    tables_ += toml;
    return *this;
  }
  // Nodes that start together have nothing to ask each other for, and probes are traffic that scenarios do
  // not count: both are off unless a scenario is about them.
  Setup& joining(std::string time) {
    joining_ = std::move(time);
    return *this;
  }
  Setup& probe(std::string interval) {
    probe_ = std::move(interval);
    return *this;
  }
  // Further settings of [peers].
  Setup& peers(std::string toml) {
    peers_ += toml;
    return *this;
  }
  // Settings of the site, such as "shield = \"eu\"\n".
  Setup& site(std::string toml) {
    site_ += toml;
    return *this;
  }
  // Settings of the origin group in place of its one server: "servers = [...]\n".
  Setup& origin(std::string toml) {
    origin_ = std::move(toml);
    return *this;
  }
  // A file beside the node file.
  Setup& file(std::string name, std::string bytes) {
    more_files_.emplace_back(std::move(name), std::move(bytes));
    return *this;
  }
  // The same on one node only.
  Setup& file_of(std::string node, std::string name, std::string bytes) {
    files_of_.emplace_back(std::move(node), std::pair(std::move(name), std::move(bytes)));
    return *this;
  }
  // Nodes have certificates, from `tables`, and no secret.
  Setup& peers_with_certificates() {
    peers_have_certificates_ = true;
    return *this;
  }
  // The node that orders purges.
  Setup& purge_log(std::string name) {
    purge_log_ = std::move(name);
    return *this;
  }
  // This node reads another topology than the others: the same nodes, another weight of the first.
  Setup& disagrees(std::string name) {
    disagrees_ = std::move(name);
    return *this;
  }

 private:
  friend class Cluster;
  std::string node_toml(const std::string& name) const;
  std::string topology_toml(bool other) const;

  std::vector<std::string> nodes_ = {"eu-1"};
  unsigned workers_ = 1;
  uint64_t seed_ = default_seed();
  std::string tables_;
  std::string joining_ = "0s";
  std::string probe_ = "0s";
  std::string peers_;
  std::string site_;
  std::string origin_ = "servers = [\"10.9.0.1:80\"]\n";
  std::string disagrees_;
  std::vector<std::pair<std::string, std::string>> more_files_;
  std::string purge_log_;
  std::vector<std::pair<std::string, std::pair<std::string, std::string>>> files_of_;
  bool peers_have_certificates_ = false;
};

// One answer, with what is expected of it.
class Reply {
 public:
  explicit Reply(Answer answer) : answer_(std::move(answer)) {}

  // Status, and that the answer is complete.
  const Reply& expect(int status) const;
  const Reply& body(std::string_view expected) const;
  const Reply& field(std::string_view name, std::string_view expected) const;
  const Reply& without(std::string_view name) const { return field(name, ""); }
  // From the store, fresh or stale.
  const Reply& hit() const;
  // Went onward, for this reason (RFC 9211 fwd).
  const Reply& forwarded(std::string_view reason) const;
  const Reply& miss() const { return forwarded("uri-miss"); }
  const Reply& cut() const;

  const Answer& answer() const { return answer_; }

 private:
  Answer answer_;
};

// Records every exchange that a node reports.
class ExchangeLines final : public proxy::ExchangeLog {
 public:
  struct Line {
    std::string path;
    int status = 0;
    std::string cache;
    bool complete = false;
    std::string method = {};
    std::string site = {};
    std::string detail = {};
    std::string trace_id = {};
  };
  bool wants(Random&, std::optional<double>) const override { return true; }
  void set_sample(double) override {}
  void record(const proxy::ExchangeRecord& record) override {
    lines.push_back({std::string(record.path), record.status, std::string(record.cache), record.complete,
                     std::string(record.method), std::string(record.site), std::string(record.detail),
                     std::string(record.trace_id)});
  }
  std::vector<Line> lines;
};

class Cluster {
 public:
  explicit Cluster(const Setup& setup = {});
  ~Cluster();

  net::MemoryWorld& world() { return world_; }
  ScriptedOrigin& origin() { return *origins_.front(); }
  // A further origin server.
  ScriptedOrigin& add_origin(const std::string& name, const std::string& address);

  // Sends a request on a connection of its own and runs until its answer is there, or no time the nodes wait
  // for brings it.
  Reply request(const std::string& node, std::string_view method, std::string_view target,
                const Headers& headers = {}, std::optional<std::string_view> content = {});
  Reply get(const std::string& node, std::string_view target, const Headers& headers = {}) {
    return request(node, "GET", target, headers);
  }
  // A connection to a node, for everything that get() hides; port 81 is the peer listener.
  TestConnection& connect(const std::string& node, uint16_t port = 80);
  // The same with TLS, at port 443.
  TestConnection& connect_tls(const std::string& node, const TestTls& tls, uint16_t port = 443);
  static net::Address address(const std::string& node);
  net::Loop& client_loop() { return *client_loop_; }
  // A connection with a GET on its way; run() or advance() brings the answer.
  TestConnection& ask(const std::string& node, std::string_view target, const Headers& headers = {});

  // POST /purge at a node, with this body; runs until it is answered.
  struct Purged {
    int status = 0;
    std::string json;
  };
  Purged purge(const std::string& node, std::string_view body);

  // GET /topology of a node.
  std::string topology(const std::string& node) { return find(node).node->topology_json(); }
  // POST /drain or /undrain: it serves, and says that it would rather not.
  void take_out(const std::string& node, bool out) {
    find(node).node->set_out(out);
    run();
  }

  void run() { world_.run_until_idle(); }
  void advance(Duration by) { world_.advance(by); }
  // Runs until it is so; fails the test when it is not within a minute of the world's time.
  void run_until(const std::function<bool()>& so);

  Node& node(const std::string& name) { return *find(name).node; }
  uint64_t metric(const std::string& name, Metric metric) { return node(name).metric(metric); }
  uint64_t metric(Metric metric);  // of all nodes
  ExchangeLines& exchanges(const std::string& name) { return find(name).exchanges; }
  control::MemoryLog& log(const std::string& name) { return find(name).log; }
  net::MemoryFiles& files(const std::string& name) { return find(name).io->memory_files(); }
  net::MemoryIo& io(const std::string& name) { return *find(name).io; }
  // The node file of a node under another setup, for a reload.
  static std::string node_file(const Setup& setup, const std::string& name) { return setup.node_toml(name); }
  static std::string topology_file(const Setup& setup) { return setup.topology_toml(false); }
  static constexpr std::string_view node_path = "/etc/node.toml";

  // A further node, of another setup.
  void add_node(const Setup& setup, const std::string& name) { boot(setup, name); }
  // As if the machine had lost power.
  void crash(const std::string& name);
  // The machine is back, with the files it had and nothing in memory.
  void restart(const Setup& setup, const std::string& name);
  // The nodes of a region in the order in which they own the URL; by the topology that most nodes have.
  std::vector<std::string> owners(const std::string& region, std::string_view target) const;
  // What a node of the cluster would sign, in the field perigee-peer-auth.
  const control::Config& config(const std::string& name) { return *find(name).config; }

 private:
  struct Machine {
    std::string name;
    std::unique_ptr<net::MemoryIo> io;
    control::MemoryLog log;
    ExchangeLines exchanges;
    std::shared_ptr<const control::Config> config;
    std::unique_ptr<Node> node;
    bool crashed = false;
  };
  void boot(const Setup& setup, const std::string& name, net::MemoryFiles* disk = nullptr);
  Machine& find(const std::string& name);

  net::MemoryWorld world_;
  std::vector<std::unique_ptr<ScriptedOrigin>> origins_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::shared_ptr<const cluster::Topology> topology_;
  std::unique_ptr<net::MemoryIo> client_io_;
  net::Loop* client_loop_ = nullptr;
  std::vector<std::unique_ptr<TestConnection>> connections_;
};

}  // namespace perigee::test
