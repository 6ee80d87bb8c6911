#include "options.hpp"

#include <CLI/CLI.hpp>

#include <exception>

namespace fake {

std::optional<options> parse_options(int argc, char** argv, int& exit_code) {
  options o;
  bool no_idempotency = false;
  CLI::App app{"A local stand-in for the OpenAI wire: videos, images, responses, files, models.\n"
               "The first line on stdout names the base URL. Grammar of --fault: docs/fake-openai.md.",
               "weir-fake-openai"};
  app.add_option("--port", o.port, "Port on 127.0.0.1; 0 takes a free one")->capture_default_str();
  app.add_option("--api-key", o.api_key, "The only bearer that is taken (default: any that is not empty)");
  app.add_option("--seed", o.seed, "Seeds ids and faults by chance")->capture_default_str();
  app.add_option("--video-ms", o.video_ms, "Time from the creation of a video to its end")->capture_default_str();
  app.add_option("--image-ms", o.image_ms, "Time that an image takes")->capture_default_str();
  app.add_option("--video-bytes", o.video_bytes, "Size of a video's content (1000, 64KiB, 1GB)")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--image-bytes", o.image_bytes, "Pads every picture to this size")->transform(CLI::AsSizeValue(false));
  app.add_option("--rate", o.rate_bytes_per_second, "Bytes per second of each answer's body; 0 is no limit")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--fault", o.faults, "ROUTE,WHEN,KIND[,key=value...]; repeatable")->take_all()->expected(1);
  app.add_option("--real-media", o.real_media, "Serve this mp4 as the content of every video")
      ->check(CLI::ExistingFile);
  app.add_option("--models", o.models, "The only models that exist, with commas between (default: any name is taken)")
      ->delimiter(',');
  app.add_flag("--open-values", o.open_values, "Take any size, seconds and field, as compatible servers do");
  app.add_flag("--video-cancel", o.video_cancel, "Offer POST /videos/{id}/cancel, which OpenAI does not");
  app.add_flag("--no-idempotency", no_idempotency, "Ignore Idempotency-Key: a repeated request buys again");
  app.add_option("--rpm", o.max_requests_per_minute, "Answer 429 beyond this many requests a minute; 0 is no limit");
  app.add_option("--max-connections", o.max_connections, "Connections served at once")
      ->check(CLI::Range(1u, 8192u))
      ->capture_default_str();
  app.add_option("--max-body-bytes", o.max_body_bytes, "Largest request body")->transform(CLI::AsSizeValue(false));
  app.add_flag("--with-parent", o.with_parent, "End when stdin closes or the parent process is gone");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    exit_code = app.exit(e);
    return std::nullopt;
  }
  o.idempotency = !no_idempotency;
  return o;
}

} // namespace fake
