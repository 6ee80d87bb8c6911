#pragma once

#include "offload/process/host.hpp"

#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/unique_fd.hpp>

#include <array>

namespace weir::detail {

/// What the host and the worker_process know together of one worker.
struct worker_state : std::enable_shared_from_this<worker_state> {
  enum class stage { asked, running, refused, over };

  worker_state(std::uint64_t number, worker_options&& options);

  /// Begins to read what the worker writes.
  void watch_output(unique_fd out, unique_fd err);
  void kill() noexcept;
  /// The owner is gone: nobody is told anything any more, and its channel is not touched.
  void disown() noexcept;
  /// From now on the owner is told; at once, on the loop, where it has ended already.
  void hand_over();
  /// It is gone: reads the rest of its output, writes the report and tells. `status`: as wait4 gives it.
  void finish(int status, std::uint64_t max_rss_bytes, bool lost);
  void drain();

  const std::uint64_t id;
  std::uint64_t on_connection = 0; ///< which zygote was asked
  stage at = stage::asked;
  pid_t pid = 0;
  unique_fd pidfd;
  bool killed = false;
  bool owned = true;
  bool handed_over = false;
  std::optional<error> refusal; ///< at `refused`; nothing: its zygote went before it began
  event answered, over;
  exit_report report;

 private:
  struct callbacks {
    std::function<void(const output_line&)> on_output;
    std::function<void(const exit_report&)> on_exit;
  };
  void read(output_line::stream from, std::string_view piece);
  void tell_line(output_line::stream from, std::string_view line);
  void tell_exit();
  void read_slot();
  worker_slot* slot() const noexcept;

  std::shared_ptr<callbacks> calls_; // copied before a call: the call may disown
  std::span<std::byte> channel_;
  std::uint64_t slot_offset_bytes_;
  std::array<std::unique_ptr<output_pipe>, 2> pipes_;
  std::array<line_cutter, 2> cutters_;
  output_tail tail_;
};

} // namespace weir::detail
