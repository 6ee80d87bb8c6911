#include "command_line.hpp"
#include "envelope.hpp"
#include "version.hpp"

#include <weir/core/run.hpp>
#include <weir/mcp/protocol.hpp>
#include <weir/media/decoding.hpp>
#include <weir/offload/child.hpp>
#include <weir/offload/sandbox.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/studio.hpp>

#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace weir::app {

namespace {

struct check {
  std::string name;
  bool ok;
  std::string detail; ///< what is so, or what to do
};

/// Whether a file can be made in the folder, and how much room there is.
check folder_check(const std::string& name, const std::string& path) {
  try {
    const auto root = files::root::open_or_create(path);
    files::publication::reserve(root, "weir-doctor.tmp");
    struct statvfs room{};
    std::string free;
    if (::statvfs(path.c_str(), &room) == 0)
      free =
          ", " + std::to_string((static_cast<unsigned long long>(room.f_bavail) * room.f_frsize) >> 20) + " MiB free";
    return {name, true, path + free};
  } catch (const error& failure) {
    return {name, false, path + ": " + failure.what()};
  }
}

task<check> jobs_check(studio::studio& in) {
  try {
    jobs::store* table = co_await in.jobs();
    co_return check{"job table", true, std::to_string((co_await table->unfinished()).size()) + " unfinished jobs"};
  } catch (const error& failure) {
    co_return check{"job table", false, failure.what()};
  }
}

task<check> ffmpeg_check(std::string program) {
  std::string first;
  try {
    child_options options;
    options.argv = {program, "-hide_banner", "-version"};
    options.on_stdout = [&first](std::string_view piece) {
      if (first.size() < 200) first += piece;
    };
    const auto ended = co_await run_child(std::move(options));
    if (ended.ok()) co_return check{"ffmpeg", true, first.substr(0, first.find('\n'))};
    co_return check{"ffmpeg", false, program + " does not run: " + ended.stderr_tail};
  } catch (const error& failure) {
    co_return check{"ffmpeg", false, std::string(failure.what()) + " (apt-get install ffmpeg, or set WEIR_FFMPEG)"};
  }
}

/// A PNG of one black pixel (ISO/IEC 15948).
constexpr unsigned char one_pixel[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
    0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00,
    0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x60, 0x60, 0x60, 0x00, 0x00, 0x00, 0x04, 0x00, 0x01, 0xc8,
    0xea, 0xeb, 0xf9, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

/// Decodes a picture as the server does.
task<check> sandbox_check(studio::studio& in) {
  const studio::config& settings = in.settings();
  check found{"image sandbox (" + settings.image_sandbox_source + ")", true, "off: pictures are decoded in the server"};
  if (settings.image_sandbox == media::isolation::none) co_return found;
  const auto support = co_await run_in_threadpool([] { return probe_sandbox(); });
  const bool required = settings.image_sandbox == media::isolation::required;
  found.ok = support.sufficient() || !required;
  found.detail = (required ? "on. " : "auto. ") + to_string(support);
  if (!found.ok) co_return found;
  try {
    auto picture = std::make_shared<files::file>();
    picture->fd = unique_fd(::memfd_create("weir-doctor", MFD_CLOEXEC));
    if (::write(picture->fd.get(), one_pixel, sizeof one_pixel) != sizeof one_pixel)
      throw errno_error(errno, "a picture to try");
    media::prepare_options one;
    one.width = one.height = 1;
    co_await media::prepare_pixels_apart(in.decoding(), picture, "a picture to try", one);
  } catch (const error& failure) {
    found.ok = false;
    found.detail = failure.what();
  }
  co_return found;
}

/// Whether the configured login works. None at all is no fault: nothing needs it.
task<check> kitsu_check(studio::studio& in) {
  check found{"kitsu", true, "no login (weir kitsu login HOST)"};
  if (!in.settings().kitsu) co_return found;
  try {
    found.detail.clear();
    kitsu::client tracker = co_await in.kitsu();
    found.detail = tracker.host();
    const kitsu::server_status server = co_await tracker.check_server_status();
    found.ok = static_cast<bool>(server);
    if (!found.ok) {
      found.detail += ": " + server.problem;
      co_return found;
    }
    found.detail += ", API " + server.version;
    const auto projects = co_await tracker.fetch_all("projects/open");
    found.detail += ", " + std::to_string(projects.size()) + " open projects";
  } catch (const error& failure) {
    found.ok = false;
    found.detail += (found.detail.empty() ? "" : ": ") + std::string(failure.what());
  }
  co_return found;
}

task<std::vector<check>> all_checks(studio::studio& in) {
  const studio::config& settings = in.settings();
  std::vector<check> checks;
  checks.push_back(
      co_await run_in_threadpool(folder_check, "media folder (" + settings.media_source + ")", settings.media_dir));
  checks.push_back(co_await run_in_threadpool(folder_check, std::string("recovery folder"), settings.recovery_dir));
  checks.push_back(co_await jobs_check(in));
  checks.push_back(co_await ffmpeg_check(settings.ffmpeg));
  checks.push_back(co_await sandbox_check(in));
  const std::string lacks = in.provider().missing();
  checks.push_back({"provider " + settings.provider + " (" + settings.provider_source + ")", lacks.empty(),
                    lacks.empty() ? (settings.provider == "openai" ? settings.openai.base_url : "embedded") : lacks});
  checks.push_back(co_await kitsu_check(in));
  co_return checks;
}

int examine(const command_line& line) {
  std::vector<check> checks;
  run(studio::with_studio(studio::load_config(studio::process_environment, line.chosen),
                          [&](studio::studio& in) -> task<void> { checks = co_await all_checks(in); }));
  bool all_well = true;
  for (const auto& one : checks) all_well = all_well && one.ok;
  std::string revisions;
  for (const auto each : mcp::all_versions)
    revisions += (revisions.empty() ? "" : ", ") + std::string(mcp::to_string(each));
  if (line.compact || !line.indent()) {
    envelope answer;
    answer.command = "doctor";
    json::array list;
    for (const auto& one : checks)
      list.push_back(json::object{{"name", one.name}, {"ok", one.ok}, {"detail", one.detail}});
    answer.result = {
        {"version", version}, {"mcp_revisions", revisions}, {"checks", std::move(list)}, {"all_ok", all_well}};
    print(answer, line.indent());
  } else {
    std::printf("weir %s, MCP %s\n", version, revisions.c_str());
    for (const auto& one : checks)
      std::printf("%s  %-34s %s\n", one.ok ? "ok     " : "MISSING", one.name.c_str(), one.detail.c_str());
  }
  return all_well ? exit_code::ok : exit_code::config;
}

} // namespace

void add_doctor_command(CLI::App& app, command_line& line) {
  auto* doctor = app.add_subcommand("doctor", "Check folders, ffmpeg, the image sandbox, provider and keys");
  doctor->fallthrough();
  doctor->callback([&line] {
    line.command = "doctor";
    line.action = [&line] { return examine(line); };
  });
}

} // namespace weir::app
