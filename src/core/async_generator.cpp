#include <weir/core/async_generator.hpp>

#include <cstdio>
#include <cstdlib>

namespace weir::detail {

void generator_promise_base::refuse_second() {
  throw weir::error(errc::invalid_argument, "a generator is asked while another task waits for its next element");
}

void generator_promise_base::die() noexcept {
  std::fputs("weir: an async_generator died while a task waited for its next element\n", stderr);
  std::abort();
}

} // namespace weir::detail
