#pragma once

#include <weir/offload/detail/function_name.hpp>

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace weir::detail {

/// A loaded program or library.
struct loaded_module {
  module_id id{};
  std::uintptr_t base = 0;
  std::string path;                                            ///< empty: the program itself
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> code; ///< [first, last) addresses that can be executed

  bool holds_code(std::uintptr_t address) const noexcept {
    for (const auto& [first, last] : code)
      if (address >= first && address < last) return true;
    return false;
  }
};

/// All loaded modules, looked at anew where a library was opened or closed since. Thread-safety: any thread.
std::shared_ptr<const std::vector<loaded_module>> loaded_modules();

/// The identity of the library in the file `path`, without loading it; nothing where it is none.
std::optional<module_id> identity_of_file(const std::string& path);

} // namespace weir::detail
