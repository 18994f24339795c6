#include "edge/cache/purge.h"

#include <algorithm>

#include "edge/base/bytes.h"
#include "edge/cache/key.h"
#include "edge/http/cache_groups.h"
#include "edge/http/h1_writer.h"

namespace perigee::cache {

namespace {

// Calls visit(tag) for each member of a field's value.
template <typename Visit>
void visit_members(std::string_view value, char separator, Visit visit) {
  while (!value.empty()) {
    const size_t end = value.find(separator);
    std::string_view member = trim_ows(value.substr(0, end));
    value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
    if (member.size() >= 2 && member.front() == '"' && member.back() == '"') {
      member = member.substr(1, member.size() - 2);
    }
    if (!member.empty()) visit(member);
  }
}

std::string_view field_lines(std::string_view head) {
  const size_t status_line = head.find("\r\n");
  return status_line == std::string_view::npos ? std::string_view() : head.substr(status_line + 2);
}

// Most responses have none, and then nothing is allocated.
std::vector<std::string> groups_in(std::string_view head) {
  http::FieldList groups;
  http::FieldLines lines(field_lines(head));
  for (std::string_view name, value; lines.next(name, value);) {
    if (name == http::cache_groups_field) groups.add(name, value);
  }
  return groups.size() == 0 ? std::vector<std::string>()
                            : http::parse_groups(groups, http::cache_groups_field);
}

template <typename Map>
auto* marks_in(Map& map, std::string_view subject) {
  const auto found = map.find(subject);
  return found == map.end() ? nullptr : &found->second;
}

std::pair<std::string_view, std::string_view> split_group(std::string_view subject) {
  const size_t space = std::min(subject.find(' '), subject.size());
  return {subject.substr(0, space), subject.substr(std::min(space + 1, subject.size()))};
}

size_t common_prefix(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + most, b.begin()).first - a.begin());
}

}  // namespace

std::string_view to_string(PurgeScope scope) {
  switch (scope) {
    case PurgeScope::url:
      return "url";
    case PurgeScope::prefix:
      return "prefix";
    case PurgeScope::group:
      return "group";
    case PurgeScope::tag:
      return "tag";
    case PurgeScope::site:
      return "site";
    case PurgeScope::everything:
      return "everything";
  }
  return "everything";
}

std::string_view to_string(PurgeVerdict verdict) {
  switch (verdict) {
    case PurgeVerdict::kept:
      return "kept";
    case PurgeVerdict::stale:
      return "stale";
    case PurgeVerdict::unverified:
      return "unverified";
    case PurgeVerdict::gone:
      return "gone";
  }
  return "gone";
}

std::string group_subject(std::string_view origin, std::string_view group) {
  std::string subject(origin);
  subject += ' ';
  subject += group;
  return subject;
}

template <typename Visit>
void PurgeTable::Tags::visit(Visit visit) const {
  http::FieldLines lines(field_lines(head));
  for (std::string_view name, value; lines.next(name, value);) {
    if (name == "surrogate-key") visit_members(value, ' ', visit);
    if (name == "cache-tag") visit_members(value, ',', visit);
  }
  for (const std::string& group : groups) visit(std::string_view(group));
}

void PurgeTable::apply(const PurgeRule& rule) {
  ++position_;
  order_.push_back({position_, rule});
  record(rule, position_);
  if (order_.size() > rules_max) widen_oldest();
}

void PurgeTable::rebase() {
  base_ = floor_ = ++position_;
  everything_ = {};
  urls_.clear();
  prefixes_.clear();
  tags_.clear();
  groups_.clear();
  generations_.clear();
  order_.clear();
}

PurgeTable::Generation& PurgeTable::generation(const std::shared_ptr<const SiteNames>& sites) {
  for (Generation& known : generations_) {
    if (known.sites == sites) return known;
  }
  generations_.push_back({sites, {}});
  return generations_.back();
}

void PurgeTable::record(const PurgeRule& rule, PurgeStamp at) {
  switch (rule.scope) {
    case PurgeScope::url:
      return urls_[rule.subject].set(rule.soft, at);
    case PurgeScope::prefix:
      return prefixes_[rule.subject].set(rule.soft, at);
    case PurgeScope::group: {
      const auto [origin, group] = split_group(rule.subject);
      return groups_[std::string(origin)][std::string(group)].set(rule.soft, at);
    }
    case PurgeScope::tag:
      if (rule.site.empty()) return tags_[rule.subject].set(rule.soft, at);
      return generation(rule.sites).by_site[rule.site].tags[rule.subject].set(rule.soft, at);
    case PurgeScope::site:
      return generation(rule.sites).by_site[rule.site].all.set(rule.soft, at);
    case PurgeScope::everything:
      return everything_.set(rule.soft, at);
  }
}

