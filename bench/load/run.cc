#include "bench/load/run.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>

namespace perigee::load {

namespace {

constexpr int64_t tick_ns = 5'000'000;
// How long a client waits before it tries a target again that refused it.
constexpr int64_t retry_ns = 20'000'000;
constexpr int64_t progress_ns = 1'000'000'000;
// While some of a herd await their first byte, those who have theirs read on for so long at most, and then
// nobody does anything for so long: a thousand real clients would not take the cores of what they ask.
constexpr int64_t herd_reading_ns = 500'000;
constexpr int64_t herd_pause_ns = 1'000'000;
// A herd's clients have machines of their own; here they share the cores with what they measure, and would
// be a thousand times late for a request that has waited for them. Where that is not allowed they do.
constexpr int herd_priority = -10;

int64_t nanoseconds(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

std::string printed(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return std::string(text) + ':' + std::to_string(ntohs(address.sin_port));
}

}  // namespace

Run::Run(const Options& options, const Schedule& schedule)
    : options_(options),
      tally_(options),
      host_(options.host.empty() ? printed(options.targets[0]) : options.host),
      schedule_(schedule),
      idle_(options.targets.size(), options.connections),
      shows_progress_(options.summary && isatty(STDERR_FILENO) != 0) {
  const auto constant = [](const Pattern& pattern) { return pattern.is_constant(); };
  if (options.paths.size() == 1 && options.paths[0].is_constant() &&
      std::all_of(options.headers.begin(), options.headers.end(), constant)) {
    append_request(constant_request_, 0);
  }
}

Run::~Run() {
  clients_.clear();
  if (signals_ >= 0) close(signals_);
  if (epoll_ >= 0) close(epoll_);
}

ClientOptions Run::client_options(size_t index) const {
  ClientOptions client;
  client.target = options_.targets[index % options_.targets.size()];
  client.index = index;
  client.pipeline = options_.pipeline;
  client.rate = index < options_.slow_clients ? options_.slow_rate : 0;
  client.leave_after = index < options_.leaving_clients ? std::max<uint64_t>(options_.leave_after, 1) : 0;
  client.head_requests = options_.method == "HEAD";
  client.verify = options_.verify;
  client.reconnect = options_.reconnect;
  client.herd = options_.herd;
  client.timeout_ns = nanoseconds(options_.timeout_s);
  return client;
}

bool Run::watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  return signals_ >= 0 && epoll_ctl(epoll_, EPOLL_CTL_ADD, signals_, &event) == 0;
}

Result<void> Run::run() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (options_.herd) setpriority(PRIO_PROCESS, 0, herd_priority);
  if (epoll_ < 0 || !watch_signals()) return fail(Side::internal, "io", std::strerror(errno));
  started_at_ = ticked_at_ = shown_at_ = monotonic_ns();
  herd_asked_.resize(options_.connections);
  for (size_t i = 0; i < options_.connections; ++i) {
    clients_.push_back(std::make_unique<Client>(static_cast<Driver&>(*this), epoll_, client_options(i)));
    clients_.back()->connect();
  }
  while (!over(monotonic_ns())) wait_and_dispatch();
  ended_at_ = monotonic_ns();
  return {};
}

void Run::wait_and_dispatch() {
  std::array<epoll_event, 4096> events;
  int64_t wait_ns = tick_ns;
  int64_t due = 0;
  if (options_.open_loop() && !idle_.empty() && due_at(issued_, due))
    wait_ns = std::clamp<int64_t>(due - monotonic_ns(), 0, tick_ns);
  const timespec wait{0, wait_ns};
  const int count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
  dispatch({events.data(), static_cast<size_t>(std::max(count, 0))});
  const int64_t now = monotonic_ns();
  if (!reconnects_.empty()) reconnect_due(now);
  if (options_.open_loop()) ask_what_is_due(now);
  if (now - ticked_at_ >= tick_ns) tick(now);
}

void Run::dispatch(std::span<epoll_event> events) {
  auto readers = events.end();
  if (options_.herd) {
    readers = std::partition(events.begin(), events.end(), [](const epoll_event& event) {
      const auto* client = static_cast<const Client*>(event.data.ptr);
      return client == nullptr || client->awaits_first_byte();
    });
    // What is left over is reported again.
    if (const auto count = events.end() - readers; count > 0) {
      std::rotate(readers, readers + static_cast<std::ptrdiff_t>(readers_had_ % static_cast<uint64_t>(count)),
                  events.end());
    }
  }
  const auto handle = [this](const epoll_event& event) {
    auto* client = static_cast<Client*>(event.data.ptr);
    if (client == nullptr) {
      on_signal();
    } else if (client->is_open()) {
      client->on_events(event.events);
    }
  };
  std::for_each(events.begin(), readers, handle);
  if (readers == events.end()) return;
  const bool awaited = std::any_of(clients_.begin(), clients_.end(),
                                   [](const auto& client) { return client->awaits_first_byte(); });
  const int64_t until = awaited ? monotonic_ns() + herd_reading_ns : std::numeric_limits<int64_t>::max();
  for (auto at = readers; at != events.end() && monotonic_ns() < until; ++at, ++readers_had_) handle(*at);
  if (!awaited || readers != events.begin()) return;
  // Only a signal is of interest now.
  const timespec pause{0, herd_pause_ns};
  pollfd signals{signals_, POLLIN, 0};
  ppoll(&signals, 1, &pause, nullptr);
}

void Run::on_signal() {
  stopped_ = true;
  signalfd_siginfo seen{};
  while (::read(signals_, &seen, sizeof seen) > 0) {
    if (seen.ssi_signo != SIGINT) continue;
    for (auto& client : clients_) {
      if (client->is_open()) client->close(Ending::left);
    }
  }
}

