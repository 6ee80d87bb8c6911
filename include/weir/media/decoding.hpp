#pragma once

#include <weir/core/loop.hpp>
#include <weir/core/task.hpp>
#include <weir/files/root.hpp>
#include <weir/media/prepare.hpp>
#include <weir/media/rgb_image.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace weir::media {

/// Where pictures of strangers are decoded.
enum class isolation {
  none,        ///< on pool threads of this process
  best_effort, ///< in a worker process, shut in as far as the kernel grants
  required,    ///< the same; fails where it grants less than sandbox_support::sufficient
};

struct decoding_options {
  isolation where = isolation::best_effort;
  /// Private memory that a worker may take. The file and the pixels are shared memory and do not count.
  std::uint64_t max_memory_bytes = std::uint64_t{576} << 20;
  /// How long the decoding of one picture may take, waiting for a worker included. Only workers are ended by it.
  clock::duration deadline = std::chrono::seconds(60);
};

/// prepare_image for a file that is not to be trusted: read here, decoded in a worker process that can do nothing but
/// compute, and written to `sink` here, on a pool thread. Each picture has a process of its own. What comes back are
/// pixels and nothing else: the worst that a decoder which was taken over can do is to give a wrong picture.
///
/// The bytes are those of prepare_image, and so are its errors. `name` is the file as the user named it.
/// Returns: as prepare_image; `source` was read from the header in this process.
/// Fails: as prepare_image; corrupt where the decoder crashed or gave an answer that cannot be right, unavailable where
/// its process was killed from outside or none could be started, timeout and too_large where it went over `how`'s
/// limits. Such an error is that one call's. Cancellation: kills the worker.
/// Thread-safety: the loop's thread. Cost: as prepare_image, some milliseconds of a process's start (most of it before
/// the call, where pictures follow each other), and shared memory of the file's size and 3 bytes a pixel of the target.
task<prepare_result> prepare_image_apart(decoding_options how, std::shared_ptr<const files::file> file,
                                         std::string name, prepare_options options, byte_sink sink);

/// The same for further work in memory: returns the pixels, as prepare_pixels does.
task<rgb_image> prepare_pixels_apart(decoding_options how, std::shared_ptr<const files::file> file, std::string name,
                                     prepare_options options);

/// What the shared memory of prepare_image_apart comes to, beside estimate_memory_bytes.
std::size_t shared_memory_bytes(std::uint64_t file_bytes, const prepare_options& options) noexcept;

} // namespace weir::media
