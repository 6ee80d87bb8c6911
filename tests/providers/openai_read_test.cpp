// Calls that cost nothing are repeated; texts from the server are shown with care.

#include "http/fault_server.hpp"
#include "providers/openai_errors.hpp"
#include "providers/openai_fixture.hpp"
#include "providers/openai_json.hpp"

#include <atomic>

namespace {

using namespace weir::test;
using weir::errc;
using weir::task;
namespace json = weir::json;
namespace openai = weir::providers::openai;

std::string made(const fake_openai& fake) {
  return with_provider(fake, [](provider& p) -> task<std::string> {
    video_request r;
    r.prompt = "x [ms=0]";
    co_return (co_await p.create_video(r)).id;
  });
}

auto look(std::string id) {
  return [id](provider& p) -> task<void> { EXPECT_EQ((co_await p.get_video(id)).id, id); };
}

TEST(openai_read, a_failed_reading_is_repeated) {
  const fake_openai fake;
  const auto id = made(fake);
  for (const char* fault : {"1,500", "x2,503", "1,429,retry-after=0.1", "1,close", "1,reset,at=-1", "1,cut,at=20",
                            "1,wrong-length,by=10", "1,invalid-json", "x2,invalid-json", "1,reset,at=10"}) {
    fake.set_faults(json::serialize(json::array{"GET /v1/videos/*," + std::string(fault)}));
    const auto f = failure_of(fake, look(id));
    EXPECT_FALSE(f.any) << fault << ": " << f.text;
  }
}

TEST(openai_read, but_not_for_ever) {
  const fake_openai fake;
  const auto id = made(fake);
  const struct {
    const char* fault;
    errc code;
  } cases[] = {{"*,500", errc::remote}, {"*,close", errc::unavailable}, {"*,invalid-json", errc::corrupt}};
  for (const auto& c : cases) {
    fake.set_faults(json::serialize(json::array{"GET /v1/videos/*," + std::string(c.fault)}));
    const auto before = requests(fake, "GET").size();
    const auto f = failure_of(fake, look(id));
    EXPECT_EQ(f.code, c.code) << f.text;
    EXPECT_EQ(requests(fake, "GET").size() - before, 3u) << c.fault;
  }
}

TEST(openai_read, a_redirect_to_another_host_takes_no_key_along) {
  const fake_openai fake, other;
  fake.set_faults(json::serialize(json::array{"GET /v1/videos/*,*,redirect,to=" + other.origin()}));
  const auto f = failure_of(fake, look("video_1"));
  EXPECT_EQ(f.code, errc::permission_denied) << f.text; // what the other says to somebody without a key
  const auto there = requests(other, "GET");
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(header(there[0], "authorization"), "");
}

class openai_read_picture : public testing::Test {
 protected:
  auto get(collected to) const {
    return [id = id_, to](provider& p) -> task<void> { co_await p.download_image(id, to.sink()); };
  }
  void SetUp() override {
    id_ = with_provider(fake_, [](provider& p) -> task<std::string> {
      image_job_request r;
      r.prompt = "x [ms=0]";
      r.model = "gpt-5.2";
      co_return (co_await p.create_image(r)).id;
    });
    with_provider(fake_, get(whole_));
  }

