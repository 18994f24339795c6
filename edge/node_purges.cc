#include "edge/node_purges.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/base/json.h"
#include "edge/control/admin_reply.h"
#include "edge/control/json_text.h"
#include "edge/control/purge_wire.h"
#include "edge/proxy/site_names.h"

namespace perigee {

namespace {

PurgeAnswer problem(int status, const Error& error) {
  const Json json = {{"error", std::string(error.code)}, {"message", error.context}};
  return {status, to_text(json)};
}

// Who holds the log: a node that is alone does it for itself. Empty: nobody.
std::string log_node_of(const control::Config& config) {
  return config.topology == nullptr ? config.node.name : config.topology->purge_log;
}

int status_of(const Error& error) { return error.code == "bad_purge" ? 422 : 503; }

}  // namespace

// A request of another node's control loop: received on a worker, answered on the control loop, and brought
// back. Keeps itself until the exchange ends; the control loop's callback keeps it too.
class NodePurges::ControlExchange final : public serve::ExchangeHandler,
                                          public std::enable_shared_from_this<ControlExchange> {
 public:
  explicit ControlExchange(serve::ServerExchange& exchange) : exchange_(&exchange), loop_(exchange.loop()) {}

  void start(NodePurges& purges) {
    self_ = shared_from_this();
    const http::Method method = exchange_->request().method;
    std::string target(exchange_->request().path);
    exchange_->set_handler(*this);
    purges.control_.post(net::make_task([&purges, self = self_, method, target = std::move(target)] {
      purges.serve_control(method, target,
                           [self](PurgeAnswer answer) { self->bring_back(std::move(answer)); });
    }));
  }

  void on_request_body(std::string_view) override {}
  void on_request_end() override {}
  void on_exchange_end(serve::ExchangeEnd) override {
    exchange_ = nullptr;
    const auto last = std::move(self_);
  }

 private:
  void bring_back(PurgeAnswer answer) {
    loop_.post(net::make_task([self = shared_from_this(), answer = std::move(answer)] {
      if (self->exchange_ == nullptr) return;
      control::Answer out;
      out.status = answer.status;
      out.content_type = "application/json";
      out.body = answer.json;
      control::send_answer(*self->exchange_, false, std::move(out));
    }));
  }

  serve::ServerExchange* exchange_;
  net::Loop& loop_;
  std::shared_ptr<ControlExchange> self_;
};

NodePurges::NodePurges(net::Loop& control, net::Loop& disk, net::Files& files, MetricShard& metrics,
                       PurgeSweeper& sweeper, Log log)
    : control_(control),
      disk_(disk),
      files_(files),
      sweeper_(sweeper),
      log_(log),
      metrics_(metrics),
      caller_(control, metrics) {}

NodePurges::~NodePurges() = default;

bool NodePurges::keeps_journal(const control::Config& config) {
  return !config.purge.journal.empty() && log_node_of(config) == config.node.name;
}

Result<void> NodePurges::start(const control::Config& config, std::shared_ptr<const proxy::Snapshot> snapshot,
                               std::vector<NodeWorker*> workers) {
  workers_ = std::move(workers);
  sweeper_.set_workers(workers_);
  const std::string log_node = log_node_of(config);
  const Duration verify_after = config.purge.verify_after;
  control::PurgeApplier& applier = *this;
  adopt(config, std::move(snapshot));
  if (log_node.empty()) return {};
  if (log_node == config.node.name) {
    control::PurgeAppenderOptions options;
    options.self = config.node.name;
    options.journal = config.purge.journal;
    options.away_after = verify_after;
    appender_ =
        std::make_unique<control::PurgeAppender>(control_, disk_, files_, std::move(options), applier, log_);
    purge_log_ = appender_.get();
    if (auto started = appender_->start(); !started) return started;
    adopt(config, snapshot_);
    return {};
  }
  tell_workers([](proxy::WorkerPurges& purges) { purges.unverified(); });
  follower_ = std::make_unique<control::PurgeFollower>(
      control_, config.node.name, verify_after,
      [this](http::Method method, std::string target, Duration timeout, proxy::PeerCaller::Done done) {
        send(method, std::move(target), timeout, std::move(done));
      },
      applier, log_);
  purge_log_ = follower_.get();
  control_.post(net::make_task([this] { follower_->start(); }));
  return {};
}

void NodePurges::adopt(const control::Config& config, std::shared_ptr<const proxy::Snapshot> snapshot) {
  snapshot_ = std::move(snapshot);
  names_ = std::make_shared<proxy::SiteTableNames>(snapshot_->sites);
  wait_ = config.purge.receipt_wait;
  if (appender_ == nullptr) return;
  std::vector<std::string> nodes;
  for (const cluster::NodeInfo& node : snapshot_->cluster->topology.nodes) nodes.push_back(node.name);
  appender_->set_nodes(std::move(nodes));
}

template <typename Message>
void NodePurges::tell_workers(Message message) {
  for (NodeWorker* worker : workers_) {
    worker->loop().post(net::make_task([to = &worker->worker(), message] { message(to->purges()); }));
  }
}

void NodePurges::rebase(cluster::LogPosition position) {
  position_ = position;
  tell_workers([position](proxy::WorkerPurges& purges) { purges.rebase(position); });
  sweeper_.rebase();
}

void NodePurges::apply(std::span<const control::PurgeCommand> commands, std::function<void()> done) {
  auto rules = std::make_shared<std::vector<cache::PurgeRule>>();
  for (const control::PurgeCommand& command : commands) rules->push_back(to_rule(command, names_));
  if (position_) position_->sequence += commands.size();
  metrics_.add(Metric::purges_applied, commands.size());
  auto left = std::make_shared<size_t>(workers_.size());
  for (NodeWorker* worker : workers_) {
    worker->loop().post(net::make_task([this, to = &worker->worker(), rules, left, done] {
      for (const cache::PurgeRule& rule : *rules) to->purges().apply(rule);
      control_.post(net::make_task([left, done] {
        if (--*left == 0) done();
      }));
    }));
  }
  // After the workers: what they are told to forget then, they have heard of.
  sweeper_.apply(rules);
}

void NodePurges::verified_until(std::optional<MonoTime> until) {
  for (NodeWorker* worker : workers_) {
    worker->loop().post(net::make_task(
        [to = &worker->worker(), until] { to->purges().verified_until(until, to->loop().now()); }));
  }
}

void NodePurges::send(http::Method method, std::string target, Duration timeout,
                      proxy::PeerCaller::Done done) {
  const cluster::Topology& topology = snapshot_->cluster->topology;
  const auto index = topology.find_node(topology.purge_log);
  const auto address = net::Address::parse(index ? topology.nodes[*index].peer_address : std::string());
  if (!address || !snapshot_->has_peers()) {
    return control_.post(net::make_task([done = std::move(done)] {
      done(fail(Side::internal, "peer_unreachable",
                "the topology names no such node, or nodes have neither keys nor certificates"));
    }));
  }
  proxy::PeerCall call;
  call.method = method;
  call.to = *address;
  call.authority = proxy::control_authority;
  call.url = "http://" + std::string(proxy::control_authority) + target;
  call.from = snapshot_->node_name;
  call.digest = snapshot_->cluster->digest;
  call.timeout = timeout;
  call.to_name = topology.purge_log;
  caller_.call(call, proxy::proof_of_node(*snapshot_), std::move(done));
}

// --- other nodes

void NodePurges::on_control_request(serve::ServerExchange& exchange) {
  std::make_shared<ControlExchange>(exchange)->start(*this);
}

void NodePurges::serve_control(http::Method method, const std::string& target, const Done& done) {
  if (!target.starts_with("/purges?")) return done(problem(404, {Side::client, "not_found", target}));
  if (appender_ == nullptr) {
    return done(problem(503, {Side::internal, "not_the_log", "this node does not hold the log of purges"}));
  }
  if (method == http::Method::get) {
    const auto poll = control::read_poll(target);
    if (!poll) return done(problem(400, poll.error()));
    return appender_->poll(*poll, [done](const control::PurgeNews& news) {
      done({200, control::print_news(news)});
    });
  }
  auto append = control::read_append(target);
  if (!append) return done(problem(400, append.error()));
  appender_->append(std::move(append->commands), append->wait, [done](Result<control::PurgeReceipt> receipt) {
    if (!receipt) return done(problem(503, receipt.error()));
    done({200, control::print_receipt(*receipt)});
  });
}

// --- groups that an origin invalidates

void NodePurges::invalidate_groups(proxy::OriginGroups groups, net::Loop& loop,
                                   proxy::GroupInvalidator::Done done) {
  control_.post(net::make_task([this, groups = std::move(groups), &loop, done = std::move(done)] {
    append_groups(groups, [&loop, done](bool ok) { loop.post(net::make_task([done, ok] { done(ok); })); });
  }));
}

// Without a log, which has an order to keep, the node applies them for itself.
void NodePurges::append_groups(const proxy::OriginGroups& groups, std::function<void(bool ok)> done) {
  std::vector<control::PurgeCommand> commands;
  const std::string_view authority = std::string_view(groups.origin).substr(groups.origin.find("//") + 2);
  const std::string site(names_->site_of(authority));
  for (const std::string& group : groups.groups) {
    commands.push_back(
        {cache::PurgeScope::group, cache::group_subject(groups.origin, group), site, /*soft=*/false});
  }
  if (purge_log_ == nullptr) return apply(commands, [done] { done(true); });
  purge_log_->append(
      std::move(commands), proxy::group_wait_max, [this, done](const Result<control::PurgeReceipt>& receipt) {
        if (!receipt) {
          log_.warning("group_invalidation_failed", {{"why", std::string_view(receipt.error().context)}});
        }
        done(receipt.has_value());
      });
}

// --- the admin page

void NodePurges::purge(std::string_view body, const Done& done) {
  auto commands = control::parse_purge_request(body, *snapshot_->sites);
  if (!commands) return done(problem(status_of(commands.error()), commands.error()));
  if (purge_log_ == nullptr) {
    return done(problem(503, {Side::internal, "no_purge_log", "the topology names no purge_log"}));
  }
  Entry entry;
  entry.at = control_.wall_now();
  entry.commands_more = commands->size() - std::min(commands->size(), commands_shown);
  for (size_t i = 0; i < std::min(commands->size(), commands_shown); ++i)
    entry.commands += (i == 0 ? "[" : ",") + control::print_command((*commands)[i]);
  entry.commands += ']';
  const uint64_t id = ++last_id_;
  history_.emplace_front(id, std::move(entry));
  if (history_.size() > history_max) history_.pop_back();
  purge_log_->append(std::move(*commands), wait_,
                     [this, id, began = control_.now(), done](Result<control::PurgeReceipt> receipt) {
                       finish(id, began, done, std::move(receipt));
                     });
}

void NodePurges::finish(uint64_t id, MonoTime began, const Done& done,
                        Result<control::PurgeReceipt> receipt) {
  metrics_.add(receipt ? Metric::purges_ok : Metric::purges_failed);
  const PurgeAnswer answer =
      receipt ? PurgeAnswer{200, control::print_receipt(*receipt)} : problem(503, receipt.error());
  for (auto& [at, entry] : history_) {
    if (at != id) continue;
    entry.took_ms = static_cast<uint64_t>((control_.now() - began) / std::chrono::milliseconds(1));
    (receipt ? entry.receipt : entry.error) = answer.json;
  }
  done(answer);
}

std::string NodePurges::history_json() const {
  std::string text = "{\"position\": null";
  if (position_) text = fmt::format("{{\"position\": \"{}.{}\"", position_->epoch, position_->sequence);
  text += fmt::format(", \"rules\": {}, \"purges\": [", sweeper_.rules());
  bool first = true;
  for (const auto& [id, entry] : history_) {
    const std::string& outcome = entry.receipt.empty() ? entry.error : entry.receipt;
    text += std::exchange(first, false) ? "\n{\"at\": " : ",\n{\"at\": ";
    control::append_json_time(text, entry.at);
    text += fmt::format(
        ", \"commands\": {}, \"commands_more\": {}, \"took_ms\": {}, \"ok\": {}, \"outcome\": {}}}",
        entry.commands, entry.commands_more, entry.took_ms, !entry.receipt.empty(),
        outcome.empty() ? "null" : outcome);
  }
  return text + "]}\n";
}

}  // namespace perigee
