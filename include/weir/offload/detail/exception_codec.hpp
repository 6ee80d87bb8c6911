#pragma once

#include <weir/offload/codec.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace weir::detail {

/// Encodes the exception being handled: call it in a handler. `function` is what was running; `trace` its lines.
/// Fails: std::bad_alloc.
void encode_current_exception(encoder& out, std::string_view function, std::vector<std::string> trace = {});

/// Returns the exception, made anew as the class that it was where that is known, else as weir::remote_exception.
/// Fails: errc::corrupt.
std::exception_ptr decode_exception(decoder& in);

/// The name of a type as a person would write it.
std::string readable_name(const char* mangled);

} // namespace weir::detail
