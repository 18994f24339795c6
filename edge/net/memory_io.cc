#include "edge/net/memory_io.h"

#include <algorithm>
#include <stdexcept>

#include "edge/net/memory_loop.h"

namespace perigee::net {
namespace {

Address parse_or_throw(std::string_view ip) {
  auto address = Address::parse_ip(ip, 0);
  if (!address) throw std::invalid_argument(address.error().context);
  return *address;
}

}  // namespace

MemoryIo::MemoryIo(MemoryWorld& world, std::shared_ptr<MemoryNode> node)
    : world_(world), node_(std::move(node)), files_(world.scheduler_) {}

MemoryIo::~MemoryIo() {
  *alive_ = false;
  end(false);
}

Loop& MemoryIo::add_loop(std::string_view name) {
  loops_.push_back(std::make_unique<MemoryLoop>(world_.scheduler_, world_.network_, node_, name));
  return *loops_.back();
}

void MemoryIo::start() {
  for (auto& loop : loops_) loop->start();
}

void MemoryIo::stop() {
  bool inside = std::any_of(loops_.begin(), loops_.end(), [](const auto& loop) { return loop->in_turn(); });
  if (!inside) return end(false);
  world_.scheduler_.at(world_.now(), [this, alive = alive_] {
    if (*alive) end(false);
  });
}

void MemoryIo::end(bool with_reset) {
  for (auto& loop : loops_) loop->shut_down(with_reset);
}

IoCounters MemoryIo::counters() const {
  IoCounters sum;
  for (const auto& loop : loops_) {
    const IoCounters& part = loop->counters();
    sum.reads += part.reads;
    sum.writes += part.writes;
    sum.accepts += part.accepts;
    sum.connects += part.connects;
    sum.wakeups += part.wakeups;
    sum.bytes_read += part.bytes_read;
    sum.bytes_written += part.bytes_written;
  }
  return sum;
}

MemoryWorld::MemoryWorld(uint64_t seed) : scheduler_(seed), network_(scheduler_) {}
MemoryWorld::~MemoryWorld() = default;

std::unique_ptr<MemoryIo> MemoryWorld::make_io(std::string_view name, std::string_view ip) {
  auto node = std::make_shared<MemoryNode>();
  node->name = name;
  uint32_t number = next_ip_++;
  std::string made_up = "10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256);
  node->ip = parse_or_throw(ip.empty() ? made_up : ip);
  network_.add_node(*node);
  return std::make_unique<MemoryIo>(*this, std::move(node));
}

void MemoryWorld::drain_instant(const std::function<bool()>& predicate) {
  for (uint64_t steps = 0; !predicate(); ++steps) {
    if (!scheduler_.step()) return;
    if (steps == step_limit_) throw std::logic_error("the world does not come to rest");
  }
}

void MemoryWorld::run_until_idle() {
  drain_instant([] { return false; });
}

void MemoryWorld::advance(Duration by) {
  run_until([] { return false; }, by);
}

bool MemoryWorld::run_until(const std::function<bool()>& predicate, Duration limit) {
  MonoTime end = scheduler_.now() + limit;
  while (true) {
    drain_instant(predicate);
    if (predicate()) return true;
    auto next = scheduler_.next_time();
    if (!next || *next > end) break;
    scheduler_.move_clock(*next);
  }
  scheduler_.move_clock(end);
  drain_instant(predicate);
  return predicate();
}

void MemoryWorld::shift_wall(Duration by) {
  scheduler_.set_wall(scheduler_.wall_now() + std::chrono::duration_cast<std::chrono::milliseconds>(by));
}

void MemoryWorld::set_delay(const std::string& from, const std::string& to, Duration delay, Duration jitter) {
  LinkOptions options = link(from, to);
  options.delay = delay;
  options.jitter = jitter;
  set_link(from, to, options);
}

void MemoryWorld::set_drop(const std::string& from, const std::string& to, bool drop) {
  LinkOptions options = link(from, to);
  options.drop = drop;
  set_link(from, to, options);
}

void MemoryWorld::set_refuse(const std::string& from, const std::string& to, bool refuse) {
  LinkOptions options = link(from, to);
  options.refuse = refuse;
  set_link(from, to, options);
}

void MemoryWorld::set_bandwidth(const std::string& from, const std::string& to, uint64_t bytes_per_second) {
  LinkOptions options = link(from, to);
  options.bytes_per_second = bytes_per_second;
  set_link(from, to, options);
}

void MemoryWorld::partition(const std::string& a, const std::string& b) {
  set_drop(a, b, true);
  set_drop(b, a, true);
}

void MemoryWorld::heal(const std::string& a, const std::string& b) {
  set_drop(a, b, false);
  set_drop(b, a, false);
}

void MemoryWorld::stop_node(MemoryIo& io) { io.end(true); }

void MemoryWorld::pause_node(MemoryIo& io) {
  for (auto& loop : io.loops_) loop->set_paused(true);
}

void MemoryWorld::resume_node(MemoryIo& io) {
  for (auto& loop : io.loops_) loop->set_paused(false);
}

void MemoryWorld::add_host(std::string_view name, const std::vector<std::string>& ips, Duration ttl) {
  MemoryHost& host = network_.hosts()[std::string(name)];
  host.addresses.clear();
  for (const std::string& ip : ips) host.addresses.push_back(parse_or_throw(ip));
  host.ttl = ttl;
  host.error = {};
}

void MemoryWorld::fail_host(std::string_view name, std::string_view code) {
  network_.hosts()[std::string(name)].error = code;
}

void MemoryWorld::remove_host(std::string_view name) { network_.hosts().erase(std::string(name)); }

void MemoryWorld::set_resolve_delay(std::string_view name, Duration delay) {
  network_.hosts()[std::string(name)].delay = delay;
}

}  // namespace perigee::net
