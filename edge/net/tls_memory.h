// Memory for what OpenSSL takes and gives back with every record.
//
// A session gives its buffers back after each record (SSL_MODE_RELEASE_BUFFERS), so that an idle connection
// holds none: an answer costs two buffers of 17 KiB taken and given back, and the general allocator takes
// that size the slow way, from its sorted bins. Four small notes about parts of records come and go with it.
// A few of each are kept by each thread instead.
//
// Thread rule: any thread; what one has taken may be given back by another.
#pragma once

#include <cstddef>

namespace perigee::net {

// Makes OpenSSL allocate through here, for the rest of the process. To be called first thing in main(),
// before any other thread and anything of OpenSSL's; false: it has allocated already, and goes on as it did.
bool keep_tls_memory();

// What OpenSSL is told to call: malloc(), realloc() and free() in all but speed. Nothing is had for 0 bytes.
void* take_tls_memory(size_t bytes);
void* change_tls_memory(void* memory, size_t bytes);
void give_tls_memory(void* memory);

// So many buffers a thread keeps at most: one that is read, one that is written, and as many again for a call
// within a call.
inline constexpr size_t tls_buffers_kept_max = 4;
inline constexpr size_t tls_notes_kept_max = 8;

}  // namespace perigee::net
