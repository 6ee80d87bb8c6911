#include "http/fault_server.hpp"
#include "providers/openai_fixture.hpp"

#include <weir/media/base64.hpp>

#include <unistd.h>

#include <mutex>

namespace {

using namespace weir::test;
using weir::errc;
using weir::task;
namespace json = weir::json;

image_job_request wanted(std::string prompt = "a tower [ms=0]") {
  image_job_request request;
  request.prompt = std::move(prompt);
  request.model = "gpt-5.2";
  static int number = 0;
  request.idempotency_key = "key-of-" + std::to_string(++number);
  return request;
}

auto create(image_job_request request) {
  return [request](provider& p) -> task<image_job> { co_return co_await p.create_image(request); };
}
auto status(std::string id) {
  return [id](provider& p) -> task<image_job> { co_return co_await p.get_image(id); };
}
auto download(std::string id, collected to = {}) {
  return [id, to](provider& p) -> task<image_outcome> { co_return co_await p.download_image(id, to.sink()); };
}

TEST(openai_response, a_job_from_order_to_picture) {
  const fake_openai fake;
  auto request = wanted();
  request.idempotency_key = "key-1";
  const auto job = with_provider(fake, create(request));
  EXPECT_TRUE(job.id.starts_with("resp_"));
  EXPECT_EQ(job.status, "queued");
  EXPECT_GT(job.created_at, 1.6e9);
  EXPECT_FALSE(job.has_image);
  EXPECT_FALSE(job.error_message);
  const auto sent = requests(fake, "POST", "/v1/responses");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(json::serialize(sent[0].at("json_keys")), R"(["background","model","input","tools"])");
  EXPECT_EQ(header(sent[0], "idempotency-key"), "key-1");
  EXPECT_EQ(header(sent[0], "content-type"), "application/json");

  const auto done = with_provider(fake, status(job.id));
  EXPECT_EQ(done.status, "completed");
  EXPECT_TRUE(done.has_image);
  EXPECT_FALSE(done.error_message);
  const collected picture;
  const auto outcome = with_provider(fake, download(job.id, picture));
  EXPECT_TRUE(picture.is_png());
  EXPECT_EQ(outcome.model, "gpt-5.2");
  EXPECT_EQ(outcome.revised_prompt, "a tower [ms=0]");
  EXPECT_TRUE(outcome.usage.is_object());
  EXPECT_EQ(bought(fake, "response"), 1);
}

TEST(openai_response, a_finished_job_is_asked_for_its_state_once) {
  const fake_openai fake({"--image-bytes", "1MB"});
  with_provider(fake, [](provider& p) -> task<void> {
    const auto job = co_await p.create_image(wanted("[ms=200]"));
    EXPECT_FALSE((co_await p.get_image(job.id)).has_image);
    image_job state;
    while (!is_final_status(state.status)) {
      co_await weir::sleep_for(50ms);
      state = co_await p.get_image(job.id);
    }
    EXPECT_TRUE(state.has_image);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE((co_await p.get_image(job.id)).has_image);
  });
  int with_picture = 0;
  for (const auto& entry : requests(fake, "GET"))
    if (entry.at("sent_bytes").as_int64() > 1'000'000) ++with_picture;
  EXPECT_EQ(with_picture, 1);
}

TEST(openai_response, pictures_and_mask_go_as_data_urls) {
  const fake_openai fake;
  auto request = wanted();
  request.inputs = {png_file("one.png", 100'000), png_file("two.png", 196'608), png_file("three.png", 196'607)};
  request.mask = png_file("mask.png", 5000);
  request.tool_config = {{"quality", "high"}, {"size", "1024x1024"}};
  const auto job = with_provider(fake, create(request));
  EXPECT_EQ(job.status, "queued");
  EXPECT_TRUE(requests(fake, "POST", "/v1/files").empty());
}

/// A server that keeps what it gets and answers everything with the same.
struct recording {
  explicit recording(std::string answer, int answer_status = 200)
      : server(fault_server::per_request([=, this](const std::string& head, wire& w) {
          const std::lock_guard lock(mutex);
          heads.push_back(head);
          bodies.push_back(w.read_body_of(head));
          w.answer(answer_status, answer, "Content-Type: application/json\r\nopenai-poll-after-ms: 750\r\n");
        })) {}
  openai_options options() const { return options_for(server.url("/v1")); }
  std::mutex mutex;
  std::vector<std::string> heads, bodies;
  fault_server server;
};

std::string contents(const input_file& file) {
  std::string bytes(file.file->info.size_bytes, '\0');
  EXPECT_EQ(::pread(file.file->fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

TEST(openai_response, the_body_holds_every_byte) {
  recording server(R"({"id":"resp_1","status":"queued","created_at":1.5})");
  auto request = wanted("say \"hi\"\n");
  request.inputs = {png_file("one.png", 1), png_file("two.png", 400'001)};
  request.mask = png_file("mask.png", 5000);
  request.tool_config = {{"type", "other"}, {"model", "gpt-image-1.5"}, {"quality", "high"}};
  request.previous_response_id = "resp_0";
  const auto job = with_provider(server.options(), create(request));
  EXPECT_EQ(job.poll_after, 750ms);
  EXPECT_EQ(job.created_at, 1.5);
  ASSERT_EQ(server.bodies.size(), 1u);
  const json::value sent = json::parse(server.bodies[0]);
  EXPECT_EQ(sent.at("background"), true);
  EXPECT_EQ(sent.at("model"), "gpt-5.2");
  EXPECT_EQ(sent.at("previous_response_id"), "resp_0");
  const auto& message = sent.at("input").as_array().at(0);
  EXPECT_EQ(message.at("role"), "user");
  const auto& content = message.at("content").as_array();
  ASSERT_EQ(content.size(), 3u);
  EXPECT_EQ(content[0].at("text"), "say \"hi\"\n");
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_EQ(content[i + 1].at("type"), "input_image");
    EXPECT_EQ(content[i + 1].at("detail"), "auto");
    EXPECT_EQ(text(content[i + 1], "image_url"),
              "data:image/png;base64," + weir::media::base64_encode(contents(request.inputs[i])));
  }
  const auto& tool = sent.at("tools").as_array().at(0);
  EXPECT_EQ(tool.at("type"), "image_generation");
  EXPECT_EQ(tool.at("model"), "gpt-image-1.5");
  EXPECT_EQ(tool.at("quality"), "high");
  EXPECT_EQ(text(tool.at("input_image_mask"), "image_url"),
            "data:image/png;base64," + weir::media::base64_encode(contents(*request.mask)));
}

TEST(openai_response, a_plain_prompt_is_the_input_itself) {
  recording server(R"({"id":"resp_1"})");
  const auto job = with_provider(server.options(), create(wanted("a \xe2\x82\xac sign")));
  EXPECT_EQ(job.status, "unknown");
  const json::value sent = json::parse(server.bodies.at(0));
  EXPECT_EQ(sent.at("input"), "a \xe2\x82\xac sign");
  EXPECT_EQ(sent.at("tools").as_array().at(0).at("model"), "gpt-image-2");
}

TEST(openai_response, a_picture_that_comes_at_once_is_taken_note_of) {
  recording server(
      R"({"id":"resp_1","status":"completed","output":[{"type":"image_generation_call","result":"AAAA"}]})");
  const auto job = with_provider(server.options(), [](provider& p) -> task<image_job> {
    co_await p.create_image(wanted());
    co_return co_await p.get_image("resp_1");
  });
  EXPECT_TRUE(job.has_image);
  EXPECT_EQ(server.heads.size(), 1u);
}

TEST(openai_response, why_there_is_no_picture) {
  const fake_openai fake;
  const struct {
    const char *prompt, *status, *says, *code;
  } cases[] = {
      {"[refuse] [ms=0]", "completed", "I'm sorry, but I can't help with that.", ""},
      {"[fail] [ms=0]", "failed", "An error occurred while processing your request.", "server_error"},
      {"[incomplete] [ms=0]", "incomplete", "content_filter", "content_filter"},
  };
  for (const auto& c : cases) {
    const auto job = with_provider(fake, create(wanted(c.prompt)));
    const auto state = with_provider(fake, status(job.id));
    EXPECT_EQ(state.status, c.status);
    EXPECT_FALSE(state.has_image);
    EXPECT_EQ(state.error_code.value_or(""), c.code);
    EXPECT_NE(state.error_message.value_or("").find(c.says), std::string::npos) << state.error_message.value_or("");
    const collected nothing;
    const auto f = failure_of(fake, download(job.id, nothing));
    EXPECT_EQ(f.code, errc::job_failed);
    EXPECT_TRUE(f.says(c.says)) << f.text;
    EXPECT_TRUE(f.says(c.status)) << f.text;
    EXPECT_TRUE(nothing.bytes->empty());
  }
}

TEST(openai_response, a_text_instead_of_a_picture_is_shown) {
  recording server(R"({"id":"resp_1","status":"completed","output":[{"type":"message",
      "content":[{"type":"output_text","text":"I only write."}]}]})");
  const auto state = with_provider(server.options(), status("resp_1"));
  EXPECT_EQ(state.error_message, "I only write.");
  EXPECT_FALSE(state.has_image);
}

TEST(openai_response, an_unfinished_job_has_no_picture_yet) {
  const fake_openai fake;
  const auto job = with_provider(fake, create(wanted("[slow]")));
  const auto f = failure_of(fake, download(job.id));
  EXPECT_EQ(f.code, errc::unavailable);
  EXPECT_TRUE(f.says("not finished yet")) << f.text;
}

TEST(openai_response, cancel) {
  const fake_openai fake;
  const auto job = with_provider(fake, create(wanted("[slow]")));
  const auto cancel = [&](provider& p) -> task<image_job> { co_return co_await p.cancel_image(job.id); };
  EXPECT_EQ(with_provider(fake, cancel).status, "cancelled");
  EXPECT_EQ(with_provider(fake, status(job.id)).status, "cancelled");
  EXPECT_EQ(failure_of(fake, status("resp_unknown")).code, errc::not_found);
  EXPECT_EQ(failure_of(fake, [](provider& p) -> task<void> { co_await p.cancel_image("resp_unknown"); }).code,
            errc::not_found);
}

TEST(openai_response, the_first_picture_counts) {
  const fake_openai fake;
  const auto job = with_provider(fake, create(wanted("[calls=3] [ms=0]")));
  const collected picture;
  with_provider(fake, download(job.id, picture));
  EXPECT_TRUE(picture.is_png());
  EXPECT_EQ(picture.bytes->find("\x89PNG", 1), std::string::npos);
}

TEST(openai_response, wrong_types_are_named) {
  const struct {
    const char *body, *says;
  } cases[] = {
      {R"({"id":"resp_1","status":7})", "'status'"},
      {R"({"id":17})", "'id'"},
      {R"({"status":"queued"})", "'id' is missing"},
      {R"({"id":"../x"})", "'id'"},
      {R"({"id":"resp_1","created_at":"today"})", "'created_at'"},
      {R"({"id":"resp_1","error":[]})", "'error'"},
      {R"({"id":"resp_1","status":"completed","output":{}})", "'output'"},
      {R"({"id":"resp_1","status":"completed","output":[{"type":"message","content":7}]})", "'output[0].content'"},
  };
  for (const auto& c : cases) {
    recording server(c.body);
    const auto read = failure_of(server.options(), status("resp_1"));
    EXPECT_EQ(read.code, errc::corrupt) << c.body << ": " << read.text;
    EXPECT_TRUE(read.says(c.says)) << c.body << ": " << read.text;
    const auto order = failure_of(server.options(), create(wanted()));
    EXPECT_EQ(order.code, errc::maybe_bought) << c.body << ": " << order.text;
  }
}

TEST(openai_response, unknown_members_and_null_are_tolerated) {
  recording server(R"({"id":"resp_1","status":null,"created_at":null,"error":null,"output":null,"new":{"x":[1]}})");
  const auto state = with_provider(server.options(), status("resp_1"));
  EXPECT_EQ(state.status, "unknown");
  EXPECT_FALSE(state.has_image);
}

} // namespace
