#include "http/request_parser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace weir::http::detail {
namespace {

constexpr int complete = 0;
constexpr int incomplete = -1;

struct outcome {
  int status = incomplete;
  request message;
  std::size_t used = 0;
};

// Plays a connection: keeps what was not consumed, and hands over `piece` new bytes at a time.
outcome parse(std::string_view wire, std::size_t piece, request_limits limits = {}) {
  request_parser parser(limits);
  outcome result;
  std::string pending;
  while (!wire.empty() && !parser.complete() && parser.refused_with() == 0) {
    const std::size_t n = std::min(piece, wire.size());
    pending.append(wire.substr(0, n));
    wire.remove_prefix(n);
    const std::size_t used = parser.feed(pending, result.message);
    EXPECT_LE(used, pending.size());
    pending.erase(0, used);
    result.used += used;
  }
  if (parser.refused_with() != 0) result.status = parser.refused_with();
  if (parser.complete()) result.status = complete;
  return result;
}

struct vector {
  const char* name;
  std::string wire;
  int expected;
  friend void PrintTo(const vector& v, std::ostream* out) { *out << v.name; }
};

std::string get(const std::string& fields, const std::string& version = "HTTP/1.1") {
  return "GET /x " + version + "\r\n" + fields + "\r\n";
}
std::string post(const std::string& fields, const std::string& body) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}
std::string line(const std::string& first) { return first + "\r\nHost: a\r\n\r\n"; }

