// What has been purged, and whether a stored response is among it.
//
// Purges are one totally ordered list; a PurgeStamp is a place in it, as this node counts. A stored response
// carries the stamp of when its fetch was sent. A purge is a rule here and touches no stored response, so
// that purging a tag with a million members costs the same as purging one URL; a look-up compares lazily and
// remembers how far it has compared.
//
// Stamps are 32 bits and compared as serial numbers (RFC 1982): the newer of two is the one less than 2^31
// ahead. Sweeping (Store::sweep) stamps what is stored anew long before that matters.
//
// Rules are kept until every stored stamp is past them (prune()), and never more than rules_max: the oldest
// then widen to a rule for their whole site, or for everything when they name no site.
//
// What counts as a tag: the members of Surrogate-Key (separated by spaces), of Cache-Tag (by commas) and of
// Cache-Groups (RFC 9875, a list of strings); they share one index. A group is narrower: it is of one origin,
// and only Cache-Groups names it (RFC 9875 2.1).
//
// Ownership: one table per worker, and one for the sweep; none is shared. Thread rule: one thread.
// judge() takes no lock, and allocates for a head with Cache-Groups only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/cache/policy.h"

namespace perigee::cache {

using PurgeStamp = uint32_t;

constexpr bool is_older(PurgeStamp a, PurgeStamp b) { return static_cast<int32_t>(b - a) > 0; }

enum class PurgeScope : uint8_t { url, prefix, group, tag, site, everything };
std::string_view to_string(PurgeScope scope);

// Which site an authority belongs to. A rule keeps the names that were in force when it was made, so that a
// reload in between changes nothing about what it covers.
class SiteNames {
 public:
  virtual ~SiteNames() = default;
  // Empty: none.
  virtual std::string_view site_of(std::string_view authority) const = 0;
};

struct PurgeRule {
  PurgeScope scope = PurgeScope::everything;
  // url and prefix: authority and normalised path, "example.org/a?b", whatever the scheme. tag: the tag.
  // group: group_subject().
  std::string subject;
  // site: its name. tag: only of this site, unless empty. url, prefix, group: where they are, or empty.
  std::string site;
  bool soft = false;  // marks stale in place of removing
  std::shared_ptr<const SiteNames> sites;
};

// "https://example.org news": an origin has no space, so the first one ends it.
std::string group_subject(std::string_view origin, std::string_view group);

// In the order of severity.
enum class PurgeVerdict : uint8_t {
  kept,
  stale,       // softly purged: reuse as if stale, validate in the background
  unverified,  // nobody can tell: validate before use
  gone,
};
std::string_view to_string(PurgeVerdict verdict);

class PurgeTable {
 public:
  static constexpr size_t rules_max = 10'000;

  PurgeStamp position() const { return position_; }
  // Takes the next place in the list.
  void apply(const PurgeRule& rule);
  // The list begins anew, or a part of it is lost: whatever was stamped so far is unverified.
  void rebase();
  // Nothing stored has an older stamp: rules up to there may go, and whoever turns up with one is gone. At
  // most so many go now; false when there are more, for another call.
  bool prune(PurgeStamp floor, size_t most = rules_max);

  // Without word of the list for too long everything is unverified, until it has caught up.
  void set_verified(bool verified) { verified_ = verified; }
  bool verified() const { return verified_; }

  // key: a cache key; head: as stored, for its tags. Says nothing about verified().
  PurgeVerdict judge(PurgeStamp stamp, std::string_view key, std::string_view head) const;
  size_t rules() const { return order_.size(); }

 private:
  struct Mark {
    PurgeStamp at = 0;
    bool set = false;
  };
  struct Marks {
    Mark hard;
    Mark soft;
    // Never back: what was widened late is older than what came after it.
    void set(bool is_soft, PurgeStamp at) {
      Mark& mark = is_soft ? soft : hard;
      if (!mark.set || is_older(mark.at, at)) mark = {at, true};
    }
    bool any() const { return hard.set || soft.set; }
    bool newer_than(PurgeStamp at) const {
      return (hard.set && is_older(at, hard.at)) || (soft.set && is_older(at, soft.at));
    }
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename Value>
  using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
  struct SiteMarks {
    Marks all;
    TextMap<Marks> tags;
  };
  // The rules about sites that were made under the same names.
  struct Generation {
    std::shared_ptr<const SiteNames> sites;
    TextMap<SiteMarks> by_site;
  };
  struct Made {
    PurgeStamp at;
    PurgeRule rule;
  };

  // What a head says it belongs to.
  struct Tags {
    std::string_view head;
    std::vector<std::string> groups;
    template <typename Visit>
    void visit(Visit visit) const;
  };

  Generation& generation(const std::shared_ptr<const SiteNames>& sites);
  void record(const PurgeRule& rule, PurgeStamp at);
  Marks* find(const PurgeRule& rule);
  void erase(const Made& made);
  void erase_group(std::string_view subject);
  void widen_oldest();
  static void note(PurgeVerdict& verdict, PurgeStamp stamp, const Marks& marks);
  template <typename Map>
  static void note(PurgeVerdict& verdict, PurgeStamp stamp, const Map& map, std::string_view subject);
  void judge_prefixes(PurgeVerdict& verdict, PurgeStamp stamp, std::string_view url) const;
  void judge_sites(PurgeVerdict& verdict, PurgeStamp stamp, std::string_view authority,
                   const Tags& tags) const;
  void judge_groups(PurgeVerdict& verdict, PurgeStamp stamp, std::string_view origin, const Tags& tags) const;

  PurgeStamp position_ = 0;
  PurgeStamp floor_ = 0;
  PurgeStamp base_ = 0;
  bool verified_ = true;
  Marks everything_;
  TextMap<Marks> urls_;
  std::map<std::string, Marks, std::less<>> prefixes_;
  TextMap<Marks> tags_;
  TextMap<TextMap<Marks>> groups_;  // by origin
  std::vector<Generation> generations_;
  std::deque<Made> order_;  // oldest first
};

// What a decision becomes when the stored response it is about was judged so.
Decision after_purge(Decision decision, PurgeVerdict verdict, const RequestPolicy& request,
                     const ResponseMeta& stored);

}  // namespace perigee::cache