// The marks of a rule that was recorded; null when they are gone.
PurgeTable::Marks* PurgeTable::find(const PurgeRule& rule) {
  const auto in = [&](auto& map) { return marks_in(map, rule.subject); };
  if (rule.scope == PurgeScope::everything) return &everything_;
  if (rule.scope == PurgeScope::url) return in(urls_);
  if (rule.scope == PurgeScope::prefix) return in(prefixes_);
  if (rule.scope == PurgeScope::group) {
    const auto [origin, group] = split_group(rule.subject);
    TextMap<Marks>* of_origin = marks_in(groups_, origin);
    return of_origin == nullptr ? nullptr : marks_in(*of_origin, group);
  }
  if (rule.site.empty()) return in(tags_);
  Generation& of = generation(rule.sites);
  const auto site = of.by_site.find(rule.site);
  if (site == of.by_site.end()) return nullptr;
  return rule.scope == PurgeScope::site ? &site->second.all : in(site->second.tags);
}

void PurgeTable::erase_group(std::string_view subject) {
  const auto [origin, group] = split_group(subject);
  const auto of_origin = groups_.find(origin);
  of_origin->second.erase(of_origin->second.find(group));
  if (of_origin->second.empty()) groups_.erase(of_origin);
}

// Unless a newer purge of the same has taken its place.
void PurgeTable::erase(const Made& made) {
  Marks* marks = find(made.rule);
  if (marks == nullptr || marks->newer_than(made.at)) return;
  *marks = {};
  if (made.rule.scope == PurgeScope::url) urls_.erase(made.rule.subject);
  if (made.rule.scope == PurgeScope::prefix) prefixes_.erase(made.rule.subject);
  if (made.rule.scope == PurgeScope::group) erase_group(made.rule.subject);
  if (made.rule.scope == PurgeScope::tag && made.rule.site.empty()) tags_.erase(made.rule.subject);
  if (made.rule.site.empty() || made.rule.scope < PurgeScope::tag) return;
  Generation& of = generation(made.rule.sites);
  const auto site = of.by_site.find(made.rule.site);
  if (made.rule.scope == PurgeScope::tag) site->second.tags.erase(made.rule.subject);
  if (site->second.tags.empty() && !site->second.all.any()) of.by_site.erase(site);
  std::erase_if(generations_, [](const Generation& known) { return known.by_site.empty(); });
}

// A wide rule at the place of a narrow one covers all that the narrow one did, and costs fetches of the rest.
// Wide rules cannot be many: one for each site under each set of names, and one for everything.
void PurgeTable::widen_oldest() {
  const Made made = std::move(order_.front());
  order_.pop_front();
  const Marks* marks = find(made.rule);
  const Mark& own = made.rule.soft ? marks->soft : marks->hard;
  const bool superseded = is_older(made.at, own.at);
  erase(made);
  if (superseded) return;
  PurgeRule wide = made.rule;
  const bool narrow_in_site = wide.scope < PurgeScope::site && !wide.site.empty() && wide.sites != nullptr;
  wide.scope = narrow_in_site ? PurgeScope::site : PurgeScope::everything;
  record(wide, made.at);
}

bool PurgeTable::prune(PurgeStamp floor, size_t most) {
  if (!is_older(floor_, floor)) return true;
  while (!order_.empty() && !is_older(floor, order_.front().at)) {
    if (most-- == 0) return false;
    floor_ = order_.front().at;
    erase(order_.front());
    order_.pop_front();
  }
  floor_ = floor;
  // What was widened is in no queue.
  if (!everything_.newer_than(floor)) everything_ = {};
  for (Generation& of : generations_) {
    std::erase_if(of.by_site, [&](const auto& site) {
      return site.second.tags.empty() && !site.second.all.newer_than(floor);
    });
  }
  std::erase_if(generations_, [](const Generation& known) { return known.by_site.empty(); });
  return true;
}

