#include "kitsu/impl.hpp"

#include <weir/core/gather.hpp>

#include <algorithm>
#include <unordered_set>

namespace weir::kitsu {
namespace {

using shared = std::shared_ptr<client::impl>;

/// The most ids in one list parameter: 90 fitted into the server's request line, 95 did not.
constexpr std::size_t max_list = 80;
/// How often a list that changes while it is read is read again.
constexpr int max_rounds = 6;

constexpr auto models_with_ids = std::to_array<std::string_view>({"asset-instances",
                                                                  "asset-types",
                                                                  "assets",
                                                                  "attachment-files",
                                                                  "budget-entries",
                                                                  "budgets",
                                                                  "chat-messages",
                                                                  "chats",
                                                                  "comments",
                                                                  "concepts",
                                                                  "custom-actions",
                                                                  "day-offs",
                                                                  "departments",
                                                                  "edits",
                                                                  "entities",
                                                                  "entity-links",
                                                                  "entity-types",
                                                                  "episodes",
                                                                  "events",
                                                                  "file-status",
                                                                  "files",
                                                                  "hardware-items",
                                                                  "metadata-descriptors",
                                                                  "milestones",
                                                                  "news",
                                                                  "notifications",
                                                                  "organisations",
                                                                  "output-files",
                                                                  "output-types",
                                                                  "persons",
                                                                  "playlists",
                                                                  "plugins",
                                                                  "preview-background-files",
                                                                  "preview-files",
                                                                  "production-schedule-versions",
                                                                  "project-status",
                                                                  "project-templates",
                                                                  "projects",
                                                                  "salary-scales",
                                                                  "scenes",
                                                                  "schedule-items",
                                                                  "search-filter-groups",
                                                                  "search-filters",
                                                                  "sequences",
                                                                  "shots",
                                                                  "softwares",
                                                                  "status-automations",
                                                                  "studios",
                                                                  "subscriptions",
                                                                  "task-status",
                                                                  "task-types",
                                                                  "tasks",
                                                                  "time-spents",
                                                                  "working-files"});

/// `model` below data/.
path data(const path& model) {
  path where("data");
  if (model.text().empty()) throw error(errc::invalid_argument, "the name of a model is missing, such as \"tasks\"");
  where.join(model);
  return where;
}

path entry(const path& model, std::string_view id) {
  if (id.empty()) throw error(errc::invalid_argument, "the id of the entry in " + model.text() + " is empty");
  for (const char c : id) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    if (!plain)
      throw error(errc::invalid_argument, "\"" + std::string(id.substr(0, 100)) +
                                              "\" is no id: it holds other characters than letters, digits and dashes");
  }
  path where = data(model);
  where.append(id);
  return where;
}

std::string_view text_in(const json::value& row, std::string_view member) {
  const json::object* o = row.if_object();
  const json::value* v = o ? json::find(*o, member) : nullptr;
  return v && v->is_string() ? std::string_view(v->get_string()) : std::string_view();
}

/// Equal but for the case of ASCII letters: the server compares names without case.
bool same_name(std::string_view a, std::string_view b) { return http::equals_ignoring_case(a, b); }

/// The name that was asked for, where the server takes some of its characters as wildcards.
std::optional<std::string> name_to_compare(const query& parameters) {
  const query_value* name = parameters.find("name");
  const std::string* text = name ? name->as_text() : nullptr;
  if (!text || text->find_first_of("%_") == std::string::npos) return std::nullopt;
  return *text;
}

/// Rows in the order in which they came, each id once.
class row_set {
 public:
  /// Returns: how many were new.
  std::size_t add(json::array&& rows) {
    std::size_t fresh = 0;
    for (json::value& row : rows) {
      const std::string_view id = text_in(row, "id");
      if (!id.empty() && !seen_.insert(std::string(id)).second) continue;
      rows_.push_back(std::move(row));
      ++fresh;
    }
    return fresh;
  }
  std::size_t size() const noexcept { return rows_.size(); }
  json::array take(const std::optional<std::string>& name) && {
    if (!name) return std::move(rows_);
    json::array kept;
    for (json::value& row : rows_)
      if (same_name(text_in(row, "name"), *name)) kept.push_back(std::move(row));
    return kept;
  }

