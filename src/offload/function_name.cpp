#include "modules.hpp"

#include <weir/core/error.hpp>
#include <weir/offload/detail/exception_codec.hpp>
#include <weir/offload/detail/function_name.hpp>

#include <dlfcn.h>

namespace weir::detail {

namespace {

// Without its folders: an error may be shown to a client.
std::string file_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

const loaded_module* find(const std::vector<loaded_module>& modules, const module_id& id) {
  for (const loaded_module& module : modules)
    if (module.id == id) return &module;
  return nullptr;
}

[[noreturn]] void refuse_unknown(const function_name& name) {
  if (name.library.empty())
    throw error(errc::not_found, "The function to run belongs to another program, or to another build of this one: no "
                                 "loaded module has its build-id. Restart the program that was replaced.");
  throw error(errc::not_found, "The function to run is in the library " + file_of(name.library) +
                                   ", of which this process does not find the same build. Keep the library's file as "
                                   "long as the program runs.");
}

void open_library(const function_name& name) {
  // Looked at before it is opened: opening runs its code.
  if (name.library.empty() || identity_of_file(name.library) != name.module) refuse_unknown(name);
  if (::dlopen(name.library.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return;
  const char* reason = ::dlerror();
  throw error(errc::not_found, "The library " + file_of(name.library) + " of the function to run cannot be opened: " +
                                   (reason != nullptr ? file_of(reason) : std::string("no reason was given")));
}

} // namespace

function_name name_function(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const auto modules = loaded_modules();
  for (const loaded_module& module : *modules)
    if (module.holds_code(at)) return {.module = module.id, .offset = at - module.base, .library = module.path};
  throw error(errc::invalid_argument, address == nullptr
                                          ? "A null function pointer cannot run in a worker process."
                                          : "The function pointer leads to no code of a loaded program or library.");
}

void* resolve_function(const function_name& name) {
  auto modules = loaded_modules();
  const loaded_module* module = find(*modules, name.module);
  if (module == nullptr) {
    open_library(name);
    modules = loaded_modules();
    module = find(*modules, name.module);
    if (module == nullptr) refuse_unknown(name);
  }
  const std::uintptr_t address = module->base + name.offset;
  if (!module->holds_code(address))
    throw error(errc::corrupt, "The name of the function to run is damaged: it leads outside the code of its module.");
  return reinterpret_cast<void*>(address);
}

std::string describe_function(const void* address, std::string_view signature) {
  Dl_info info{};
  if (::dladdr(address, &info) != 0 && info.dli_sname != nullptr && info.dli_saddr == address)
    return readable_name(info.dli_sname);
  return "a function " + std::string(signature);
}

std::string trim_label(std::string_view name) {
  if (name.starts_with('&')) name.remove_prefix(1);
  std::string label;
  // "(lambda at src/a.cpp:3:7)" is told by its file alone.
  constexpr std::string_view mark = "(lambda at ";
  for (std::size_t found = name.find(mark); found != std::string_view::npos; found = name.find(mark)) {
    label += name.substr(0, found + mark.size());
    name.remove_prefix(found + mark.size());
    const std::string_view place = name.substr(0, name.find(')'));
    if (const std::size_t folder = place.rfind('/'); folder != std::string_view::npos) name.remove_prefix(folder + 1);
  }
  return label += name;
}

} // namespace weir::detail
