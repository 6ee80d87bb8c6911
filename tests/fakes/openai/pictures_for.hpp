#pragma once

#include "world.hpp"

namespace fake {

/// The output settings that image calls and image tools share.
struct picture_settings {
  std::string size, quality, background, format;
};

/// Reads and checks size, quality, background, output_format and output_compression. Throws api_error.
picture_settings read_settings(const world& w, const arguments& args, const std::string& model);
picture_request picture_of(const world& w, const picture_settings& s, const std::string& id);
/// "auto" settings as the service reports them after the work.
std::string resolved(const std::string& value, const std::string& automatic);
boost::json::object usage(std::size_t prompt_bytes, std::size_t input_pictures, long pictures);

} // namespace fake
