// What runs on a worker and belongs to itself (fetches, background validations): listed, so that whatever is
// left when the loop has stopped can be ended.
//
// Thread rule: the worker's loop; ~Worker after the loop has stopped.
#pragma once

namespace perigee::proxy {

class WorkerGuest {
 public:
  // Ends without telling anybody; the guest deletes itself.
  virtual void end_now() = 0;

 protected:
  explicit WorkerGuest(WorkerGuest*& list) : next_(list), at_(&list) {
    if (next_ != nullptr) next_->at_ = &next_;
    list = this;
  }
  ~WorkerGuest() {
    *at_ = next_;
    if (next_ != nullptr) next_->at_ = at_;
  }
  WorkerGuest(const WorkerGuest&) = delete;
  WorkerGuest& operator=(const WorkerGuest&) = delete;

 private:
  WorkerGuest* next_;
  WorkerGuest** at_;  // the pointer that points at us
};

}  // namespace perigee::proxy
