// How one request of the load client went.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string_view>

namespace perigee::load {

enum class Ending : uint8_t {
  complete,           // the response is whole by its own framing
  left,               // this client hung up on purpose
  refused,            // no connection
  connect_timeout,    // no connection in time
  closed_unanswered,  // the connection ended before the first byte of a response
  cut,                // the connection ended inside a response, and the client can tell
  timeout,            // no byte for too long
  malformed,          // not a response by RFC 9112
};
inline constexpr std::string_view ending_names[] = {"complete",          "left", "refused", "connect_timeout",
                                                    "closed_unanswered", "cut",  "timeout", "malformed"};
constexpr std::string_view to_string(Ending ending) { return ending_names[static_cast<size_t>(ending)]; }

// What is wrong with the bytes of a response.
enum class Fault : uint8_t {
  none,
  wrong_byte,    // a byte is not what the id, version and offset of the response make it
  wrong_id,      // the response belongs to another request
  wrong_length,  // complete by its framing, but not as long as the origin's answer is
  unverifiable,  // the fields that say which body it is are missing
};
inline constexpr std::string_view fault_names[] = {"none", "wrong_byte", "wrong_id", "wrong_length",
                                                   "unverifiable"};
constexpr std::string_view to_string(Fault fault) { return fault_names[static_cast<size_t>(fault)]; }

// Times are nanoseconds of CLOCK_MONOTONIC, the same clock in every process of the machine; zero: it never
// came to that.
struct Outcome {
  uint64_t number = 0;  // of the request
  size_t client = 0;
  Ending ending = Ending::complete;
  Fault fault = Fault::none;
  int status = 0;  // zero: no head came
  std::string_view
      cache_status;    // the last member of the field; good during the call that hands the outcome over
  int64_t due_at = 0;  // open loop: when it should have been sent; else when it was
  int64_t sent_at = 0;
  int64_t first_body_at = 0;
  int64_t done_at = 0;
  uint64_t body_bytes = 0;
};

}  // namespace perigee::load
