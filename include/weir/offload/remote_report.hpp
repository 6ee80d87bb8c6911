#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace weir {

/// One exception of a chain made with std::throw_with_nested: its type and what it said.
struct remote_cause {
  std::string type;
  std::string text;
};

/// What the parent knows about an exception that was thrown in a worker process. Every exception that comes from there
/// carries one, except weir::cancelled and exceptions of `final` classes; reach it from a handler:
///
///   catch (const std::out_of_range& e) {
///     if (auto* report = dynamic_cast<const weir::remote_report*>(&e)) log(report->type(), report->worker());
///   }
class remote_report {
 public:
  static constexpr std::size_t max_causes = 16;
  static constexpr std::size_t max_trace_lines = 64;
  static constexpr std::size_t max_text_bytes = 65536; ///< of each string that a worker sends; longer ones are cut

  struct fields {
    std::string type;
    std::string text;
    std::vector<remote_cause> chain;
    std::string function;
    pid_t worker = 0;
    std::vector<std::string> trace;
  };

  explicit remote_report(fields all) : all_(std::move(all)) {}
  remote_report(const remote_report&) = default;
  remote_report& operator=(const remote_report&) = default;
  virtual ~remote_report() = default;

  /// The type that was thrown, as a person would write it; "int" for `throw 7`.
  const std::string& type() const noexcept { return all_.type; }
  /// Its what(); for thrown numbers and strings, those; empty where it says nothing.
  const std::string& text() const noexcept { return all_.text; }
  /// What it was nested around, from the outside in, at most max_causes.
  const std::vector<remote_cause>& chain() const noexcept { return all_.chain; }
  /// The function that ran in the worker.
  const std::string& function() const noexcept { return all_.function; }
  /// The worker's process id; it may be gone.
  pid_t worker() const noexcept { return all_.worker; }
  /// Lines of a trace, the innermost call first; empty where none was taken.
  const std::vector<std::string>& trace() const noexcept { return all_.trace; }
  const fields& all() const noexcept { return all_; }

 private:
  fields all_;
};

} // namespace weir
