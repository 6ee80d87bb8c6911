// Three lists at the same time.
#include "kitsu_account.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>

#include <cstdio>

namespace kitsu = weir::kitsu;

// [quick_start]
weir::task<void> quick_start(account me) {
  co_await kitsu::create_session(me.host, me.email, me.password, [](kitsu::client& client) -> weir::task<void> {
    auto [projects, task_types, task_statuses] = co_await weir::gather(
        client.fetch_all("projects/open"), client.fetch_all("task-types"), client.fetch_all("task-status"));
    std::printf("%zu projects, %zu task types, %zu task statuses\n", projects.size(), task_types.size(),
                task_statuses.size());
  }); // logged out here, whatever happened
}
// [end]

int main() { weir::run(quick_start(account_from_environment())); }
