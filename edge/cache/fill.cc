#include "edge/cache/fill.h"

#include <utility>

namespace perigee::cache {

Fill::Fill(FillTable& table, const KeyView& key, WorkerFills& home, bool shared, bool keep, MonoTime started)
    : table_(table),
      key_(key.bytes),
      hash_(key.hash),
      home_(home),
      shared_(shared),
      started_(started),
      keep_(keep) {
  charge(allocated_bytes(sizeof(Fill)) + allocated_bytes(key_.size()));
}

Fill::~Fill() {
  if (running_) {
    account_kept(0);
    table_.in_flight_.fetch_sub(1, std::memory_order_relaxed);
  }
  table_.store_.budget().release(charged_);
}

void Fill::charge(size_t bytes) {
  table_.store_.budget().charge(bytes);
  charged_ += bytes;
}

// --- followers

FillParty& Fill::party_of(WorkerFills& worker) {
  for (const auto& party : parties_) {
    if (&party->worker() == &worker) return *party;
  }
  return *parties_.emplace_back(std::make_unique<FillParty>(worker));
}

Fill::Admission Fill::admit(WorkerFills& worker, Follower& follower) {
  const std::lock_guard lock(mutex_);
  if (!running_) return Admission::ended;
  if (followers_ >= table_.limits_.followers_max) return Admission::full;
  FillParty& party = party_of(worker);
  party.add(follower);
  ++party.size;
  ++followers_;
  follower.following_ = this;
  if (state_ != State::requested) queue(party);
  return Admission::joined;
}

void Fill::leave(Follower& follower) {
  if (follower.following_ != this) return;
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    --follower.party_->size;
    last = --followers_ == 0 && running_;
  }
  follower.following_ = nullptr;
  FillParty::remove(follower);
  // The running worker decides: until then somebody else may still join.
  if (last) request_attention();
}

size_t Fill::followers() const {
  const std::lock_guard lock(mutex_);
  return followers_;
}

Fill::State Fill::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::shared_ptr<const FillHead> Fill::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

std::optional<Error> Fill::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

std::optional<std::string> Fill::renewed() const {
  const std::lock_guard lock(mutex_);
  return renewed_;
}

Body::Read Fill::read(uint64_t offset) {
  const Body* body = readable_.load(std::memory_order_acquire);
  if (body == nullptr) {
    Body::Read none;
    const std::lock_guard lock(mutex_);
    none.state = running_ ? Body::ReadState::wait : Body::ReadState::failed;
    return none;
  }
  uint64_t fastest = fastest_.load(std::memory_order_relaxed);
  while (offset > fastest && !fastest_.compare_exchange_weak(fastest, offset, std::memory_order_seq_cst)) {
  }
  // Either this sees the pause, or hold_window(), which pauses first and looks afterwards, sees the progress.
  if (paused_.load(std::memory_order_seq_cst) && may_resume()) request_attention();
  return body->read(offset);
}

bool Fill::is_near(uint64_t offset) const {
  constexpr uint64_t soon = 8ull << 20;
  const GrowingBody* body = readable_.load(std::memory_order_acquire);
  if (body == nullptr) return offset <= soon;
  return body->whole() && offset <= body->published() + soon;
}

void Fill::queue(FillParty& party) {
  if (party.mark_queued()) party.worker().queue({shared_from_this(), &party});
}

void Fill::changed() {
  const std::lock_guard lock(mutex_);
  for (const auto& party : parties_) {
    if (party->size != 0) queue(*party);
  }
}

// --- the running worker

void Fill::set_source(FillSource* source) {
  source_ = source;
  if (source == nullptr) return;
  if (cancelled_) {
    request_attention();
  } else if (paused_.load(std::memory_order_relaxed)) {
    source->pause();
  }
}

void Fill::set_store_key(const KeyView& key) {
  store_key_ = key.bytes;
  store_hash_ = key.hash;
}

