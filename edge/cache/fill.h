// Request collapsing: many requests, one fetch. The fetch is a Fill, its readers are followers.
//
// A fill knows no socket and no loop. One worker runs it: the first asker's. It drives a FillSource and appends to a
// Body; followers on any worker read that Body and are woken, through their worker's Waker, when there is more. After
// the start no client is special.
//
// States: requested -> streaming -> complete | failed; requested -> uncacheable | freshened | failed.
//   uncacheable: the answer is the leader's alone; every other follower goes forward by itself, and the store remembers hit-for-miss.
//   freshened:   a 304 renewed what was stored; followers look up again.
// While it is requested or streaming, a collapsible fill can be found in the FillTable under its key; never afterwards. A fill is committed to the
// store before it leaves the table, so a request finds one or the other.
//
// Window: bytes that will not be stored (uncacheable, or larger than the store allows) live in a window behind the fastest follower. The source pauses
// when the fastest follower is a window behind what has arrived. A follower that falls out of the window reads `absent`.
//
// Ownership: std::shared_ptr, held by the table, the source's side and every follower.
// Thread rule: FillSink calls on the running worker's thread; join, leave, read, view from any thread (a mutex per fill,
// never on the hit path); on_fill_progress() on the follower's own worker.
#pragma once

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
#include "edge/cache/body.h"
#include "edge/cache/key.h"
#include "edge/cache/meta.h"
#include "edge/cache/store.h"

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
  std::string lines;         // as stored and sent: status line and field lines
  ResponseMeta meta;         // also for uncacheable answers as far as it is known
  bool storable = false;
  bool vary_any = false;
  std::string vary_names;    // Vary::names
  std::string selecting;     // of the leader's request
  std::optional<uint64_t> content_length;
  std::string etag;          // strong validator for a Range resume; empty without one
};

class Fill;

// A request that reads a fill. Owned by the exchange.
class Follower {
 public:
  // The fill has a new state or more bytes. On the follower's own worker, from its loop. Several changes fold into one call.
  virtual void on_fill_progress() = 0;

 protected:
  ~Follower() = default;

 private:
  friend class Fill;
  friend class WorkerFills;
  Fill* following_ = nullptr;
  Follower* next_ = nullptr;
  Follower* prev_ = nullptr;
};

// One worker's followers, and how other workers wake it. Thread rule: the worker's, but for notify().
class WorkerFills {
 public:
  // waker: schedules run() on the worker's loop, from any thread.
  explicit WorkerFills(Waker& waker);
  ~WorkerFills();
  // Tells the followers of every fill that changed since the last run.
  void run();

 private:
  friend class Fill;
  // ...
};

struct FillLimits {
  uint64_t window_bytes = 4ull << 20;          // of a fill that can have followers
  uint64_t private_window_bytes = 256 * 1024;  // of a fill with one reader (bypass, unsafe method, uncacheable)
  uint64_t finish_without_followers_bytes = 1ull << 20;  // complete all the same if at most this much, or half, is missing
  uint32_t followers_max = 100'000;
};

class Fill : public std::enable_shared_from_this<Fill> {
 public:
  enum class State : uint8_t { requested, streaming, complete, failed, uncacheable, freshened };

  // --- the source's side, on the running worker's thread
  void set_source(FillSource* source);  // null: detached
  // The final head has arrived. Storable answers make the fill streaming, others uncacheable.
  void head_arrived(FillHead head);
  // A 304 renewed the stored response.
  void freshened();
  void append(std::string_view bytes);
  void finish();           // the message ended in order; commits to the store if it is to be kept
  void failed(Error error);

  // --- followers, any thread
  void leave(Follower& follower);
  State state() const;
  std::shared_ptr<const FillHead> head() const;  // null before it arrived
  std::optional<Error> error() const;
  // Body bytes at offset; also tells the fill how far its fastest follower is. `end` only when complete.
  Body::Read read(uint64_t offset);

  std::string_view key() const;

 private:
  friend class FillTable;
  // ...
};

class FillTable {
 public:
  FillTable(Store& store, const FillLimits& limits);

  struct Joined {
    std::shared_ptr<Fill> fill;
    bool leader = false;  // this caller must fetch: it runs the fill
  };
  // The running fill of that key, or a new one. The follower is registered with its worker. The caller decides what the fill's identity is beyond the key by what it
  // appends to the key bytes (later: block runs).
  Joined join(const KeyView& key, WorkerFills& worker, Follower& follower);
  // A fill nobody else can find, with one follower: bypass, unsafe methods, who went forward alone. Never stored unless keep is set.
  std::shared_ptr<Fill> start_private(const KeyView& key, WorkerFills& worker, Follower& follower, bool keep);

  size_t in_flight() const;

 private:
  friend class Fill;
  // sharded map from key to fill
};

}  // namespace perigee::cache
