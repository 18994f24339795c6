// The network of a memory world: which node has which address, who listens where, names, and the links
// between nodes with their faults. It decides when a segment, a connect or a reset arrives; what arrives is a
// closure of the stream.
//
// Owned by the MemoryWorld. A link is one direction between two nodes, made when first mentioned.
//
// Thread rule: the world's one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/net/io.h"
#include "edge/net/memory_faults.h"
#include "edge/net/memory_scheduler.h"

namespace perigee::net {

class MemoryAcceptQueue;
class MemoryStream;

// One machine: what its loops and streams share.
struct MemoryNode {
  std::string name;
  Address ip;
  uint16_t next_port = 40000;
  StreamShape shape;
};

struct MemoryHost {
  std::vector<Address> addresses;
  Duration ttl{};
  std::string_view error;  // empty, "dns_error" or "dns_timeout"
  Duration delay{};
};

class MemoryNetwork {
 public:
  explicit MemoryNetwork(MemoryScheduler& scheduler) : scheduler_(scheduler) {}

  void add_node(const MemoryNode& node) { owners_[node.ip] = node.name; }
  // The node that has this address, as far as anybody knows; else the address itself, as a name.
  std::string node_at(const Address& address) const;

  // Error: "listen_failed" when the address is taken. Sets the port if it was 0.
  Result<void> bind(MemoryAcceptQueue& queue);
  void unbind(MemoryAcceptQueue& queue);
  // Who answers at this address now, one of several by seed; nullptr when nobody does.
  MemoryAcceptQueue* find_listener(const Address& address);

  const LinkOptions& link(const std::string& from, const std::string& to) { return at(from, to).options; }
  void set_link(const std::string& from, const std::string& to, const LinkOptions& options);
  void set_default_link(const LinkOptions& options);

  // Carries something over a link: not before *not_before, which is moved to its arrival. While the link
  // drops it waits, and sets out when the link is whole again, as TCP would send it again.
  void carry(const std::string& from, const std::string& to, size_t bytes, MonoTime* not_before,
             std::function<void()> arrival);
  // The same for what nobody sends again (a reset): lost on a link that drops.
  void carry_or_lose(const std::string& from, const std::string& to, std::function<void()> arrival);

  void remember(const std::shared_ptr<MemoryStream>& stream);
  // Both ends of every connection between the two nodes see a reset at once.
  void reset_connections(const std::string& a, const std::string& b);

  std::map<std::string, MemoryHost, std::less<>>& hosts() { return hosts_; }
  Duration& resolve_delay() { return resolve_delay_; }
  MemoryScheduler& scheduler() { return scheduler_; }

 private:
  struct Link {
    LinkOptions options;
    MonoTime free_at{};  // when the bytes given to it so far are through
    std::vector<std::function<void()>> waiting;
  };
  Link& at(const std::string& from, const std::string& to);
  Duration latency(const Link& link);

  MemoryScheduler& scheduler_;
  std::map<Address, std::string> owners_;
  std::multimap<Address, MemoryAcceptQueue*> listeners_;
  std::map<std::pair<std::string, std::string>, Link> links_;
  LinkOptions default_link_;
  std::vector<std::weak_ptr<MemoryStream>> streams_;
  size_t streams_swept_ = 64;
  std::map<std::string, MemoryHost, std::less<>> hosts_;
  Duration resolve_delay_{};
  uint16_t next_port_ = 20000;
};

}  // namespace perigee::net
