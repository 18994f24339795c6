#include "edge/control/log_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>

#include "edge/control/log_line_sink.h"
#include "edge/control/syslog_sink.h"

namespace perigee::control {
namespace {

int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

}  // namespace

// The end of the queue: puts lines on a descriptor. Called by the writer thread alone, but for reopen() and
// dropped().
class DescriptorSink final : public LineSink {
 public:
  // An empty path: the descriptor is borrowed.
  DescriptorSink(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~DescriptorSink() override {
    if (!path_.empty()) ::close(descriptor_);
  }

  void log(const spdlog::details::log_msg& message) override {
    if (reopen_.exchange(false, std::memory_order_acq_rel)) open_again();
    line_.clear();
    if (torn_) line_.push_back('\n');
    line_.append(message.payload.data(), message.payload.size());
    line_.push_back('\n');
    if (!put_line()) drop();
  }

  void reopen() override { reopen_.store(!path_.empty(), std::memory_order_release); }

 private:
  void open_again() {
    const int fresh = open_file(path_);
    if (fresh < 0) return;
    ::close(descriptor_);
    descriptor_ = fresh;
    torn_ = false;
  }

  // A line cut half-way is ended before the next one, so that a reader loses that line only.
  bool put_line() {
    std::string_view left = line_;
    while (!left.empty()) {
      const ssize_t written = has_room() ? put_some(left) : -1;
      if (written <= 0) {
        torn_ = torn_ || left.size() < line_.size();
        return false;
      }
      left.remove_prefix(static_cast<size_t>(written));
    }
    torn_ = false;
    return true;
  }

  // At most what a pipe with room is sure to take without blocking (pipe(7)).
  ssize_t put_some(std::string_view bytes) {
    ssize_t written = 0;
    do {
      written = ::write(descriptor_, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
    } while (written < 0 && errno == EINTR);
    return written;
  }

  // Waits once for a reader that stopped reading; afterwards lines are dropped at once until it reads again,
  // so that the queue, and the end of the process, do not wait behind it.
  bool has_room() {
    pollfd ask{descriptor_, POLLOUT, 0};
    const int ready = ::poll(&ask, 1, stuck_ ? 0 : 1000);
    stuck_ = ready == 0;
    return ready > 0;
  }

  int descriptor_;
  const std::string path_;
  std::string line_;
  bool torn_ = false;
  bool stuck_ = false;
  std::atomic<bool> reopen_{false};
};

namespace {

// The writer takes no signal meant for others, and a closed pipe is an error of write() instead of the end of
// the process.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

struct LogWriter::State {
  State(std::shared_ptr<LineSink> to, size_t queue_lines)
      : sink(std::move(to)),
        pool(std::make_shared<spdlog::details::thread_pool>(queue_lines, 1, block_signals)),
        logger(std::make_shared<spdlog::async_logger>("", sink, pool,
                                                      spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_level(spdlog::level::trace);
    logger->set_error_handler([](const std::string&) {});
  }

  std::shared_ptr<LineSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

LogWriter::LogWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogWriter::~LogWriter() = default;

Result<std::unique_ptr<LogWriter>> LogWriter::open(const std::string& target, size_t queue_lines) {
  if (target == "off") return std::unique_ptr<LogWriter>(new LogWriter(nullptr));
  const auto writer_to = [&](std::shared_ptr<LineSink> sink) {
    return std::unique_ptr<LogWriter>(new LogWriter(std::make_unique<State>(std::move(sink), queue_lines)));
  };
  if (target.starts_with(syslog_scheme))
    return writer_to(std::make_shared<SyslogSink>(target.substr(syslog_scheme.size())));
  int descriptor = STDERR_FILENO;
  std::string path;
  if (target == "stdout") {
    descriptor = STDOUT_FILENO;
  } else if (target != "stderr") {
    descriptor = open_file(target);
    if (descriptor < 0) return fail(Side::internal, "log_open_failed", target + ": " + std::strerror(errno));
    path = target;
  }
  return writer_to(std::make_shared<DescriptorSink>(descriptor, std::move(path)));
}

void LogWriter::write(std::string_view line) {
  if (state_ != nullptr)
    state_->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void LogWriter::reopen() {
  if (state_ != nullptr) state_->sink->reopen();
}

uint64_t LogWriter::dropped() const {
  return state_ == nullptr ? 0 : state_->sink->dropped() + state_->pool->overrun_counter();
}

}  // namespace perigee::control