void PurgeTable::note(PurgeVerdict& verdict, PurgeStamp stamp, const Marks& marks) {
  if (marks.hard.set && is_older(stamp, marks.hard.at)) verdict = PurgeVerdict::gone;
  if (marks.soft.set && is_older(stamp, marks.soft.at)) verdict = std::max(verdict, PurgeVerdict::stale);
}

template <typename Map>
void PurgeTable::note(PurgeVerdict& verdict, PurgeStamp stamp, const Map& map, std::string_view subject) {
  const auto found = map.find(subject);
  if (found != map.end()) note(verdict, stamp, found->second);
}

// Every entry that begins url: the greatest not beyond it is one, or shares with it all that one can.
void PurgeTable::judge_prefixes(PurgeVerdict& verdict, PurgeStamp stamp, std::string_view url) const {
  std::string_view probe = url;
  for (;;) {
    auto at = prefixes_.upper_bound(probe);
    if (at == prefixes_.begin()) return;
    --at;
    const size_t shared = common_prefix(at->first, url);
    if (shared == at->first.size()) {
      note(verdict, stamp, at->second);
      if (shared == 0) return;
      probe = url.substr(0, shared - 1);
    } else {
      probe = url.substr(0, shared);
    }
  }
}

void PurgeTable::judge_sites(PurgeVerdict& verdict, PurgeStamp stamp, std::string_view authority,
                             const Tags& tags) const {
  for (const Generation& of : generations_) {
    const std::string_view site = of.sites == nullptr ? std::string_view() : of.sites->site_of(authority);
    const auto found = of.by_site.find(site);
    if (found == of.by_site.end()) continue;
    note(verdict, stamp, found->second.all);
    if (found->second.tags.empty()) continue;
    tags.visit([&](std::string_view tag) { note(verdict, stamp, found->second.tags, tag); });
  }
}

void PurgeTable::judge_groups(PurgeVerdict& verdict, PurgeStamp stamp, std::string_view origin,
                              const Tags& tags) const {
  const TextMap<Marks>* of_origin = marks_in(groups_, origin);
  if (of_origin == nullptr) return;
  for (const std::string& group : tags.groups) note(verdict, stamp, *of_origin, group);
}

PurgeVerdict PurgeTable::judge(PurgeStamp stamp, std::string_view key, std::string_view head) const {
  if (!is_older(stamp, position_)) return PurgeVerdict::kept;
  if (is_older(stamp, base_)) return PurgeVerdict::unverified;
  if (is_older(stamp, floor_)) return PurgeVerdict::gone;
  PurgeVerdict verdict = PurgeVerdict::kept;
  note(verdict, stamp, everything_);
  const KeyParts parts = key_parts(key);
  const std::string_view url(parts.authority.data(), parts.authority.size() + parts.path.size());
  if (!urls_.empty()) note(verdict, stamp, urls_, url);
  if (!prefixes_.empty()) judge_prefixes(verdict, stamp, url);
  if (tags_.empty() && groups_.empty() && generations_.empty()) return verdict;
  const Tags tags{head, groups_in(head)};
  if (!tags_.empty()) tags.visit([&](std::string_view tag) { note(verdict, stamp, tags_, tag); });
  if (!groups_.empty()) {
    const std::string_view origin = key.substr(0, key.size() - parts.path.size());
    judge_groups(verdict, stamp, origin, tags);
  }
  if (!generations_.empty()) judge_sites(verdict, stamp, parts.authority, tags);
  return verdict;
}

Decision after_purge(Decision decision, PurgeVerdict verdict, const RequestPolicy& request,
                     const ResponseMeta& stored) {
  if (decision.action != Decision::Action::serve &&
      decision.action != Decision::Action::serve_stale_while_revalidate) {
    return decision;
  }
  if (verdict == PurgeVerdict::kept) return decision;
  const bool strict = stored.is(ResponseMeta::must_revalidate) || stored.is(ResponseMeta::no_cache);
  if (verdict == PurgeVerdict::stale && !strict) {
    return {Decision::Action::serve_stale_while_revalidate, ForwardReason::stale, DecisionRule::purged};
  }
  if (request.only_if_cached)
    return {Decision::Action::gateway_timeout, ForwardReason::stale, DecisionRule::purged};
  return {Decision::Action::validate, ForwardReason::stale, DecisionRule::purged};
}

}  // namespace perigee::cache
