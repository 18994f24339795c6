#include "edge/net/mapped_range.h"

#include <sys/mman.h>
#include <unistd.h>

#include "edge/base/poison.h"

namespace perigee::net {

namespace {

// The most that a budget can be, twice.
constexpr uint64_t bytes_most = 1ull << 47;

}  // namespace

std::unique_ptr<MappedRange> MappedRange::create(uint64_t bytes) {
#ifdef PERIGEE_POISONS
  return nullptr;
#endif
  const auto page_bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  if (bytes == 0 || bytes > bytes_most) return nullptr;
  const uint64_t size = (bytes + page_bytes - 1) & ~uint64_t{page_bytes - 1};
  void* begin =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) return nullptr;
  // A part of a huge page cannot be given back. A kernel without them does not know the word.
  ::madvise(begin, size, MADV_NOHUGEPAGE);
  return std::unique_ptr<MappedRange>(new MappedRange(static_cast<char*>(begin), size, page_bytes));
}

MappedRange::~MappedRange() { ::munmap(begin_, size_); }

void MappedRange::discard(char* begin, size_t bytes) { ::madvise(begin, bytes, MADV_DONTNEED); }

}  // namespace perigee::net