 private:
  json::array rows_;
  std::unordered_set<std::string> seen_;
};

struct page {
  json::array rows;
  bool is_page = false; ///< of several; else it is the whole list
  std::size_t total = 0;
  std::size_t pages = 1;
};

task<page> fetch_page(client::impl& self, const path& where, query parameters, std::size_t number, std::size_t size,
                      const json::structure_info* only) {
  if (number > 0) parameters.set("page", number).set("limit", size);
  json::value answer = co_await self.call({.where = where, .parameters = std::move(parameters), .only = only});
  page out;
  if (json::array* rows = answer.if_array()) {
    out.rows = std::move(*rows);
    co_return out;
  }
  json::object* o = answer.if_object();
  json::value* rows = o ? o->if_contains("data") : nullptr;
  if (!rows || !rows->is_array() || !json::find(*o, "nb_pages"))
    throw error(errc::invalid_argument, "GET " + where.text() + ": the answer is no list (" +
                                            std::string(json::type_name(answer)) + "); use get or fetch_one");
  out.rows = std::move(rows->get_array());
  out.is_page = true;
  out.total = static_cast<std::size_t>(std::max<std::int64_t>(json::int_or(*o, "total", 0), 0));
  out.pages = static_cast<std::size_t>(std::max<std::int64_t>(json::int_or(*o, "nb_pages", 1), 1));
  co_return out;
}

/// What one reading of all pages gave.
struct reading {
  std::size_t total = 0; ///< as the server counts, at most
  std::size_t came = 0;  ///< rows
  std::size_t fresh = 0; ///< of these, that no reading had before
  bool twice = false;    ///< a row came more than once
  bool is_paged = true;
};

task<reading> read_pages(client::impl& self, const path& where, const query& parameters, fetch_options options,
                         const json::structure_info* only, row_set& rows) {
  reading out;
  std::unordered_set<std::string> ids;
  const auto take = [&](page&& each) {
    out.total = std::max(out.total, each.total);
    out.came += each.rows.size();
    for (const json::value& row : each.rows)
      if (const std::string_view id = text_in(row, "id"); !id.empty() && !ids.insert(std::string(id)).second)
        out.twice = true;
    out.fresh += rows.add(std::move(each.rows));
  };
  page first = co_await fetch_page(self, where, parameters, 1, options.page_size, only);
  out.is_paged = first.is_page;
  const std::size_t pages = first.pages;
  take(std::move(first));
  std::vector<task<page>> others;
  for (std::size_t number = 2; number <= pages; ++number)
    others.push_back(fetch_page(self, where, parameters, number, options.page_size, only));
  for (page& each : co_await gather(std::move(others), options.max_parallel_pages)) take(std::move(each));
  co_return out;
}

task<json::array> fetch_list(client::impl& self, const path& where, query parameters, fetch_options options,
                             const json::structure_info* only) {
  const auto name = name_to_compare(parameters);
  row_set rows;
  if (parameters.find("page")) { // the caller turns the pages
    page one = co_await fetch_page(self, where, std::move(parameters), 0, 0, only);
    rows.add(std::move(one.rows));
    co_return std::move(rows).take(name);
  }
  // Rows are ordered by their last change, or not at all: one that changes meanwhile moves to the first page, and
  // pushes another over the edge of a page that was read already, or was on one that was not. Then a row comes twice,
  // and another is missed. Where none came twice, the server counts rows that it does not show.
  for (int round = 1;; ++round) {
    const reading got = co_await read_pages(self, where, parameters, options, only, rows);
    if (!got.is_paged || rows.size() >= got.total || (round > 1 && got.fresh == 0 && !got.twice)) break;
    if (round < max_rounds) continue;
    page whole =
        co_await fetch_page(self, where, parameters, 0, 0, only); // in one piece, which cannot change meanwhile
    if (whole.is_page)
      throw error(errc::unavailable, "GET " + where.text() +
                                         ": the list changes while it is read: " + std::to_string(rows.size()) +
                                         " of " + std::to_string(got.total) + " rows came in " + std::to_string(round) +
                                         " readings; try again, or ask for parts of it");
    rows = {};
    rows.add(std::move(whole.rows));
    break;
  }
  co_return std::move(rows).take(name);
}

task<json::array> fetch_lists(shared self, path where, query parameters, fetch_options options,
                              const json::structure_info* only) {
  const auto is_long = [](const query::parameter& p) {
    const query_value::list* list = p.value.as_list();
    return list && list->size() > max_list;
  };
  const auto found = std::find_if(parameters.parameters().begin(), parameters.parameters().end(), is_long);
  if (found == parameters.parameters().end())
    co_return co_await fetch_list(*self, where, std::move(parameters), options, only);
  const std::string name = found->name;
  const query_value::list all = *found->value.as_list();
  std::vector<task<json::array>> parts;
  for (std::size_t from = 0; from < all.size(); from += max_list) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(from + max_list, all.size()));
    parts.push_back(
        fetch_lists(self, where, query(parameters).set(name, query_value::list(begin, end)), options, only));
  }
  row_set rows;
  for (json::array& part : co_await gather(std::move(parts), options.max_parallel_pages)) rows.add(std::move(part));
  co_return std::move(rows).take(std::nullopt);
}

