#include "edge/net/page_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "edge/base/poison.h"
#include "edge/net/page_pipe.h"

// Of Linux 6.3; older headers do not have it, and older kernels say EINVAL.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace perigee::net {

namespace {

constexpr size_t place_bytes = BlockMemory::block_bytes_max;
constexpr size_t places_per_word = 64;
// Blocks are seldom smaller than a quarter of a place; and a few more, for what is pinned beyond the budget.
constexpr uint64_t places_per_full_one = 4;
constexpr uint64_t spare_bytes = 64ull << 20;
// The most that a budget can be.
constexpr uint64_t bytes_most = 1ull << 46;
// How many places become a hole with one call, and how many calls a take() makes.
constexpr size_t run_most = 16;
constexpr int releases_per_take = 2;
// Places are looked for among so many times those that are taken, and at least so many: tables of pages
// remain where there were any.
constexpr size_t spread = 2;
constexpr size_t spread_least = 1024;
constexpr size_t none = ~size_t{0};

int open_file() {
  const int descriptor = ::memfd_create("perigee-blocks", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  if (descriptor >= 0 || errno != EINVAL) return descriptor;
  return ::memfd_create("perigee-blocks", MFD_CLOEXEC);
}

// Beyond the limit there would be a signal.
bool may_be_as_large(uint64_t size) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
         (limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur);
}

bool can_be_sent(Slice bytes) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
  PagePipe pipe;
  unsigned calls = 0;
  const bool sent = pipe.ready() && pipe.send(pair[0], bytes, calls) == static_cast<ssize_t>(bytes.size());
  ::close(pair[0]);
  ::close(pair[1]);
  return sent;
}

}  // namespace

std::unique_ptr<PageFile> PageFile::create(uint64_t bytes) {
  constexpr uint64_t word_bytes = place_bytes * places_per_word;
  if (bytes > bytes_most) return nullptr;
  const uint64_t size =
      (bytes * places_per_full_one + spare_bytes + word_bytes - 1) / word_bytes * word_bytes;
  if (!may_be_as_large(size)) return nullptr;
  const int descriptor = open_file();
  if (descriptor < 0) return nullptr;
  void* begin = MAP_FAILED;
  if (::ftruncate(descriptor, static_cast<off_t>(size)) == 0) {
    begin = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
  }
  if (begin == MAP_FAILED) {
    ::close(descriptor);
    return nullptr;
  }
  std::unique_ptr<PageFile> file(new PageFile(descriptor, static_cast<char*>(begin), size));
  return file->works() ? std::move(file) : nullptr;
}

PageFile::PageFile(int descriptor, char* begin, size_t size)
    : descriptor_(descriptor),
      begin_(begin),
      size_(size),
      page_bytes_(static_cast<size_t>(::sysconf(_SC_PAGESIZE))),
      free_(size / place_bytes / places_per_word, ~uint64_t{0}) {}

PageFile::~PageFile() {
  unpoison(begin_, used_end_ * place_bytes);
  ::munmap(begin_, size_);
  ::close(descriptor_);
}

// Whether the system does what all of this depends on.
bool PageFile::works() {
  // A kernel without huge pages does not know the word.
  if (::madvise(begin_, size_, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) return false;
  // A cache is no part of what a crash needs to be understood.
  ::madvise(begin_, size_, MADV_DONTDUMP);
  char* const block = take(1, nullptr, 0);
  if (block == nullptr) return false;
  *block = 1;
  const bool sent = can_be_sent({block, 1});
  give_back(block);
  release();
  struct stat facts {};
  return sent && ::fstat(descriptor_, &facts) == 0 && facts.st_blocks == 0;
}

size_t PageFile::allocated_bytes(size_t bytes) const {
  return (bytes + page_bytes_ - 1) & ~(page_bytes_ - 1);
}

bool PageFile::is_free(size_t place) const {
  return place < places() && (free_[place / places_per_word] >> (place % places_per_word) & 1) != 0;
}

// Behind the neighbour; else the next that is free, leaving room behind it for those that are to follow.
size_t PageFile::find_free(const char* behind, size_t ahead) {
  if (taken_ == places()) return none;
  if (behind != nullptr) {
    const size_t place = static_cast<size_t>(behind - begin_) / place_bytes + 1;
    if (is_free(place)) return place;
  }
  if (next_ >= std::max(taken_ * spread, spread_least)) next_ = 0;
  const size_t words = free_.size();
  const size_t first = next_ / places_per_word % words;
  for (size_t i = 0; i <= words; ++i) {
    const size_t word = (first + i) % words;
    uint64_t candidates = free_[word];
    if (i == 0) candidates &= ~uint64_t{0} << (next_ % places_per_word);
    if (candidates == 0) continue;
    const size_t place = word * places_per_word + static_cast<size_t>(std::countr_zero(candidates));
    next_ = (place + 1 + ahead) % places();
    return place;
  }
  return none;
}

char* PageFile::take(size_t bytes, const char* behind, size_t ahead) {
  for (int i = 0; i < releases_per_take && release(); ++i) {
  }
  size_t place = none;
  {
    const std::lock_guard lock(mutex_);
    place = find_free(behind, ahead);
    if (place == none) {
      ++refused_;
      return nullptr;
    }
    free_[place / places_per_word] &= ~(uint64_t{1} << (place % places_per_word));
    ++taken_;
    used_end_ = std::max(used_end_, place + 1);
  }
  char* const block = begin_ + place * place_bytes;
  unpoison(block, bytes);
  // All pages by one call; otherwise each would be a fault, and the last page of the machine a SIGBUS. A
  // kernel before 5.14 does not know how to, and faults.
  if (::madvise(block, allocated_bytes(bytes), MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
    give_back(block);
    const std::lock_guard lock(mutex_);
    ++refused_;
    return nullptr;
  }
  return block;
}

void PageFile::give_back(char* block) {
  poison(block, place_bytes);
  const std::lock_guard lock(mutex_);
  waiting_.push_back(static_cast<size_t>(block - begin_) / place_bytes);
}

// Places that lie in a row, as the blocks of a body do, become one hole.
PageFile::Run PageFile::next_waiting() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return {};
  Run run{waiting_.front(), 0};
  while (run.count < run_most && !waiting_.empty() && waiting_.front() == run.first + run.count) {
    waiting_.pop_front();
    ++run.count;
  }
  return run;
}

bool PageFile::release() {
  const Run run = next_waiting();
  if (run.count == 0) return false;
  int failed = 0;
  do {
    failed =
        ::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(run.first * place_bytes), static_cast<off_t>(run.count * place_bytes));
  } while (failed != 0 && errno == EINTR);
  const std::lock_guard lock(mutex_);
  if (failed != 0) {
    // Pages may still be on their way to a client: without a hole the places are never taken again.
    lost_ += run.count;
    return true;
  }
  for (size_t place = run.first; place < run.first + run.count; ++place) {
    free_[place / places_per_word] |= uint64_t{1} << (place % places_per_word);
  }
  taken_ -= run.count;
  return true;
}

BlockMemory::Stats PageFile::stats() const {
  struct stat facts {};
  const bool known = ::fstat(descriptor_, &facts) == 0;
  const std::lock_guard lock(mutex_);
  // A place that is becoming a hole just now counts as used.
  return {taken_ - waiting_.size() - lost_, waiting_.size(), lost_,
          known ? static_cast<uint64_t>(facts.st_blocks) * 512 : 0, refused_};
}

}  // namespace perigee::net
