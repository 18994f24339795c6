#include "tests/sim/support/truth.h"

#include <algorithm>
#include <utility>

#include "edge/base/bytes.h"

namespace perigee::sim {

namespace {

constexpr std::string_view made_name = "made=";

}  // namespace

Truth::Truth(std::vector<Resource> resources)
    : resources_(std::move(resources)),
      eras_(resources_.size(), std::vector<MonoTime>(1)),
      by_resource_(resources_.size()) {}

uint64_t Truth::advance(uint32_t resource, MonoTime now) {
  eras_.at(resource).push_back(now);
  return version(resource);
}

std::optional<MonoTime> Truth::began(uint32_t resource, uint64_t version) const {
  const std::vector<MonoTime>& eras = eras_.at(resource);
  if (version == 0 || version > eras.size()) return std::nullopt;
  return eras[version - 1];
}

std::optional<MonoTime> Truth::superseded(uint32_t resource, uint64_t version) const {
  return began(resource, version + 1);
}

const std::vector<size_t>& Truth::led_by(uint64_t request) const {
  static const std::vector<size_t> none;
  return request < by_request_.size() ? by_request_[request] : none;
}

size_t Truth::add(OriginExchange exchange) {
  const size_t index = exchanges_.size();
  if (exchange.request != 0) {
    if (by_request_.size() <= exchange.request) by_request_.resize(exchange.request + 1);
    by_request_[exchange.request].push_back(index);
  }
  by_resource_.at(exchange.resource).push_back(index);
  exchanges_.push_back(std::move(exchange));
  return index;
}

std::string made_directive(size_t exchange) { return std::string(made_name) + std::to_string(exchange); }

std::optional<size_t> exchange_in(std::string_view cache_control) {
  const size_t at = cache_control.find(made_name);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = cache_control.substr(at + made_name.size());
  return parse_decimal(rest.substr(0, rest.find(',')));
}

}  // namespace perigee::sim
