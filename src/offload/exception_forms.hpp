#pragma once

#include <weir/offload/detail/exception_form.hpp>

#include <optional>
#include <string>

namespace weir::detail {

/// The registered class of that name, if there is one.
std::optional<exception_form> form_named(const std::string& name);

/// The registered class that objects of type `thrown` are exactly, if there is one. `name` becomes the name of the
/// class, without what std::throw_with_nested wraps around it.
std::optional<exception_form> form_of(const std::type_info& thrown, std::string& name);

} // namespace weir::detail
