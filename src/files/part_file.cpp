#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/files/name.hpp>
#include <weir/files/part_file.hpp>

#include <fcntl.h>
#include <files/making.hpp>
#include <files/part_facts.hpp>
#include <files/private_file.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

namespace weir::files {

using detail::facts_slot;
using detail::part_facts;
using detail::throw_write_error;
using std::chrono::steady_clock;

// What a crash of the process costs at most: this much, or what came in this time.
static constexpr std::uint64_t point_every_bytes = 4 << 20;
static constexpr std::chrono::seconds point_every{1};
// What a crash of the machine costs at most. Waiting for the disk is dear, so this is more.
static constexpr std::uint64_t disk_point_every_bytes = 64 << 20;

struct part_file::state : detail::making {
  part_facts facts; ///< of the next point: source, validator, total
  unique_fd facts_fd;
  std::string stem;
  bool loaded = false; ///< what was there has been looked at
  bool folder_synced = false;
  std::uint64_t last_point = 0;
  std::uint64_t last_disk_point = 0;
  steady_clock::time_point last_time = steady_clock::now();

  ~state() {
    if (done || !loaded) return;
    if (bytes == 0)
      remove();
    else if (bytes != last_point)
      keep(false);
  }

  void open() {
    unique_fd fd = detail::open_private(dir.get(), stem + std::string(detail::partial_tail), name);
    if (!fd) {
      throw error(errc::already_exists, quoted_name(name) + " is being downloaded by another process (or by another "
                                                            "part of this one); wait for it, or choose another name");
    }
    unique_fd folder(::fcntl(dir.get(), F_DUPFD_CLOEXEC, 0));
    if (!folder) throw_write_error(errno, name);
    stage = detail::staging::adopt(std::move(fd), std::move(folder), stem + std::string(detail::partial_tail));
    // A commit that was interrupted may have left the mode of the final file.
    if (::fchmod(stage.fd(), 0600) != 0 && errno != EPERM && errno != EOPNOTSUPP) throw_write_error(errno, name);
    // Whoever has just published this name removes the old facts a moment later, under their own lock.
    for (int tries = 0; !facts_fd; ++tries) {
      facts_fd = detail::open_private(dir.get(), stem + std::string(detail::facts_tail), name);
      if (!facts_fd && tries == 1000)
        throw error(errc::unavailable, quoted_name(name) + " cannot be written now: its unfinished part is in use");
      if (!facts_fd) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  /// Adds what lies between `from` and `to` to `read`. Returns false where the file ends before.
  bool hash(detail::digest& read, std::uint64_t from, std::uint64_t to, const std::stop_token& stop) const {
    std::string buffer(1 << 18, '\0');
    while (from < to) {
      if (stop.stop_requested()) throw cancelled();
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), to - from));
      const ssize_t n = ::pread(stage.fd(), buffer.data(), size, static_cast<off_t>(from));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw errno_error(errno, "The unfinished part of " + quoted_name(name) + " cannot be read back");
      if (n == 0) return false;
      read.add(buffer.data(), static_cast<std::size_t>(n));
      from += static_cast<std::uint64_t>(n);
    }
    return true;
  }

  /// Keeps the longest stretch that ends at a point and has its digest. A digest rather than a length alone: the two
  /// files may have reached the disk in any order, or belong to different downloads.
  void recover(const std::stop_token& stop) {
    std::vector<part_facts> points;
    const std::uint64_t size = length();
    for (const facts_slot slot : {facts_slot::lasting, facts_slot::latest}) {
      auto found = detail::load_facts(facts_fd.get(), slot);
      if (!found || found->source != facts.source || found->length == 0 || found->length > size) continue;
      if (options.max_bytes != 0 && found->length > options.max_bytes) continue;
      points.push_back(std::move(*found));
    }
    std::sort(points.begin(), points.end(),
              [](const part_facts& a, const part_facts& b) { return a.length < b.length; });
    detail::digest read;
    std::uint64_t at = 0;
    for (part_facts& point : points) {
      if (!hash(read, at, point.length, stop)) break;
      at = point.length;
      if (read.hex() != point.sha256) continue;
      sum = read.copy();
      bytes = last_point = last_disk_point = at;
      facts = std::move(point);
    }
    cut();
    loaded = true;
  }

  /// Takes away what lies beyond `bytes`, reserved blocks included.
  void cut() {
    if (::ftruncate(stage.fd(), static_cast<off_t>(bytes)) != 0) throw_write_error(errno, name);
  }

