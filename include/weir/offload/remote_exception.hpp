#pragma once

#include <weir/offload/detail/exception_form.hpp>
#include <weir/offload/remote_report.hpp>

#include <stdexcept>

namespace weir {

/// What arrives in place of an exception whose type cannot be made anew: of an unknown class (also one derived from a
/// known class: it is never cut down to its base), or no exception class at all. what() is "<type>: <text>".
class remote_exception : public std::runtime_error, public remote_report {
 public:
  explicit remote_exception(fields all);
};

/// Lets exceptions of class E come back from a worker as themselves. In one line at namespace scope - workers do not
/// run main, so a call from there is too late for them, and E arrives as remote_exception:
///
///   inline const bool out_of_paint_travels = weir::register_exception<out_of_paint>();
///
/// E needs a weir::codec<E>, or to be a struct that can be sent, or a what() and a constructor from a std::string (then
/// what() is all that travels). Classes derived from E are not E: register them as well. What is thrown in the parent
/// is derived from E and remote_report, and its what() is what it was in the worker. Without registration come back as
/// themselves: the classes of <stdexcept>, <new>, <typeinfo>, std::exception, std::bad_exception, bad_variant_access,
/// bad_optional_access, bad_any_cast, bad_function_call, bad_weak_ptr, system_error (its code of the generic, system or
/// iostream category), filesystem_error (with paths), ios_base::failure, regex_error, weir::error, weir::cancelled.
/// Returns true. Thread-safety: any thread. Cost: an entry of a table.
template <class E>
bool register_exception() {
  detail::add_exception_form(detail::make_exception_form<E>());
  return true;
}

} // namespace weir
