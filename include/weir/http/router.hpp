#pragma once

#include <weir/core/task.hpp>
#include <weir/http/message.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

class responder;

/// Answers one request: through the responder, once. Both references are valid until the returned task has ended; the
/// handler may move parts out of the request.
using handler = std::function<task<void>(request&, responder&)>;

/// Finds the handler of a request by its method and path.
class router {
 public:
  /// What `find` found: a handler, or the status to answer with instead.
  struct match {
    const handler* found = nullptr; ///< lives as long as the router
    int status = 200;               ///< where nothing was found: 404, 405, 501; 204 for an unclaimed `OPTIONS *`
    std::string allow;              ///< with 405 and 204: the value of `Allow` (RFC 9110 10.2.1)
  };

  /// Adds a handler. `method` is "GET", "POST" ..., or "*" for every method that has no handler of its own. `path` is
  /// exact ("/mcp"), or a prefix ("/media/*": everything below "/media/", that path itself included), and is compared
  /// with request::path.
  /// Fails: errc::invalid_argument for a method that is no token, a path that does not begin with '/' or has a '*'
  /// elsewhere, and for a pair that is taken.
  void add(std::string method, std::string path, handler function);

  /// Returns: the handler for `method` on `path`. An exact path goes before a prefix, a longer prefix before a shorter
  /// one, a method's own handler before that of "*". HEAD is answered by the handler of GET where it has none.
  /// Cost: one look-up by the path, then one comparison per prefix.
  match find(std::string_view method, std::string_view path) const;

 private:
  struct methods {
    std::vector<std::pair<std::string, handler>> handlers;
    const handler* find(std::string_view method) const;
    std::string allow() const;
  };
  struct prefix {
    std::string path; ///< ends in '/'
    methods table;
  };

  methods& table_of(const std::string& path);
  const methods* find_table(std::string_view path) const;

  std::map<std::string, methods, std::less<>> exact_;
  std::vector<prefix> prefixes_; // the longest first
  std::set<std::string, std::less<>> methods_;
};

} // namespace weir::http
