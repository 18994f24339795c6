#include "edge/net/page_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "edge/base/poison.h"

namespace perigee::net {

namespace {

constexpr size_t place_bytes = BlockMemory::block_bytes_max;
constexpr size_t places_per_word = 64;
// Blocks are seldom smaller than a quarter of a place; and a few more, for what is pinned beyond the budget.
constexpr uint64_t places_per_full_one = 4;
constexpr uint64_t spare_bytes = 64ull << 20;
constexpr size_t none = ~size_t{0};

}  // namespace

std::unique_ptr<PageFile> PageFile::create(uint64_t bytes) {
  constexpr uint64_t word_bytes = place_bytes * places_per_word;
  const uint64_t size =
      (bytes * places_per_full_one + spare_bytes + word_bytes - 1) / word_bytes * word_bytes;
  const int descriptor = ::memfd_create("perigee-blocks", MFD_CLOEXEC);
  if (descriptor < 0) return nullptr;
  void* begin = MAP_FAILED;
  if (::ftruncate(descriptor, static_cast<off_t>(size)) == 0) {
    begin = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
  }
  if (begin == MAP_FAILED) {
    ::close(descriptor);
    return nullptr;
  }
  // A cache is no part of what a crash needs to be understood.
  ::madvise(begin, size, MADV_DONTDUMP);
  return std::unique_ptr<PageFile>(new PageFile(descriptor, static_cast<char*>(begin), size));
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

size_t PageFile::allocated_bytes(size_t bytes) const {
  return (bytes + page_bytes_ - 1) & ~(page_bytes_ - 1);
}

bool PageFile::is_free(size_t place) const {
  return place < free_.size() * places_per_word &&
         (free_[place / places_per_word] >> (place % places_per_word) & 1) != 0;
}

// Behind the neighbour; else the next that is free, leaving room behind it for those that are to follow.
size_t PageFile::find_free(const char* behind, size_t ahead) {
  if (behind != nullptr) {
    const size_t place = static_cast<size_t>(behind - begin_) / place_bytes + 1;
    if (is_free(place)) return place;
  }
  const size_t words = free_.size();
  const size_t first = next_ / places_per_word % words;
  for (size_t i = 0; i <= words; ++i) {
    const size_t word = (first + i) % words;
    uint64_t candidates = free_[word];
    if (i == 0) candidates &= ~uint64_t{0} << (next_ % places_per_word);
    if (candidates == 0) continue;
    const size_t place = word * places_per_word + static_cast<size_t>(std::countr_zero(candidates));
    next_ = (place + 1 + ahead) % (words * places_per_word);
    return place;
  }
  return none;
}

char* PageFile::take(size_t bytes, const char* behind, size_t ahead) {
  size_t place = none;
  {
    const std::lock_guard lock(mutex_);
    place = find_free(behind, ahead);
    if (place == none) return nullptr;
    free_[place / places_per_word] &= ~(uint64_t{1} << (place % places_per_word));
    used_end_ = std::max(used_end_, place + 1);
  }
  char* const block = begin_ + place * place_bytes;
  unpoison(block, place_bytes);
  // All pages by one call; otherwise each would be a fault, and the last page of the machine a SIGBUS. A
  // kernel before 5.14 does not know how to and faults.
  if (::madvise(block, allocated_bytes(bytes), MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
    give_back(block, bytes);
    return nullptr;
  }
  return block;
}

void PageFile::give_back(char* block, size_t bytes) {
  const auto offset = block - begin_;
  poison(block, place_bytes);
  int failed = 0;
  do {
    failed = ::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                         static_cast<off_t>(allocated_bytes(bytes)));
  } while (failed != 0 && errno == EINTR);
  if (failed != 0) {
    // The pages may still be on their way to a client: the place is never written again.
    places_lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const size_t place = static_cast<size_t>(offset) / place_bytes;
  const std::lock_guard lock(mutex_);
  free_[place / places_per_word] |= uint64_t{1} << (place % places_per_word);
}

}  // namespace perigee::net
