#include "media/prepare_rows.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/stop.hpp>
#include <weir/media/decoding.hpp>
#include <weir/offload/processpool.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::media {

namespace {

/// What a worker answers.
struct decoded {
  shared_buffer pixels;
  bool colour_converted = false;
};

std::size_t pixel_bytes(const prepare_options& options) noexcept {
  return std::size_t{options.width} * options.height * 3;
}

/// Runs in the worker.
decoded decode_pixels(const shared_buffer& file, const std::string& name, const prepare_options& options) {
  mutable_buffer pixels = shared_buffer::make(pixel_bytes(options));
  std::size_t at = 0;
  const auto made = detail::prepare_rows(image_source::from_bytes(file, name), options,
                                         [&](std::span<const std::uint8_t> rgb) {
                                           const auto count = std::min(rgb.size(), pixels.size() - at);
                                           std::memcpy(pixels.data() + at, rgb.data(), count);
                                           at += count;
                                         },
                                         {});
  return {std::move(pixels).share(), made.colour_converted};
}

shared_buffer read_file(const files::file& file, const std::string& name, const prepare_options& options,
                        const std::stop_token& stop) {
  const auto source = detail::make_byte_source(file.fd.get(), name);
  detail::check_source(*source, options, name);
  mutable_buffer bytes;
  try {
    bytes = shared_buffer::make(source->size());
  } catch (const error& failure) {
    throw error(failure.code(), name + ": there is no memory to decode it in: " + failure.what());
  }
  constexpr std::size_t piece = std::size_t{1} << 20;
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (stop.stop_requested()) throw cancelled{};
    const std::size_t wanted = std::min(piece, bytes.size() - at);
    const std::size_t got = source->read_at(at, {reinterpret_cast<unsigned char*>(bytes.data()) + at, wanted});
    at += got;
    if (got < wanted) break;
  }
  if (source->failed() != 0) throw errno_error(source->failed(), name);
  bytes.shrink(at); // the file may have become shorter
  return bytes;
}

process_options shut_in(const decoding_options& how) {
  process_options options;
  options.deadline = how.deadline;
  sandbox_options box;
  box.memory_limit_bytes = how.max_memory_bytes;
  box.one_shot = true; // what takes a decoder over never sees the next picture
  box.required = how.where == isolation::required;
  options.sandbox = std::move(box);
  return options;
}

[[noreturn]] void misbehaved(const std::string& name) {
  throw error(errc::corrupt, name + ": its decoder gave an answer that cannot be right; the file is damaged or made to "
                                    "do harm. Nothing was changed");
}

/// Passes on an error of the decoder. Its words come from a process that may have been taken over.
[[noreturn]] void pass_on(const error& failure, const std::string& name) {
  constexpr std::size_t max_text_bytes = 1000;
  std::string_view said = failure.what();
  if (said.starts_with(name)) said.remove_prefix(name.size());
  std::string text = name + (said.starts_with(':') ? "" : ": ");
  for (const char c : said.substr(0, max_text_bytes)) text += c >= 0x20 && c < 0x7f ? c : '?'; // ours are ASCII
  switch (failure.code()) {
  case errc::unsupported:
  case errc::too_large:
  case errc::invalid_argument:
    throw error(failure.code(), text);
  default:
    throw error(errc::corrupt, text);
  }
}

/// Throws the error of a call to a worker, which is being handled, as one about the picture.
[[noreturn]] void explain(const std::string& name, const decoding_options& how) {
  try {
    throw;
  } catch (const job_timeout&) {
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(how.deadline).count();
    throw error(errc::timeout, name + ": decoding it took longer than " + std::to_string(limit) +
                                   " ms and was stopped. Nothing was changed; try a smaller picture");
  } catch (const job_memory_limit& e) {
    throw error(errc::too_large, name + ": decoding it wanted more memory than " +
                                     std::to_string(e.limit_bytes() >> 20) +
                                     " MiB and was stopped. Nothing was changed; try a smaller picture");
  } catch (const worker_crashed& e) {
    if (e.signal() == SIGKILL)
      throw error(errc::unavailable, name + ": the process that decoded it was killed, most often by the system for "
                                            "want of memory. Nothing was changed; try again");
    throw error(errc::corrupt, name + ": the decoder crashed (" + e.signal_name() +
                                   "); the file is damaged or made to do harm. Nothing was changed");
  } catch (const worker_exited&) {
    misbehaved(name);
  } catch (const process_error& e) {
    throw error(errc::unavailable,
                name + ": there is no process to decode it in: " + e.what() + ". Nothing was changed");
  } catch (const error& e) {
    if (dynamic_cast<const remote_report*>(&e)) pass_on(e, name);
    if (e.code() != errc::corrupt && e.code() != errc::internal) throw error(e.code(), name + ": " + e.what());
    misbehaved(name);
  } catch (const cancelled&) {
    this_task::throw_if_cancelled();
    misbehaved(name); // nobody here has cancelled anything: the worker says so
  } catch (const std::exception&) {
    misbehaved(name);
  }
}

