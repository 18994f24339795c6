#include "edge/ctl/canary.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>

#include "edge/ctl/asking.h"

namespace perigee::ctl {
namespace {

constexpr uint64_t answers_min = 20;

double share_of(const AnswerCount& count) {
  return count.answers == 0 ? 0.0 : static_cast<double>(count.failures) / static_cast<double>(count.answers);
}

AnswerCount count_of(const Json& status) { return {number(status, "answers"), number(status, "failures")}; }

AnswerCount since(const AnswerCount& before, const AnswerCount& now) {
  return {now.answers - std::min(before.answers, now.answers),
          now.failures - std::min(before.failures, now.failures)};
}

// A node's page without a message when it is not to be had: that is an answer here.
Json status_of(const Target& node) {
  const auto response = ask(node, "GET", "/status");
  Json json = response && response->status == 200 ? parse_json(response->body) : Json();
  return json.is_object() ? json : Json::object();
}

class Canary {
 public:
  Canary(std::vector<Member> nodes, const CanaryOptions& options, bool as_json)
      : nodes_(std::move(nodes)), options_(options), as_json_(as_json) {}

  int run() {
    const auto first = std::find_if(nodes_.begin(), nodes_.end(),
                                    [&](const Member& node) { return node.first == options_.node; });
    if (first == nodes_.end()) {
      std::fprintf(stderr, "perigeectl: --on: found no node \"%s\" with an admin address in the topology\n",
                   options_.node.c_str());
      return exit_usage;
    }
    std::iter_swap(nodes_.begin(), first);
    for (const Member& node : nodes_) before_.push_back(status_of(node.second));
    if (before_.front().empty()) {
      std::fprintf(stderr, "perigeectl: %s does not answer; nothing was changed\n", options_.node.c_str());
      return exit_unreachable;
    }
    if (!reload_node(0)) return finish("refused", exit_refused);
    say(fmt::format("{}: reload applied, watched for {} s\n", options_.node,
                    static_cast<double>(options_.watch.count()) / 1000));
    const CanaryVerdict verdict = watch();
    if (verdict != CanaryVerdict::good) return go_back(verdict);
    bool all = true;
    for (size_t i = 1; i < nodes_.size(); ++i) all = reload_node(i) && all;
    return finish(to_string(verdict), all ? exit_ok : exit_incomplete);
  }

 private:
  void say(const std::string& line) const {
    if (as_json_) return;
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }

  bool reload_node(size_t i) {
    const auto& [name, node] = nodes_[i];
    const auto response = ask(node, "POST", "/reload");
    Json json = response ? parse_json(response->body) : Json();
    const bool applied = json.is_object() && json.value("applied", false);
    std::string why = applied ? "" : response ? "refused" : response.error().context;
    if (!applied && json.is_object() && json.contains("errors") && !json["errors"].empty())
      why = error_words(json["errors"][0]);
    if (applied) say(fmt::format("{}: applied\n", name));
    if (!applied) std::fprintf(stderr, "perigeectl: %s: %s\n", name.c_str(), why.c_str());
    report_.push_back({{"node", name}, {"applied", applied}, {"why", why}});
    return applied;
  }

  CanaryVerdict watch() {
    std::chrono::milliseconds left = options_.watch;
    while (left.count() > 0) {
      const auto pause = std::min(left, options_.every);
      ::poll(nullptr, 0, static_cast<int>(pause.count()));
      left -= pause;
      const CanaryVerdict verdict = judge_canary(look(), options_.failures_max);
      if (verdict != CanaryVerdict::good) return verdict;
    }
    return CanaryVerdict::good;
  }

  CanaryLook look() {
    CanaryLook look;
    const Json now = status_of(nodes_.front().second);
    look.reachable = !now.empty();
    look.ready = now.value("ready", false);
    look.was_ready = before_.front().value("ready", false);
    look.same_process = number(now, "uptime_s") >= number(before_.front(), "uptime_s");
    look.canary = last_ = since(count_of(before_.front()), count_of(now));
    for (size_t i = 1; i < nodes_.size(); ++i) {
      const AnswerCount other = since(count_of(before_[i]), count_of(status_of(nodes_[i].second)));
      look.others.answers += other.answers;
      look.others.failures += other.failures;
    }
    return look;
  }

  int go_back(CanaryVerdict verdict) {
    const std::string found(to_string(verdict));
    std::fprintf(stderr, "perigeectl: %s: %s (%llu of %llu answers failed)\n", options_.node.c_str(),
                 found.c_str(), static_cast<unsigned long long>(last_.failures),
                 static_cast<unsigned long long>(last_.answers));
    const auto id = number(before_.front(), "config_id");
    const auto response = ask(nodes_.front().second, "POST", "/rollback?id=" + std::to_string(id));
    const bool back = response && response->status == 200;
    report_.push_back({{"node", options_.node}, {"rolled_back", back}});
    if (back) {
      say(fmt::format("{}: back at reload {}; its files are as they are: put them right\n", options_.node,
                      id));
    } else {
      std::fprintf(stderr, "perigeectl: %s could not be told to go back: %s\n", options_.node.c_str(),
                   response ? response->body.c_str() : response.error().context.c_str());
    }
    return finish(found, back ? exit_refused : exit_incomplete);
  }

  int finish(std::string_view verdict, int code) {
    const Json json = {{"verdict", std::string(verdict)},
                       {"answers", last_.answers},
                       {"failures", last_.failures},
                       {"nodes", report_}};
    if (as_json_) std::fputs((to_text(json, 2) + "\n").c_str(), stdout);
    return code;
  }

  std::vector<Member> nodes_;  // the canary first
  const CanaryOptions options_;
  const bool as_json_;
  std::vector<Json> before_;  // the status of each
  AnswerCount last_;
  Json report_ = Json::array();
};

}  // namespace

std::string_view to_string(CanaryVerdict verdict) {
  switch (verdict) {
    case CanaryVerdict::good:
      return "good";
    case CanaryVerdict::unreachable:
      return "unreachable";
    case CanaryVerdict::restarted:
      return "restarted";
    case CanaryVerdict::not_ready:
      return "not ready";
    case CanaryVerdict::failures:
      return "failures";
  }
  return "failures";
}

CanaryVerdict judge_canary(const CanaryLook& look, double failures_max) {
  if (!look.reachable) return CanaryVerdict::unreachable;
  if (!look.same_process) return CanaryVerdict::restarted;
  if (look.was_ready && !look.ready) return CanaryVerdict::not_ready;
  const AnswerCount& canary = look.canary;
  if (canary.answers < answers_min) {
    const bool all = canary.answers > 0 && canary.failures == canary.answers;
    return all && share_of(look.others) < 1.0 ? CanaryVerdict::failures : CanaryVerdict::good;
  }
  const bool worse = share_of(canary) > share_of(look.others) + failures_max;
  return worse ? CanaryVerdict::failures : CanaryVerdict::good;
}

int canary_reload(const Target& target, const CanaryOptions& options) {
  auto nodes = members(target);
  if (!nodes) return nodes.error();
  return Canary(std::move(*nodes), options, target.json).run();
}

}  // namespace perigee::ctl
