#include <weir/core/error.hpp>
#include <weir/offload/detail/reply.hpp>

namespace weir::detail {

std::span<std::byte> memory_reply_room::more(std::size_t bytes) {
  if (bytes > max_bytes_)
    throw error(errc::too_large, "The result takes " + std::to_string(bytes) + " bytes; a worker may return " +
                                     std::to_string(max_bytes_) + ". Return less, or write it to a file.");
  heap_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
  return {heap_.get(), bytes};
}

namespace {

/// For exceptions that cannot be told in full: what is known without memory.
std::span<const std::byte> write_short(reply_room& room, std::string_view what) noexcept {
  try {
    return write_reply(room, [&](encoder& out) {
      out.put(reply_kind::failure);
      try {
        throw error(errc::internal, std::string(what));
      } catch (...) {
        encode_current_exception(out, {});
      }
    });
  } catch (...) {
    return {};
  }
}

} // namespace

std::span<const std::byte> write_failure(reply_room& room, std::string_view function,
                                         std::vector<std::string> (*trace)()) noexcept {
  try {
    encoder whole;
    whole.put(reply_kind::failure);
    encode_current_exception(whole, function, trace != nullptr ? trace() : std::vector<std::string>());
    return write_reply(room, [&](encoder& out) { out.write(whole.bytes().data(), whole.size_bytes()); });
  } catch (...) {
    return write_short(room, "A job failed, and its exception found no room.");
  }
}

void throw_failure(decoder& in, reply_kind kind) {
  if (kind != reply_kind::failure) in.fail("its kind", "is neither a value nor a failure");
  const std::exception_ptr failure = decode_exception(in);
  in.finish();
  std::rethrow_exception(failure);
}

} // namespace weir::detail
