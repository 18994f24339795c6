// When anything was broken: what an invariant may excuse, and for how long after.
//
// Thread rule: plain values.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "edge/base/clock.h"
#include "tests/sim/support/fault.h"

namespace perigee::sim {

class Trouble {
 public:
  void begin(const Fault& fault, MonoTime now) { spans_.push_back({fault, now, std::nullopt}); }
  void end(const Fault& fault, MonoTime now) {
    for (Span& span : spans_) {
      if (!span.to && span.fault.kind == fault.kind && span.fault.at == fault.at) span.to = now;
    }
  }

  // Was anything broken at some moment of [from, to]? Nodes of different topologies are nothing broken.
  bool any(MonoTime from, MonoTime to) const {
    return has(from, to, [](const Fault& fault) { return fault.kind != FaultKind::membership; });
  }
  // Anything that touches this node.
  bool touching(const std::string& node, MonoTime from, MonoTime to) const {
    return has(from, to, [&](const Fault& fault) {
      return fault.kind != FaultKind::membership && (fault.a == node || fault.b == node);
    });
  }

 private:
  struct Span {
    Fault fault;
    MonoTime from{};
    std::optional<MonoTime> to;
  };
  template <typename Matches>
  bool has(MonoTime from, MonoTime to, Matches matches) const {
    return std::any_of(spans_.begin(), spans_.end(), [&](const Span& span) {
      return span.from <= to && (!span.to || *span.to >= from) && matches(span.fault);
    });
  }

  std::vector<Span> spans_;
};

}  // namespace perigee::sim
