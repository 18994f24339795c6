#include "edge/net/tls_row.h"

#include <algorithm>

#include "edge/base/prefetch.h"

namespace perigee::net {

TlsRow::TlsRow(Loop& loop)
    : loop_(loop), opened_(std::make_unique_for_overwrite<char[]>(waiting_bytes_max + open_bytes_max)) {}

bool TlsRow::add(TlsRowMember& member, size_t bytes) {
  if (!loop_.may_hold_reads() || count_ == members_max || used_ + bytes > waiting_bytes_max) return false;
  if (count_ == 0) loop_.hold_reads(*this);
  turns_[count_++] = {&member, {room(), bytes}};
  used_ = std::min((used_ + bytes + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes,
                   waiting_bytes_max);
  return true;
}

std::string_view TlsRow::take(const TlsRowMember& member) {
  for (size_t i = 0; i < count_; ++i) {
    if (turns_[i].member != &member) continue;
    turns_[i].member = nullptr;
    return turns_[i].plain;
  }
  return {};
}

void TlsRow::hand_out_held() {
  for (size_t i = 0; i < count_; ++i) {
    const Turn turn = turns_[i];
    turns_[i].member = nullptr;
    if (turn.member != nullptr) turn.member->on_turn_in_row(turn.plain);
  }
  count_ = 0;
  used_ = 0;
}

}  // namespace perigee::net
