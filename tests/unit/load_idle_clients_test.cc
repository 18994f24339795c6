#include "bench/load/idle_clients.h"

#include <catch2/catch_test_macros.hpp>

using namespace perigee::load;

TEST_CASE("targets take what is due in turn, however many of their clients wait", "[load]") {
  IdleClients idle(3, 9);
  for (const size_t client : {0, 3, 6, 1, 4, 2}) idle.add(client);
  std::vector<size_t> taken;
  while (const auto client = idle.take()) taken.push_back(*client);
  CHECK(taken == std::vector<size_t>{0, 1, 2, 3, 4, 6});
  CHECK(idle.empty());
}

TEST_CASE("of one target's clients the one takes it that has waited longest", "[load]") {
  IdleClients idle(1, 3);
  for (size_t client = 0; client < 3; ++client) idle.add(client);
  for (size_t round = 0; round < 9; ++round) {
    const auto client = idle.take();
    REQUIRE(client == round % 3);
    idle.add(*client);
  }
}

TEST_CASE("a target that was passed over gets nothing in its place later", "[load]") {
  IdleClients idle(2, 4);
  idle.add(0);
  idle.add(2);
  for (size_t round = 0; round < 10; ++round) {
    const auto client = idle.take();
    REQUIRE(*client % 2 == 0);
    idle.add(*client);
  }
  idle.add(1);
  idle.add(3);
  size_t of_the_second = 0;
  for (size_t round = 0; round < 10; ++round) {
    const auto client = idle.take();
    of_the_second += *client % 2;
    idle.add(*client);
  }
  CHECK(of_the_second == 5);
}

TEST_CASE("who is gone is not asked, and who says twice that it waits is asked once", "[load]") {
  IdleClients idle(2, 4);
  idle.add(0);
  idle.add(0);
  idle.add(1);
  idle.remove(1);
  idle.remove(1);
  CHECK(idle.take() == size_t{0});
  CHECK(!idle.take());
  CHECK(idle.empty());
}
