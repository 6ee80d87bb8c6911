#include <weir/core/descriptor.hpp>
#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/media/animatic.hpp>
#include <weir/offload/child.hpp>
#include <weir/offload/threadpool.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <media/zoom_frames.hpp>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace weir::media {

namespace {

constexpr std::uint32_t min_side = 16;
constexpr std::uint32_t max_side = 4096;
constexpr std::uint32_t max_fps = 60;
constexpr double max_seconds = 120;
constexpr int niceness = 10;
constexpr std::size_t max_words_bytes = 600; // of ffmpeg's complaint that go into an error

std::uint64_t size_of(int fd) {
  struct stat status{};
  if (fd < 0 || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
    throw error(errc::invalid_argument, "the film needs a regular file that is open for writing");
  return static_cast<std::uint64_t>(status.st_size);
}

void check(const animatic_options& options) {
  const rgb_image& card = options.card;
  const double seconds = options.length.count();
  if (card.width < min_side || card.height < min_side || card.width > max_side || card.height > max_side)
    throw error(errc::invalid_argument, fmt::format("a film may have {} to {} pixels a side, not {}x{}", min_side,
                                                    max_side, card.width, card.height));
  if (card.pixels.size() != std::size_t{card.width} * card.height * 3)
    throw error(errc::invalid_argument, fmt::format("the card has {} bytes, which is not {}x{} RGB", card.pixels.size(),
                                                    card.width, card.height));
  if (!(seconds > 0 && seconds <= max_seconds))
    throw error(errc::invalid_argument, fmt::format("a film may last up to {} seconds, not {}", max_seconds, seconds));
  if (options.fps < 1 || options.fps > max_fps)
    throw error(errc::invalid_argument,
                fmt::format("a film may have 1 to {} frames a second, not {}", max_fps, options.fps));
  size_of(options.output_fd);
}

std::string ffmpeg() {
  const char* named = std::getenv("WEIR_FFMPEG");
  std::string program = find_program(named != nullptr && *named != '\0' ? named : "ffmpeg");
  if (program.empty())
    throw error(errc::not_configured,
                "ffmpeg was not found: install it (apt-get install ffmpeg) or set WEIR_FFMPEG to the program");
  return program;
}

/// Reads what `-progress` writes: lines of name=value, in any pieces.
class progress_reader {
 public:
  progress_reader(std::uint32_t frames, const std::function<void(double)>& report) : frames_(frames), report_(report) {}

  void read(std::string_view piece) {
    for (char c : piece) {
      if (c == '\n') {
        line();
        line_.clear();
      } else if (line_.size() < 64) {
        line_ += c;
      }
    }
  }

 private:
  void line() {
    constexpr std::string_view name = "frame=";
    std::string_view value = line_;
    if (!value.starts_with(name)) return;
    value.remove_prefix(name.size());
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    std::uint32_t done = 0;
    std::from_chars(value.data(), value.data() + value.size(), done);
    // The last frame is not the end: the index is still moved to the front. 1 is said when the film is complete.
    done = std::min(done, frames_ - 1);
    if (done <= said_) return;
    said_ = done;
    if (report_) report_(static_cast<double>(done) / frames_);
  }

  std::uint32_t frames_;
  std::uint32_t said_ = 0;
  const std::function<void(double)>& report_;
  std::string line_;
};

struct frame_pipe {
  descriptor ours;
  unique_fd theirs;
};

// A socket and not a pipe: an encoder that has died is EPIPE and no signal, and both ends can be shut down from here.
frame_pipe make_pipe() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw errno_error(errno, "the pipe to ffmpeg");
  unique_fd ours(ends[0]), theirs(ends[1]);
  return {descriptor(std::move(ours)), std::move(theirs)};
}

std::vector<std::string> command(const detail::zoom_frames& frames, const animatic_options& options, int input_fd) {
  const auto number = [](auto n) { return std::to_string(n); };
  std::vector<std::string> argv = {ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", "-progress",
                                   "pipe:1", "-stats_period", "0.1",
                                   // input
                                   "-protocol_whitelist", "pipe", "-f", "rawvideo", "-pixel_format", "yuv420p",
                                   "-video_size", fmt::format("{}x{}", frames.width(), frames.height()), "-framerate",
                                   number(options.fps), "-i", fmt::format("pipe:{}", input_fd),
                                   // encoder
                                   "-map", "0:v:0", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23",
                                   "-profile:v", "high", "-pix_fmt", "yuv420p", "-g", number(options.fps * 2),
                                   "-threads", "2", "-color_range", "tv", "-colorspace", "bt709", "-color_primaries",
                                   "bt709", "-color_trc", "bt709",
                                   // file: nothing about the machine in it
                                   "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags",
                                   "+faststart", "-f", "mp4", "-y", fmt::format("/dev/fd/{}", options.output_fd)};
  return argv;
}

task<child_result> encode(child_options options, descriptor& pipe) {
  // However the encoder ends, the sender must not wait for it any longer.
  struct shut {
    int fd;
    ~shut() { ::shutdown(fd, SHUT_RDWR); }
  } at_end{pipe.get()};
  co_return co_await run_child(std::move(options));
}

// Returns false where the encoder takes no more.
task<bool> send(descriptor& to, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0)
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    else if (errno == EAGAIN)
      co_await to.writable();
    else if (errno != EINTR)
      co_return false;
  }
  co_return true;
}

