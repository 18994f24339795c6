#include "edge/net/tls_hot_memory.h"

#include <algorithm>

#include "edge/base/prefetch.h"
#include "edge/net/tls_errors.h"
#include "edge/net/tls_handles.h"

namespace perigee::net {
namespace {

// The lines of a session that opening and making a record touch, in OpenSSL 3.0, which tells by the size. Of
// a trace of all loads and stores.
constexpr size_t known_session_bytes = 7608;
constexpr std::array<uint8_t, 22> known_session_lines = {0,  1,  2,  6,  11, 19, 33, 34,  36,  39,  40,
                                                         42, 46, 49, 50, 51, 74, 75, 114, 115, 116, 117};

// What was learned; written once, before there are threads.
struct Layout {
  size_t session_bytes = 0;
  std::array<size_t, 4> cipher_bytes{};
};
constinit Layout layout{};

// What is taken while this is learned.
struct Learning {
  std::array<size_t, 16> taken{};
  size_t count = 0;
};
thread_local constinit Learning* learning = nullptr;
thread_local constinit TlsHotMemory* noting_for = nullptr;

bool is_cipher_state(size_t bytes) {
  return bytes != 0 && std::ranges::find(layout.cipher_bytes, bytes) != layout.cipher_bytes.end();
}

void learn_cipher(const char* name) {
  const CipherHandle cipher(EVP_CIPHER_fetch(nullptr, name, nullptr));
  if (cipher == nullptr) return;
  constexpr std::array<unsigned char, EVP_MAX_KEY_LENGTH> zeros{};
  Learning taken;
  learning = &taken;
  const CipherContextHandle context(EVP_CIPHER_CTX_new());
  EVP_EncryptInit_ex2(context.get(), cipher.get(), zeros.data(), zeros.data(), nullptr);
  learning = nullptr;
  for (size_t i = 0; i < taken.count; ++i) {
    auto free = std::ranges::find(layout.cipher_bytes, 0u);
    if (!is_cipher_state(taken.taken[i]) && free != layout.cipher_bytes.end()) *free = taken.taken[i];
  }
}

}  // namespace

void learn_tls_layout() {
  for (const char* name : {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"}) learn_cipher(name);
  const ContextHandle context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return;
  Learning taken;
  learning = &taken;
  SSL_free(SSL_new(context.get()));
  learning = nullptr;
  layout.session_bytes = *std::ranges::max_element(taken.taken);
  forget_tls_errors();
}

bool is_hot_tls_memory(size_t bytes) {
  if (learning != nullptr && learning->count < learning->taken.size())
    learning->taken[learning->count++] = bytes;
  return is_cipher_state(bytes) || (bytes != 0 && bytes == layout.session_bytes);
}

TlsHotMemory::Noting::Noting(TlsHotMemory& memory) { noting_for = &memory; }
TlsHotMemory::Noting::~Noting() { noting_for = nullptr; }

void TlsHotMemory::took(const void* memory, size_t bytes) {
  if (noting_for == nullptr || !is_cipher_state(bytes)) return;
  auto& blocks = noting_for->blocks_;
  const auto free = std::ranges::find(blocks, nullptr, &Block::at);
  if (free != blocks.end()) *free = {static_cast<const char*>(memory), static_cast<uint32_t>(bytes)};
}

void TlsHotMemory::gave(const void* memory) {
  if (noting_for == nullptr) return;
  auto& blocks = noting_for->blocks_;
  const auto known = std::ranges::find(blocks, memory, &Block::at);
  if (known != blocks.end()) *known = {};
}

size_t TlsHotMemory::blocks() const {
  return static_cast<size_t>(
      std::ranges::count_if(blocks_, [](const Block& block) { return block.at != nullptr; }));
}

void TlsHotMemory::prefetch(const SSL* session, const void* handler) const {
  if (session != nullptr && layout.session_bytes == known_session_bytes) {
    const char* at = reinterpret_cast<const char*>(session);
    for (const size_t number : known_session_lines) __builtin_prefetch(at + number * cache_line_bytes, 1);
  }
  for (const Block& block : blocks_) {
    for (size_t at = 0; at < block.bytes; at += cache_line_bytes) __builtin_prefetch(block.at + at, 1);
  }
  prefetch_front(handler);
}

}  // namespace perigee::net
