#include "edge/net/uv_reads.h"

#include "edge/net/uv_stream.h"

namespace perigee::net {

void UvReads::hand_out() {
  ReadRow::hand_out([](UvStream& stream, std::string_view bytes, const UvStream* next) {
    if (next != nullptr) next->prefetch();
    stream.hand_out(bytes);
  });
}

}  // namespace perigee::net
