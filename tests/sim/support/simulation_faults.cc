// How the faults of a simulation take hold and end. Several may hold at once; a link and the origin's mood
// are what all of them together make of the usual ones.

#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/support/simulation.h"

namespace perigee::sim {

namespace {

using std::chrono::milliseconds;

bool is_of_origin(FaultKind kind) {
  return kind >= FaultKind::origin_slow && kind <= FaultKind::origin_silence;
}

// Does the fault change how bytes pass from one to the other?
bool changes(const Fault& fault, const std::string& from, const std::string& to) {
  const bool forth = fault.a == from && fault.b == to;
  const bool back = fault.a == to && fault.b == from;
  switch (fault.kind) {
    case FaultKind::drop:
    case FaultKind::thin_link:
    case FaultKind::refuse:
      return forth;
    case FaultKind::partition:
    case FaultKind::slow_link:
      return forth || back;
    case FaultKind::power_cut:
      return fault.a == from || fault.a == to;
    case FaultKind::origin_down:
      return to == SimOrigin::node;
    default:
      return false;
  }
}

}  // namespace

void Simulation::schedule_faults() {
  for (const Fault& fault : scenario_.faults) {
    schedule(start_ + fault.at, [this, &fault] { begin_fault(fault); });
    if (fault.lasts > Duration::zero()) schedule(start_ + fault.end(), [this, &fault] { end_fault(fault); });
  }
}

// Another fault keeps that node down, or stopped.
bool Simulation::is_gone(const std::string& node) const {
  return std::any_of(active_.begin(), active_.end(),
                     [&](const Fault* fault) { return fault->a == node && fault->kind <= FaultKind::pause; });
}

void Simulation::begin_fault(const Fault& fault) {
  const bool process = fault.kind <= FaultKind::pause;
  if ((process || fault.kind == FaultKind::membership) && is_gone(fault.a)) return;
  say("fault: " + describe(fault));
  trouble_.begin(fault, world_.now());
  active_.push_back(&fault);
  switch (fault.kind) {
    case FaultKind::power_cut:
      apply_faults();
      cluster_->crash(fault.a);
      break;
    case FaultKind::crash:
      cluster_->crash(fault.a);
      break;
    case FaultKind::pause:
      cluster_->pause(fault.a);
      break;
    case FaultKind::reset:
      world_.reset_connections(fault.a, fault.b);
      active_.pop_back();
      trouble_.end(fault, world_.now());
      break;
    case FaultKind::membership:
      if (!cluster_->read_membership(fault.a, fault.amount)) say(fault.a + " refuses that topology");
      break;
    default:
      apply_faults();
  }
}

void Simulation::end_fault(const Fault& fault) {
  const auto at = std::find(active_.begin(), active_.end(), &fault);
  if (at == active_.end()) return;
  active_.erase(at);
  say("over: " + describe(fault));
  switch (fault.kind) {
    case FaultKind::crash:
    case FaultKind::power_cut:
      apply_faults();
      cluster_->boot(fault.a);
      break;
    case FaultKind::pause:
      cluster_->resume(fault.a);
      break;
    case FaultKind::membership:
      cluster_->read_membership(fault.a, 0);
      break;
    default:
      apply_faults();
  }
  trouble_.end(fault, world_.now());
}

void Simulation::apply_faults() {
  std::vector<std::string> machines = cluster_->names();
  machines.emplace_back(SimOrigin::node);
  for (const auto& [region, clients] : clients_) machines.push_back(clients->name());
  for (const std::string& from : machines) {
    for (const std::string& to : machines) {
      if (from != to) set_link(from, to);
    }
  }
  set_mood();
}

void Simulation::set_link(const std::string& from, const std::string& to) {
  net::LinkOptions link = base_link(from, to);
  for (const Fault* fault : active_) {
    if (!changes(*fault, from, to)) continue;
    if (fault->kind == FaultKind::slow_link) link.delay += milliseconds(fault->amount);
    if (fault->kind == FaultKind::thin_link) link.bytes_per_second = fault->amount;
    link.refuse |= fault->kind == FaultKind::refuse || fault->kind == FaultKind::origin_down;
    link.drop |= fault->kind == FaultKind::drop || fault->kind == FaultKind::partition ||
                 fault->kind == FaultKind::power_cut;
  }
  world_.set_link(from, to, link);
}

void Simulation::set_mood() {
  OriginMood mood{milliseconds(15), milliseconds(30), 4'000'000, 0, 0, 0};
  for (const Fault* fault : active_) {
    if (!is_of_origin(fault->kind)) continue;
    const double share = static_cast<double>(fault->amount) / 100;
    if (fault->kind == FaultKind::origin_slow) mood.latency += milliseconds(fault->amount);
    if (fault->kind == FaultKind::origin_errors) mood.error_share = std::max(mood.error_share, share);
    if (fault->kind == FaultKind::origin_cuts) mood.cut_share = std::max(mood.cut_share, share);
    if (fault->kind == FaultKind::origin_silence) mood.silent_share = std::max(mood.silent_share, share);
  }
  origin_->set_mood(mood);
}

}  // namespace perigee::sim
