#include "http/raw_client.hpp"
#include "http/running_server.hpp"

#include <weir/core/error.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/http/sse.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using testing::raw_client;
using testing::running_server;

TEST(sse, wire_form) {
  EXPECT_EQ(to_text({.data = "hi"}), "data: hi\n\n");
  EXPECT_EQ(to_text({.data = ""}), "data: \n\n");
  EXPECT_EQ(to_text({.data = "a", .event = "tick", .id = "7", .retry = 1500ms}),
            "event: tick\nid: 7\nretry: 1500\ndata: a\n\n");
  EXPECT_EQ(to_text({.data = "", .id = ""}), "id: \ndata: \n\n");
  sse_event only_retry;
  only_retry.retry = 10ms;
  EXPECT_EQ(to_text(only_retry), "retry: 10\n\n");
}

TEST(sse, every_line_end_splits_data) {
  EXPECT_EQ(to_text({.data = "a\nb"}), "data: a\ndata: b\n\n");
  EXPECT_EQ(to_text({.data = "a\r\nb\rc"}), "data: a\ndata: b\ndata: c\n\n");
  EXPECT_EQ(to_text({.data = "a\n"}), "data: a\ndata: \n\n");
  EXPECT_EQ(to_text({.data = "\n\n"}), "data: \ndata: \ndata: \n\n");
  EXPECT_EQ(to_text({.data = "x\nevent: fake\n\ndata: y"}), "data: x\ndata: event: fake\ndata: \ndata: data: y\n\n")
      << "data must not be able to write fields";
}

TEST(sse, fields_cannot_be_injected) {
  EXPECT_THROW(to_text({.data = "x", .event = "a\ndata: b"}), error);
  EXPECT_THROW(to_text({.data = "x", .event = "a\rb"}), error);
  EXPECT_THROW(to_text({.data = "x", .id = "1\n2"}), error);
  EXPECT_THROW(to_text({.data = "x", .id = std::string("1\0", 2)}), error);
}

TEST(sse, streams_over_a_connection) {
  running_server running({}, [](server& s) {
    s.route("GET", "/events", [](request&, responder& r) -> task<void> {
      sse_writer events(r);
      co_await events.begin({{"X-Extra", "1"}});
      co_await events.send({.data = "one", .id = "1"});
      co_await events.comment("still\nhere");
      co_await events.send({.data = "two"});
      co_await events.finish();
    });
  });
  raw_client client(running.port());
  const auto answer = client.exchange("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->headers.get("Content-Type"), "text/event-stream");
  EXPECT_EQ(answer->headers.get("Cache-Control"), "no-cache");
  EXPECT_EQ(answer->headers.get("X-Accel-Buffering"), "no");
  EXPECT_EQ(answer->headers.get("X-Extra"), "1");
  EXPECT_EQ(answer->body, "id: 1\ndata: one\n\n: still here\n\ndata: two\n\n");
}

TEST(sse, first_event_arrives_before_the_stream_ends) {
  running_server running({}, [](server& s) {
    s.route("GET", "/events", [](request&, responder& r) -> task<void> {
      r.cancel_on_disconnect(true);
      sse_writer events(r);
      co_await events.begin();
      co_await events.send({.data = "now"});
      co_await sleep_for(1h);
    });
  });
  raw_client client(running.port());
  client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  while (client.buffered().find("data: now\n\n") == std::string::npos)
    ASSERT_TRUE(client.read_at_least(client.buffered().size() + 1));
}

TEST(sse, keep_alive_beside_events) {
  running_server running({}, [](server& s) {
    s.route("GET", "/events", [](request&, responder& r) -> task<void> {
      sse_writer events(r);
      co_await events.begin();
      const std::string big(1 << 20, 'x');
      co_await with_task_group([&](task_group& g) -> task<void> {
        g.spawn(events.keep_alive(1ms));
        for (int i = 0; i < 20; ++i) {
          co_await events.send({.data = big});
          co_await sleep_for(5ms);
        }
        g.cancel();
      });
      co_await events.finish();
    });
  });
  raw_client client(running.port(), 16384);
  client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  std::this_thread::sleep_for(300ms); // by now an event waits for its reader, and comments fall due
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  std::string_view rest = answer->body;
  int events = 0, comments = 0;
  while (!rest.empty()) {
    const std::size_t end = rest.find("\n\n");
    ASSERT_NE(end, rest.npos);
    const std::string_view block = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (block == ": keep-alive")
      ++comments;
    else if (block.size() == (1u << 20) + 6)
      ++events;
    else
      FAIL() << "events and comments are mixed: " << block.substr(0, 80);
  }
  EXPECT_EQ(events, 20);
  EXPECT_GT(comments, 0);
}

} // namespace
} // namespace weir::http
