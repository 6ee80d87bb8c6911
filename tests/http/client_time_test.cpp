#include "http/client_fixture.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

// Stands before the C library's own: the names of this test take as long as they say.
std::atomic<int> lookups_now{0};
std::atomic<int> most_lookups{0};

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (node && std::strcmp(node, "hangs.test") == 0) {
    std::this_thread::sleep_for(std::chrono::seconds(3));
    return EAI_NONAME;
  }
  if (node && std::strcmp(node, "slow.test") == 0) {
    const int n = ++lookups_now;
    for (int seen = most_lookups; n > seen && !most_lookups.compare_exchange_weak(seen, n);) {}
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    --lookups_now;
    return real("127.0.0.1", service, hints, result);
  }
  return real(node, service, hints, result);
}

namespace weir::test {
namespace {

/// A port whose connections never come about: the queue of the listener is full.
class full_listener {
 public:
  full_listener() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_, 0);
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    for (int& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)::connect(filler, reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
  }
  ~full_listener() {
    for (const int filler : fillers_) ::close(filler);
    ::close(fd_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  int fd_ = -1;
  int port_ = 0;
  int fillers_[4] = {-1, -1, -1, -1};
};

/// The longest time for which the loop did not come round while `work` ran.
task<std::chrono::milliseconds> longest_pause_during(task<void> work) {
  auto longest = std::chrono::steady_clock::duration::zero();
  co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
    group.spawn([&]() -> task<void> {
      for (auto last = std::chrono::steady_clock::now();;) {
        co_await weir::sleep_for(2ms);
        const auto now = std::chrono::steady_clock::now();
        longest = std::max(longest, now - last);
        last = now;
      }
    });
    co_await std::move(work);
    group.cancel();
  });
  co_return std::chrono::duration_cast<std::chrono::milliseconds>(longest);
}

/// Starts `request`, cancels it after `after`, and returns how long the end took from there on.
task<std::chrono::milliseconds> cancel_after(client& web, client_request request, std::chrono::milliseconds after) {
  std::chrono::steady_clock::time_point asked;
  co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
    group.spawn([&]() -> task<void> {
      try {
        co_await web.send(request);
        ADD_FAILURE() << "it was answered";
      } catch (const weir::error& e) {
        ADD_FAILURE() << "it failed first: " << e.what();
      }
    });
    co_await weir::sleep_for(after);
    asked = std::chrono::steady_clock::now();
    group.cancel();
  });
  co_return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - asked);
}

client_options with(http::timeouts limits) {
  client_options options = direct();
  options.timeouts = limits;
  return options;
}

} // namespace

TEST(client_time, a_hung_connection_ends_at_the_connect_limit) {
  full_listener nobody;
  const failed f = failure_of({.url = nobody.url()}, with({.connect = 200ms}));
  EXPECT_EQ(f.code, errc::timeout) << f.text;
  EXPECT_FALSE(f.request_sent);
  EXPECT_NE(f.text.find("no connection within 200 ms"), std::string::npos) << f.text;
  EXPECT_GE(f.took, 190ms);
  EXPECT_LT(f.took, 2000ms);
}

TEST(client_time, a_hung_name_lookup_ends_at_the_connect_limit_and_never_holds_the_loop) {
  const auto pause = weir::run([]() -> task<std::chrono::milliseconds> {
    client web(with({.connect = 300ms}));
    const auto begin = std::chrono::steady_clock::now();
    const auto longest = co_await longest_pause_during([](client& c) -> task<void> {
      try {
        co_await c.send({.url = "http://hangs.test/"});
        ADD_FAILURE();
      } catch (const transport_error& e) {
        EXPECT_EQ(e.code(), errc::timeout) << e.what();
        EXPECT_FALSE(e.request_sent());
      }
    }(web));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2500ms);
    co_return longest;
  }());
  EXPECT_LT(pause, 1500ms);
}

