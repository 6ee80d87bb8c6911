#pragma once

#include <weir/offload/codec.hpp>
#include <weir/offload/remote_report.hpp>

#include <concepts>
#include <exception>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace weir::detail {

/// An E as it is thrown in the parent: E and a report in one.
template <class E>
class rebuilt final : public E, public remote_report {
 public:
  rebuilt(E plain, fields all) : E(std::move(plain)), remote_report(std::move(all)) {}
};
template <std::derived_from<std::exception> E>
class rebuilt<E> final : public E, public remote_report {
 public:
  rebuilt(E plain, fields all) : E(std::move(plain)), remote_report(std::move(all)) {}
  const char* what() const noexcept override { return text().c_str(); }
};

/// What of an E travels beside its report. `encode` returns false for an E that cannot be made anew.
template <class E>
struct exception_wire {
  static_assert(sendable<E> || (std::derived_from<E, std::exception> && std::constructible_from<E, std::string>),
                "weir: an exception class that is registered needs a weir::codec, or a what() and a constructor from "
                "a std::string.");
  static bool encode(encoder& out, const E& exception) {
    if constexpr (sendable<E>) out.put(exception);
    return true;
  }
  static E decode(decoder& in, [[maybe_unused]] const std::string& text) {
    if constexpr (sendable<E>)
      return in.get<E>();
    else
      return E(text);
  }
};

/// A class of exceptions that comes back as itself.
struct exception_form {
  std::vector<const std::type_info*> types; ///< thrown objects that are exactly an E
  bool (*encode)(encoder&) = nullptr;       ///< of the exception being handled, which is of one of `types`
  std::exception_ptr (*decode)(decoder&, remote_report::fields) = nullptr;
};

/// Adds `form` under the demangled name of types.front(), or replaces it. Thread-safety: any thread.
void add_exception_form(exception_form form);

template <class E>
exception_form make_exception_form() {
  static_assert(std::is_class_v<E> && !std::is_const_v<E>, "weir: register an exception class");
  exception_form form;
  form.types = {&typeid(E)};
  if constexpr (!std::is_final_v<E>) {
    form.types.push_back(&typeid(rebuilt<E>));
#ifdef __GLIBCXX__
    form.types.push_back(&typeid(std::_Nested_exception<E>)); // what std::throw_with_nested throws
#endif
  }
  form.encode = [](encoder& out) {
    try {
      throw;
    } catch (const E& exception) {
      return exception_wire<E>::encode(out, exception);
    }
  };
  form.decode = [](decoder& in, remote_report::fields report) {
    E plain = exception_wire<E>::decode(in, report.text);
    if constexpr (std::is_final_v<E>)
      return std::make_exception_ptr(std::move(plain));
    else
      return std::make_exception_ptr(rebuilt<E>(std::move(plain), std::move(report)));
  };
  return form;
}

} // namespace weir::detail
