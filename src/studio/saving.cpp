#include <weir/core/error.hpp>
#include <weir/core/shield.hpp>
#include <weir/files/name.hpp>
#include <weir/http/download_file.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/saving.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

namespace weir::studio {

namespace {

struct media_type {
  std::string_view extension, mime;
  media_kind kind;
};
constexpr std::array types{
    media_type{"png", "image/png", media_kind::image},       media_type{"jpg", "image/jpeg", media_kind::image},
    media_type{"jpeg", "image/jpeg", media_kind::image},     media_type{"webp", "image/webp", media_kind::image},
    media_type{"mp4", "video/mp4", media_kind::video},       media_type{"webm", "video/webm", media_kind::video},
    media_type{"mov", "video/quicktime", media_kind::video},
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

/// Where the extension of the last part of `name` begins (its dot), or the name's end.
std::size_t extension_at(std::string_view name) {
  const auto slash = name.rfind('/');
  const std::size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot <= base ? name.size() : dot;
}

const media_type* type_of_name(std::string_view name) {
  const auto at = extension_at(name);
  if (at == name.size()) return nullptr;
  const std::string extension = lower(name.substr(at + 1));
  for (const auto& type : types)
    if (type.extension == extension) return &type;
  return nullptr;
}

void check_extension(std::string_view name) {
  if (extension_at(name) == name.size() || type_of_name(name)) return;
  throw error(errc::invalid_argument,
              "'" + files::display_name(name) +
                  "' has no media extension: use .png, .jpg, .webp, .mp4, .webm or .mov, or none");
}

/// `name` with the extension that belongs to `mime`.
std::string corrected(const std::string& name, std::string_view mime) {
  const auto* type = type_of_name(name);
  if ((type && type->mime == mime) || extension_of(mime).empty()) return name;
  return name.substr(0, extension_at(name)) + "." + std::string(extension_of(mime));
}

constexpr std::size_t head_bytes = 16;

} // namespace

std::string_view extension_of(std::string_view mime_type) noexcept {
  for (const auto& type : types)
    if (type.mime == mime_type) return type.extension;
  return {};
}

std::string_view mime_of_bytes(std::span<const std::byte> head) noexcept {
  const std::string_view bytes(reinterpret_cast<const char*>(head.data()), head.size());
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") return "image/webp";
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp")
    return bytes.substr(8, 4) == "qt  " ? "video/quicktime" : "video/mp4";
  if (bytes.starts_with("\x1a\x45\xdf\xa3")) return "video/webm";
  return "application/octet-stream";
}

namespace {

/// Keeps a file's first bytes, which say what it is.
class noting_target final : public http::file_target {
 public:
  using file_target::file_target;

  void note(std::span<const std::byte> bytes) {
    const auto more = std::min(bytes.size(), head_bytes - size_);
    std::copy_n(bytes.begin(), more, head_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += more;
  }
  std::span<const std::byte> head() const { return std::span(head_).first(size_); }

  void write(std::span<const std::byte> bytes) override {
    note(bytes);
    file_target::write(bytes);
  }
  void reset() override {
    size_ = 0;
    file_target::reset();
  }

 private:
  std::array<std::byte, head_bytes> head_{};
  std::size_t size_ = 0;
};

} // namespace

struct saving::state {
  state(studio& s, media_kind k, destination w)
      : in(s), kind(k), where(std::move(w)), target(where.root, where.name, {.on_conflict = where.on_conflict}) {}

  studio& in;
  media_kind kind;
  destination where;
  noting_target target;
  files::publication& file() noexcept { return target.file(); }
  std::optional<files::root> recovery;
  bool moved = false; ///< goes to the recovery folder
  std::string why;    ///< what the disk said
  std::string kept;   ///< the name that it has in the recovery folder
};

saving::saving(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
saving::saving(saving&&) noexcept = default;
saving& saving::operator=(saving&&) noexcept = default;
saving::~saving() = default;

task<saving> saving::reserve(call& run, media_kind kind, std::string asked, std::string fallback) {
  destination where = co_await run.output(kind, asked);
  if (where.name.empty()) where.name = fallback;
  files::validate_name(where.name); // as it was given: with an extension, ".." would be the name "...png"
  check_extension(where.name);
  if (extension_at(where.name) == where.name.size()) where.name += fallback.substr(extension_at(fallback));
  studio& in = run.in();
  auto made = co_await run_in_threadpool(thread_options{.limiter = &in.file_work()},
                                         [&in, kind, where] { return std::make_shared<state>(in, kind, where); });
  // Opened now, while there is no trouble; a program without a home folder still works until it needs it.
  try {
    made->recovery = co_await in.recovery();
  } catch (const error&) {}
  co_return saving(std::move(made));
}

providers::byte_sink saving::sink(bool paid) {
  return [s = state_, paid](std::span<const std::byte> bytes) {
    s->target.note(bytes);
    try {
      s->file().write(bytes);
    } catch (const error& failure) {
      if (!paid || s->moved || !s->recovery) throw;
      s->why = failure.what();
      s->file().move_to(*s->recovery, s->file().name());
      s->moved = true;
      s->file().write(bytes);
    }
  };
}

http::download_target& saving::download() noexcept { return state_->target; }

const std::string& saving::recovered() const noexcept { return state_->kept; }

files::publication& saving::target() noexcept { return state_->file(); }

task<produced_file> saving::publish(bool paid) {
  // Must not end half way because somebody stopped waiting.
  co_return co_await shield(
      run_in_threadpool(thread_options{.limiter = &state_->in.file_work()}, [s = state_, paid]() -> produced_file {
        std::string_view mime = mime_of_bytes(s->target.head());
        if (s->target.head().empty())
          if (const auto* type = type_of_name(s->file().name())) mime = type->mime;
        std::optional<files::published> kept;
        if (!s->moved) {
          try {
            const std::string name = corrected(s->file().name(), mime);
            if (name != s->file().name()) s->file().move_to(s->where.root, name);
            files::published done = s->file().commit();
            return {s->kind, done.name, std::string(mime), done.bytes, done.sha256};
          } catch (const error& failure) {
            if (!paid || !s->recovery) throw;
            s->why = failure.what();
          }
          kept = s->file().rescue(*s->recovery, corrected(s->file().name(), mime));
        } else {
          kept = s->file().commit();
        }
        s->kept = kept->name;
        throw error(errc::no_space, s->why + "; the result was paid for and is kept as '" + kept->name +
                                        "' in the recovery folder (weir doctor shows where that is)");
      }));
}

} // namespace weir::studio
