// Request collapsing: many requests, one fetch. The fetch is a Fill, its readers are followers.
//
// A fill knows no socket and no loop. One worker runs it: the first asker's. It drives a FillSource and
// appends to a Body; followers on any worker read that Body and are woken, through their worker's Waker, when
// there is more. After the start no client is special.
//
// States: requested -> streaming -> complete | failed; requested -> uncacheable | freshened | failed.
//   uncacheable: the answer is the leader's alone; every other follower goes forward by itself, and the store
//   remembers
//                hit-for-miss. The fill keeps this state: its leader learns the end from read() and error().
//   freshened:   a 304 renewed what was stored; followers look up again, and compare with what was renewed.
// While it is requested or streaming, a collapsible fill can be found in the FillTable under its key; never
// afterwards. A fill is committed to the store before it leaves the table. One that no longer has its first
// byte leaves early: who comes then starts another.
//
// Window: bytes that will not be stored (uncacheable; larger than the store allows, as announced or as it
// turned out; no room) live in a window. With followers, half of it lies ahead of the fastest: the source
// pauses when that much is unread by anybody, and the rest is for those behind. With one reader all of it
// lies ahead. A follower that falls out of the window reads `absent`.
//
// Ownership: std::shared_ptr, held by the table, the source's side and every follower. The FillTable outlives
// it. Thread rule: the source's side on the running worker's thread; join and leave on the follower's own
// worker; state, head, error, read from any thread (a mutex per fill, never on the hit path);
// on_fill_progress() on the follower's own worker; FillSource is called on the running worker only.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "edge/base/clock.h"
#include "edge/base/result.h"
#include "edge/base/waker.h"
#include "edge/cache/growing_body.h"
#include "edge/cache/invalidations.h"
#include "edge/cache/key.h"
#include "edge/cache/meta.h"
#include "edge/cache/store.h"
#include "edge/cache/worker_fills.h"

namespace perigee::cache {

// Where the bytes of a fill come from: an upstream exchange, later a disk.
// Called on the fill's worker only.
class FillSource {
 public:
  virtual ~FillSource() = default;
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Nobody wants it any more. Nothing may be reported to the fill afterwards.
  virtual void cancel() = 0;
};

// A response head as a fill publishes it: immutable from then on.
struct FillHead {
  int status = 0;
  std::string lines;  // as stored and sent: status line and field lines
  // For the leader's client alone, when that is different (RFC 9111 5.2.2.7: private="field"); else empty.
  std::string leader_lines;
  ResponseMeta meta;      // also for uncacheable answers as far as it is known
  bool storable = false;  // followers may share it
  // And it is committed when complete. False for what another node of the region stores: it is shared with
  // those who wait, and gone afterwards.
  bool store = true;
  // The body is a run of the representation that the lines describe (206): it is stored as such.
  std::optional<RunOf> run;
  bool replaces_whole = false;  // a run that is newer than anything stored: the answer to a validation
  bool age_told = false;        // it came with an Age: another cache had stored it
  bool vary_any = false;
  std::string vary_names;                    // Vary::names
  std::string selecting;                     // of the leader's request
  std::optional<uint64_t> content_length;    // of the body that follows (none follows a HEAD), when announced
  std::optional<uint64_t> announced_length;  // of the body that is not sent: HEAD, 304
  std::string etag;                          // strong validator for a Range resume; empty without one
  PurgeStamp purge_stamp = 0;                // of when it was asked for
  // Uncacheable: how long the store remembers that, from meta.response_time_ms on; 0: not at all.
  int32_t hit_for_miss_seconds = 0;
};

struct FillLimits {
  uint64_t window_bytes = 4ull << 20;  // of a fill that can have followers
  uint64_t private_window_bytes =
      256 * 1024;  // of a fill with one reader (bypass, unsafe method, uncacheable)
  uint64_t finish_without_followers_bytes =
      1ull << 20;                    // complete all the same if at most this, or half, is missing
  uint32_t followers_max = 100'000;  // per fill
  uint32_t fills_max = 50'000;       // in flight, private ones counted but not refused
};

class FillTable;

class Fill : public std::enable_shared_from_this<Fill> {
 public:
  enum class State : uint8_t { requested, streaming, complete, failed, uncacheable, freshened };

