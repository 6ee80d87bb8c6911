#include <weir/core/error.hpp>
#include <weir/offload/detail/wire_std.hpp>

#include <ios>

namespace weir::detail {

namespace {

const std::error_category* known_category(std::uint8_t number) noexcept {
  switch (number) {
  case 0:
    return &std::generic_category();
  case 1:
    return &std::system_category();
  case 2:
    return &std::iostream_category();
  default:
    return nullptr;
  }
}

std::uint8_t number_of(const std::error_category& category) noexcept {
  std::uint8_t number = 0;
  while (known_category(number) != nullptr && *known_category(number) != category) ++number;
  return number;
}

} // namespace

bool is_known_category(const std::error_code& code) noexcept {
  return known_category(number_of(code.category())) != nullptr;
}

void wire<std::error_code>::encode(encoder& out, const std::error_code& value) {
  const std::uint8_t number = number_of(value.category());
  if (known_category(number) == nullptr)
    throw error(errc::invalid_argument, std::string("A std::error_code of the category \"") + value.category().name() +
                                            "\" cannot be sent to or from a worker process: send its value() and "
                                            "message().");
  out.write(&number, 1);
  const int code = value.value();
  out.write(&code, sizeof code);
}

std::error_code wire<std::error_code>::decode(decoder& in) {
  std::uint8_t number = 0;
  in.read(&number, 1, "std::error_code");
  const std::error_category* category = known_category(number);
  if (category == nullptr) in.fail("std::error_code", "names a category that does not exist");
  int code = 0;
  in.read(&code, sizeof code, "std::error_code");
  return {code, *category};
}

void refuse_valueless(std::string_view type) {
  throw error(errc::invalid_argument,
              "A " + std::string(type) + " that lost its value in an exception cannot be sent to a worker process.");
}

} // namespace weir::detail
