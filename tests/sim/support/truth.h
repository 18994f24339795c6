// What really happened, as the origin knows it: which version of a resource was current when, and every
// request that reached it. Invariants are judged by this and not by what nodes say.
//
// Owned by the simulation; written by its origin, read by its checks. Thread rule: the world's one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/base/clock.h"
#include "tests/sim/support/catalogue.h"

namespace perigee::sim {

struct OriginExchange {
  MonoTime received{};
  std::optional<MonoTime> answered;  // when the head was made; the version is that of this moment
  std::optional<MonoTime> ended;
  std::string method;
  uint32_t resource = 0;
  unsigned language = 0;
  std::vector<std::string> via;  // names of nodes, the one that received the client's request first
  std::string cdn_loop;
  uint64_t request = 0;     // number of the client's request that led here; 0: none
  bool plain = false;       // neither range nor condition
  bool peer_field = false;  // a field that only peers may see has come along
  int status = 0;
  uint64_t version = 0;
  bool complete = false;    // the whole answer was taken
  bool asker_left = false;  // the connection ended before the answer did
};

class Truth {
 public:
  explicit Truth(std::vector<Resource> resources);

  const std::vector<Resource>& resources() const { return resources_; }
  const Resource& resource(uint32_t number) const { return resources_.at(number); }

  uint64_t version(uint32_t resource) const { return eras_.at(resource).size(); }
  // A new version takes the place of the current one; returns it.
  uint64_t advance(uint32_t resource, MonoTime now);
  // When this version began to be current; nullopt: it never was.
  std::optional<MonoTime> began(uint32_t resource, uint64_t version) const;
  // When the next one took its place; nullopt: it is current.
  std::optional<MonoTime> superseded(uint32_t resource, uint64_t version) const;

  std::vector<OriginExchange>& exchanges() { return exchanges_; }
  const std::vector<OriginExchange>& exchanges() const { return exchanges_; }
  // Indices of the exchanges that a client's request led to.
  const std::vector<size_t>& led_by(uint64_t request) const;
  // Of all exchanges about a resource, in the order they came.
  const std::vector<size_t>& about(uint32_t resource) const { return by_resource_.at(resource); }
  size_t add(OriginExchange exchange);

 private:
  std::vector<Resource> resources_;
  std::vector<std::vector<MonoTime>> eras_;  // by resource: when version i + 1 began
  std::vector<OriginExchange> exchanges_;
  std::vector<std::vector<size_t>> by_request_;
  std::vector<std::vector<size_t>> by_resource_;
};

// The number of the exchange in which an answer was made, as a directive of Cache-Control that no cache
// knows. Every 304 has that field, those of peers, too: so the number is always that of the last
// confirmation.
std::string made_directive(size_t exchange);
// nullopt: it does not say.
std::optional<size_t> exchange_in(std::string_view cache_control);

}  // namespace perigee::sim
