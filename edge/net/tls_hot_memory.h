// Where a session keeps what every record touches, so that it can be on its way to the caches while the
// kernel still reads: with more than a few dozen connections it has left them. That is some 45 lines of 64
// bytes, of the session itself and of its ciphers' states, which OpenSSL allocates apart.
//
// Nothing depends on it but speed: a line fetched in vain costs an instruction, one not known a wait.
//
// Thread rule: learn_tls_layout() before there are other threads; the rest on the session's loop.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace perigee::net {

class TlsHotMemory {
 public:
  // While it lives, what this thread takes for states of ciphers is this session's.
  class Noting {
   public:
    explicit Noting(TlsHotMemory& memory);
    ~Noting();
    Noting(const Noting&) = delete;
    Noting& operator=(const Noting&) = delete;
  };

  // And the front of what the session's bytes go to.
  void prefetch(const SSL* session, const void* handler) const;
  size_t blocks() const;

  // Called where OpenSSL's memory is taken and given back.
  static void took(void* memory, size_t bytes);
  static void gave(void* memory);

 private:
  // Each direction has a context and a state.
  static constexpr size_t blocks_max = 4;

  // Apart, since every connection has them: null is none.
  std::array<const char*, blocks_max> at_{};
  std::array<uint16_t, blocks_max> bytes_{};
};

// Finds out how much OpenSSL takes for a session and for the states of its ciphers, if it takes it from
// keep_tls_memory(). Without that nothing is fetched.
void learn_tls_layout();

}  // namespace perigee::net