std::optional<json::object> first_of(json::array&& rows) {
  if (rows.empty()) return std::nullopt;
  if (!rows.front().is_object()) throw error(errc::remote, "the list holds something else than objects");
  return std::move(rows.front().get_object());
}

task<std::optional<json::object>> fetch_first_of(shared self, path where, query parameters) {
  const auto name = name_to_compare(parameters);
  page found = co_await fetch_page(*self, where, parameters, 1, name ? 100 : 1, nullptr);
  row_set rows;
  rows.add(std::move(found.rows));
  auto first = first_of(std::move(rows).take(name));
  if (first || !name || !found.is_page || found.pages < 2) co_return first;
  co_return first_of(
      co_await fetch_list(*self, where, std::move(parameters), {}, nullptr)); // many that only look like it
}

task<std::optional<json::object>> fetch_entry(shared self, path where, std::string model, query parameters) {
  try {
    json::value answer = co_await self->call({.where = where, .parameters = std::move(parameters)});
    if (!answer.is_object())
      throw error(errc::invalid_argument, "GET " + where.text() + ": the answer is no entry but " +
                                              std::string(json::type_name(answer)) + "; use get or fetch_all");
    co_return std::move(answer.get_object());
  } catch (const request_error& problem) {
    // The server says the same of a missing entry and of an address that it does not have.
    if (problem.why() != failure::not_found ||
        std::find(models_with_ids.begin(), models_with_ids.end(), model) == models_with_ids.end())
      throw;
  }
  co_return std::nullopt;
}

task<json::object> changed(shared self, client::impl::order what) {
  const std::string where = what.method + " " + what.where.text();
  json::value answer = co_await self->call(std::move(what));
  if (!answer.is_object())
    throw error(errc::remote, where + ": the answer is no entry but " + std::string(json::type_name(answer)));
  co_return std::move(answer.get_object());
}

client::impl::order change(const client::impl& self, const char* method, path where, json::object fields) {
  const json::value body(std::move(fields));
  if (self.options.check_values) check_values(where, body);
  return {.method = method, .where = std::move(where), .body = http::body(json::serialize(body))};
}

} // namespace

task<json::array> client::fetch_all(path model, query parameters, fetch_options options) {
  return fetch_named(std::move(model), std::move(parameters), options, nullptr);
}

task<json::array> client::fetch_named(path model, query parameters, fetch_options options,
                                      const json::structure_info* only) {
  if (options.page_size == 0 || options.max_parallel_pages == 0)
    throw error(errc::invalid_argument, "page_size and max_parallel_pages are 1 at least");
  return fetch_lists(impl_, data(model), std::move(parameters), options, only);
}

task<std::optional<json::object>> client::fetch_first(path model, query parameters) {
  return fetch_first_of(impl_, data(model), std::move(parameters));
}

task<std::optional<json::object>> client::fetch_one(path model, std::string_view id, query parameters) {
  return fetch_entry(impl_, entry(model, id), model.text(), std::move(parameters));
}

task<json::object> client::create(path model, json::object fields) {
  return changed(impl_, change(*impl_, "POST", data(model), std::move(fields)));
}

task<json::object> client::update(path model, std::string_view id, json::object fields) {
  return changed(impl_, change(*impl_, "PUT", entry(model, id), std::move(fields)));
}

} // namespace weir::kitsu
