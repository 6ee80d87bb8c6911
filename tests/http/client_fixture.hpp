#pragma once

#include "http/fault_server.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/http/client.hpp>

#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <string>

namespace weir::test {

using namespace std::chrono_literals;
using weir::errc;
using weir::task;
using weir::http::body_sink;
using weir::http::client;
using weir::http::client_options;
using weir::http::client_request;
using weir::http::client_response;
using weir::http::require_success;
using weir::http::response_head;
using weir::http::retry_policy;
using weir::http::status_error;
using weir::http::transport_error;

/// No proxy, whatever the environment says, and no repetition.
inline client_options direct() {
  client_options options;
  options.pool.proxy = "";
  options.retry = retry_policy::never();
  return options;
}

inline client_response send(client_request request, client_options options = direct()) {
  return weir::run([](client_request r, client_options o) -> task<client_response> {
    client web(o);
    co_return co_await web.send(std::move(r));
  }(std::move(request), std::move(options)));
}

inline client_response get(const std::string& url) { return send({.url = url}); }

/// How a request failed.
struct failed {
  errc code = errc::internal;
  std::string text;
  bool request_sent = false;
  std::chrono::milliseconds took{0};
};

inline failed failure_of(client_request request, client_options options = direct()) {
  failed f{.text = "(it did not fail)"};
  const auto begin = std::chrono::steady_clock::now();
  try {
    send(std::move(request), std::move(options));
  } catch (const transport_error& e) {
    f = {.code = e.code(), .text = e.what(), .request_sent = e.request_sent()};
  } catch (const weir::error& e) {
    f = {.code = e.code(), .text = e.what()};
  }
  f.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  return f;
}

inline std::string gzip(const std::string& plain) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&z, static_cast<uLong>(plain.size())), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  deflate(&z, Z_FINISH);
  packed.resize(z.total_out);
  deflateEnd(&z);
  return packed;
}

} // namespace weir::test
