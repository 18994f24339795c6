#include "tests/sim/support/purges.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "edge/base/json.h"

namespace perigee::sim {

namespace {

constexpr uint32_t tags = 4;

}  // namespace

std::string tag_of(uint32_t resource) { return fmt::format("t{}", resource % tags); }

bool PurgeWish::covers(uint32_t resource) const {
  switch (kind) {
    case Kind::url:
      return resource == number;
    case Kind::prefix:
      return std::to_string(resource).starts_with(std::to_string(number));
    case Kind::tag:
      return resource % tags == number;
    case Kind::everything:
      return true;
  }
  return false;
}

std::string PurgeWish::body() const {
  switch (kind) {
    case Kind::url:
      return fmt::format(R"({{"url":"http://sim.example/r{}"}})", number);
    case Kind::prefix:
      return fmt::format(R"({{"prefix":"http://sim.example/r{}"}})", number);
    case Kind::tag:
      return fmt::format(R"({{"tag":"t{}"}})", number);
    case Kind::everything:
      break;
  }
  return R"({"everything":true})";
}

PurgeWish draw_purge(Random& random, size_t resources) {
  const double kind = random.unit();
  if (kind < 0.6) return {PurgeWish::Kind::url, static_cast<uint32_t>(random.below(resources))};
  if (kind < 0.75) return {PurgeWish::Kind::prefix, static_cast<uint32_t>(random.below(10))};
  if (kind < 0.9) return {PurgeWish::Kind::tag, static_cast<uint32_t>(random.below(tags))};
  return {PurgeWish::Kind::everything, 0};
}

size_t Purges::add(const PurgeWish& wish, std::string node, MonoTime now) {
  purges_.push_back({wish, std::move(node), now, std::nullopt, {}, false});
  return purges_.size() - 1;
}

void Purges::answered(size_t purge, int status, std::string_view json, MonoTime now) {
  SentPurge& sent = purges_.at(purge);
  if (status != 200) return;
  const Json receipt = parse_json(json);
  sent.receipt = now;
  sent.everybody = receipt.at("applied").get<bool>();
  for (const Json& node : receipt.at("nodes")) {
    if (node.at("state").get<std::string>() != "pending")
      sent.settled.insert(node.at("node").get<std::string>());
  }
}

bool Purges::any(uint32_t resource, MonoTime from, MonoTime to) const {
  return std::any_of(purges_.begin(), purges_.end(), [&](const SentPurge& each) {
    return each.asked >= from && each.asked <= to && each.wish.covers(resource);
  });
}

}  // namespace perigee::sim
