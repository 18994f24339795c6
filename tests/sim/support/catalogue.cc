#include "tests/sim/support/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "edge/base/bytes.h"

namespace perigee::sim {

namespace {

constexpr uint64_t large_bytes_max = 600'000;

// Most are small; a few are longer than a block, and some longer than what streams hold.
uint64_t draw_bytes(Random& random) {
  const double kind = random.unit();
  if (kind < 0.6) return 1 + random.below(4'000);
  if (kind < 0.9) return 4'000 + random.below(100'000);
  return 100'000 + random.below(large_bytes_max);
}

Reuse draw_reuse(Random& random) {
  const double kind = random.unit();
  if (kind < 0.5) return Reuse::fresh;
  if (kind < 0.7) return Reuse::tolerant;
  if (kind < 0.85) return Reuse::must_revalidate;
  if (kind < 0.95) return Reuse::no_cache;
  return Reuse::no_store;
}

}  // namespace

std::string_view to_string(Reuse reuse) {
  switch (reuse) {
    case Reuse::fresh:
      return "fresh";
    case Reuse::tolerant:
      return "tolerant";
    case Reuse::must_revalidate:
      return "must-revalidate";
    case Reuse::no_cache:
      return "no-cache";
    case Reuse::no_store:
      return "no-store";
  }
  return "fresh";
}

std::string Resource::cache_control() const {
  switch (reuse) {
    case Reuse::fresh:
      return fmt::format("max-age={}", lifetime_s);
    case Reuse::tolerant:
      return fmt::format("max-age={}, stale-while-revalidate={}, stale-if-error={}", lifetime_s,
                         stale_while_revalidate_s, stale_if_error_s);
    case Reuse::must_revalidate:
      return fmt::format("max-age={}, must-revalidate", lifetime_s);
    case Reuse::no_cache:
      return "no-cache";
    case Reuse::no_store:
      return "no-store";
  }
  return {};
}

std::string body_id(uint32_t resource, unsigned language) {
  return fmt::format("r{}#{}", resource, language);
}

uint64_t body_bytes(const Resource& resource, uint64_t version) { return resource.bytes + version % 13 * 17; }

std::string entity_tag(uint64_t version, unsigned language) {
  return fmt::format("\"v{}-{}\"", version, language);
}

std::optional<uint64_t> version_of_tag(std::string_view tag) {
  if (tag.size() < 4 || !tag.starts_with("\"v")) return std::nullopt;
  return parse_decimal(tag.substr(2, tag.find('-') - 2));
}

std::optional<uint32_t> resource_of_path(std::string_view path) {
  if (!path.starts_with("/r")) return std::nullopt;
  const auto number = parse_decimal(path.substr(2));
  return number ? std::optional(static_cast<uint32_t>(*number)) : std::nullopt;
}

std::vector<Resource> make_catalogue(Random& random, size_t count) {
  std::vector<Resource> resources(count);
  for (size_t i = 0; i < count; ++i) {
    Resource& resource = resources[i];
    resource.number = static_cast<uint32_t>(i);
    resource.reuse = draw_reuse(random);
    resource.lifetime_s = static_cast<uint32_t>(1 + random.below(30));
    if (resource.reuse == Reuse::tolerant) {
      resource.stale_while_revalidate_s = static_cast<uint32_t>(random.below(8));
      resource.stale_if_error_s = static_cast<uint32_t>(random.below(20));
    }
    resource.bytes = draw_bytes(random);
    resource.has_etag = random.chance(0.85);
    resource.chunked = random.chance(0.2);
    resource.languages = random.chance(0.25) ? static_cast<unsigned>(2 + random.below(3)) : 0;
    if (random.chance(0.6)) resource.period = std::chrono::milliseconds(2'000 + random.below(30'000));
  }
  return resources;
}

Zipf::Zipf(size_t n, double exponent) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sums_.push_back(sum += std::pow(static_cast<double>(i + 1), -exponent));
}

size_t Zipf::draw(Random& random) const {
  const double at = random.unit() * sums_.back();
  const auto found = std::upper_bound(sums_.begin(), sums_.end(), at);
  return static_cast<size_t>(std::min(found, std::prev(sums_.end())) - sums_.begin());
}

}  // namespace perigee::sim
