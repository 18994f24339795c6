#include "edge/net/uv_io.h"

#include <pthread.h>
#include <signal.h>
#include <sys/random.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "edge/base/random.h"
#include "edge/net/page_file.h"
#include "edge/net/posix_files.h"
#include "edge/net/uv_loop.h"

namespace perigee::net {
namespace {

uint64_t system_seed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = static_cast<uint64_t>(uv_hrtime());
  return seed;
}

// While it lives, the thread (and those it starts) takes no signal but those that its own faults raise.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

struct UvIo::Impl {
  explicit Impl(UvIoOptions options_)
      : options(std::move(options_)), seeds(options.seed != 0 ? options.seed : system_seed()) {}

  bool on_a_loop() const {
    return std::any_of(loops.begin(), loops.end(), [](const auto& loop) { return loop->on_own_thread(); });
  }

  UvIoOptions options;
  Random seeds;
  PosixFiles files;
  std::unique_ptr<PageFile> pages;  // not changed while a thread of ours runs
  std::vector<std::unique_ptr<UvLoop>> loops;
  std::vector<std::thread> threads;

  std::mutex stop_mutex;
  std::condition_variable stop_condition;
  bool stop_requested = false;
};

UvIo::UvIo(UvIoOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

UvIo::~UvIo() { stop(); }

Loop& UvIo::add_loop(std::string_view name) {
  impl_->loops.push_back(std::make_unique<UvLoop>(name, impl_->seeds.next(), impl_->options, impl_->pages));
  return *impl_->loops.back();
}

void UvIo::start() {
  SignalsBlocked blocked;
  for (auto& loop : impl_->loops) {
    // While there are descriptors for it.
    if (impl_->pages != nullptr) loop->page_pipe().ready();
    if (impl_->options.first_loop_in_wait && &loop == &impl_->loops.front()) continue;
    impl_->threads.emplace_back([raw = loop.get()] {
      pthread_setname_np(pthread_self(), raw->name().substr(0, 15).c_str());
      raw->run();
    });
  }
}

void UvIo::request_stop() {
  {
    std::lock_guard lock(impl_->stop_mutex);
    impl_->stop_requested = true;
  }
  impl_->stop_condition.notify_all();
  for (auto& loop : impl_->loops) loop->request_stop();
}

void UvIo::stop() {
  request_stop();
  if (impl_->on_a_loop()) return;
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
  for (auto& loop : impl_->loops) loop->shut_down();
}

void UvIo::wait() {
  if (impl_->options.first_loop_in_wait && !impl_->loops.empty()) {
    impl_->loops.front()->run();
  } else {
    std::unique_lock lock(impl_->stop_mutex);
    impl_->stop_condition.wait(lock, [&] { return impl_->stop_requested; });
  }
  stop();
}

unsigned UvIo::cores() const { return uv_available_parallelism(); }

Files& UvIo::files() { return impl_->files; }

BlockMemory* UvIo::block_memory(uint64_t bytes) {
  if (impl_->pages == nullptr && impl_->threads.empty()) impl_->pages = PageFile::create(bytes);
  return impl_->pages.get();
}

}  // namespace perigee::net
