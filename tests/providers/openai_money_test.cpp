// What happens to a purchase when the server, the line or the key fails: each case for each call that costs money.

#include "http/fault_server.hpp"
#include "providers/openai_fixture.hpp"

#include <weir/http/download.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <set>

namespace {

using namespace weir::test;
using weir::errc;
using weir::task;
namespace json = weir::json;

struct billable {
  const char* name;
  const char* kind; ///< as the fake counts it
  const char* route;
  std::function<task<void>(provider&, std::string source)> call;
};

void PrintTo(const billable& b, std::ostream* out) { *out << b.name; }

task<void> call_create_video(provider& p, std::string) {
  video_request r;
  r.prompt = "x";
  r.idempotency_key = "the-key";
  EXPECT_FALSE((co_await p.create_video(r)).id.empty());
}
task<void> call_remix(provider& p, std::string source) {
  video_request r;
  r.operation = video_operation::remix;
  r.prompt = "x";
  r.source_id = source;
  r.idempotency_key = "the-key";
  EXPECT_FALSE((co_await p.create_video(r)).id.empty());
}
task<void> call_image(provider& p, bool edit) {
  image_request r;
  r.prompt = "x";
  r.model = "gpt-image-2";
  r.idempotency_key = "the-key";
  if (edit) r.inputs = {png_file("a.png", 100'000)};
  const collected picture;
  co_await p.make_image(r, picture.sink());
  EXPECT_TRUE(picture.is_png());
}
task<void> call_generate(provider& p, std::string) { return call_image(p, false); }
task<void> call_edit(provider& p, std::string) { return call_image(p, true); }
task<void> call_create_image(provider& p, std::string) {
  image_job_request r;
  r.prompt = "x";
  r.model = "gpt-5.2";
  r.idempotency_key = "the-key";
  EXPECT_FALSE((co_await p.create_image(r)).id.empty());
}

class openai_money : public testing::TestWithParam<billable> {
 protected:
  void SetUp() override {
    source_ = with_provider(fake_, [](provider& p) -> task<std::string> {
      video_request r;
      r.prompt = "the first one [ms=0]";
      co_return (co_await p.create_video(r)).id;
    });
    before_ = requests(fake_, "POST").size();
  }

  auto call() const {
    return [each = GetParam().call, source = source_](provider& p) -> task<void> { co_await each(p, source); };
  }
  failed failure() const { return failure_of(fake_, call()); }
  /// `fault` on this call's route.
  void break_it(const std::string& fault) const {
    fake_.set_faults(json::serialize(json::array{std::string("POST /v1/") + GetParam().route + "," + fault}));
  }
  /// How often this call was sent, and bought.
  std::size_t posts() const { return requests(fake_, "POST").size() - before_; }
  std::int64_t purchases() const {
    return bought(fake_, GetParam().kind) - (std::string_view(GetParam().kind) == "video" ? 1 : 0);
  }

  const fake_openai fake_{{"--image-ms", "0", "--video-ms", "0"}};
  std::string source_;
  std::size_t before_ = 0;
};

INSTANTIATE_TEST_SUITE_P(each, openai_money,
                         testing::Values(billable{"create_video", "video", "videos", call_create_video},
                                         billable{"remix", "remix", "videos/*/remix", call_remix},
                                         billable{"generate", "image", "images/generations", call_generate},
                                         billable{"edit", "image_edit", "images/edits", call_edit},
                                         billable{"create_image", "response", "responses", call_create_image}),
                         [](const auto& info) { return info.param.name; });

/// The calls whose answer holds a picture.
class openai_picture_money : public openai_money {};

INSTANTIATE_TEST_SUITE_P(each, openai_picture_money,
                         testing::Values(billable{"generate", "image", "images/generations", call_generate},
                                         billable{"edit", "image_edit", "images/edits", call_edit}),
                         [](const auto& info) { return info.param.name; });

TEST_P(openai_money, busy_then_bought_once_with_one_key) {
  break_it("x2,429,retry-after=0.1");
  with_provider(fake_, call());
  EXPECT_EQ(posts(), 3u);
  EXPECT_EQ(purchases(), 1);
  std::set<std::string> keys;
  for (const auto& entry : requests(fake_, "POST"))
    if (!header(entry, "idempotency-key").empty()) keys.insert(header(entry, "idempotency-key"));
  EXPECT_EQ(keys, std::set<std::string>{"the-key"});
}

TEST_P(openai_money, the_servers_wait_is_kept) {
  break_it("1,429,retry-after=1.2");
  const auto begin = std::chrono::steady_clock::now();
  with_provider(fake_, call());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1200ms);
  EXPECT_EQ(posts(), 2u);
}

TEST_P(openai_money, too_long_a_wait_is_told) {
  break_it("*,429,retry-after=300");
  const auto f = failure();
  EXPECT_EQ(f.code, errc::remote) << f.text;
  EXPECT_EQ(f.status, 429);
  EXPECT_TRUE(f.says("300 s")) << f.text;
  EXPECT_TRUE(f.says("nothing was bought")) << f.text;
  EXPECT_EQ(posts(), 1u);
}

TEST_P(openai_money, busy_for_ever_gives_up_with_the_servers_words) {
  break_it("*,429,retry-after=0.05,code=insufficient_quota");
  const auto f = failure();
  EXPECT_EQ(f.code, errc::remote) << f.text;
  EXPECT_EQ(f.status, 429);
  EXPECT_TRUE(f.says("exceeded your current quota")) << f.text;
  EXPECT_TRUE(f.says("asks to wait")) << f.text;
  EXPECT_EQ(posts(), 4u);
  EXPECT_EQ(purchases(), 0);
}

TEST_P(openai_money, a_server_error_is_not_repeated) {
  for (const char* status : {"500", "502", "503", "504"}) {
    const std::size_t so_far = posts();
    break_it(std::string("*,") + status);
    const auto f = failure();
    EXPECT_EQ(f.code, errc::maybe_bought) << f.text;
    EXPECT_EQ(f.status, std::stoi(status));
    EXPECT_TRUE(f.says("may have been bought")) << f.text;
    EXPECT_FALSE(f.says("<html>")) << f.text;
    EXPECT_EQ(posts() - so_far, 1u);
  }
  EXPECT_EQ(purchases(), 0);
}

TEST_P(openai_money, a_lost_answer_is_bought_once_and_sent_once) {
  for (const char* fault : {"*,lost", "*,reset,at=-1", "*,503,carry-out=1"}) {
    fake_.reset();
    SetUp();
    break_it(fault);
    const auto f = failure();
    EXPECT_EQ(f.code, errc::maybe_bought) << fault << f.text;
    EXPECT_EQ(posts(), 1u) << fault;
    EXPECT_EQ(purchases(), 1) << fault;
  }
}

TEST_P(openai_money, a_broken_answer_may_have_been_bought) {
  for (const char* fault : {"*,close", "*,cut,at=20", "*,reset,at=20", "*,wrong-length,by=10", "*,wrong-length,by=-10",
                            "*,invalid-json", "*,cut,at=0", "*,chunked,size=7 "}) {
    if (std::string_view(fault).find("chunked") != std::string_view::npos) {
      // In pieces without a length, and cut: the last chunk is missing.
      fake_.set_faults(json::serialize(json::array{std::string("POST /v1/") + GetParam().route + ",*,chunked,size=7",
                                                   std::string("POST /v1/") + GetParam().route + ",*,cut,at=60"}));
    } else {
      break_it(fault);
    }
    const std::size_t so_far = posts();
    const auto f = failure();
    EXPECT_EQ(f.code, errc::maybe_bought) << fault << ": " << f.text;
    EXPECT_TRUE(f.says("bought")) << f.text;
    EXPECT_EQ(posts() - so_far, 1u) << fault;
  }
}

TEST_P(openai_picture_money, a_spoiled_picture_may_have_been_bought) {
  for (const char* how : {"chars", "padding", "truncated"}) {
    break_it(std::string("*,bad-base64,how=") + how);
    const auto f = failure();
    EXPECT_EQ(f.code, errc::maybe_bought) << how << f.text;
    EXPECT_TRUE(f.says("the server's answer is broken")) << f.text;
  }
}

TEST_P(openai_money, slow_and_late_answers_are_waited_for) {
  fake_.set_faults(json::serialize(json::array{std::string("POST /v1/") + GetParam().route + ",*,delay,ms=400",
                                               std::string("POST /v1/") + GetParam().route + ",*,stall,at=30,ms=400",
                                               std::string("POST /v1/") + GetParam().route + ",*,chunked,size=5000"}));
  with_provider(fake_, call());
  EXPECT_EQ(purchases(), 1);
}

TEST_P(openai_money, redirects_are_not_followed) {
  const fake_openai other;
  break_it("*,redirect,status=307,to=" + other.origin());
  const auto f = failure();
  EXPECT_EQ(f.code, errc::remote) << f.text;
  EXPECT_TRUE(f.says(other.origin())) << f.text;
  EXPECT_TRUE(f.says("OPENAI_BASE_URL")) << f.text;
  EXPECT_EQ(posts(), 1u);
  EXPECT_TRUE(requests(other, "POST").empty());
}

TEST_P(openai_money, refusals_say_what_the_server_says) {
  const std::pair<const char*, errc> cases[] = {{"400", errc::invalid_argument},
                                                {"422", errc::invalid_argument},
                                                {"401", errc::permission_denied},
                                                {"404", errc::not_found},
                                                {"403", errc::permission_denied},
                                                {"409", errc::remote},
                                                {"413", errc::remote},
                                                {"418", errc::remote}};
  for (const auto& [status, code] : cases) {
    break_it(std::string("*,") + status);
    const std::size_t so_far = posts();
    const auto f = failure();
    EXPECT_EQ(f.code, code) << status << ": " << f.text;
    EXPECT_EQ(f.status, std::stoi(status));
    EXPECT_EQ(posts() - so_far, 1u);
    if (code == errc::invalid_argument) {
      EXPECT_TRUE(f.says("The request was refused.")) << f.text;
    }
  }
  EXPECT_EQ(purchases(), 0);
}

TEST_P(openai_money, a_hung_server_is_left_in_time) {
  break_it("*,hang,ms=30000");
  const auto f =
      failure_of(fake_, [inner = call()](provider& p) -> task<void> { co_await weir::with_timeout(300ms, inner(p)); });
  EXPECT_EQ(f.code, errc::timeout) << f.text;
  EXPECT_LT(f.took, 10s);
  EXPECT_EQ(posts(), 1u);
}

TEST_P(openai_money, cancelling_ends_it) {
  break_it("*,hang,ms=30000");
  const auto begin = std::chrono::steady_clock::now();
  bool was_cancelled = false;
  with_provider(fake_, [&, inner = call()](provider& p) -> task<void> {
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      auto handle = group.spawn([&]() -> task<void> {
        try {
          co_await inner(p);
        } catch (const weir::cancelled&) {
          was_cancelled = true;
          throw;
        }
      });
      co_await weir::sleep_for(200ms);
      handle.cancel();
    });
  });
  EXPECT_TRUE(was_cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

/// A port that nobody listens on.
int closed_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

TEST_P(openai_money, without_a_connection_nothing_was_bought) {
  const auto f = failure_of(options_for("http://127.0.0.1:" + std::to_string(closed_port()) + "/v1"), call());
  EXPECT_EQ(f.code, errc::unavailable) << f.text;
  EXPECT_TRUE(f.says("nothing was bought")) << f.text;
}

TEST_P(openai_money, without_a_key_nothing_is_sent) {
  openai_options options;
  const auto f = failure_of(options, call());
  EXPECT_EQ(f.code, errc::not_configured) << f.text;
  EXPECT_TRUE(f.says("OPENAI_API_KEY is not set: ")) << f.text;
}

TEST_P(openai_money, a_refused_key_is_named_but_not_shown) {
  const fake_openai strict({"--api-key", "sk-another"});
  const auto f = failure_of(strict, call());
  EXPECT_EQ(f.code, errc::permission_denied) << f.text;
  EXPECT_TRUE(f.says("Incorrect API key provided")) << f.text;
  EXPECT_FALSE(f.says(test_key)) << f.text;
}

} // namespace
