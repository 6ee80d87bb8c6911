#pragma once

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/offload/detail/function_name.hpp>
#include <weir/offload/sandbox.hpp>

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// What a process and its zygote say to each other: one message per packet of a SOCK_SEQPACKET pair.
namespace weir::detail {

/// Descriptors of a worker besides its three streams.
inline constexpr std::size_t max_worker_fds = 16;
inline constexpr std::size_t max_request_bytes = 64 * 1024;

/// Parent to zygote, with the descriptors [stdout, stderr, fds...]: start a worker. Travels through the codec.
struct worker_request {
  std::uint64_t id = 0; ///< chosen by the parent, never twice
  function_name entry;
  std::uint64_t slot_offset_bytes = 0;
  std::optional<sandbox_options> sandbox;
  std::uint64_t memory_limit_bytes = 0;
  std::int64_t cpu_limit_s = 0;
  std::int32_t nice = 0;
  bool core_dumps = false;
};

enum class zygote_says : std::uint32_t {
  hello = 1, ///< it is ready; `module` is its program
  started,   ///< worker `id` runs as `pid`; carries its pidfd
  refused,   ///< worker `id` could not be started: `code`, `text`
  ended,     ///< worker `id` is gone: `status`, `max_rss_bytes`
};

/// Zygote to parent.
struct zygote_reply {
  static constexpr std::uint32_t the_magic = 0x31726577;

  std::uint32_t magic = the_magic;
  zygote_says what = zygote_says::hello;
  std::uint64_t id = 0;
  std::uint64_t max_rss_bytes = 0;
  std::int32_t pid = 0;
  std::int32_t status = 0; ///< as wait4 gives it
  errc code = errc::internal;
  module_id module{};
  char text[400] = {};

  void set_text(std::string_view words) noexcept;
  std::string words() const;
};

/// Sends one packet. Returns 0 or an errno value. At most max_worker_fds + 2 descriptors.
int send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> fds) noexcept;

/// One packet: how many bytes, 0 at the end of the stream, or an errno value as a negative number. EMSGSIZE for a
/// packet that did not fit. Descriptors in it are close-on-exec.
struct packet {
  ssize_t size = 0;
  std::vector<unique_fd> fds;
  bool fds_lost = false; ///< some could not be taken: this process has too many open
};
packet receive_packet(int socket, std::span<std::byte> room);

} // namespace weir::detail
