#pragma once

#include "offload/process/launch.hpp"
#include "offload/process/output.hpp"
#include "offload/process/protocol.hpp"
#include "offload/process/watch.hpp"

#include <weir/core/event.hpp>

#include <functional>
#include <memory>
#include <string>

namespace weir::detail {

/// The wire to one zygote. Thread-safety: the loop's thread only.
class connection {
 public:
  /// `on_reply` gets what it says, checked for form; `on_loss` is called once, when it is gone or talks nonsense. Both
  /// may destroy this.
  connection(std::uint64_t number, launched_zygote started, std::function<void(const zygote_reply&, packet&)> on_reply,
             std::function<void()> on_loss);
  ~connection() { *alive_ = false; }

  std::uint64_t number() const noexcept { return number_; }
  pid_t pid() const noexcept { return zygote_.pid; }
  int socket() const noexcept { return zygote_.socket.get(); }
  bool ready() const noexcept { return ready_; }
  bool lost() const noexcept { return lost_; }
  /// Set when it is ready, or lost.
  event& settled() noexcept { return settled_; }
  /// Why there are no workers from it, for people.
  std::string obituary();
  /// Ends it: the zygote is killed. on_loss is not called.
  void abandon() noexcept;
  /// For who reaps it.
  unique_fd take_pidfd() noexcept { return std::move(zygote_.pidfd); }

 private:
  void listen();
  bool one_message();
  void lose();

  const std::uint64_t number_;
  launched_zygote zygote_;
  std::function<void(const zygote_reply&, packet&)> on_reply_;
  std::function<void()> on_loss_;
  bool ready_ = false;
  bool lost_ = false;
  bool other_program_ = false;
  event settled_;
  output_tail said_;
  std::unique_ptr<output_pipe> output_;
  std::unique_ptr<quiet_watch> watch_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace weir::detail