struct outcome {
  prepare_result result;
  shared_buffer pixels;
};

task<outcome> decode_apart(const decoding_options& how, std::shared_ptr<const files::file> file,
                           const std::string& name, const prepare_options& options) {
  limiter all(limiter::unlimited); // the caller counts
  const auto bytes = co_await run_in_threadpool(
      thread_options{.limiter = &all}, [&](std::stop_token stop) { return read_file(*file, name, options, stop); });
  decoded made;
  try {
    made = co_await run_in_processpool(shut_in(how), decode_pixels, bytes, name, options);
  } catch (...) {
    explain(name, how);
  }
  const auto header = probe_image(bytes.bytes());
  if (!header || made.pixels.size() != pixel_bytes(options)) misbehaved(name);
  prepare_result result{.source = *header,
                        .width = options.width,
                        .height = options.height,
                        .mode = options.mode,
                        .colour_converted = made.colour_converted};
  co_return outcome{result, std::move(made.pixels)};
}

/// The worker could still write into the pixels: each is read once.
std::uint64_t write_pixels(const shared_buffer& pixels, const prepare_options& options, const byte_sink& sink,
                           const std::stop_token& stop) {
  png_writer writer(options.width, options.height, sink, stop);
  std::vector<std::uint8_t> line(std::size_t{options.width} * 3);
  for (std::uint32_t y = 0; y < options.height; ++y) {
    std::memcpy(line.data(), pixels.data() + y * line.size(), line.size());
    writer.write_row(line);
  }
  return writer.finish();
}

void check_target(const prepare_options& options) {
  if (options.width < 1 || options.height < 1 || options.width > max_target_side || options.height > max_target_side)
    throw error(errc::invalid_argument, "target size " + std::to_string(options.width) + "x" +
                                            std::to_string(options.height) + ": the sides must be from 1 to " +
                                            std::to_string(max_target_side));
}

} // namespace

task<prepare_result> prepare_image_apart(decoding_options how, std::shared_ptr<const files::file> file,
                                         std::string name, prepare_options options, byte_sink sink) {
  check_target(options);
  limiter all(limiter::unlimited);
  const thread_options here{.limiter = &all};
  if (how.where == isolation::none)
    co_return co_await run_in_threadpool(here, [&](std::stop_token stop) {
      return prepare_image(image_source::from_fd(file->fd.get(), name), options, sink, stop);
    });
  outcome made = co_await decode_apart(how, file, name, options);
  made.result.output_bytes = co_await run_in_threadpool(
      here, [&](std::stop_token stop) { return write_pixels(made.pixels, options, sink, stop); });
  co_return made.result;
}

task<rgb_image> prepare_pixels_apart(decoding_options how, std::shared_ptr<const files::file> file, std::string name,
                                     prepare_options options) {
  check_target(options);
  limiter all(limiter::unlimited);
  const thread_options here{.limiter = &all};
  if (how.where == isolation::none)
    co_return co_await run_in_threadpool(here, [&](std::stop_token stop) {
      return prepare_pixels(image_source::from_fd(file->fd.get(), name), options, stop);
    });
  const outcome made = co_await decode_apart(how, file, name, options);
  co_return co_await run_in_threadpool(here, [&] {
    const auto* first = reinterpret_cast<const std::uint8_t*>(made.pixels.data());
    return rgb_image{options.width, options.height, {first, first + made.pixels.size()}};
  });
}

std::size_t shared_memory_bytes(std::uint64_t file_bytes, const prepare_options& options) noexcept {
  return static_cast<std::size_t>(std::min(file_bytes, options.max_file_bytes)) + pixel_bytes(options);
}

} // namespace weir::media
