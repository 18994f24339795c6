#include "edge/net/tls_hot_memory.h"

#include <algorithm>

#include "edge/base/prefetch.h"
#include "edge/net/tls_errors.h"
#include "edge/net/tls_handles.h"
#include "edge/net/tls_policy.h"

namespace perigee::net {
namespace {

// Where in a session opening and making a record touch it, in OpenSSL 3.0, which tells by the size: the ends
// of each stretch, and points between that leave out no line. Of a trace of all loads and stores.
constexpr size_t known_session_bytes = 7608;
constexpr std::array<uint16_t, 25> known_session_places = {
    0,    64,   128,  168,  384,  440,  736,  1216, 2120, 2192, 2328, 2536, 2592,
    2712, 2976, 3168, 3232, 3280, 4776, 4832, 7336, 7400, 7432, 7504, 7520};

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
  for (const char* name : ciphers_tls13) learn_cipher(name);
  const ContextHandle context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return;
  Learning taken;
  learning = &taken;
  SSL_free(SSL_new(context.get()));
  learning = nullptr;
  layout.session_bytes = *std::ranges::max_element(taken.taken);
  forget_tls_errors();
}

TlsHotMemory::Noting::Noting(TlsHotMemory& memory) { noting_for = &memory; }
TlsHotMemory::Noting::~Noting() { noting_for = nullptr; }

void TlsHotMemory::took(void* memory, size_t bytes) {
  if (learning != nullptr && learning->count < learning->taken.size())
    learning->taken[learning->count++] = bytes;
  if (noting_for == nullptr || !is_cipher_state(bytes)) return;
  auto& known = noting_for->at_;
  const auto free = std::ranges::find(known, nullptr);
  if (free == known.end()) return;
  *free = static_cast<const char*>(memory);
  noting_for->bytes_[static_cast<size_t>(free - known.begin())] = static_cast<uint16_t>(bytes);
}

void TlsHotMemory::gave(void* memory) {
  if (noting_for != nullptr) std::ranges::replace(noting_for->at_, static_cast<const char*>(memory), nullptr);
}

size_t TlsHotMemory::blocks() const {
  return blocks_max - static_cast<size_t>(std::ranges::count(at_, nullptr));
}

void TlsHotMemory::prefetch(const SSL* session, const void* handler) const {
  if (session != nullptr && layout.session_bytes == known_session_bytes) {
    const char* at = reinterpret_cast<const char*>(session);
    for (const size_t place : known_session_places) __builtin_prefetch(at + place, 1);
  }
  for (size_t i = 0; i < blocks_max; ++i) {
    if (at_[i] == nullptr) continue;
    for (size_t at = 0; at < bytes_[i]; at += cache_line_bytes) __builtin_prefetch(at_[i] + at, 1);
    __builtin_prefetch(at_[i] + bytes_[i] - 1, 1);
  }
  prefetch_front(handler);
}

}  // namespace perigee::net
