#pragma once

#include <weir/core/task.hpp>

#include <memory>
#include <optional>
#include <string>

namespace weir {

class task_group;

/// How far a child of a group has come.
enum class task_status { running, finished, failed, cancelled };

namespace detail {

/// One child of a group: its scope, its task and, where it was spawned from a lambda, the lambda that its frame refers
/// to. What is heavy goes when the child ends; the rest stays for as long as somebody holds a handle.
struct group_child : completion {
  group_child(scope& parent, std::string named) : label(std::move(named)) {
    inside.emplace(parent);
    if (!label.empty()) name = label.c_str();
  }
  virtual ~group_child() = default;
  /// Starts the task in `inside`.
  virtual void begin() noexcept = 0;
  /// Returns the task's failure, keeps its outcome, and frees its frame and function.
  virtual std::exception_ptr retire() noexcept = 0;

  std::string label;
  std::optional<scope> inside;
  task_group* group = nullptr;
  bool cancelled_by_handle = false;
  task_status status = task_status::running;
  std::exception_ptr failure;
  list<wait_node, in_queue> waiters;
  std::shared_ptr<group_child> self; ///< a child that runs owns itself
};

template <class T>
struct group_child_with : group_child {
  using group_child::group_child;

  void begin() noexcept override { start(work, *inside, *this); }
  std::exception_ptr retire() noexcept override {
    auto& promise = work.handle().promise();
    std::exception_ptr failed = promise.failure();
    if (!failed) try {
        if constexpr (std::is_void_v<T>)
          value.emplace();
        else
          value.emplace(promise.take());
      } catch (...) {
        failed = std::current_exception();
      }
    work = task<T>();
    return failed;
  }

  task<T> work;
  std::optional<unvoid<T>> value;
};

template <class T, class F>
struct group_child_of final : group_child_with<T> {
  group_child_of(scope& parent, std::string name, F f)
      : group_child_with<T>(parent, std::move(name)), function(std::move(f)) {
    this->work = (*function)();
  }
  ~group_child_of() override { this->work = task<T>(); }
  std::exception_ptr retire() noexcept override {
    auto failed = group_child_with<T>::retire();
    function.reset();
    return failed;
  }

  std::optional<F> function;
};

/// Waits for the end of a child.
class [[nodiscard]] child_end : wait_node {
 public:
  explicit child_end(std::shared_ptr<group_child> child) noexcept : wait_node(kind), child_(std::move(child)) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter,
                     std::source_location at = std::source_location::current()) noexcept {
    if (!begin(waiter, at)) return false;
    if (!child_ || child_->status != task_status::running) {
      no_wait();
      return false;
    }
    child_->waiters.push_back(*this);
    return true;
  }
  void await_resume() const { check(); }

 private:
  static const char* name_of(const wait_node* node) noexcept {
    return static_cast<const child_end*>(node)->child_->name;
  }
  static constexpr wait_kind kind{"the end of a child", &leave_queue, &name_of};

  std::shared_ptr<group_child> child_;
};

} // namespace detail
} // namespace weir
