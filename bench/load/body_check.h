// Proves that a body is the right one, complete and unmixed: every byte of a self-verifying body is a
// function of the id and version in its head and of its offset (origin/self_verifying.h).
//
// Ownership: a run owns one BodyCheck, shared by its clients; each response in progress owns a Progress.
// Thread rule: one thread.
//
// Always true: a response it passes was compared byte for byte. What many clients read at the same time is
// computed once and then compared as memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bench/load/outcome.h"
#include "bench/load/response_reader.h"

namespace perigee::load {

class BodyCheck {
 public:
  struct Progress {
    uint64_t seed = 0;    // what id and version make
    uint64_t offset = 0;  // in the whole representation, of the next byte
    std::optional<uint64_t> end;
    Fault fault = Fault::none;
  };

  // expected_id: what the response must be about; empty when any will do.
  Progress begin(const ResponseHead& head, std::string_view expected_id) const;
  void body(Progress& progress, std::string_view bytes);
  // The response is complete by its framing.
  void end(Progress& progress) const;

 private:
  static constexpr uint64_t window_bytes = 64 * 1024;
  static constexpr size_t windows_max = 2048;

  std::string_view window(uint64_t seed, uint64_t number);

  struct Place {
    uint64_t seed;
    uint64_t number;
    bool operator==(const Place&) const = default;
  };
  struct PlaceHash {
    size_t operator()(const Place& place) const;
  };
  std::unordered_map<Place, std::string, PlaceHash> windows_;
};

}  // namespace perigee::load