TEST(client_time, many_first_requests_to_a_name_look_it_up_once) {
  fault_server server(fault_server::per_request([](const std::string&, wire& w) { w.answer(200, "ok"); }));
  most_lookups = 0;
  weir::run([](int port) -> task<void> {
    client web(direct());
    const std::string url = "http://slow.test:" + std::to_string(port) + "/";
    std::vector<task<response_head>> works; // libcurl itself lets the first of those that may share HTTP/2 go ahead
    for (int i = 0; i < 50; ++i)
      works.push_back(web.stream({.url = url}, [](std::span<const std::byte>) -> task<void> { co_return; }));
    for (const auto& head : co_await weir::gather(std::move(works))) EXPECT_EQ(head.status, 200);
  }(server.port()));
  EXPECT_EQ(most_lookups, 1);
}

TEST(client_time, those_who_wait_for_a_lookup_go_on_when_it_is_cancelled) {
  fault_server server(fault_server::per_request([](const std::string&, wire& w) { w.answer(200, "ok"); }));
  weir::run([](int port) -> task<void> {
    client web(direct());
    const std::string url = "http://slow.test:" + std::to_string(port) + "/";
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      const auto first = group.spawn([&]() -> task<void> { co_await web.send({.url = url}); });
      for (int i = 0; i < 3; ++i)
        group.spawn([&]() -> task<void> { EXPECT_EQ((co_await web.send({.url = url})).status, 200); });
      co_await weir::sleep_for(20ms);
      first.cancel();
    });
  }(server.port()));
}