  ~Fill();
  Fill(const Fill&) = delete;
  Fill& operator=(const Fill&) = delete;

  // --- the source's side, on the running worker's thread. Whatever comes after the end is ignored.
  void set_source(FillSource* source);  // null: detached
  // The primary key to store under, when the fill's own key holds more (a variant's selecting bytes).
  void set_store_key(const KeyView& key);
  // The request is on its way upstream: what comes back has seen the purges up to here, and the invalidations
  // up to now.
  void sent(PurgeStamp stamp);
  // The final head has arrived. Storable answers make the fill streaming, others uncacheable.
  void head_arrived(FillHead head);
  // A 304 renewed the stored response that these bytes select; nullopt: nobody had to be asked, since what
  // the leader wants had been stored meanwhile.
  void freshened(std::optional<std::string> selecting);
  void append(std::string_view bytes);
  // The message ended in order; commits to the store if it is to be kept, and was neither purged nor
  // invalidated meanwhile.
  void finish(bool purged = false);
  void failed(Error error);

  // --- followers
  void leave(Follower& follower);
  State state() const;
  std::shared_ptr<const FillHead> head() const;  // null before it arrived
  std::optional<Error> error() const;
  // Once it is freshened: as given there. Of what is stored under the key only the response with just these
  // selecting bytes was validated, whoever waited.
  std::optional<std::string> renewed() const;
  // Body bytes at offset; also tells the fill how far its fastest follower is. `end` only when complete.
  Body::Read read(uint64_t offset);

  // Is the byte at offset here, or to be expected soon (a few MiB)?
  bool is_near(uint64_t offset) const;

  std::string_view key() const { return key_; }
  // As given to sent(); nullopt before.
  std::optional<PurgeStamp> purge_stamp() const {
    const uint64_t sent = sent_.load(std::memory_order_acquire);
    return sent == 0 ? std::nullopt : std::optional(static_cast<PurgeStamp>(sent));
  }
  // Has a key of that hash been invalidated since it was sent? For whoever may come later than that. The hash
  // is of the primary key, which the fill's own may be more than.
  bool invalidated(uint64_t key_hash) const;
  MonoTime started() const { return started_; }  // as given to join()
  // The offset of the fastest read so far.
  uint64_t fastest() const { return fastest_.load(std::memory_order_relaxed); }
  size_t followers() const;
  // True while it is to be stored when it is complete.
  bool kept() const { return keep_.load(std::memory_order_relaxed); }
  // What it brings is of no use to anybody but its followers. Without any it ends.
  void forgo() { keep_.store(false, std::memory_order_relaxed); }

 private:
  friend class FillTable;
  friend class WorkerFills;
  enum class Admission : uint8_t { joined, full, ended };

  Fill(FillTable& table, const KeyView& key, WorkerFills& home, bool shared, bool keep, MonoTime started);

  Admission admit(WorkerFills& worker, Follower& follower);
  FillParty& party_of(WorkerFills& worker);
  void charge(size_t bytes);
  // Tells every party; call without the mutex.
  void changed();
  void queue(FillParty& party);

  // On the running worker, from its loop: what others asked it to do to the source.
  void attend();
  void request_attention();
  bool end_if_abandoned();
  bool worth_finishing() const;

  void account_kept(uint64_t bytes);
  KeyView store_key() const;
  bool may_keep();
  void stop_keeping();
  void hold_window();
  uint64_t unread() const;
  uint64_t pause_at() const;
  bool may_resume() const { return unread() <= pause_at() / 2; }
  bool one_reader() const { return !shared_ || one_reader_.load(std::memory_order_relaxed); }
  void commit();
  void store();
  void store_run_so_far();
  void end(State state, std::optional<Error> error);
  void end_locked(State state, std::optional<Error> error);
  void after_end();

  FillTable& table_;
  const std::string key_;
  const uint64_t hash_;
  std::string store_key_;  // empty: key_
  uint64_t store_hash_ = 0;
  WorkerFills& home_;
  const bool shared_;  // others may join: it is in the table
  const MonoTime started_;

