#include "exception_forms.hpp"

#include <weir/core/error.hpp>
#include <weir/offload/detail/exception_codec.hpp>

#include <any>
#include <filesystem>
#include <functional>
#include <ios>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <regex>
#include <system_error>
#include <typeinfo>
#include <unordered_map>
#include <variant>

namespace weir::detail {

namespace {

/// For classes that hold nothing: their what() is the report's.
template <class E>
  requires(std::default_initializable<E> && !sendable<E>)
struct exception_wire_of_nothing {
  static bool encode(encoder&, const E&) { return true; }
  static E decode(decoder&, const std::string&) { return E(); }
};

} // namespace

#define WEIR_NOTHING(CLASS)                                                                                            \
  template <>                                                                                                          \
  struct exception_wire<CLASS> : exception_wire_of_nothing<CLASS> {};
WEIR_NOTHING(std::exception)
WEIR_NOTHING(std::bad_exception)
WEIR_NOTHING(std::bad_alloc)
WEIR_NOTHING(std::bad_array_new_length)
WEIR_NOTHING(std::bad_cast)
WEIR_NOTHING(std::bad_any_cast)
WEIR_NOTHING(std::bad_typeid)
WEIR_NOTHING(std::bad_variant_access)
WEIR_NOTHING(std::bad_optional_access)
WEIR_NOTHING(std::bad_function_call)
WEIR_NOTHING(std::bad_weak_ptr)
#undef WEIR_NOTHING

template <>
struct exception_wire<std::system_error> {
  static bool encode(encoder& out, const std::system_error& e) {
    if (!is_known_category(e.code())) return false;
    out.put(e.code());
    return true;
  }
  static std::system_error decode(decoder& in, const std::string& text) {
    return std::system_error(in.get<std::error_code>(), text);
  }
};

template <>
struct exception_wire<std::ios_base::failure> {
  static bool encode(encoder& out, const std::ios_base::failure& e) {
    if (!is_known_category(e.code())) return false;
    out.put(e.code());
    return true;
  }
  static std::ios_base::failure decode(decoder& in, const std::string& text) {
    return std::ios_base::failure(text, in.get<std::error_code>());
  }
};

template <>
struct exception_wire<std::filesystem::filesystem_error> {
  static bool encode(encoder& out, const std::filesystem::filesystem_error& e) {
    if (!is_known_category(e.code())) return false;
    out.put(e.path1());
    out.put(e.path2());
    out.put(e.code());
    return true;
  }
  static std::filesystem::filesystem_error decode(decoder& in, const std::string& text) {
    const auto first = in.get<std::filesystem::path>();
    const auto second = in.get<std::filesystem::path>();
    return std::filesystem::filesystem_error(text, first, second, in.get<std::error_code>());
  }
};

template <>
struct exception_wire<std::regex_error> {
  static bool encode(encoder& out, const std::regex_error& e) {
    out.put(static_cast<int>(e.code()));
    return true;
  }
  static std::regex_error decode(decoder& in, const std::string&) {
    return std::regex_error(static_cast<std::regex_constants::error_type>(in.get<int>()));
  }
};

template <>
struct exception_wire<error> {
  static bool encode(encoder& out, const error& e) {
    out.put(e.code());
    out.put(e.status());
    return true;
  }
  static error decode(decoder& in, const std::string& text) {
    const errc code = in.get<errc>();
    if (code < errc::invalid_argument || code > errc::internal) in.fail("weir::errc", "is none of its values");
    error made(code, text);
    made.with_status(in.get<int>());
    return made;
  }
};

namespace {

/// The class that was meant, without what wraps it: nesting, an earlier journey, a class of the library's own.
std::string public_name(std::string name) {
  for (const std::string_view wrapper : {"std::_Nested_exception<", "weir::detail::rebuilt<"})
    if (name.starts_with(wrapper) && name.ends_with('>'))
      name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
  if (name.starts_with("std::__ios_failure")) return readable_name(typeid(std::ios_base::failure).name());
  return name;
}

class form_table {
 public:
  form_table() {
    add<std::exception, std::bad_exception, std::bad_alloc, std::bad_array_new_length, std::bad_cast, std::bad_any_cast,
        std::bad_typeid, std::bad_variant_access, std::bad_optional_access, std::bad_function_call, std::bad_weak_ptr,
        std::logic_error, std::domain_error, std::invalid_argument, std::length_error, std::out_of_range,
        std::runtime_error, std::range_error, std::overflow_error, std::underflow_error, std::system_error,
        std::ios_base::failure, std::filesystem::filesystem_error, std::regex_error, error>();
  }

  void add_one(exception_form form) {
    std::string name = readable_name(form.types.front()->name());
    const std::lock_guard guard(mutex_);
    forms_[std::move(name)] = std::move(form);
  }
  std::optional<exception_form> find(const std::string& name) {
    const std::lock_guard guard(mutex_);
    const auto found = forms_.find(name);
    if (found == forms_.end()) return std::nullopt;
    return found->second;
  }

 private:
  template <class... E>
  void add() {
    (add_one(make_exception_form<E>()), ...);
  }

  std::mutex mutex_;
  std::unordered_map<std::string, exception_form> forms_;
};

form_table& forms() {
  static auto* all = new form_table; // never destroyed: exceptions travel until the very end
  return *all;
}

} // namespace

void add_exception_form(exception_form form) { forms().add_one(std::move(form)); }

std::optional<exception_form> form_named(const std::string& name) { return forms().find(name); }

std::optional<exception_form> form_of(const std::type_info& thrown, std::string& name) {
  name = public_name(readable_name(thrown.name()));
  std::optional<exception_form> form = form_named(name);
  if (!form) return std::nullopt;
  // Two classes of one name exist where each lies in an anonymous namespace: the type itself decides.
  for (const std::type_info* type : form->types)
    if (*type == thrown) return form;
  const bool of_the_library = *form->types.front() == typeid(std::ios_base::failure);
  return of_the_library ? form : std::nullopt;
}

} // namespace weir::detail
