#pragma once

namespace weir::detail {

/// The links of an object that is in at most one `list` of this kind. Unlinks itself when it dies.
template <class Tag>
struct list_hook {
  list_hook* prev = nullptr;
  list_hook* next = nullptr;

  list_hook() noexcept = default;
  list_hook(const list_hook&) = delete;
  list_hook& operator=(const list_hook&) = delete;
  ~list_hook() { unlink(); }

  bool linked() const noexcept { return next != nullptr; }
  void unlink() noexcept {
    if (!next) return;
    prev->next = next;
    next->prev = prev;
    prev = next = nullptr;
  }
};

/// Intrusive doubly linked list of objects derived from `list_hook<Tag>`: no allocation, removal in O(1) from anywhere.
template <class T, class Tag>
class list {
 public:
  list() noexcept { head_.prev = head_.next = &head_; }
  list(const list&) = delete;
  list& operator=(const list&) = delete;
  ~list() {
    while (!empty()) head_.next->unlink();
    head_.prev = head_.next = nullptr;
  }

  bool empty() const noexcept { return head_.next == &head_; }
  T& front() noexcept { return static_cast<T&>(*head_.next); }
  void push_back(T& object) noexcept {
    list_hook<Tag>& hook = object;
    hook.prev = head_.prev;
    hook.next = &head_;
    head_.prev->next = &hook;
    head_.prev = &hook;
  }
  T& pop_front() noexcept {
    T& object = front();
    static_cast<list_hook<Tag>&>(object).unlink();
    return object;
  }
  /// Moves all of `other` behind what is here.
  void take_all(list& other) noexcept {
    if (other.empty()) return;
    list_hook<Tag>* first = other.head_.next;
    list_hook<Tag>* last = other.head_.prev;
    other.head_.prev = other.head_.next = &other.head_;
    first->prev = head_.prev;
    head_.prev->next = first;
    last->next = &head_;
    head_.prev = last;
  }
  template <class F>
  void for_each(F&& visit) {
    for (auto* hook = head_.next; hook != &head_;) {
      auto* next = hook->next;
      visit(static_cast<T&>(*hook));
      hook = next;
    }
  }

 private:
  list_hook<Tag> head_;
};

} // namespace weir::detail
