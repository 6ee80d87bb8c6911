#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::testing {

/// What a leak_check looks at.
struct leak_options {
  bool frames = true;      ///< coroutines of this thread that were made and did not end
  bool descriptors = true; ///< of the process
  bool threads = true;     ///< of the process; idle pool threads of Weir do not count
  /// How long threads and descriptors that are on their way out may take.
  std::chrono::milliseconds patience{1000};
  /// Returns true for what may stay: it gets "descriptor 7: /tmp/x.log" or "thread 'logger'". Empty: nothing may.
  std::function<bool(std::string_view what)> ignore;
};

/// Compares what is alive with what was alive when it was made: tasks, descriptors, threads.
///
///     weir::testing::leak_check check;
///     weir::run(the_test());
///     for (const std::string& leak : check.leaks()) FAIL(leak);
///
/// Something else that opens files or starts threads in this process meanwhile is counted too.
/// Thread-safety: the thread that made it. Cost: reads /proc/self/fd and /proc/self/task, some 100 us.
class leak_check {
 public:
  explicit leak_check(leak_options options = {});
  ~leak_check();
  leak_check(const leak_check&) = delete;
  leak_check& operator=(const leak_check&) = delete;

  /// Returns a sentence for each thing that is alive and was not, with its name: the file, address or kind of a
  /// descriptor, the name of a thread, the number of tasks. Empty: nothing leaked. Waits for `patience` at most, only
  /// where there is something.
  std::vector<std::string> leaks() const;

 private:
  struct alive;
  std::vector<std::string> compare() const;

  leak_options options_;
  std::unique_ptr<const alive> before_;
};

} // namespace weir::testing