task<void> draw(detail::zoom_frames& frames, std::uint32_t number, std::vector<std::uint8_t>& into) {
  co_await run_in_threadpool([&frames, number, &into] { frames.draw(number, into); });
}

// While one frame is on its way, the next one is drawn. Returns whether all frames were taken.
task<bool> send_frames(detail::zoom_frames& frames, std::uint32_t count, descriptor& to) {
  std::vector<std::uint8_t> front(frames.frame_bytes());
  std::vector<std::uint8_t> back(frames.frame_bytes());
  co_await draw(frames, 0, front);
  for (std::uint32_t number = 1; number < count; ++number) {
    auto [taken, drawn] = co_await gather(send(to, front), draw(frames, number, back));
    if (!taken) co_return false;
    std::swap(front, back);
  }
  const bool taken = co_await send(to, front);
  ::shutdown(to.get(), SHUT_WR);
  co_return taken;
}

// The last lines of a complaint, printable.
std::string words(std::string_view tail) {
  tail = tail.substr(tail.size() - std::min(tail.size(), max_words_bytes));
  std::string text;
  for (char c : tail) text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  text.erase(text.find_last_not_of(' ') + 1);
  return text.empty() ? "it gave no reason" : text;
}

void check(const child_result& ended) {
  if (ended.ok()) return;
  if (ended.stderr_tail.find("No space left on device") != std::string::npos)
    throw error(errc::no_space, "the film could not be written: the disk is full");
  throw error(errc::job_failed,
              fmt::format("ffmpeg {} {}: {}", ended.signal != 0 ? "was ended by signal" : "failed with exit code",
                          ended.signal != 0 ? ended.signal : ended.exit_code, words(ended.stderr_tail)));
}

} // namespace

task<animatic_result> make_animatic(animatic_options options) {
  check(options);
  const auto count =
      std::max(1U, static_cast<std::uint32_t>(std::lround(options.length.count() * static_cast<double>(options.fps))));
  ffmpeg(); // before any work is done
  auto frames = co_await run_in_threadpool([&options, count] {
    return std::make_unique<detail::zoom_frames>(options.card, count, options.fps, options.timecode);
  });
  options.card = {};

  frame_pipe pipe = make_pipe();
  progress_reader progress(count, options.on_progress);
  child_options child;
  child.argv = command(*frames, options, pipe.theirs.get());
  child.keep_fds = {pipe.theirs.get(), options.output_fd};
  child.nice = niceness;
  child.on_stdout = [&progress](std::string_view piece) { progress.read(piece); };
  const auto [ended, complete] =
      co_await gather(encode(std::move(child), pipe.ours), send_frames(*frames, count, pipe.ours));
  check(ended);
  if (!complete) throw error(errc::job_failed, "ffmpeg stopped reading before the last frame");

  animatic_result result;
  result.width = frames->width();
  result.height = frames->height();
  result.frames = count;
  result.length = std::chrono::duration<double>(static_cast<double>(count) / options.fps);
  result.size_bytes = size_of(options.output_fd);
  if (options.on_progress) options.on_progress(1.0);
  co_return result;
}

} // namespace weir::media
