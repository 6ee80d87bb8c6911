#pragma once

#include "media/byte_source.hpp"

#include <weir/media/prepare.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>

namespace weir::media::detail {

/// Gets the finished rows from top to bottom.
using row_sink = std::function<void(std::span<const std::uint8_t> rgb)>;

/// Decodes and scales; the finished rows go to `rows`, each `options.width * 3` bytes. The result's `output_bytes` is
/// the caller's. Fails, cancellation: as prepare_image.
prepare_result prepare_rows(const image_source& source, const prepare_options& options, const row_sink& rows,
                            const std::stop_token& stop);

/// Refuses what can be refused by the first bytes and the length, in the words of prepare_rows. Returns the format.
image_format check_source(byte_source& source, const prepare_options& options, const std::string& name);

} // namespace weir::media::detail
