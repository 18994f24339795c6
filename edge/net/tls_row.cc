#include "edge/net/tls_row.h"

namespace perigee::net {

bool TlsRow::add(TlsRowMember& member, size_t bytes) {
  if (!loop_.may_hold_reads() || !row_.has_room_behind(bytes)) return false;
  if (row_.empty()) loop_.hold_reads(*this);
  row_.add(member, bytes);
  return true;
}

void TlsRow::hand_out_held() {
  row_.hand_out([](TlsRowMember& member, std::string_view plain, const TlsRowMember*) {
    member.on_turn_in_row(plain);
  });
}

}  // namespace perigee::net