void Fill::sent(PurgeStamp stamp) {
  invalidations_.store(table_.invalidations_.count(), std::memory_order_relaxed);
  sent_.store(uint64_t{1} << 32 | stamp, std::memory_order_release);
}

bool Fill::invalidated(uint64_t key_hash) const {
  return sent_.load(std::memory_order_acquire) != 0 &&
         table_.invalidations_.since(key_hash, invalidations_.load(std::memory_order_relaxed));
}

KeyView Fill::store_key() const {
  return store_key_.empty() ? KeyView{key_, hash_} : KeyView{store_key_, store_hash_};
}

void Fill::request_attention() {
  if (!attention_queued_.exchange(true, std::memory_order_acq_rel))
    home_.queue({shared_from_this(), nullptr});
}

void Fill::attend() {
  attention_queued_.store(false, std::memory_order_seq_cst);
  if (end_if_abandoned()) {
    store_run_so_far();
    after_end();
  }
  if (cancelled_ && source_ != nullptr) {
    std::exchange(source_, nullptr)->cancel();
    return;
  }
  if (running_ && paused_.load(std::memory_order_relaxed) && may_resume()) {
    paused_.store(false, std::memory_order_seq_cst);
    if (source_ != nullptr) source_->resume();
  }
}

// Decided and done under one lock: who joins before stops it, who comes later finds it ended.
bool Fill::end_if_abandoned() {
  const std::lock_guard lock(mutex_);
  if (!running_ || followers_ != 0 || worth_finishing()) return false;
  cancelled_ = true;
  if (body_ != nullptr) body_->fail();
  end_locked(State::failed, Error{Side::client, "abandoned", "every follower left before the end"});
  return true;
}

bool Fill::worth_finishing() const {
  if (state_ != State::streaming || !kept() || !head_->store || !head_->content_length) return false;
  const uint64_t expected = *head_->content_length;
  const uint64_t missing = expected - body_->published();
  return missing <= table_.limits_.finish_without_followers_bytes || missing <= expected / 2;
}

void Fill::head_arrived(FillHead head) {
  if (!running_ || state_ != State::requested) return;
  Budget& budget = table_.store_.budget();
  const bool storable = head.storable;
  const bool too_large = head.content_length.value_or(0) > budget.response_bytes_max();
  if (!storable || too_large) keep_.store(false, std::memory_order_relaxed);
  if (!storable) one_reader_.store(true, std::memory_order_relaxed);
  auto body =
      std::make_shared<GrowingBody>(budget, head.content_length, keep_.load(std::memory_order_relaxed));
  auto published_head = std::make_shared<const FillHead>(std::move(head));
  {
    const std::lock_guard lock(mutex_);
    charge(allocated_bytes(sizeof(FillHead)) + allocated_bytes(published_head->lines.size()));
    head_ = std::move(published_head);
    body_ = std::move(body);
    state_ = storable ? State::streaming : State::uncacheable;
    readable_.store(body_.get(), std::memory_order_release);
  }
  if (!storable && shared_) {
    if (head_->hit_for_miss_seconds > 0) {
      ResponseMeta marker;
      marker.response_time_ms = head_->meta.response_time_ms;
      marker.freshness_lifetime = head_->hit_for_miss_seconds;
      table_.store_.remember_hit_for_miss(store_key(), marker);
    }
    table_.remove(*this);
  }
  changed();
}

void Fill::append(std::string_view bytes) {
  if (!running_ || body_ == nullptr || bytes.empty()) return;
  body_->append(bytes);
  if (body_->failed()) {
    return failed({Side::upstream, "body_too_long", "more bytes than the length that was announced"});
  }
  if (kept() && !may_keep()) stop_keeping();
  if (!kept()) hold_window();
  changed();
}

void Fill::freshened(std::optional<std::string> selecting) {
  if (!running_ || state_ != State::requested) return;
  {
    const std::lock_guard lock(mutex_);
    renewed_ = std::move(selecting);
  }
  end(State::freshened, std::nullopt);
}

