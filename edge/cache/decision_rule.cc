#include "edge/cache/decision_rule.h"

#include <array>

namespace perigee::cache {

RuleText text_of(DecisionRule rule) {
  static constexpr std::array texts = {
#define PERIGEE_DECISION_RULE_TEXT(name, source, text) RuleText{#name, source, text},
      PERIGEE_DECISION_RULES(PERIGEE_DECISION_RULE_TEXT)
#undef PERIGEE_DECISION_RULE_TEXT
  };
  return texts[static_cast<size_t>(rule)];
}

}  // namespace perigee::cache