void Run::tick(int64_t now) {
  ticked_at_ = now;
  for (auto& client : clients_) client->on_tick(now);
  if (shows_progress_ && now - shown_at_ >= progress_ns) show_progress(now);
}

void Run::reconnect_due(int64_t now) {
  std::vector<Due> due;
  due.swap(reconnects_);
  for (const Due& entry : due) {
    if (stopping(now)) continue;
    if (entry.at <= now) {
      clients_[entry.client]->connect();
    } else {
      reconnects_.push_back(entry);
    }
  }
}

bool Run::stopping(int64_t now) const {
  if (stopped_) return true;
  if (options_.herd) return herd_started_;
  int64_t due = 0;
  if (options_.open_loop()) return !due_at(issued_, due);
  if (options_.has_schedule() && issued_ >= schedule_.size()) return true;
  if (options_.requests != 0 && issued_ >= options_.requests) return true;
  return options_.duration_s > 0 && now - started_at_ >= nanoseconds(options_.duration_s);
}

// What is due before the end is asked, however late: leaving it out would hide the worst latencies.
bool Run::due_at(uint64_t number, int64_t& at) const {
  if (options_.requests != 0 && number >= options_.requests) return false;
  if (options_.has_schedule() && number >= schedule_.size()) return false;
  const double after = options_.rate > 0 ? static_cast<double>(number) / options_.rate * 1e9
                                         : static_cast<double>(schedule_.at_ns(number)) / options_.speed;
  at = started_at_ + static_cast<int64_t>(after);
  return options_.duration_s <= 0 || after < options_.duration_s * 1e9;
}

void Run::ask_what_is_due(int64_t now) {
  int64_t due = 0;
  while (!stopped_ && due_at(issued_, due) && due <= now) {
    const auto client = idle_.take();
    if (!client) return;
    granted_ = true;
    clients_[*client]->ask();
    granted_ = false;
  }
}

void Run::show_progress(int64_t now) {
  const double seconds_since = static_cast<double>(now - shown_at_) * 1e-9;
  const double rate = static_cast<double>(tally_.requests() - shown_requests_) / seconds_since;
  const double hits = tally_.requests() == 0
                          ? 0
                          : 100 * static_cast<double>(tally_.hits()) / static_cast<double>(tally_.requests());
  std::fprintf(stderr, "\r\033[K%.0f s  %.0f requests/s  %lu in all  %.1f %% hits  p99 %.2f ms",
               static_cast<double>(now - started_at_) * 1e-9, rate, tally_.requests(), hits,
               static_cast<double>(tally_.latency().percentile(0.99)) * 1e-6);
  shown_at_ = now;
  shown_requests_ = tally_.requests();
}

bool Run::over(int64_t now) const {
  if (!stopping(now)) return false;
  return std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->is_idle(); });
}

void Run::append_request(std::string& out, uint64_t number) const {
  out += options_.method;
  out += ' ';
  std::string_view host = host_;
  if (options_.has_schedule()) {
    schedule_.append_target(out, number);
    if (options_.host.empty() && !schedule_.host(number).empty()) host = schedule_.host(number);
  } else {
    options_.paths[number % options_.paths.size()].append(out, number);
  }
  out += " HTTP/1.1\r\nhost: ";
  out += host;
  out += "\r\n";
  for (const Pattern& header : options_.headers) {
    header.append(out, number);
    out += "\r\n";
  }
  out += "\r\n";
}

bool Run::next_request(Client& client, std::string& out, Request& request) {
  if (options_.herd) {
    if (!herd_started_ || herd_asked_[client.index()]) return false;
    herd_asked_[client.index()] = true;
  } else if (stopping(ticked_at_)) {
    return false;
  } else if (options_.open_loop()) {
    // One at a time, also to a client with room for more: the next one may be another target's.
    if (!std::exchange(granted_, false)) {
      idle_.add(client.index());
      return false;
    }
    due_at(issued_, request.due_at);
  }
  // In a herd a client's request carries the client's number, whoever connects first.
  request.number = options_.herd ? client.index() : issued_;
  ++issued_;
  if (options_.has_schedule() && options_.verify) request.expected_id = schedule_.id(request.number);
  if (!options_.expected_ids.empty()) options_.expected_ids[0].append(request.expected_id, request.number);
  if (constant_request_.empty()) {
    append_request(out, request.number);
  } else {
    out += constant_request_;
  }
  return true;
}

void Run::on_connected(Client& client) {
  if (!options_.herd) return client.ask();
  ++settled_;
  start_herd();
}

void Run::start_herd() {
  if (herd_started_ || settled_ < options_.connections) return;
  herd_started_ = true;
  for (auto& client : clients_) {
    client->ask();
    if (!herd_asked_[client->index()]) count_refused(*client);
  }
}

void Run::count_refused(const Client& client) {
  Outcome outcome;
  outcome.client = client.index();
  outcome.ending = Ending::refused;
  tally_.add(outcome);
}

void Run::on_outcome(Client&, const Outcome& outcome) {
  tally_.add(outcome);
  if (options_.announce && !announced_ && tally_.answered() > 0) {
    announced_ = true;
    std::puts("running");
    std::fflush(stdout);
  }
}

void Run::on_closed(Client& client, bool refused) {
  if (options_.herd) {
    // Who has no connection when the herd starts is counted then.
    if (!herd_started_ && refused) {
      ++settled_;
      start_herd();
    }
    return;
  }
  if (refused) {
    count_refused(client);
    ++issued_;  // or a run of N requests against nobody would never end
  }
  idle_.remove(client.index());
  reconnects_.push_back({client.index(), refused ? monotonic_ns() + retry_ns : 0});
}

}  // namespace perigee::load
