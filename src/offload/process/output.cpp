#include "offload/process/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace weir::detail {

namespace {

constexpr std::size_t piece_bytes = 16 * 1024;

} // namespace

void line_cutter::add(std::string_view piece, const sink& to) {
  while (!piece.empty()) {
    const std::size_t room = max_line_bytes - begun_.size();
    const std::size_t end = piece.substr(0, room).find('\n');
    const std::string_view part = piece.substr(0, std::min(end, room));
    const bool whole = end != std::string_view::npos;
    piece.remove_prefix(part.size() + (whole ? 1 : 0));
    if (!whole && begun_.size() + part.size() < max_line_bytes) {
      begun_.append(part);
    } else if (begun_.empty()) {
      to(part);
    } else {
      begun_.append(part);
      const std::string line = std::exchange(begun_, {});
      to(line);
    }
  }
}

void line_cutter::finish(const sink& to) {
  if (const std::string line = std::exchange(begun_, {}); !line.empty()) to(line);
}

void output_tail::add(std::string_view piece) {
  if (piece.size() > max_bytes) piece.remove_prefix(piece.size() - max_bytes);
  kept_.append(piece);
  if (kept_.size() > 4 * max_bytes) kept_.erase(0, kept_.size() - max_bytes); // seldom, not with every line
}

output_pipe::output_pipe(unique_fd end, std::function<void(std::string_view)> on_piece)
    : end_(std::move(end)),
      on_piece_(std::make_shared<const std::function<void(std::string_view)>>(std::move(on_piece))),
      watch_(end_.get(), [this] { read_one(); }) {}

void output_pipe::read_one() { drain(piece_bytes); }

void output_pipe::drain(std::size_t most_bytes) {
  const auto sink = on_piece_;
  std::array<char, piece_bytes> buffer;
  // Everything that is used after a call of the sink is a copy, and a pipe that is gone is not read again: the caller
  // of more than one piece keeps this alive.
  for (std::size_t done = 0; done < most_bytes;) {
    const ssize_t got = ::read(end_.get(), buffer.data(), std::min(buffer.size(), most_bytes - done));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) watch_.stop(); // nobody can write any more
    if (got <= 0) return;
    done += static_cast<std::size_t>(got);
    const bool last = done >= most_bytes || static_cast<std::size_t>(got) < buffer.size();
    (*sink)({buffer.data(), static_cast<std::size_t>(got)});
    if (last) return;
  }
}

} // namespace weir::detail
