// How one thread tells another that there is something to look at, without knowing anything about loops.
//
// Thread rule: wake() may be called from any thread, at any time until the Waker's owner says otherwise.
// Calls between two runs of the woken side fold into one.
#pragma once

namespace perigee {

class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() = 0;
};

}  // namespace perigee