TEST(client_time, silence_ends_at_the_idle_limit) {
  fault_server silent([](wire& w) {
    w.read_head();
    w.wait_for_close(10'000);
  });
  failed f = failure_of({.url = silent.url()}, with({.idle = 150ms}));
  EXPECT_EQ(f.code, errc::timeout);
  EXPECT_TRUE(f.request_sent);
  EXPECT_NE(f.text.find("nothing was heard for 150 ms"), std::string::npos) << f.text;
  EXPECT_GE(f.took, 140ms);
  EXPECT_LT(f.took, 3000ms);

  fault_server stalls([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    w.wait_for_close(10'000);
  });
  f = failure_of({.url = stalls.url()}, with({.idle = 150ms}));
  EXPECT_EQ(f.code, errc::timeout);
  EXPECT_NE(f.text.find("after 3 of 100 bytes"), std::string::npos) << f.text;
}

TEST(client_time, a_drip_is_no_silence_but_has_a_total_limit) {
  fault_server drips([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
    for (int i = 0; i < 20 && w.send("x"); ++i) std::this_thread::sleep_for(50ms);
  });
  EXPECT_EQ(send({.url = drips.url()}, with({.idle = 500ms})).body, std::string(20, 'x'));
  const failed f = failure_of({.url = drips.url()}, with({.idle = 500ms, .total = 300ms}));
  EXPECT_EQ(f.code, errc::timeout);
  EXPECT_NE(f.text.find("not finished within 300 ms"), std::string::npos) << f.text;
}

TEST(client_time, an_upload_that_moves_is_no_silence) {
  fault_server slow(
      [](wire& w) {
        w.read_head();
        for (int i = 0; i < 12; ++i) {
          w.read_body(500'000);
          std::this_thread::sleep_for(60ms);
        }
        w.answer(200, "got it");
      },
      64 * 1024);
  const std::string big(6'000'000, 'u');
  EXPECT_EQ(send({.method = "POST", .url = slow.url(), .body = big}, with({.idle = 400ms})).body, "got it");

  fault_server deaf([](wire& w) {
    w.read_head();
    std::this_thread::sleep_for(1500ms);
  });
  const std::string bigger(60'000'000, 'u');
  const failed f = failure_of({.method = "POST", .url = deaf.url(), .body = bigger}, with({.idle = 300ms}));
  EXPECT_EQ(f.code, errc::timeout) << f.text;
  EXPECT_TRUE(f.request_sent);
}

TEST(client_time, waiting_for_a_place_is_outside_of_the_limits) {
  fault_server slow(fault_server::per_request([](const std::string&, wire& w) {
    std::this_thread::sleep_for(100ms);
    w.answer(200, "ok");
  }));
  weir::run([](fault_server& s) -> task<void> {
    client_options options = with({.connect = 2000ms, .idle = 2000ms, .total = 2000ms});
    options.pool.max_connections = 1;
    client web(options);
    std::vector<task<client_response>> works;
    for (int i = 0; i < 30; ++i) works.push_back(web.send({.url = s.url()}));
    for (const auto& answer : co_await weir::gather(std::move(works))) EXPECT_EQ(answer.status, 200);
  }(slow));
}

TEST(client_time, cancelling_is_immediate_at_every_stage) {
  full_listener nobody;
  fault_server silent([](wire& w) {
    w.read_head();
    w.wait_for_close(20'000);
  });
  fault_server half_head([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Le");
    w.wait_for_close(20'000);
  });
  fault_server half_body([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    w.wait_for_close(20'000);
  });
  fault_server deaf([](wire& w) {
    w.read_head();
    std::this_thread::sleep_for(600ms);
  });
  fault_server busy(
      fault_server::per_request([](const std::string&, wire& w) { w.answer(503, "", "Retry-After: 30\r\n"); }));
  fault_server fine(fault_server::per_request([](const std::string&, wire& w) { w.answer(200, "ok"); }));
  weir::run([](std::vector<client_request> requests,
               std::string good) -> task<void> {
    client_options options = direct();
    options.retry = {.max_attempts = 5};
    client web(options);
    for (client_request& request : requests) {
      const std::string url = request.url;
      const auto took = co_await cancel_after(web, std::move(request), 60ms);
      EXPECT_LT(took, 1000ms) << url;
      EXPECT_EQ(web.pool().stats().in_flight, 0u) << url;
      EXPECT_EQ((co_await web.send({.url = good})).status, 200);
    }
    EXPECT_LE(web.pool().stats().open_connections, 2u);
  }({{.url = nobody.url()},
                                 {.url = "http://hangs.test/"},
                                 {.url = silent.url()},
                                 {.url = half_head.url()},
                                 {.url = half_body.url()},
                                 {.method = "POST", .url = deaf.url(), .body = std::string(30'000'000, 'u')},
                                 {.url = busy.url()}},
                                 fine.url()));
}

TEST(client_time, cancelling_in_the_queue_gives_the_turn_to_the_next) {
  fault_server silent([](wire& w) {
    if (w.read_head().find("/fine") != std::string::npos) w.answer(200, "ok");
    w.wait_for_close(20'000);
  });
  weir::run([](fault_server& s) -> task<void> {
    client_options options = direct();
    options.pool.max_connections_per_host = 1;
    client web(options);
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      const auto first = group.spawn([&]() -> task<void> { co_await web.send({.url = s.url()}); });
      const auto second = group.spawn([&]() -> task<void> { co_await web.send({.url = s.url()}); });
      bool answered = false;
      group.spawn([&]() -> task<void> { answered = (co_await web.send({.url = s.url("/fine")})).status == 200; });
      co_await weir::sleep_for(50ms);
      EXPECT_EQ(web.pool().stats().waiting, 2u);
      second.cancel();
      co_await weir::sleep_for(20ms);
      EXPECT_FALSE(answered);
      first.cancel();
      for (int i = 0; i < 500 && !answered; ++i) co_await weir::sleep_for(10ms);
      EXPECT_TRUE(answered);
    });
  }(silent));
}

TEST(client_time, a_thousand_cancelled_at_random_moments) {
  fault_server server(fault_server::per_request([](const std::string&, wire& w) {
    std::this_thread::sleep_for(1ms);
    w.answer(200, std::string(20'000, 'x'));
  }));
  weir::run([](fault_server& s) -> task<void> {
    client_options options = direct();
    options.pool.max_connections_per_host = 40;
    client web(options);
    unsigned random = 12345;
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      std::vector<weir::task_handle> handles;
      for (int i = 0; i < 1000; ++i) {
        handles.push_back(group.spawn([&]() -> task<void> {
          const auto answer = co_await web.send({.url = s.url()});
          EXPECT_EQ(answer.body.size(), 20'000u);
        }));
        random = random * 1664525 + 1013904223;
        if ((random >> 16) % 3 == 0) handles[(random >> 8) % handles.size()].cancel();
        if ((random >> 20) % 8 == 0) co_await weir::sleep_for(1ms);
      }
    });
    EXPECT_EQ(web.pool().stats().in_flight, 0u);
    EXPECT_EQ((co_await web.send({.url = s.url()})).status, 200);
  }(server));
}

} // namespace weir::test
