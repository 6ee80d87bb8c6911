#pragma once

#include <weir/core/task.hpp>
#include <weir/http/client.hpp>
#include <weir/media/base64_json.hpp>
#include <weir/providers/image.hpp>

#include <exception>
#include <string>

namespace weir::providers::openai {

/// An answer without its picture.
struct picture_answer {
  json::object rest;
  http::headers headers;
  bool found = false; ///< the picture is completely in the sink
};

/// Takes the body of an answer with a picture in it: the picture goes into a sink while it arrives, the rest is kept.
/// Each piece is searched, decoded and written in one visit to a pool thread; the loop does none of it.
class picture_reader {
 public:
  picture_reader(media::image_place place, byte_sink sink);

  /// Takes the head: a body that comes with an error status is kept as text.
  void begin(const http::response_head& head) noexcept { status_ = head.status; }
  bool begun() const noexcept { return status_ != 0; }
  bool succeeds() const noexcept { return status_ / 100 == 2; }
  int status() const noexcept { return status_; }

  /// Takes the next piece. Fails: with what the sink threw; what else it throws is a broken answer.
  task<void> take(std::span<const std::byte> piece);

  /// Ends the body. Returns what is left of it without the picture. Fails: as take.
  task<picture_answer> finish();

  /// The first 64 KB of a body with an error status.
  const std::string& error_body() const noexcept { return error_body_; }
  /// What the sink threw, and whether the answer was no good.
  const std::exception_ptr& sink_failure() const noexcept { return sink_failure_; }
  bool broken() const noexcept { return broken_; }

 private:
  void feed(std::string_view bytes);

  byte_sink sink_;
  std::exception_ptr sink_failure_;
  media::base64_json_extractor extractor_;
  std::string error_body_;
  int status_ = 0;
  bool broken_ = false;
};

/// Lets a picture come in several attempts, each from its first byte, through one sink that gets every byte once.
class continued_sink {
 public:
  explicit continued_sink(byte_sink sink);
  continued_sink(const continued_sink&) = delete;
  continued_sink& operator=(const continued_sink&) = delete;

  /// Begins an attempt. Returns: where its bytes go; to be used while this object lives.
  /// The sink fails with errc::corrupt where the picture is another one than the first time.
  byte_sink attempt();

  /// How many bytes came in this attempt.
  std::uint64_t seen_bytes() const noexcept { return seen_.bytes; }
  /// Whether the sink threw: nobody knows how much it took, so there can be no other attempt.
  bool failed() const noexcept { return failed_; }

 private:
  /// A stretch from the first byte on, and what tells it from another.
  struct prefix {
    std::uint64_t bytes = 0;
    std::uint64_t hash = 0xcbf29ce484222325; // FNV-1a, 64 bits
    void add(std::span<const std::byte> more) noexcept;
  };
  void take(std::span<const std::byte> bytes);

  byte_sink sink_;
  prefix delivered_, seen_;
  bool failed_ = false;
};

} // namespace weir::providers::openai
