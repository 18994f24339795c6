#include "edge/net/caching_resolver.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "edge/base/bytes.h"

namespace perigee::net {
namespace {

std::string lower_case(std::string_view host) {
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), to_lower);
  return name;
}

}  // namespace

class CachingResolver::Waiter {
 public:
  Waiter(uint16_t port, ResolveHandler& handler) : port_(port), handler_(&handler) {}
  uint16_t port() const { return port_; }
  bool is_waiting() const { return handler_ != nullptr; }
  void cancel() { handler_ = nullptr; }
  void answer(Result<Resolved> result) {
    if (handler_ != nullptr) std::exchange(handler_, nullptr)->on_resolved(std::move(result));
  }

 private:
  uint16_t port_;
  ResolveHandler* handler_;
};

struct CachingResolver::Entry final : ResolveHandler {
  Entry(CachingResolver& resolver_, std::string name_) : resolver(resolver_), name(std::move(name_)) {}
  void on_resolved(Result<Resolved> result) override { resolver.on_answer(*this, std::move(result)); }

  CachingResolver& resolver;
  std::string name;
  std::optional<Resolved> good;  // the last success
  MonoTime good_until{};
  std::optional<Error> failure;  // of the last question, if it failed
  MonoTime failure_until{};
  std::unique_ptr<ResolveRequest> question;  // under way
  std::vector<std::shared_ptr<Waiter>> waiters;
  std::list<Entry*>::iterator place;
};

CachingResolver::CachingResolver(Loop& loop, CachingResolverOptions options)
    : loop_(loop), options_(options) {}

CachingResolver::~CachingResolver() {
  for (auto& [name, entry] : entries_) {
    for (auto& waiter : entry->waiters) waiter->cancel();
  }
}

std::unique_ptr<ResolveRequest> CachingResolver::resolve(std::string_view host, uint16_t port,
                                                         ResolveHandler& handler) {
  struct Request final : ResolveRequest {
    explicit Request(std::shared_ptr<Waiter> waiter_) : waiter(std::move(waiter_)) {}
    ~Request() override { waiter->cancel(); }
    std::shared_ptr<Waiter> waiter;
  };
  auto waiter = std::make_shared<Waiter>(port, handler);
  if (auto literal = Address::parse_ip(host, port)) {
    answer_later(waiter, Resolved{{*literal}, options_.ttl_max});
    return std::make_unique<Request>(std::move(waiter));
  }
  Entry& entry = find_or_make(lower_case(host));
  MonoTime now = loop_.now();
  bool fresh = entry.good && now < entry.good_until;
  bool refused_lately = entry.failure && now < entry.failure_until;
  if (can_answer(entry)) {
    ++counters_.hits;
    if (entry.good && !fresh) ++counters_.stale;
    answer_later(waiter, answer(entry, port));
    if (!fresh && !refused_lately && entry.question == nullptr) ask(entry);
    return std::make_unique<Request>(std::move(waiter));
  }
  entry.waiters.push_back(waiter);
  if (entry.question == nullptr) {
    ask(entry);
  } else {
    ++counters_.shared;
  }
  return std::make_unique<Request>(std::move(waiter));
}

bool CachingResolver::can_answer(const Entry& entry) const {
  MonoTime now = loop_.now();
  if (entry.good && now < entry.good_until + options_.stale_max) return true;
  return entry.failure && now < entry.failure_until;
}

Result<Resolved> CachingResolver::answer(const Entry& entry, uint16_t port) const {
  MonoTime now = loop_.now();
  if (!entry.good || now >= entry.good_until + options_.stale_max) return tl::unexpected(*entry.failure);
  Resolved resolved = *entry.good;
  resolved.ttl = std::max(entry.good_until - now, Duration::zero());
  for (Address& address : resolved.addresses) address.port = port;
  return resolved;
}

void CachingResolver::answer_later(const std::shared_ptr<Waiter>& waiter, Result<Resolved> result) {
  struct Answer final : Task {
    Answer(std::shared_ptr<Waiter> waiter_, Result<Resolved> result_)
        : waiter(std::move(waiter_)), result(std::move(result_)) {}
    void run() override { waiter->answer(std::move(result)); }
    std::shared_ptr<Waiter> waiter;
    Result<Resolved> result;
  };
  loop_.post(std::make_unique<Answer>(waiter, std::move(result)));
}

CachingResolver::Entry& CachingResolver::find_or_make(std::string name) {
  auto known = entries_.find(name);
  if (known != entries_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, known->second->place);
    return *known->second;
  }
  make_room();
  auto entry = std::make_unique<Entry>(*this, name);
  Entry& made = *entry;
  entries_.emplace(std::move(name), std::move(entry));
  made.place = by_use_.insert(by_use_.begin(), &made);
  return made;
}

// A name with somebody waiting stays, so that the bound may be passed by as many as wait at once.
void CachingResolver::make_room() {
  for (auto it = by_use_.end(); entries_.size() >= options_.entries_max && it != by_use_.begin();) {
    Entry& oldest = **--it;
    bool waited_for = std::any_of(oldest.waiters.begin(), oldest.waiters.end(),
                                  [](const auto& waiter) { return waiter->is_waiting(); });
    if (waited_for) continue;
    ++counters_.evictions;
    it = by_use_.erase(it);
    entries_.erase(entries_.find(oldest.name));
  }
}

void CachingResolver::ask(Entry& entry) {
  ++counters_.queries;
  entry.question = loop_.resolve(entry.name, 0, entry);
}

void CachingResolver::on_answer(Entry& entry, Result<Resolved> result) {
  auto question = std::move(entry.question);
  MonoTime now = loop_.now();
  if (result) {
    entry.good_until = now + std::clamp(result->ttl, options_.ttl_min, options_.ttl_max);
    entry.good = std::move(*result);
    entry.failure.reset();
  } else {
    ++counters_.failures;
    entry.failure = std::move(result.error());
    entry.failure_until = now + options_.negative_ttl;
  }
  // A handler may ask again, or destroy what it likes, the resolver too.
  auto waiters = std::exchange(entry.waiters, {});
  std::vector<Result<Resolved>> results;
  for (auto& waiter : waiters) results.push_back(answer(entry, waiter->port()));
  for (size_t i = 0; i < waiters.size(); ++i) waiters[i]->answer(std::move(results[i]));
}

}  // namespace perigee::net
