// What OpenSSL keeps for a session of TLS 1.3 that has been used and is idle, on the server's side: the bytes
// that its allocations occupy in the heap, by its own hook, over many sessions.
//
//   bench-tls-memory CHAIN KEY AUTHORITIES NAME
//
// Prints one line of JSON. The clients live in the same process while they shake hands and are freed before
// anything is counted.

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "edge/net/posix_files.h"
#include "edge/net/tls_context.h"

namespace {

using namespace perigee;

size_t live = 0;

// With the heap's own word before it.
size_t occupied(void* memory) { return memory == nullptr ? 0 : malloc_usable_size(memory) + sizeof(size_t); }

// NOLINTBEGIN: what OpenSSL calls.
void* take(size_t size, const char*, int) {
  void* memory = std::malloc(size);
  live += occupied(memory);
  return memory;
}
void give(void* memory, const char*, int) {
  live -= occupied(memory);
  std::free(memory);
}
void* change(void* memory, size_t size, const char*, int) {
  live -= occupied(memory);
  memory = std::realloc(memory, size);
  live += occupied(memory);
  return memory;
}
// NOLINTEND

int fail(const char* what) {
  std::fprintf(stderr, "bench-tls-memory: %s\n", what);
  return 1;
}

// A session of each side with memory between them, shaken hands, with one message each way.
bool converse(SSL* server, SSL* client) {
  BIO* to_server = BIO_new(BIO_s_mem());
  BIO* to_client = BIO_new(BIO_s_mem());
  BIO_up_ref(to_server);
  BIO_up_ref(to_client);
  SSL_set_bio(server, to_server, to_client);
  SSL_set_bio(client, to_client, to_server);
  for (int turn = 0; turn < 10 && (SSL_is_init_finished(server) == 0 || SSL_is_init_finished(client) == 0);
       ++turn) {
    SSL_do_handshake(client);
    SSL_do_handshake(server);
  }
  char buffer[2048] = "";
  size_t size = 0;
  bool good =
      SSL_write_ex(client, buffer, 200, &size) == 1 && SSL_read_ex(server, buffer, sizeof buffer, &size) == 1;
  good = good && SSL_write_ex(server, buffer, sizeof buffer, &size) == 1 &&
         SSL_read_ex(client, buffer, sizeof buffer, &size) == 1;
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  if (CRYPTO_set_mem_functions(take, change, give) != 1) return fail("OpenSSL has allocated already");
  if (argc != 5) return fail("expected CHAIN KEY AUTHORITIES NAME");
  net::PosixFiles files;
  net::TlsCertificateBytes bytes{files.read_all(argv[1], 1 << 20).value_or(""),
                                 files.read_all(argv[2], 1 << 20).value_or(""), ""};
  auto certificate = net::read_tls_certificate(std::move(bytes), std::nullopt);
  if (!certificate) return fail(certificate.error().found.c_str());
  net::TlsServerSettings settings;
  settings.hosts.push_back({"*", {*certificate}});
  settings.ticket_secrets.push_back(std::string(64, 's'));
  const auto context = net::TlsServerContext::build(settings);
  net::TlsClientSettings trust;
  trust.authorities_pem = files.read_all(argv[3], 1 << 20).value_or("");
  const auto clients = net::TlsClientContext::build(trust);
  if (!context || !clients) return fail("no context from these files");

  constexpr size_t warm = 20;
  constexpr size_t counted = 2000;
  std::vector<SSL*> sessions;
  size_t before = 0;
  for (size_t i = 0; i < warm + counted; ++i) {
    if (i == warm) before = live;
    SSL* server = (*context)->make_session();
    SSL* client = (*clients)->make_session(argv[4], std::to_string(i % warm));
    if (!converse(server, client)) return fail("a handshake failed");
    SSL_free(client);
    // The transport is ours and not OpenSSL's.
    SSL_set_bio(server, nullptr, nullptr);
    sessions.push_back(server);
  }
  std::printf("{\"bench\": \"tls-memory\", \"sessions\": %zu, \"openssl_bytes_per_session\": %zu}\n", counted,
              (live - before) / counted);
  for (SSL* session : sessions) SSL_free(session);
  return 0;
}
