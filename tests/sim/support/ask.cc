#include "tests/sim/support/ask.h"

namespace perigee::sim {

std::string_view to_string(End end) {
  switch (end) {
    case End::running:
      return "running";
    case End::complete:
      return "complete";
    case End::cut:
      return "cut";
    case End::no_answer:
      return "no answer";
    case End::no_connection:
      return "no connection";
    case End::left:
      return "left";
    case End::gave_up:
      return "gave up";
    case End::malformed:
      return "malformed";
  }
  return "running";
}

std::string Outcome::field(std::string_view name) const {
  std::string joined;
  for (const auto& [key, value] : fields) {
    if (key != name) continue;
    if (!joined.empty()) joined += ", ";
    joined += value;
  }
  return joined;
}

bool Outcome::has(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return true;
  }
  return false;
}

}  // namespace perigee::sim
