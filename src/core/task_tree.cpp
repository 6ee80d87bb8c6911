#include "core/task_tree.hpp"

#include "core/loop_impl.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <unordered_map>

namespace weir {

namespace detail {

/// Collects the tasks of a loop from what hangs in its scopes: the waits, the scopes that tasks have opened, and the
/// run queue. A task is known by its completion, which is what it was started with.
struct tree_reader {
  struct entry {
    task_info info;
    const promise_base* top = nullptr; ///< the task's outermost coroutine
    unsigned depth = 0;                ///< of the scope that explains its state best
    bool waits = false;
    std::vector<entry*> children;
  };

  explicit tree_reader(loop& owner) : now_(owner.now()) {
    owner.impl_->roots.for_each([&](scope& root) { visit(root, 0); });
    for (auto* node = owner.ready_head_; node; node = node->next_ready)
      if (node->run == &wait_node::resume) note_wait(*static_cast<wait_node*>(node), "is ready to run");
    for (const completion* known : order_) place(entries_.at(known));
  }

  std::vector<task_info> take() {
    std::vector<task_info> tree;
    for (entry* root : roots_) tree.push_back(assemble(*root));
    return tree;
  }

  static bool by_design(const scope& where) {
    bool found = false;
    auto& mine = const_cast<scope&>(where);
    mine.waits_.for_each([&](wait_node& wait) { found = found || wait.kind->by_design; });
    mine.children_.for_each([&](scope& child) { found = found || by_design(child); });
    return found;
  }
  static bool by_design(loop& owner) {
    bool found = false;
    owner.impl_->roots.for_each([&](scope& root) { found = found || by_design(root); });
    return found;
  }
  static const auto& reports(loop& owner) { return owner.impl_->reports; }

 private:
  static const promise_base* top_of(const promise_base* promise) {
    while (promise->continuation) promise = promise->parent;
    return promise;
  }
  static void add_frames(std::vector<task_frame>& stack, const promise_base* promise) {
    for (; promise->continuation; promise = promise->parent) add_frame(stack, promise->awaited_at);
  }
  static void add_frame(std::vector<task_frame>& stack, const std::source_location& at) {
    stack.push_back({std::string(at.function_name()), std::string(at.file_name()), at.line()});
  }

  entry& entry_of(const promise_base* promise) {
    const promise_base* top = top_of(promise);
    auto [found, is_new] = entries_.try_emplace(top->done);
    if (is_new) {
      order_.push_back(top->done);
      found->second.top = top;
      if (top->done->name) found->second.info.name = top->done->name;
    }
    return found->second;
  }

  void note_wait(const wait_node& wait, std::string state) {
    entry& mine = entry_of(wait.promise);
    mine.waits = true;
    mine.info.state = std::move(state);
    mine.info.since = now_ - wait.since;
    mine.info.cancelled = wait.scope_->is_cancelled();
    mine.info.stack.clear();
    add_frame(mine.info.stack, wait.at);
    add_frames(mine.info.stack, wait.promise);
  }

  void visit(scope& where, unsigned depth) {
    where.waits_.for_each([&](wait_node& wait) {
      std::string state = std::string("waits for ") + wait.kind->name;
      if (const char* label = wait.kind->label ? wait.kind->label(&wait) : nullptr)
        state += std::string(" '") + label + "'";
      note_wait(wait, std::move(state));
    });
    if (where.opener_ && std::string_view(where.kind_) != "task") {
      entry& mine = entry_of(where.opener_);
      if (!mine.waits && depth >= mine.depth) {
        mine.depth = depth;
        mine.info.state = std::string("in ") + where.kind_;
        mine.info.since = now_ - where.since_;
        mine.info.cancelled = where.is_cancelled();
        mine.info.stack.clear();
        add_frames(mine.info.stack, where.opener_);
      }
    }
    where.children_.for_each([&](scope& child) { visit(child, depth + 1); });
  }

  /// Below the task that opened the scope it was started in; at the root where nobody did.
  void place(entry& mine) {
    const scope* started_in = mine.top->current;
    const promise_base* opener = started_in ? started_in->opener_ : nullptr;
    if (!opener) {
      roots_.push_back(&mine);
      return;
    }
    const auto parent = entries_.find(top_of(opener)->done);
    if (parent == entries_.end() || &parent->second == &mine)
      roots_.push_back(&mine);
    else
      parent->second.children.push_back(&mine);
  }

  task_info assemble(entry& mine) {
    if (mine.info.name.empty())
      mine.info.name = mine.info.stack.empty() ? std::string("a task") : mine.info.stack.back().function;
    for (entry* child : mine.children) mine.info.children.push_back(assemble(*child));
    return std::move(mine.info);
  }

  clock::time_point now_;
  std::unordered_map<const completion*, entry> entries_;
  std::vector<const completion*> order_;
  std::vector<entry*> roots_;
};

bool waits_by_design(loop& owner) noexcept { return tree_reader::by_design(owner); }

std::string describe(const std::source_location& place) {
  if (place.line() == 0) return "a posted function, a timer or a descriptor's callback";
  return std::string("what follows the co_await in ") + place.function_name() + " at " + place.file_name() + ":" +
         std::to_string(place.line());
}

void die_with_tree(loop& owner, const char* why) noexcept {
  std::fprintf(stderr, "weir: %s\n%s", why, to_string(task_tree(owner)).c_str());
  std::abort();
}

} // namespace detail

std::vector<task_info> task_tree(loop& owner) { return detail::tree_reader(owner).take(); }

static std::string seconds(clock::duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", std::chrono::duration<double>(time).count());
  return text;
}

static void write(std::string& text, const std::vector<task_info>& tasks, std::size_t depth, std::size_t& left,
                  std::size_t& omitted) {
  const std::string indent(2 * depth, ' ');
  for (const task_info& task : tasks) {
    if (left == 0) {
      ++omitted;
    } else {
      --left;
      text += indent + "- " + task.name + ": " + task.state + " since " + seconds(task.since) +
              (task.cancelled ? ", cancelled\n" : "\n");
      for (const task_frame& frame : task.stack)
        text += indent + "    at " + frame.file + ":" + std::to_string(frame.line) + " in " + frame.function + "\n";
    }
    write(text, task.children, depth + 1, left, omitted);
  }
}

std::string to_string(const std::vector<task_info>& tree, std::size_t max_tasks) {
  std::string text;
  std::size_t left = max_tasks;
  std::size_t omitted = 0;
  write(text, tree, 0, left, omitted);
  if (omitted > 0) text += "(and " + std::to_string(omitted) + " more)\n";
  if (text.empty()) text = "(no tasks)\n";
  return text;
}

std::string report(loop& owner) {
  std::string text = "weir: tasks\n" + to_string(task_tree(owner));
  const loop_counters now = owner.counters();
  text += "loop: " + std::to_string(now.turns) + " turns, " + std::to_string(now.resumed) + " resumed, " +
          std::to_string(now.timers_armed) + " timers armed, " + std::to_string(now.timers_fired) + " fired, " +
          std::to_string(now.watches) + " descriptors, " + std::to_string(now.outside) + " calls outside, " +
          std::to_string(now.frames) + " frames\n";
  for (const auto& paragraph : detail::tree_reader::reports(owner)) paragraph(text);
  return text;
}

} // namespace weir