  const fake_openai fake_{{"--image-bytes", "1MB"}};
  std::string id_;
  collected whole_;
};

TEST_F(openai_read_picture, comes_whole_though_the_line_breaks) {
  for (const char* faults : {R"(["GET /v1/responses/*,x2,503"])", R"(["GET /v1/responses/*,1,cut,at=700000"])",
                             R"(["GET /v1/responses/*,1,cut,at=900000","GET /v1/responses/*,2,reset,at=300000",
                                 "GET /v1/responses/*,3,cut,at=1300000"])",
                             R"(["GET /v1/responses/*,1,wrong-length,by=10"])"}) {
    fake_.set_faults(faults);
    const collected again;
    with_provider(fake_, get(again));
    EXPECT_TRUE(*whole_.bytes == *again.bytes) << faults;
  }
}

TEST_F(openai_read_picture, is_given_up_when_it_never_gets_further) {
  fake_.set_faults(R"(["GET /v1/responses/*,*,cut,at=700000"])");
  const collected part;
  const auto cut = failure_of(fake_, get(part));
  EXPECT_EQ(cut.code, errc::unavailable) << cut.text;
  EXPECT_GT(part.bytes->size(), 400'000u);
  EXPECT_TRUE(whole_.bytes->starts_with(*part.bytes));
  fake_.set_faults(R"(["GET /v1/responses/*,*,bad-base64"])");
  const auto bad = failure_of(fake_, get({}));
  EXPECT_EQ(bad.code, errc::corrupt) << bad.text;
}

TEST_F(openai_read_picture, is_looked_up_though_the_line_breaks) {
  fake_.set_faults(R"(["GET /v1/responses/*,1,cut,at=700000"])");
  const auto state =
      with_provider(fake_, [this](provider& p) -> task<image_job> { co_return co_await p.get_image(id_); });
  EXPECT_TRUE(state.has_image);
}

TEST_F(openai_read_picture, is_not_given_twice_to_a_sink_that_failed) {
  int failures = 0;
  std::uint64_t taken = 0;
  const auto f = failure_of(fake_, [&](provider& p) -> task<void> {
    co_await p.download_image(id_, [&](std::span<const std::byte> bytes) {
      if (taken > 200'000) {
        ++failures;
        throw weir::error(errc::unavailable, "the disk is away");
      }
      taken += bytes.size();
    });
  });
  EXPECT_EQ(f.code, errc::unavailable);
  EXPECT_EQ(failures, 1);
}

TEST_F(openai_read_picture, is_not_joined_from_two_different_ones) {
  const auto answer = [](char fill) {
    return R"({"id":"resp_1","status":"completed","output":[{"type":"image_generation_call","result":")" +
           std::string(1'000'000, fill) + R"("}]})";
  };
  std::atomic<int> asked{0};
  fault_server server(fault_server::per_request([&](const std::string&, wire& w) {
    const std::string body = answer(asked++ == 0 ? 'A' : 'B');
    if (body.find('B') != std::string::npos) {
      w.answer(200, body);
    } else {
      w.send("HTTP/1.1 200 X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, 500'000));
      w.close();
    }
  }));
  const collected part;
  const auto f = failure_of(options_for(server.url("/v1")),
                            [&](provider& p) -> task<void> { co_await p.download_image("resp_1", part.sink()); });
  EXPECT_EQ(f.code, errc::corrupt) << f.text;
  EXPECT_TRUE(f.says("another picture")) << f.text;
  EXPECT_EQ(part.bytes->find_first_not_of('\0'), std::string::npos);
}

TEST(openai_read, a_sink_that_fails_is_passed_on) {
  const fake_openai fake;
  const auto f = failure_of(fake, [](provider& p) -> task<void> {
    image_job_request r;
    r.prompt = "x [ms=0]";
    r.model = "gpt-5.2";
    const auto job = co_await p.create_image(r);
    co_await p.download_image(
        job.id, [](std::span<const std::byte>) { throw weir::error(errc::no_space, "the disk is full"); });
  });
  EXPECT_EQ(f.code, errc::no_space) << f.text;
}

TEST(openai_read, other_servers_need_no_key) {
  std::string head;
  fault_server server(fault_server::per_request([&](const std::string& h, wire& w) {
    head = h;
    w.answer(200, R"({"data":[]})");
  }));
  openai_options options = options_for(server.url("/v1/"));
  options.api_key = "";
  EXPECT_EQ(make_openai(options)->missing(), "");
  with_provider(options, [](provider& p) -> task<void> { co_await p.list_videos(1, std::nullopt, true); });
  EXPECT_EQ(request_line(head), "GET /v1/videos?limit=1&order=desc");
  EXPECT_EQ(header_of(head, "Authorization"), "");
}

TEST(openai_read, what_is_missing) {
  EXPECT_NE(make_openai({})->missing().find("OPENAI_API_KEY is not set: "), std::string::npos);
  EXPECT_EQ(make_openai({.api_key = "k"})->missing(), "");
  for (const char* same : {"https://API.openai.com/v1", "https://api.openai.com:443/v1", "https://api.openai.com./v1",
                           "https://u:p@api.openai.com/v1"})
    EXPECT_NE(make_openai({.base_url = same})->missing(), "") << same;
  for (const char* other :
       {"http://localhost:8000/v1", "https://api.openai.com.example.org/v1", "https://example.org/api.openai.com"})
    EXPECT_EQ(make_openai({.base_url = other})->missing(), "") << other;
  EXPECT_EQ(make_openai({.headers = {{"authorization", "Basic x"}}})->missing(), "");
}

TEST(openai_read, it_says_what_it_can) {
  const auto p = make_openai({});
  EXPECT_EQ(p->name(), "openai");
  const capabilities can = p->can();
  EXPECT_TRUE(can.create_video && can.remix_video && can.list_videos && can.delete_video && can.cancel_video);
  EXPECT_TRUE(can.thumbnail && can.spritesheet && can.generate_image && can.edit_image && can.create_image);
  EXPECT_TRUE(can.cancel_image && can.costs_money);
  EXPECT_FALSE(can.edit_video || can.extend_video || can.prices);
  EXPECT_EQ(p->known_video_models().at(0), "sora-2");
  EXPECT_EQ(p->known_image_models().at(0), "gpt-image-2");
}

TEST(openai_read, secrets_and_control_characters_are_not_shown) {
  const openai::failures say({"sk-secret-key", "custom-token"});
  EXPECT_EQ(say.shown("bad key sk-secret-key and custom-token!"), "bad key *** and ***!");
  EXPECT_EQ(say.shown("a\x1b[2Jb\nc\x7f"), "a\\u001b[2Jb\\nc\\u007f");
  EXPECT_EQ(say.shown("\xe2\x80\xae\xc2\x85 \xc3\xa9"), "\\u202e\\u0085 \xc3\xa9");
  EXPECT_EQ(say.shown("x\xff\xc3"), "x??");
  const std::string shortened = say.shown(std::string(10'000, 'x'));
  EXPECT_EQ(shortened, std::string(500, 'x') + "...");
}

TEST(openai_read, the_servers_words_are_found_where_servers_put_them) {
  const openai::failures say;
  const auto text = [&](std::string_view body, std::string_view type = "application/json") {
    try {
      say.refused({.doing = "look"}, 400, {{"Content-Type", std::string(type)}}, body);
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), errc::invalid_argument);
      return std::string(e.what());
    }
  };
  const std::string start = "could not look: the server answered 400";
  EXPECT_EQ(text(R"({"error":{"message":"no","type":"x"}})"), start + ": no");
  EXPECT_EQ(text(R"({"error":"no"})"), start + ": no");
  EXPECT_EQ(text(R"({"message":"no"})"), start + ": no");
  EXPECT_EQ(text(R"({"detail":"no"})"), start + ": no");
  EXPECT_EQ(text(R"({"detail":[{"loc":["body"]}]})"), start + R"(: [{"loc":["body"]}])");
  EXPECT_EQ(text(R"({"other":1})"), start + R"(: {"other":1})");
  EXPECT_EQ(text("plain words", "text/plain"), start + ": plain words");
  EXPECT_EQ(text("<!DOCTYPE html><html>", ""), start + " with an HTML page");
  EXPECT_EQ(text(""), start);
}

TEST(openai_read, videos_with_the_members_of_other_servers) {
  const auto job = openai::read_video(
      json::parse(R"({"id":"v-1","seconds":4,"progress":33.5,"created_at":1.5e9,"completed_at":17.9,"new":[]})")
          .as_object(),
      {{"openai-poll-after-ms", "2500"}});
  EXPECT_EQ(job.seconds, "4");
  EXPECT_EQ(job.progress, 33.5);
  EXPECT_EQ(job.created_at, 1'500'000'000);
  EXPECT_EQ(job.completed_at, 17);
  EXPECT_EQ(job.status, "unknown");
  EXPECT_EQ(job.poll_after, 2500ms);
  for (const char* odd : {"-1", "x", "", "1e9", "99999999999999999999"})
    EXPECT_EQ(openai::read_video(json::parse(R"({"id":"v"})").as_object(), {{"openai-poll-after-ms", odd}}).poll_after,
              0ms)
        << odd;
  for (const char* wrong : {R"({"id":"v","status":1})", R"({"id":"v","progress":"half"})", R"({"id":"v","seconds":[]})",
                            R"({"id":"v","created_at":"now"})", R"({"id":"v","created_at":1e300})", R"({})",
                            R"({"id":"a/b"})", R"({"id":"v","error":7})", R"({"id":"v","error":{"message":7}})"})
    try {
      openai::read_video(json::parse(wrong).as_object(), {});
      ADD_FAILURE() << wrong;
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), errc::corrupt) << wrong;
    }
}

} // namespace