const std::vector<vector> vectors = {
    // Framing that must be understood.
    {"plain", get("Host: a\r\n"), complete},
    {"empty_host", get("Host:\r\n"), complete},
    {"host_with_port", get("Host: localhost:8080\r\n"), complete},
    {"host_ipv6", get("Host: [::1]:8080\r\n"), complete},
    {"http_1_0_without_host", get("", "HTTP/1.0"), complete},
    {"one_leading_blank_line", "\r\n" + get("Host: a\r\n"), complete},
    {"length", post("Content-Length: 5\r\n", "hello"), complete},
    {"length_zero", post("Content-Length: 0\r\n", ""), complete},
    {"chunked", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), complete},
    {"chunked_any_case", post("Transfer-Encoding: CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n"), complete},
    {"chunk_extension", post("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n"), complete},
    {"trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX-Sum: 1\r\n\r\n"), complete},
    {"tab_in_value", get("Host: a\r\nX: b\tc\r\n"), complete},
    {"bytes_over_127_in_value", get("Host: a\r\nX: \xc3\xa9\r\n"), complete},
    {"absolute_form", "GET http://other:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n", complete},
    {"asterisk_form", line("OPTIONS * HTTP/1.1"), complete},
    {"unknown_method", line("BREW /x HTTP/1.1"), complete},
    {"unfinished_head", "GET /x HTTP/1.1\r\nHost: a\r\n", incomplete},
    {"unfinished_body", post("Content-Length: 6\r\n", "hello"), incomplete},

    // Lines.
    {"bare_lf", "GET /x HTTP/1.1\nHost: a\n\n", 400},
    {"bare_lf_in_fields", "GET /x HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
    {"bare_lf_at_end", "GET /x HTTP/1.1\r\nHost: a\r\n\n", 400},
    {"bare_cr_in_value", get("Host: a\r\nX: b\rc\r\n"), 400},
    {"nul_in_value", get(std::string("Host: a\r\nX: b\0c\r\n", 17)), 400},
    {"obsolete_fold", get("Host: a\r\nX: b\r\n c\r\n"), 400},
    {"fold_before_first_field", get(" Host: a\r\nHost: a\r\n"), 400},
    {"two_leading_blank_lines", "\r\n\r\n" + get("Host: a\r\n"), 400},
    {"space_before_colon", get("Host : a\r\n"), 400},
    {"space_in_name", get("Host: a\r\nA B: c\r\n"), 400},
    {"no_colon", get("Host: a\r\nnonsense\r\n"), 400},
    {"empty_name", get("Host: a\r\n: b\r\n"), 400},
    {"tls_hello", std::string("\x16\x03\x01\x02\x00", 5), 400},

    // Request line.
    {"lower_case_http", line("GET /x http/1.1"), 400},
    {"http_2_0", line("GET /x HTTP/2.0"), 505},
    {"http_2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"http_1_2", line("GET /x HTTP/1.2"), 505},
    {"http_0_9", "GET /x\r\n\r\n", 400},
    {"long_version", line("GET /x HTTP/1.10"), 400},
    {"junk_behind_version", line("GET /x HTTP/1.1 y"), 400},
    {"two_spaces", line("GET  /x HTTP/1.1"), 400},
    {"leading_space", line(" GET /x HTTP/1.1"), 400},
    {"tab_for_space", line("GET\t/x\tHTTP/1.1"), 400},
    {"no_target", line("GET HTTP/1.1"), 400},
    {"bad_method", line("G(T /x HTTP/1.1"), 400},
    {"control_in_target", line("GET /x\x01y HTTP/1.1"), 400},
    {"delete_in_target", line("GET /x\x7fy HTTP/1.1"), 400},
    {"raw_utf8_in_target", line("GET /\xc3\xa9 HTTP/1.1"), 400},
    {"fragment", line("GET /x#y HTTP/1.1"), 400},
    {"relative_target", line("GET x HTTP/1.1"), 400},
    {"asterisk_with_get", line("GET * HTTP/1.1"), 400},
    {"other_scheme", line("GET ftp://a/x HTTP/1.1"), 400},
    {"absolute_without_host", line("GET http:///x HTTP/1.1"), 400},
    {"userinfo", line("GET http://u:p@a/x HTTP/1.1"), 400},
    {"connect", line("CONNECT a:443 HTTP/1.1"), 501},
    {"encoded_nul", line("GET /a%00b HTTP/1.1"), 400},
    {"encoded_newline", line("GET /a%0Ab HTTP/1.1"), 400},
    {"bad_percent", line("GET /a%zz HTTP/1.1"), 400},
    {"short_percent", line("GET /a%2 HTTP/1.1"), 400},
    {"dot_dot", line("GET /a/../b HTTP/1.1"), 400},
    {"encoded_dot_dot", line("GET /a/%2e%2E/b HTTP/1.1"), 400},

    // Host.
    {"no_host", get(""), 400},
    {"two_hosts", get("Host: a\r\nHost: a\r\n"), 400},
    {"host_with_path", get("Host: a/b\r\n"), 400},
    {"host_with_userinfo", get("Host: u@a\r\n"), 400},
    {"host_with_comma", get("Host: a, b\r\n"), 400},
    {"host_with_bad_port", get("Host: a:8x\r\n"), 400},
    {"host_port_without_name", get("Host: :80\r\n"), 400},

    // Length of the body.
    {"length_and_coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
    {"coding_and_length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
    {"coding_on_1_0", "POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400},
    {"chunked_identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 400},
    {"gzip_chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
    {"coding_twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
    {"coding_list_in_two", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
    {"coding_empty", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), 400},
    {"coding_quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400},
    {"two_equal_lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
    {"two_lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
    {"length_list", post("Content-Length: 5, 5\r\n", "hello"), 400},
    {"length_plus", post("Content-Length: +5\r\n", "hello"), 400},
    {"length_minus", post("Content-Length: -5\r\n", "hello"), 400},
    {"length_hex", post("Content-Length: 0x5\r\n", "hello"), 400},
    {"length_empty", post("Content-Length:\r\n", ""), 400},
    {"length_overflow", post("Content-Length: 18446744073709551621\r\n", "hello"), 400},
    {"length_over_limit", post("Content-Length: 4194305\r\n", ""), 413},

    // Chunks.
    {"chunk_hex_prefix", post("Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_overflow", post("Transfer-Encoding: chunked\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_negative", post("Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_junk_behind_size", post("Transfer-Encoding: chunked\r\n", "5 x\r\nhello\r\n0\r\n\r\n"), 400},
    {"chunk_too_long", post("Transfer-Encoding: chunked\r\n", "5\r\nhelloo\r\n0\r\n\r\n"), 400},
    {"chunk_bare_lf", post("Transfer-Encoding: chunked\r\n", "5\nhello\n0\n\n"), incomplete},
    {"chunk_over_limit", post("Transfer-Encoding: chunked\r\n", "400001\r\n"), 413},
    {"chunk_near_64_bits", post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\nffffffffffffffff\r\n"), 413},
    {"length_in_trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 5\r\n\r\n"), 400},

    {"expect_something_else", post("Expect: tea\r\nContent-Length: 5\r\n", "hello"), 417},
};

class parser_vectors : public testing::TestWithParam<vector> {};

TEST_P(parser_vectors, whole) { EXPECT_EQ(parse(GetParam().wire, 1 << 20).status, GetParam().expected); }
TEST_P(parser_vectors, byte_by_byte) { EXPECT_EQ(parse(GetParam().wire, 1).status, GetParam().expected); }
TEST_P(parser_vectors, three_bytes_at_a_time) { EXPECT_EQ(parse(GetParam().wire, 3).status, GetParam().expected); }

INSTANTIATE_TEST_SUITE_P(http, parser_vectors, testing::ValuesIn(vectors),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(parser, fills_the_request) {
  const auto got =
      parse("POST /a%20b/c?x=1&y=%41+b HTTP/1.1\r\nHost: h:1\r\nX-A:  1 \r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabcNEXT",
            1 << 20);
  ASSERT_EQ(got.status, complete);
  EXPECT_EQ(got.message.method, "POST");
  EXPECT_EQ(got.message.target, "/a%20b/c?x=1&y=%41+b");
  EXPECT_EQ(got.message.path, "/a b/c");
  EXPECT_EQ(got.message.query, "x=1&y=%41+b");
  EXPECT_EQ(got.message.query_value("y"), "A b");
  EXPECT_EQ(got.message.query_value("z"), std::nullopt);
  EXPECT_EQ(got.message.headers.get("host"), "h:1");
  EXPECT_EQ(got.message.headers.all("X-A"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_EQ(got.message.body, "abc");
  EXPECT_TRUE(got.message.keep_alive);
}

TEST(parser, leaves_the_next_request_alone) {
  const std::string first = post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n");
  const auto got = parse(first + get("Host: b\r\n"), 1 << 20);
  ASSERT_EQ(got.status, complete);
  EXPECT_EQ(got.used, first.size());
  EXPECT_EQ(got.message.body, "abcde");
  EXPECT_FALSE(got.message.headers.contains("X")) << "a trailer must not become a field";
}

TEST(parser, reset_starts_afresh) {
  request_parser parser({});
  request message;
  const std::string one = post("Content-Length: 1\r\nX: 1\r\n", "a");
  const std::string two = get("Host: b\r\nConnection: close\r\n");
  ASSERT_EQ(parser.feed(one, message), one.size());
  ASSERT_TRUE(parser.complete());
  parser.reset();
  ASSERT_EQ(parser.feed(two, message), two.size());
  ASSERT_TRUE(parser.complete());
  EXPECT_EQ(message.method, "GET");
  EXPECT_EQ(message.body, "");
  EXPECT_FALSE(message.headers.contains("X"));
  EXPECT_FALSE(message.keep_alive);
}

TEST(parser, keep_alive_by_version) {
  EXPECT_FALSE(parse(get("", "HTTP/1.0"), 1 << 20).message.keep_alive);
  EXPECT_TRUE(parse(get("Connection: keep-alive\r\n", "HTTP/1.0"), 1 << 20).message.keep_alive);
  EXPECT_TRUE(parse(get("Host: a\r\n"), 1 << 20).message.keep_alive);
  EXPECT_FALSE(parse(get("Host: a\r\nConnection: x, Close\r\n"), 1 << 20).message.keep_alive);
}

TEST(parser, absolute_form_sets_the_host) {
  const auto got = parse("GET http://other:81?q HTTP/1.1\r\nHost: a\r\n\r\n", 1 << 20);
  ASSERT_EQ(got.status, complete);
  EXPECT_EQ(got.message.path, "/");
  EXPECT_EQ(got.message.query, "q");
  EXPECT_EQ(got.message.headers.get("Host"), "other:81");
}

TEST(parser, encoded_separators_stay_encoded) {
  const auto got = parse(line("GET /a%2fb/%5c%252F/%C3%A9 HTTP/1.1"), 1 << 20);
  ASSERT_EQ(got.status, complete);
  EXPECT_EQ(got.message.path, "/a%2Fb/%5C%252F/\xc3\xa9");
}

TEST(parser, header_limit_holds_at_the_byte) {
  request_limits limits;
  limits.max_header_bytes = 100;
  const std::string frame = get("Host: a\r\nX: \r\n");
  const auto with_padding = [&](std::size_t total) {
    return get("Host: a\r\nX: " + std::string(total - frame.size(), 'y') + "\r\n");
  };
  ASSERT_EQ(with_padding(100).size(), 100u);
  EXPECT_EQ(parse(with_padding(100), 1, limits).status, complete);
  EXPECT_EQ(parse(with_padding(101), 1, limits).status, 431);
  EXPECT_EQ(parse(with_padding(101), 1 << 20, limits).status, 431);
}

TEST(parser, endless_head_is_refused_before_its_end) {
  EXPECT_EQ(parse("GET /" + std::string(20'000, 'a'), 1000).status, 414);
  EXPECT_EQ(parse("GET /x HTTP/1.1\r\nX: " + std::string(20'000, 'a'), 1000).status, 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  EXPECT_EQ(parse(get("Host: a\r\n" + many), 1 << 20).status, 431);
}

TEST(parser, body_limit_holds_while_chunks_arrive) {
  request_limits limits;
  limits.max_body_bytes = 10;
  const auto chunks = [](std::size_t n) {
    std::string body;
    for (std::size_t i = 0; i < n; ++i) body += "1\r\nx\r\n";
    return post("Transfer-Encoding: chunked\r\n", body + "0\r\n\r\n");
  };
  EXPECT_EQ(parse(chunks(10), 1 << 20, limits).status, complete);
  EXPECT_EQ(parse(chunks(11), 1 << 20, limits).status, 413);
}

TEST(parser, chunk_overhead_is_bounded) {
  const std::string extension = ";x=" + std::string(4000, 'y');
  std::string body;
  for (int i = 0; i < 100; ++i) body += "1" + extension + "\r\nx\r\n";
  EXPECT_EQ(parse(post("Transfer-Encoding: chunked\r\n", body), 1 << 20).status, 400);
  EXPECT_EQ(parse(post("Transfer-Encoding: chunked\r\n", body), 512).status, 400);
  EXPECT_EQ(parse(post("Transfer-Encoding: chunked\r\n", "1;x=" + std::string(40'000, 'y')), 512).status, 400);
}

TEST(parser, expects_continue_only_in_1_1) {
  request_parser parser({});
  request message;
  parser.feed(post("Expect: 100-Continue\r\nContent-Length: 5\r\n", ""), message);
  ASSERT_TRUE(parser.has_head());
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_FALSE(parser.complete());
  request_parser old({});
  old.feed("POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", message);
  ASSERT_TRUE(old.has_head());
  EXPECT_FALSE(old.expects_continue());
  EXPECT_TRUE(old.is_http_1_0());
}

TEST(parser, claimed_length_reserves_little) {
  request_parser parser({});
  request message;
  parser.feed(post("Content-Length: 4000000\r\n", "x"), message);
  ASSERT_TRUE(parser.has_head());
  EXPECT_LE(message.body.capacity(), 128u * 1024);
}

} // namespace
} // namespace weir::http::detail