void Fill::finish(bool purged) {
  if (!running_) return;
  if (body_ == nullptr) return failed({Side::internal, "no_head", "the message ended before its head"});
  if (!body_->finish()) {
    return failed({Side::upstream, "body_too_short", "fewer bytes than the length that was announced"});
  }
  if (kept() && head_->store && !purged) commit();
  end(State::complete, std::nullopt);
}

// Looks twice: an invalidation may come on another thread in between. That one counts first and purges then,
// so either we see it now, or it sees what we have stored.
void Fill::commit() {
  if (invalidated(store_key().hash)) return;
  store();
  if (invalidated(store_key().hash)) table_.store_.purge(store_key());
}

void Fill::store() {
  Draft draft;
  draft.key = store_key();
  draft.selecting = head_->selecting;
  draft.head = head_->lines;
  draft.meta = head_->meta;
  draft.purge_stamp = head_->purge_stamp;
  if (head_->run) {
    table_.store_.add_run(draft, *head_->run, body_, head_->replaces_whole);
  } else {
    table_.store_.begin(draft, body_).commit();
  }
}

// What has arrived of a run is a run too (RFC 9111 3.3).
void Fill::store_run_so_far() {
  if (body_ != nullptr && head_->run && kept() && head_->store && body_->published() > 0) commit();
}

void Fill::failed(Error error) {
  if (!running_) return;
  if (body_ != nullptr) body_->fail();
  store_run_so_far();
  end(State::failed, std::move(error));
}

void Fill::end(State state, std::optional<Error> error) {
  {
    const std::lock_guard lock(mutex_);
    end_locked(state, std::move(error));
  }
  source_ = nullptr;
  after_end();
}

void Fill::end_locked(State state, std::optional<Error> error) {
  running_ = false;
  error_ = std::move(error);
  if (state_ != State::uncacheable) state_ = state;
}

void Fill::after_end() {
  const auto self = shared_from_this();  // the table may hold the last reference but this
  account_kept(0);
  table_.in_flight_.fetch_sub(1, std::memory_order_relaxed);
  if (shared_) table_.remove(*this);
  changed();
}

// --- what is kept, and the window of what is not

void Fill::account_kept(uint64_t bytes) {
  table_.kept_bytes_.fetch_add(bytes - kept_bytes_, std::memory_order_relaxed);
  kept_bytes_ = bytes;
}

// Not when it has become too large, when bodies in flight would take more than half of the budget, or when
// the rest of the budget is pinned.
bool Fill::may_keep() {
  const Budget& budget = table_.store_.budget();
  const uint64_t published = body_->published();
  if (published > budget.response_bytes_max()) return false;
  account_kept(published);
  if (table_.kept_bytes_.load(std::memory_order_relaxed) > budget.bytes_max() / 2) return false;
  return !budget.exceeded() || table_.store_.make_room();
}

void Fill::stop_keeping() {
  keep_.store(false, std::memory_order_relaxed);
  account_kept(0);
  // Without followers nobody would ever read it: end it, once we are out of append().
  request_attention();
}

uint64_t Fill::unread() const {
  const uint64_t arrived = readable_.load(std::memory_order_acquire)->published();
  const uint64_t fastest = fastest_.load(std::memory_order_seq_cst);
  return arrived > fastest ? arrived - fastest : 0;
}

uint64_t Fill::pause_at() const {
  return one_reader() ? table_.limits_.private_window_bytes : table_.limits_.window_bytes / 2;
}

void Fill::hold_window() {
  const uint64_t arrived = body_->published();
  const uint64_t window = table_.limits_.window_bytes;
  const bool was_whole = body_->whole();
  body_->trim(one_reader() ? fastest() : arrived > window ? arrived - window : 0);
  if (shared_ && was_whole && !body_->whole()) table_.remove(*this);
  if (paused_.load(std::memory_order_relaxed) || unread() < pause_at()) return;
  paused_.store(true, std::memory_order_seq_cst);
  if (source_ != nullptr) source_->pause();
  if (may_resume()) request_attention();
}

}  // namespace perigee::cache
