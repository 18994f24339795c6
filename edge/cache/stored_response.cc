#include "edge/cache/stored_response.h"

#include <utility>

#include "edge/cache/piece_heap.h"

namespace perigee::cache {

namespace {

size_t allocation_size(bool is_large, size_t stale_use, size_t text, size_t selecting, size_t body) {
  return sizeof(StoredResponse) + (is_large ? sizeof(std::shared_ptr<const Body>) : 0) + stale_use + text +
         (selecting != 0 ? sizeof(uint16_t) + selecting : 0) + body;
}

bool allows_stale_use(const ResponseMeta& meta) {
  return meta.stale_while_revalidate != 0 || meta.stale_if_error != 0;
}

// From the pieces while they last.
void* take_memory(const Budget& budget, size_t size) {
  void* piece = budget.pieces() != nullptr ? budget.pieces()->take(size) : nullptr;
  return piece != nullptr ? piece : ::operator new(size);
}

void free_memory(const Budget& budget, void* memory) {
  if (budget.pieces() != nullptr && budget.pieces()->holds(memory)) return budget.pieces()->give_back(memory);
  ::operator delete(memory);
}

char* put(char* at, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

}  // namespace

StoredResponse::StoredResponse(const Parts& parts)
    : response_time_ms_(static_cast<uint64_t>(parts.meta.response_time_ms) & ((uint64_t{1} << 42) - 1)),
      status_(parts.meta.status),
      meta_flags_(parts.meta.flags),
      may_be_stale_(allows_stale_use(parts.meta)),
      corrected_initial_age_(parts.meta.corrected_initial_age),
      freshness_lifetime_(parts.meta.freshness_lifetime),
      hash_(parts.hash),
      purge_stamp_(parts.purge_stamp),
      key_length_(static_cast<uint16_t>(parts.key.size())),
      head_length_(static_cast<uint16_t>(parts.head.size())),
      body_length_(static_cast<uint16_t>(parts.small_body.size())),
      flags_(static_cast<uint8_t>((parts.large_body ? large : 0) | (parts.selecting.empty() ? 0 : varies) |
                                  (parts.small_body.size() == 65536 ? body_64_kib : 0))) {}

StoredResponse* StoredResponse::create(Budget& budget, Parts&& parts) {
  if (parts.key.size() > stored_text_max || parts.head.size() > stored_text_max ||
      parts.selecting.size() > stored_text_max || parts.small_body.size() > 65536) {
    return nullptr;
  }
  const bool is_large = parts.large_body != nullptr;
  const size_t stale_use = allows_stale_use(parts.meta) ? sizeof(StaleUse) : 0;
  const size_t size = allocation_size(is_large, stale_use, parts.key.size() + parts.head.size(),
                                      parts.selecting.size(), parts.small_body.size());
  char* memory = static_cast<char*>(take_memory(budget, size));
  budget.charge(allocated_bytes(size));
  auto* response = new (memory) StoredResponse(parts);
  char* at = memory + sizeof(StoredResponse);
  if (is_large) {
    new (at) std::shared_ptr<const Body>(std::move(parts.large_body));
    at += sizeof(std::shared_ptr<const Body>);
  }
  if (stale_use != 0) {
    const StaleUse use{parts.meta.stale_while_revalidate, parts.meta.stale_if_error};
    std::memcpy(at, &use, sizeof use);
    at += sizeof use;
  }
  at = put(put(at, parts.key), parts.head);
  if (!parts.selecting.empty()) {
    const auto length = static_cast<uint16_t>(parts.selecting.size());
    std::memcpy(at, &length, sizeof length);
    at = put(at + sizeof length, parts.selecting);
  }
  put(at, parts.small_body);
  return response;
}

void StoredResponse::destroy(Budget& budget, StoredResponse* response) {
  const size_t size = response->size();
  if (response->flag(large)) {
    std::launder(reinterpret_cast<std::shared_ptr<const Body>*>(response + 1))->~shared_ptr();
  }
  response->~StoredResponse();
  free_memory(budget, response);
  budget.release(allocated_bytes(size));
}

size_t StoredResponse::size() const {
  return allocation_size(flag(large), may_be_stale_ ? sizeof(StaleUse) : 0,
                         size_t{key_length_} + head_length_, selecting().size(),
                         flag(large) ? 0 : small_body_length());
}

}  // namespace perigee::cache
