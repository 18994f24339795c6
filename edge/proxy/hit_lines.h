// The field lines of a hit: Age, Via, Cache-Status. All but two numbers is the same for every hit of a node
// and is written once.
//
// Thread rule: one owner; a view that was given is good until the next one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perigee::proxy {

class HitLines {
 public:
  explicit HitLines(std::string_view node_name);

  // What append_age(), append_via() and append_cache_status() would write one after the other for a hit with
  // that ttl, both in seconds.
  std::string_view of(int64_t age, int64_t ttl);

 private:
  std::string middle_;  // between the numbers
  std::string text_;    // room for all of it
};

}  // namespace perigee::proxy
