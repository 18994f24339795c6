// What the origin of a simulation has: resources whose bytes, length and tag are functions of number,
// language and version, so that whoever receives a part of one can tell that it is right, and of which
// version.
//
// Thread rule: plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/random.h"

namespace perigee::sim {

// What caches may do with a resource.
enum class Reuse : uint8_t {
  fresh,            // max-age
  tolerant,         // max-age, stale-while-revalidate, stale-if-error
  must_revalidate,  // max-age, must-revalidate
  no_cache,         // validate before every use
  no_store,
};
std::string_view to_string(Reuse reuse);

struct Resource {
  uint32_t number = 0;
  Reuse reuse = Reuse::fresh;
  uint32_t lifetime_s = 0;
  uint32_t stale_while_revalidate_s = 0;
  uint32_t stale_if_error_s = 0;
  uint64_t bytes = 0;      // of its first version
  bool has_etag = true;    // without one nothing of it can be combined or continued
  bool chunked = false;    // its length is not announced
  unsigned languages = 0;  // variants by Accept-Language; 0: no Vary
  Duration period{};       // a new version comes by itself after so long, on average; zero: never

  std::string path() const { return "/r" + std::to_string(number); }
  std::string cache_control() const;
};

// What the bytes are about: id and version make the seed of origin/self_verifying.h.
std::string body_id(uint32_t resource, unsigned language);
// Every version has a length of its own.
uint64_t body_bytes(const Resource& resource, uint64_t version);
std::string entity_tag(uint64_t version, unsigned language);
// nullopt: not one of ours.
std::optional<uint64_t> version_of_tag(std::string_view tag);

// The number in "/r17"; nullopt: not one of ours.
std::optional<uint32_t> resource_of_path(std::string_view path);

// A catalogue of so many resources, different in everything above.
std::vector<Resource> make_catalogue(Random& random, size_t count);

// Numbers 0..n-1 with probability proportional to 1 / (rank + 1)^exponent.
class Zipf {
 public:
  Zipf(size_t n, double exponent);
  size_t draw(Random& random) const;

 private:
  std::vector<double> sums_;
};

}  // namespace perigee::sim
