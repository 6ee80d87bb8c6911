#include "kitsu/stub_fixture.hpp"

namespace weir::kitsu::stubbed {
namespace {

TEST(kitsu_defects, D18_whoever_logs_in_again_may_look_at_who_it_is_before_the_calls_go_on) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  on_loop([&]() -> task<void> {
    client_options options = quick();
    options.on_not_authenticated = [&](client& studio) -> task<bool> {
      co_await studio.log_in("one@studio", "secret");
      co_return json::string_or(co_await studio.get_current_user(), "full_name") == "One User";
    };
    client studio(stub.host(), kitsu::tokens{stub.issue().access, ""}, options);
    stub.expire_all();
    EXPECT_EQ(co_await with_timeout(10s, studio.get("data/x")), json::value(json::array{1}));
  });
}

} // namespace
} // namespace weir::kitsu::stubbed
