// What accepted TLS streams of a loop have opened while it hands out what it has read, and have not handed
// out yet: of at most 16 of them. What is too much for it is handed out at once. Opening a record runs
// through some 30 KB of OpenSSL's code, answering a request through nearly as much of ours, and the
// first-level cache holds one of the two: so all records of a row are opened, then all requests are answered.
//
// In between a stream may be closed by another, which passes its turn over. Whatever else it hears of, it
// takes what it has here first, and so does its end.
//
// Thread rule: the loop's thread.
#pragma once

#include "edge/net/io.h"
#include "edge/net/read_row.h"

namespace perigee::net {

// A TLS stream, as the row sees it.
class TlsRowMember {
 public:
  virtual void on_turn_in_row(std::string_view plain) = 0;

 protected:
  ~TlsRowMember() = default;
};

class TlsRow final : private HeldReads {
 public:
  // Of plain bytes opened at once, as much as a loop receives at once.
  static constexpr size_t open_bytes_max = ReadRow<TlsRowMember>::read_bytes_max;

  explicit TlsRow(Loop& loop) : loop_(loop) {}
  ~TlsRow() { loop_.forget_held(*this); }
  TlsRow(const TlsRow&) = delete;
  TlsRow& operator=(const TlsRow&) = delete;

  // open_bytes_max of memory for what is opened next.
  char* room() { return row_.room(); }
  // So many bytes were opened in room() by a stream that has none here. True: they wait for its turn. False:
  // the loop is in no row, or this one is full.
  bool add(TlsRowMember& member, size_t bytes);
  // What the stream has here, to be handed out at once or not at all: it has no turn any more.
  std::string_view take(const TlsRowMember& member) { return row_.take(member); }

 private:
  void hand_out_held() override;

  Loop& loop_;
  ReadRow<TlsRowMember> row_;
};

}  // namespace perigee::net