  void keep(bool on_disk) noexcept {
    if (bytes == 0 || done) return;
    last_time = steady_clock::now();
    last_point = bytes;
    if (on_disk) {
      last_disk_point = bytes;
      if (::fdatasync(stage.fd()) != 0) return;
      if (!folder_synced) folder_synced = ::fsync(dir.get()) == 0;
    }
    try {
      facts.length = bytes;
      facts.sha256 = sum.hex();
      detail::store_facts(facts_fd.get(), on_disk ? facts_slot::lasting : facts_slot::latest, facts);
    } catch (const std::exception&) {
      // The last point counts.
    }
  }

  void remove_facts() noexcept {
    if (facts_fd) ::unlinkat(dir.get(), (stem + std::string(detail::facts_tail)).c_str(), 0);
    facts_fd.reset();
  }

  void remove() noexcept {
    done = true;
    remove_facts(); // first: the lock of the part keeps the next writer out
    stage.give_up();
    stage = detail::staging();
  }
};

part_file::part_file(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
part_file::part_file(part_file&&) noexcept = default;
part_file& part_file::operator=(part_file&&) noexcept = default;
part_file::~part_file() = default;

part_file part_file::open(const root& in, std::string_view name, std::string_view source,
                          const publish_options& options, const std::stop_token& stop) {
  auto s = std::make_unique<state>();
  s->options = options;
  s->aim(in, name);
  s->check_rules();
  s->stem = detail::hidden_stem(s->last);
  detail::digest of_source;
  of_source.add(source.data(), source.size());
  s->facts.source = of_source.hex();
  s->open();
  s->recover(stop);
  s->reserve_room(s->bytes);
  return part_file(std::move(s));
}

void part_file::write(std::string_view bytes) { write(std::as_bytes(std::span(bytes))); }

void part_file::write(std::span<const std::byte> bytes) {
  state& s = *state_;
  s.append(bytes);
  if (s.bytes - s.last_disk_point >= disk_point_every_bytes)
    s.keep(true);
  else if (s.bytes - s.last_point >= point_every_bytes || steady_clock::now() - s.last_time >= point_every)
    s.keep(false);
}

void part_file::reset() {
  state& s = *state_;
  if (s.done) throw error(errc::internal, quoted_name(s.name) + " was published or discarded already");
  s.bytes = s.last_point = s.last_disk_point = 0;
  s.sum = detail::digest();
  s.facts.validator.clear();
  s.facts.total.reset();
  s.failed = false;
  s.cut();
  s.reserve_room(0);
}

void part_file::describe(std::string_view validator, std::optional<std::uint64_t> total) {
  part_facts& facts = state_->facts;
  if (!detail::is_storable(validator)) validator = {};
  if (facts.validator == validator && facts.total == total) return;
  facts.validator = validator;
  facts.total = total;
  state_->keep(false);
}

const std::string& part_file::validator() const noexcept { return state_->facts.validator; }
std::optional<std::uint64_t> part_file::total() const noexcept { return state_->facts.total; }
std::uint64_t part_file::bytes() const noexcept { return state_->bytes; }
std::string part_file::sha256() const { return state_->sum.hex(); }
const std::string& part_file::name() const noexcept { return state_->name; }
void part_file::keep(bool on_disk) { state_->keep(on_disk); }

published part_file::commit() {
  state& s = *state_;
  if (s.facts.total && s.bytes != *s.facts.total && !s.done) {
    throw error(errc::invalid_argument, quoted_name(s.name) + " is not complete: " + std::to_string(s.bytes) + " of " +
                                            std::to_string(*s.facts.total) + " bytes; nothing was published");
  }
  // The mode must be right before the name appears, and nobody else may write to a part that stays.
  const auto set_mode = [&](unsigned mode) {
    return s.done || ::fchmod(s.stage.fd(), mode & 0777) == 0 || errno == EPERM || errno == EOPNOTSUPP;
  };
  if (!set_mode(s.options.mode)) throw_write_error(errno, s.name);
  try {
    published result = s.making::commit();
    s.remove_facts();
    return result;
  } catch (...) {
    if (s.done)
      s.remove_facts();
    else
      set_mode(0600);
    throw;
  }
}

void part_file::discard() noexcept {
  if (!state_->done) state_->remove();
}

} // namespace weir::files