  // The running worker's.
  FillSource* source_ = nullptr;
  uint64_t kept_bytes_ = 0;  // counted in the table as kept in flight

  // Written by the running worker, read by all.
  std::atomic<bool> keep_;
  std::atomic<bool> one_reader_{false};  // uncacheable: the leader's alone
  std::atomic<bool> paused_{false};
  std::atomic<GrowingBody*> readable_{nullptr};  // body_, once it is there
  std::atomic<uint64_t> fastest_{0};
  std::atomic<bool> attention_queued_{false};
  std::atomic<uint64_t> sent_{0};           // bit 32 and the stamp of sent()
  std::atomic<uint64_t> invalidations_{0};  // how many there had been then

  mutable std::mutex
      mutex_;  // guards the rest; of these the running worker alone changes all but parties_ and followers_
  State state_ = State::requested;
  bool running_ = true;
  bool cancelled_ = false;
  std::optional<Error> error_;
  std::optional<std::string> renewed_;
  std::shared_ptr<const FillHead> head_;
  std::shared_ptr<GrowingBody> body_;
  std::vector<std::unique_ptr<FillParty>> parties_;
  size_t followers_ = 0;
  size_t charged_ = 0;
};

// The fills that can be joined, by key. Thread rule: any thread; a mutex per part of the table.
class FillTable {
 public:
  FillTable(Store& store, const FillLimits& limits);
  ~FillTable();
  FillTable(const FillTable&) = delete;
  FillTable& operator=(const FillTable&) = delete;

  struct Joined {
    std::shared_ptr<Fill> fill;  // null: a limit is reached, the caller goes forward alone
    bool leader = false;         // this caller must fetch: it runs the fill
  };
  // The running fill of that key, or a new one, run by the caller's worker. The follower is registered with
  // its worker; when the fill already has a head, it is told so from the loop soon. A leader looks up once
  // more before it fetches: the response may have been stored between its look-up and now. The caller decides
  // what the fill's identity is beyond the key by what it appends to the key bytes (later: block runs).
  // started: for Fill::started().
  Joined join(const KeyView& key, WorkerFills& worker, Follower& follower, MonoTime started = {});
  // A fill nobody else can find, with one follower: bypass, unsafe methods, who went forward alone. Never
  // stored unless keep is set.
  std::shared_ptr<Fill> start_private(const KeyView& key, WorkerFills& worker, Follower& follower, bool keep,
                                      MonoTime started = {});

  // The fill under that key, if there is one; null: there is none. Following it may fail all the same: it may
  // have ended, or have as many followers as it can.
  std::shared_ptr<Fill> find(const KeyView& key);
  bool follow(Fill& fill, WorkerFills& worker, Follower& follower) {
    return fill.admit(worker, follower) == Fill::Admission::joined;
  }

  // Who comes from now on does not find it: a purge came after it was sent, its head is late, or it was of no
  // use to who waited for it.
  void retire(const Fill& fill) { remove(fill); }

  Invalidations& invalidations() { return invalidations_; }

  // The oldest stamp of the fills that can be joined, or `newest` when all are newer.
  PurgeStamp oldest_purge_stamp(PurgeStamp newest);

  // Fills that have not ended, private ones included.
  size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

 private:
  friend class Fill;
  struct alignas(64) Part {
    std::mutex mutex;
    std::unordered_map<std::string_view, std::shared_ptr<Fill>> fills;  // the key is the fill's own
  };
  Part& part(uint64_t hash) { return parts_[hash % parts_.size()]; }
  std::shared_ptr<Fill> make(const KeyView& key, WorkerFills& worker, bool shared, bool keep,
                             MonoTime started);
  // Only if it is there itself.
  void remove(const Fill& fill);

  Store& store_;
  const FillLimits limits_;
  Invalidations invalidations_;
  std::array<Part, 16> parts_;
  std::atomic<size_t> in_flight_{0};
  std::atomic<uint64_t> kept_bytes_{0};  // of bodies in flight that are to be stored
};

}  // namespace perigee::cache
