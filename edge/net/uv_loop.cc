#include "edge/net/uv_loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "edge/net/uv_listener.h"
#include "edge/net/uv_resolver.h"
#include "edge/net/uv_stream.h"

namespace perigee::net {
namespace {

Duration read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

ThreadUse thread_use() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  // Of the times in there the system knows little more than ticks.
  return {read_clock(CLOCK_THREAD_CPUTIME_ID), usage.ru_nvcsw};
}

int open_reserve() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

template <typename Handle>
UvLoop& loop_of(Handle* handle) {
  return *static_cast<UvLoop*>(handle->data);
}

}  // namespace

bool held_loop(Duration took, const ThreadUse& before, const ThreadUse& after) {
  if (took < turn_long) return false;
  return after.cpu - before.cpu >= turn_long || after.waits != before.waits;
}

UvLoop::UvLoop(std::string_view name, uint64_t seed, const UvIoOptions& options,
               const std::unique_ptr<PageFile>& pages)
    : name_(name),
      options_(options),
      pages_(pages),
      timers_(MonoTime(read_clock(CLOCK_MONOTONIC))),
      random_(seed),
      reserve_fd_(open_reserve()) {
  uv_loop_init(&loop_);
  async_.data = prepare_.data = idle_.data = timer_.data = this;
  uv_async_init(&loop_, &async_, [](uv_async_t* handle) { loop_of(handle).on_wakeup(); });
  uv_prepare_init(&loop_, &prepare_);
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { loop_of(handle).on_prepare(); });
  uv_idle_init(&loop_, &idle_);
  uv_timer_init(&loop_, &timer_);
}

UvLoop::~UvLoop() {
  shut_down();
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

void UvLoop::sample_clocks() const {
  now_ = MonoTime(read_clock(CLOCK_MONOTONIC));
  wall_now_ = WallTime(std::chrono::floor<std::chrono::milliseconds>(read_clock(CLOCK_REALTIME)));
  clocks_sampled_ = true;
}

MonoTime UvLoop::now() const {
  if (!clocks_sampled_) sample_clocks();
  return now_;
}

WallTime UvLoop::wall_now() const {
  if (!clocks_sampled_) sample_clocks();
  return wall_now_;
}

void UvLoop::post(std::unique_ptr<Task> task) {
  std::lock_guard lock(inbox_mutex_);
  // A task that came too late dies with its pointer, after the lock is given back.
  if (inbox_closed_) return;
  inbox_.push_back(std::move(task));
  if (inbox_.size() > 1) return;
  if (on_own_thread()) {
    uv_idle_start(&idle_, [](uv_idle_t* handle) { loop_of(handle).on_wakeup(); });
  } else {
    uv_async_send(&async_);
  }
}

void UvLoop::request_stop() {
  std::lock_guard lock(inbox_mutex_);
  stop_requested_.store(true, std::memory_order_relaxed);
  if (!inbox_closed_) uv_async_send(&async_);
}

void UvLoop::defer(UvDeferred& call) {
  if (std::exchange(call.deferred_, true)) return;
  deferred_.push_back(&call);
  uv_idle_start(&idle_, [](uv_idle_t* handle) { loop_of(handle).on_wakeup(); });
}

void UvLoop::undefer(UvDeferred& call) {
  if (!std::exchange(call.deferred_, false)) return;
  std::replace(deferred_.begin(), deferred_.end(), &call, static_cast<UvDeferred*>(nullptr));
}

void UvLoop::hand_out_reads() {
  if (reads_.empty() || handing_out_reads()) return;
  begin_handing_out();
  reads_.hand_out();
  end_handing_out();
}

void UvLoop::on_wakeup() {
  hand_out_reads();
  uv_idle_stop(&idle_);
  run_deferred();
  run_tasks();
  if (stop_requested_.load(std::memory_order_relaxed)) uv_stop(&loop_);
}

void UvLoop::run_deferred() {
  // One round: what is deferred meanwhile starts the idle handle again.
  size_t count = deferred_.size();
  for (size_t i = 0; i < count; ++i) {
    UvDeferred* call = deferred_[i];
    if (call == nullptr) continue;
    deferred_[i] = nullptr;
    call->deferred_ = false;
    call->run_deferred();
  }
  deferred_.erase(deferred_.begin(), deferred_.begin() + static_cast<ptrdiff_t>(count));
}

void UvLoop::run_tasks() {
  std::vector<std::unique_ptr<Task>> tasks;
  {
    std::lock_guard lock(inbox_mutex_);
    tasks.swap(inbox_);
  }
  if (!tasks.empty()) measure_turn();
  for (auto& task : tasks) std::exchange(task, nullptr)->run();
}

void UvLoop::measure_turn() {
  if (!std::exchange(measured_, true)) use_before_ = thread_use();
  if (!clocks_sampled_) sample_clocks();
}

bool UvLoop::was_long() const {
  const Duration took = read_clock(CLOCK_MONOTONIC) - now_.time_since_epoch();
  return took >= turn_long && held_loop(took, use_before_, thread_use());
}

void UvLoop::on_prepare() {
  ++counters_.wakeups;
  hand_out_reads();
  hooks_.run();
  if (std::exchange(measured_, false) && was_long()) {
    turns_long_.store(turns_long() + 1, std::memory_order_relaxed);
  }
  set_timer();
  clocks_sampled_ = false;
}

void UvLoop::set_timer() {
  if (timer_set_ && timers_.arms() == arms_seen_) return;
  arms_seen_ = timers_.arms();
  auto next = timers_.next_deadline();
  if (!next) return;
  auto due = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(next->time_since_epoch()).count());
  // A deadline that has moved later costs one early wake-up instead of a change at each request.
  if (timer_set_ && timer_due_ms_ <= due) return;
  timer_due_ms_ = due;
  timer_set_ = true;
  uint64_t uv_ms = uv_now(&loop_);
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { loop_of(handle).on_due(); }, due > uv_ms ? due - uv_ms : 0, 0);
}

