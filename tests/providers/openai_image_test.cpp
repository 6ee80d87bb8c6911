#include "http/fault_server.hpp"
#include "providers/openai_fixture.hpp"

#include <weir/media/base64.hpp>

#include <atomic>

namespace {

using namespace weir::test;
using weir::errc;
using weir::task;
namespace json = weir::json;

image_request wanted(std::string prompt = "a boat") {
  image_request request;
  request.prompt = std::move(prompt);
  request.model = "gpt-image-2";
  request.moderation = "low";
  static int number = 0;
  request.idempotency_key = "key-of-" + std::to_string(++number);
  return request;
}

auto make(image_request request, collected to = {}) {
  return [request, to](provider& p) -> task<image_outcome> { co_return co_await p.make_image(request, to.sink()); };
}

TEST(openai_image, generate) {
  const fake_openai fake({"--image-ms", "0"});
  const collected picture;
  auto request = wanted();
  request.idempotency_key = "key-1";
  const auto outcome = with_provider(fake, make(request, picture));
  EXPECT_TRUE(picture.is_png());
  EXPECT_EQ(outcome.model, "gpt-image-2");
  EXPECT_GT(outcome.usage.at("total_tokens").as_int64(), 0);
  const auto sent = requests(fake, "POST", "/v1/images/generations");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(json::serialize(sent[0].at("json_keys")),
            R"(["prompt","background","model","moderation","n","output_format","quality","size"])");
  EXPECT_EQ(header(sent[0], "idempotency-key"), "key-1");
  EXPECT_EQ(bought(fake, "image"), 1);
}

TEST(openai_image, the_settings_arrive) {
  const fake_openai fake({"--image-ms", "0"});
  auto request = wanted();
  request.output_format = "webp";
  request.size = "1536x1024";
  request.quality = "high";
  const collected picture;
  with_provider(fake, make(request, picture));
  EXPECT_TRUE(picture.bytes->starts_with("RIFF"));
  request.idempotency_key = "another";
  request.background = "transparent"; // which that model does not do: the server says it
  const auto f = failure_of(fake, make(request));
  EXPECT_EQ(f.code, errc::invalid_argument);
  EXPECT_TRUE(f.says("Transparent background is not supported")) << f.text;
  EXPECT_EQ(f.status, 400);
}

TEST(openai_image, edit_of_one_and_of_several) {
  const fake_openai fake({"--image-ms", "0"});
  auto request = wanted();
  request.input_fidelity = "high";
  request.inputs = {png_file("in/one.png", 5000)};
  request.mask = png_file("mask.png", 3000);
  const collected picture;
  with_provider(fake, make(request, picture));
  EXPECT_TRUE(picture.is_png());
  request.inputs.push_back(png_file("two.png", 6000));
  request.mask.reset();
  request.input_fidelity.reset();
  request.idempotency_key = "key-2";
  with_provider(fake, make(request));

  const auto sent = requests(fake, "POST", "/v1/images/edits");
  ASSERT_EQ(sent.size(), 2u);
  const auto names = [&](std::size_t i) {
    std::string all;
    for (const auto& part : sent[i].at("multipart").as_array())
      all += json::string_or(part.as_object(), "name") + " " + json::string_or(part.as_object(), "filename") + "|";
    return all;
  };
  EXPECT_EQ(names(0), "prompt |background |input_fidelity |model |n |output_format |quality |size |"
                      "image one.png|mask mask.png|");
  EXPECT_EQ(names(1), "prompt |background |model |n |output_format |quality |size |image[] one.png|image[] two.png|");
  EXPECT_EQ(bought(fake, "image_edit"), 2);
}

TEST(openai_image, impossible_inputs_are_refused_before_anything_is_sent) {
  const fake_openai fake;
  auto request = wanted();
  request.mask = png_file("mask.png", 100);
  EXPECT_EQ(failure_of(fake, make(request)).code, errc::invalid_argument);
  request = wanted();
  for (int i = 0; i < 17; ++i) request.inputs.push_back(png_file("x.png", 100));
  EXPECT_EQ(failure_of(fake, make(request)).code, errc::invalid_argument);
  request.inputs.resize(1);
  auto large = std::make_shared<weir::files::file>();
  large->info.size_bytes = 50 * 1024 * 1024 + 1;
  request.inputs[0].file = large;
  const auto f = failure_of(fake, make(request));
  EXPECT_EQ(f.code, errc::too_large);
  EXPECT_TRUE(f.says("'x.png'")) << f.text;
  EXPECT_TRUE(requests(fake, "POST").empty());
}

/// A server that gives one answer to every POST, and `file` to every GET; the heads of what it got.
struct answering {
  explicit answering(std::string answer_body, std::string file = "", std::string type = "application/json")
      : server(fault_server::per_request([=, this](const std::string& head, wire& w) {
          w.read_body_of(head);
          {
            const std::lock_guard lock(mutex);
            heads.push_back(head);
          }
          std::string text = request_line(head).starts_with("POST") ? answer_body : file;
          if (const auto at = text.find("{port}"); at != text.npos) text.replace(at, 6, std::to_string(port));
          w.answer(200, text, "Content-Type: " + type + "\r\n");
        })) {
    port = server.port();
  }
  std::string base_url() const { return server.url("/v1"); }
  std::mutex mutex;
  std::vector<std::string> heads;
  std::atomic<int> port{0};
  fault_server server;
};

TEST(openai_image, a_picture_at_an_address_is_fetched_without_the_key) {
  answering server(R"({"data":[{"url":"http://127.0.0.1:{port}/blob?sig=secret","revised_prompt":"two boats"}]})",
                   std::string(200'000, 'x'));
  const collected picture;
  const auto outcome = with_provider(options_for(server.base_url()), make(wanted(), picture));
  EXPECT_EQ(*picture.bytes, std::string(200'000, 'x'));
  EXPECT_EQ(outcome.revised_prompt, "two boats");
  ASSERT_EQ(server.heads.size(), 2u);
  EXPECT_EQ(request_line(server.heads[1]), "GET /blob?sig=secret");
  EXPECT_NE(header_of(server.heads[0], "Authorization"), "");
  EXPECT_EQ(header_of(server.heads[1], "Authorization"), "");
}

TEST(openai_image, an_answer_that_is_no_good_may_have_been_bought) {
  const struct {
    std::string body, says;
  } cases[] = {
      {"", "broken"},
      {"<html>hello</html>", "broken"},
      {"[]", "no JSON object"},
      {R"({"data":[]})", "no image data"},
      {R"({"data":[{"b64_json":null}]})", "no image data"},
      {R"({"data":[{"b64_json":""}]})", "no image data"},
      {R"({"data":[{"url":"file:///etc/passwd"}]})", "neither http nor https"},
      {R"({"data":[{"url":"http://127.0.0.1:{port}/empty"}]})", "empty"},
      {R"({"data":[{"url":17}]})", "data[0].url"},
      {R"({"data":[{"b64_json":"AAAA"}],"usage":"none"})", "'usage'"},
      {R"({"data":[{"b64_json":"AA*A"}]})", "broken"},
      {R"({"data":[{"b64_json":"AAAA"}]})" + std::string("trailing"), "broken"},
  };
  for (const auto& c : cases) {
    answering server(c.body);
    const auto f = failure_of(options_for(server.base_url()), make(wanted()));
    EXPECT_EQ(f.code, errc::maybe_bought) << c.body << ": " << f.text;
    EXPECT_TRUE(f.says(c.says)) << c.body << ": " << f.text;
    EXPECT_TRUE(f.says("bought")) << f.text;
    EXPECT_LE(server.heads.size(), 2u);
  }
}

TEST(openai_image, a_picture_that_cannot_be_saved_was_bought_all_the_same) {
  const fake_openai fake({"--image-ms", "0"});
  const auto full = [](provider& p) -> task<image_outcome> {
    co_return co_await p.make_image(
        wanted(), [](std::span<const std::byte>) { throw weir::error(errc::no_space, "the disk is full"); });
  };
  const auto f = failure_of(fake, full);
  EXPECT_EQ(f.code, errc::maybe_bought);
  EXPECT_TRUE(f.says("the disk is full")) << f.text;
}

TEST(openai_image, moderation_is_an_argument_that_the_caller_can_change) {
  const fake_openai fake;
  const auto f = failure_of(fake, make(wanted("[moderation]")));
  EXPECT_EQ(f.code, errc::invalid_argument);
  EXPECT_TRUE(f.says("rejected by the safety system")) << f.text;
  EXPECT_EQ(bought(fake), 0);
}

} // namespace
