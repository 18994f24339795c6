// A fill that ends on one thread in the moment in which its key is invalidated on another.
#include <barrier>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "tests/unit/fill_rig.h"

using namespace perigee;
using namespace perigee::cache;
using namespace perigee::cache::rig;

TEST_CASE("whoever is first, nothing that was sent before an invalidation stays stored",
          "[cache][invalidation][threads]") {
  constexpr int rounds = 3000;
  Rig rig;
  const KeyView key = key_of("k");
  std::barrier begin(2);
  std::barrier end(2);
  std::thread other([&] {
    for (int round = 0; round < rounds; ++round) {
      begin.arrive_and_wait();
      rig.table.invalidations().add(key.hash, static_cast<uint64_t>(round) + 1);
      rig.store.purge(key);
      end.arrive_and_wait();
    }
  });
  int left = 0;
  for (int round = 0; round < rounds; ++round) {
    TestFollower follower;
    rig.join(follower, rig.home);
    const auto fill = follower.fill;
    fill->sent(0);
    fill->head_arrived(head_of(5));
    fill->append("hello");
    begin.arrive_and_wait();
    fill->finish();
    end.arrive_and_wait();
    left += rig.store.stats().responses != 0 ? 1 : 0;
    rig.turn();
  }
  other.join();
  REQUIRE(left == 0);
}
