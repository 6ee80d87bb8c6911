#include "http/client_fixture.hpp"

#include <weir/http/multipart.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <random>

namespace weir::test {
namespace {

using http::body;
using http::multipart;

unique_fd file_of(const std::string& content) {
  unique_fd fd(::memfd_create("part", MFD_CLOEXEC));
  for (std::size_t done = 0; done < content.size();)
    done += static_cast<std::size_t>(::write(fd.get(), content.data() + done, content.size() - done));
  return fd;
}

std::string noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(random());
  return text;
}

struct received {
  std::string head;
  std::string body;
};

received send_to_server(client_request request) {
  received got;
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    got.head = head;
    got.body = w.read_body_of(head);
    w.answer(200, "");
  }));
  request.method = "POST";
  request.url = server.url();
  EXPECT_EQ(send(std::move(request)).status, 200);
  return got;
}

} // namespace

TEST(multipart, writes_the_form_that_browsers_write) {
  multipart form;
  form.add("model", "sora-2")
      .add_bytes("a", "x.png", "image/png", "PNG")
      .add_file("b", "y.bin", "application/octet-stream", file_of("content of y"));
  const body made = std::move(form).finish();
  const std::string type(made.content_type());
  ASSERT_TRUE(type.starts_with("multipart/form-data; boundary=")) << type;
  const std::string boundary = type.substr(type.find('=') + 1);
  const received got = send_to_server({.body = made});
  EXPECT_EQ(header_of(got.head, "Content-Type"), type);
  EXPECT_EQ(header_of(got.head, "Content-Length"), std::to_string(made.size_bytes()));
  const std::string b = "--" + boundary + "\r\n";
  EXPECT_EQ(got.body, b + "Content-Disposition: form-data; name=\"model\"\r\n\r\nsora-2\r\n" + b +
                          "Content-Disposition: form-data; name=\"a\"; filename=\"x.png\"\r\n"
                          "Content-Type: image/png\r\n\r\nPNG\r\n" +
                          b +
                          "Content-Disposition: form-data; name=\"b\"; filename=\"y.bin\"\r\n"
                          "Content-Type: application/octet-stream\r\n\r\ncontent of y\r\n--" +
                          boundary + "--\r\n");
}

TEST(multipart, names_cannot_end_their_line) {
  multipart form;
  form.add_bytes("a\"b", "x\"\r\nContent-Type: text/html\r\n\r\n.png", "image/png", "1");
  const received got = send_to_server({.body = std::move(form).finish()});
  EXPECT_NE(got.body.find("name=\"a%22b\"; filename=\"x%22%0D%0AContent-Type: text/html%0D%0A%0D%0A.png\""),
            std::string::npos)
      << got.body;
  multipart other;
  EXPECT_THROW(other.add_bytes("a", "b", "image/png\r\nX: 1", ""), weir::error);
  EXPECT_THROW(other.add(std::string_view("a\0b", 3), ""), weir::error);
}

TEST(multipart, every_boundary_is_another) {
  EXPECT_NE(multipart().finish().content_type(), multipart().finish().content_type());
}

TEST(multipart, large_files_arrive_whole_and_can_be_sent_twice) {
  const std::string first = noise(3'000'001);
  const std::string second = noise(700'000);
  multipart form;
  form.add_file("a", "a", "x/y", file_of(first)).add("n", "v").add_file("b", "b", "x/y", file_of(second));
  const body made = std::move(form).finish();
  const received once = send_to_server({.body = made});
  EXPECT_EQ(once.body.size(), made.size_bytes());
  EXPECT_NE(once.body.find(first), std::string::npos);
  EXPECT_NE(once.body.find(second), std::string::npos);
  EXPECT_EQ(send_to_server({.body = made}).body, once.body);
}

TEST(multipart, an_upload_is_repeated_from_its_start) {
  const std::string content = noise(2'000'000);
  std::atomic<int> requests{0};
  std::string got;
  // The first answer comes on a kept connection that dies after half of the body: libcurl itself starts over.
  fault_server server([&](wire& w) {
    for (;;) {
      const std::string head = w.read_head();
      if (head.empty()) return;
      const int n = ++requests;
      if (n == 2) {
        w.read_body(1'000'000);
        w.reset();
        return;
      }
      got = w.read_body_of(head);
      w.answer(200, "");
    }
  });
  weir::run([](fault_server& s, body b) -> task<void> {
    client_options options = direct();
    options.retry = {.max_attempts = 3, .first_wait = 1ms};
    client web(options);
    co_await web.send({.url = s.url()});
    EXPECT_EQ((co_await web.send({.method = "PUT", .url = s.url(), .body = b, .idempotent = true})).status, 200);
  }(server, body::from_file(file_of(content))));
  EXPECT_EQ(got, content);
}

TEST(body, a_stretch_of_a_file) {
  const received got = send_to_server({.body = body::from_file(file_of("0123456789"), 3, 4)});
  EXPECT_EQ(got.body, "3456");
  EXPECT_EQ(header_of(got.head, "Content-Length"), "4");
  EXPECT_EQ(header_of(got.head, "Content-Type"), "");
}

TEST(body, refuses_what_is_no_file_or_too_short) {
  EXPECT_THROW(body::from_file(file_of("abc"), 4), weir::error);
  EXPECT_THROW(body::from_file(file_of("abc"), 1, 3), weir::error);
  EXPECT_THROW(body::from_file(unique_fd()), weir::error);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const unique_fd other(ends[1]);
  EXPECT_THROW(body::from_file(unique_fd(ends[0])), weir::error);
}

TEST(body, a_file_that_shrinks_is_an_error_not_a_wrong_body) {
  unique_fd file = file_of(std::string(5'000'000, 'x'));
  const unique_fd same(::dup(file.get()));
  const body made = body::from_file(std::move(file));
  ASSERT_EQ(::ftruncate(same.get(), 1'000'000), 0);
  fault_server server(fault_server::per_request([](const std::string& head, wire& w) {
    w.read_body_of(head);
    w.answer(200, "");
  }));
  const failed f = failure_of({.method = "POST", .url = server.url(), .body = made});
  EXPECT_EQ(f.code, errc::corrupt) << f.text;
  EXPECT_TRUE(f.request_sent);
}

TEST(body, the_answer_to_an_upload_may_come_early) {
  fault_server server([](wire& w) {
    w.read_head();
    w.answer(413, "too big", "Connection: close\r\n");
    w.wait_for_close(2000);
  });
  const auto answer =
      send({.method = "POST", .url = server.url(), .body = body::from_file(file_of(std::string(20'000'000, 'x')))});
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "too big");
}

} // namespace weir::test
