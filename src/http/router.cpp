#include <weir/core/error.hpp>
#include <weir/http/router.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace weir::http {

namespace {

constexpr std::array<std::string_view, 7> common_methods{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};

void append_unique(std::string& list, std::string_view method) {
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(", "), rest.size());
    if (rest.substr(0, end) == method) return;
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  if (!list.empty()) list += ", ";
  list += method;
}

} // namespace

const handler* router::methods::find(std::string_view method) const {
  for (const std::string_view wanted :
       {method, method == "HEAD" ? std::string_view("GET") : method, std::string_view("*")})
    for (const auto& [name, function] : handlers)
      if (name == wanted) return &function;
  return nullptr;
}

std::string router::methods::allow() const {
  std::string list;
  for (const auto& [name, function] : handlers) {
    append_unique(list, name);
    if (name == "GET") append_unique(list, "HEAD");
  }
  return list;
}

router::methods& router::table_of(const std::string& path) {
  if (!path.ends_with("/*")) return exact_[path];
  const std::string base = path.substr(0, path.size() - 1);
  for (prefix& known : prefixes_)
    if (known.path == base) return known.table;
  const auto shorter = std::find_if(prefixes_.begin(), prefixes_.end(),
                                    [&](const prefix& known) { return known.path.size() < base.size(); });
  return prefixes_.insert(shorter, prefix{base, {}})->table;
}

void router::add(std::string method, std::string path, handler function) {
  if (!is_valid_header_name(method))
    throw error(errc::invalid_argument,
                "the method '" + method + "' of a route is no HTTP method: use GET, POST ... or *");
  const std::string_view fixed(path.data(), path.ends_with("/*") ? path.size() - 1 : path.size());
  if (!path.starts_with('/') || fixed.find('*') != fixed.npos)
    throw error(errc::invalid_argument, "the path '" + path + "' of a route must begin with '/' and may end in '/*'");
  if (!function) throw error(errc::invalid_argument, "the route " + method + " " + path + " has an empty handler");
  methods& table = table_of(path);
  for (const auto& [name, known] : table.handlers)
    if (name == method) throw error(errc::invalid_argument, "the route " + method + " " + path + " is there already");
  methods_.insert(method);
  table.handlers.emplace_back(std::move(method), std::move(function));
}

const router::methods* router::find_table(std::string_view path) const {
  if (const auto found = exact_.find(path); found != exact_.end()) return &found->second;
  for (const prefix& known : prefixes_)
    if (path.starts_with(known.path)) return &known.table;
  return nullptr;
}

router::match router::find(std::string_view method, std::string_view path) const {
  match result;
  if (path == "*") {
    result.status = 204;
    for (const std::string& known : methods_) {
      if (known == "*") continue;
      append_unique(result.allow, known);
      if (known == "GET") append_unique(result.allow, "HEAD");
    }
    append_unique(result.allow, "OPTIONS");
    return result;
  }
  const methods* table = find_table(path);
  if (table) result.found = table->find(method);
  if (result.found) return result;
  const bool common = std::find(common_methods.begin(), common_methods.end(), method) != common_methods.end();
  if (!common && !methods_.contains(method)) {
    result.status = 501;
  } else if (table) {
    result.status = 405;
    result.allow = table->allow();
  } else {
    result.status = 404;
  }
  return result;
}

} // namespace weir::http
