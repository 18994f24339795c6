#include "edge/net/memory_loop.h"

#include <algorithm>
#include <utility>

#include "edge/net/memory_listener.h"
#include "edge/net/memory_resolver.h"
#include "edge/net/memory_stream.h"

namespace perigee::net {
namespace {

constexpr size_t receive_buffer_bytes = 64 * 1024;
constexpr uint64_t sources_per_turn_max = 64;

}  // namespace

MemoryLoop::MemoryLoop(MemoryScheduler& scheduler, MemoryNetwork& network, std::shared_ptr<MemoryNode> node,
                       std::string_view name)
    : scheduler_(scheduler),
      network_(network),
      node_(std::move(node)),
      name_(name),
      number_(scheduler.add_loop(*this)),
      random_(scheduler.random().next()),
      timers_(scheduler.now()),
      receive_buffer_(receive_buffer_bytes) {}

MemoryLoop::~MemoryLoop() { scheduler_.remove_loop(*this); }

void MemoryLoop::post(std::unique_ptr<Task> task) {
  if (!ended_) tasks_.push_back(std::move(task));
}

Result<std::unique_ptr<Listener>> MemoryLoop::listen(const ListenOptions& options, AcceptHandler& handler) {
  return MemoryListener::open(*this, options, handler);
}

Stream& MemoryLoop::connect(const Address& to, StreamHandler& handler) {
  ++counters_.connects;
  auto stream = MemoryStream::connect(*this, to, handler);
  adopt(stream);
  if (stopping_) stream->close();
  return *stream;
}

std::unique_ptr<ResolveRequest> MemoryLoop::resolve(std::string_view host, uint16_t port,
                                                    ResolveHandler& handler) {
  return MemoryResolveRequest::start(*this, host, port, handler);
}

bool MemoryLoop::runnable() const {
  if (!started_ || paused_ || ended_) return false;
  if (!turned_ || !tasks_.empty() || !ready_.empty()) return true;
  return !quiet_at(scheduler_.now());
}

std::optional<MonoTime> MemoryLoop::deadline_before(MonoTime limit) const {
  if (!started_ || paused_ || ended_ || quiet_at(limit)) return std::nullopt;
  return quiet_until_ < limit ? std::optional(quiet_until_) : std::nullopt;
}

// No timer is due then. If one may be, quiet_until_ is the wheel's next deadline.
bool MemoryLoop::quiet_at(MonoTime time) const {
  const uint64_t arms = timers_.arms();
  if (arms == quiet_since_arms_ && quiet_until_ > time) return true;
  quiet_since_arms_ = arms;
  quiet_until_ = timers_.next_deadline().value_or(MonoTime::max());
  return quiet_until_ > time;
}

void MemoryLoop::turn() {
  in_turn_ = true;
  ++counters_.wakeups;
  scheduler_.trace(number_, 0);
  Random& choice = scheduler_.random();
  // What was posted before the start runs first.
  if (!std::exchange(turned_, true)) run_tasks();
  bool timers_first = choice.chance(0.5);
  if (timers_first) timers_.advance(scheduler_.now());
  bool tasks_first = choice.chance(0.5);
  if (tasks_first) run_tasks();
  run_sources();
  if (!tasks_first) run_tasks();
  if (!timers_first) timers_.advance(scheduler_.now());
  hooks_.run();
  in_turn_ = false;
}

void MemoryLoop::run_tasks() {
  auto tasks = std::exchange(tasks_, {});
  for (auto& task : tasks) {
    scheduler_.trace(number_, 1);
    std::exchange(task, nullptr)->run();
  }
}

void MemoryLoop::run_sources() {
  auto sources = std::exchange(ready_, {});
  Random& choice = scheduler_.random();
  for (size_t i = sources.size(); i > 1; --i) std::swap(sources[i - 1], sources[choice.below(i)]);
  size_t count = std::min<size_t>(sources.size(), 1 + choice.below(sources_per_turn_max));
  for (size_t i = 0; i < count; ++i) {
    sources[i]->marked_ = false;
    scheduler_.trace(number_, sources[i]->number_);
    sources[i]->run_ready();
  }
  end_handing_out();
  ready_.insert(ready_.begin(), sources.begin() + static_cast<ptrdiff_t>(count), sources.end());
}

void MemoryLoop::mark_ready(std::shared_ptr<MemorySource> source) {
  if (source->marked_ || ended_) return;
  source->marked_ = true;
  if (source->number_ == 0) source->number_ = ++next_source_ + 1;
  ready_.push_back(std::move(source));
}

void MemoryLoop::adopt(std::shared_ptr<MemoryStream> stream) {
  stream->set_number(++next_stream_);
  streams_.emplace(next_stream_, std::move(stream));
}

void MemoryLoop::forget(const MemoryStream& stream) { streams_.erase(stream.number()); }

void MemoryLoop::adopt(const std::shared_ptr<MemoryAcceptQueue>& queue) {
  std::erase_if(queues_, [](const auto& old) { return old.expired(); });
  queues_.push_back(queue);
}

void MemoryLoop::close_everything(bool with_reset) {
  for (auto& weak : std::exchange(queues_, {})) {
    if (auto queue = weak.lock()) queue->close();
  }
  while (!streams_.empty()) {
    auto streams = streams_;
    for (auto& [number, stream] : streams) {
      if (with_reset) stream->reset();
      stream->close();
      stream->run_ready();
    }
  }
}

void MemoryLoop::shut_down(bool with_reset) {
  if (ended_) return;
  stopping_ = true;
  close_everything(with_reset);
  ready_.clear();
  if (started_) hooks_.run();
  // What a hook opened at the very end goes too.
  close_everything(with_reset);
  ended_ = true;
  ready_.clear();
  tasks_.clear();
}

}  // namespace perigee::net