void UvLoop::on_due() {
  hand_out_reads();
  timer_set_ = false;
  measure_turn();
  timers_.advance(now());
}

Result<std::unique_ptr<Listener>> UvLoop::listen(const ListenOptions& options, AcceptHandler& handler) {
  return UvListener::open(*this, options, handler);
}

Stream& UvLoop::connect(const Address& to, StreamHandler& handler) {
  ++counters_.connects;
  UvStream& stream = UvStream::connect(*this, to, handler);
  if (stopping_) stream.close();
  return stream;
}

std::unique_ptr<ResolveRequest> UvLoop::resolve(std::string_view host, uint16_t port,
                                                ResolveHandler& handler) {
  if (resolver_ == nullptr) resolver_ = std::make_unique<UvResolver>(*this, options_);
  return resolver_->resolve(host, port, handler);
}

void UvLoop::adopt(UvStream& stream) {
  stream.set_place(streams_.size());
  streams_.push_back(&stream);
}

void UvLoop::forget(UvStream& stream) {
  size_t place = stream.place();
  streams_[place] = streams_.back();
  streams_[place]->set_place(place);
  streams_.pop_back();
}

void UvLoop::adopt(std::weak_ptr<UvAcceptor> acceptor) {
  std::erase_if(acceptors_, [](const auto& old) { return old.expired(); });
  acceptors_.push_back(std::move(acceptor));
}

bool UvLoop::shed_connection(int listening_fd) {
  if (reserve_fd_ >= 0) ::close(std::exchange(reserve_fd_, -1));
  int fd = ::accept4(listening_fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) {
    ::close(fd);
    ++counters_.accepts_shed;
  }
  reserve_fd_ = open_reserve();
  return fd >= 0 && reserve_fd_ >= 0;
}

void UvLoop::run() {
  // A client that is gone is an error of the write. Not undone: what is pending would be delivered then.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  clocks_sampled_ = false;
  run_tasks();
  if (!stop_requested_.load(std::memory_order_relaxed)) uv_run(&loop_, UV_RUN_DEFAULT);
  shut_down();
  thread_.store({}, std::memory_order_relaxed);
}

void UvLoop::close_streams() {
  while (!streams_.empty()) {
    for (UvStream* stream : std::vector(streams_)) stream->close();
    uv_run(&loop_, UV_RUN_NOWAIT);
  }
}

void UvLoop::shut_down() {
  if (shut_) return;
  stopping_ = true;
  for (auto& weak : std::exchange(acceptors_, {})) {
    if (auto acceptor = weak.lock()) acceptor->close();
  }
  close_streams();
  hooks_.run();
  // What a hook opened at the very end goes too.
  close_streams();
  resolver_.reset();
  for (auto& action : std::exchange(shut_down_actions_, {})) action();
  std::vector<std::unique_ptr<Task>> too_late;
  {
    std::lock_guard lock(inbox_mutex_);
    inbox_closed_ = true;
    too_late.swap(inbox_);
  }
  too_late.clear();
  for (UvDeferred* call : std::exchange(deferred_, {})) {
    if (call != nullptr) call->deferred_ = false;
  }
  close_handles();
  shut_ = true;
}

void UvLoop::close_handles() {
  auto close = [](uv_handle_t* handle, void*) {
    if (!uv_is_closing(handle)) uv_close(handle, nullptr);
  };
  uv_walk(&loop_, close, nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

}  // namespace perigee::net
