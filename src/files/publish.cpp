#include <weir/core/error.hpp>
#include <weir/files/name.hpp>
#include <weir/files/publish.hpp>

#include <files/making.hpp>
#include <sys/stat.h>

#include <cerrno>

namespace weir::files {

using detail::staging;
using detail::throw_write_error;

struct publication::state : detail::making {};

publication::publication(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
publication::publication(publication&&) noexcept = default;
publication& publication::operator=(publication&&) noexcept = default;
publication::~publication() = default;

publication publication::reserve(const root& in, std::string_view name, const publish_options& options) {
  auto s = std::make_unique<state>();
  s->options = options;
  s->aim(in, name);
  s->check_rules();
  s->stage = staging::create(s->dir.get(), options.mode, name);
  s->reserve_room(0);
  return publication(std::move(s));
}

void publication::write(std::string_view bytes) { write(std::as_bytes(std::span(bytes))); }

void publication::write(std::span<const std::byte> bytes) { state_->append(bytes); }

int publication::fd() noexcept {
  state_->external = true;
  return state_->stage.fd();
}

std::string publication::hash_existing() { return state_->hash_existing(); }
std::string publication::sha256() const { return state_->sum.hex(); }
std::uint64_t publication::bytes() const noexcept { return state_->bytes; }
const std::string& publication::name() const noexcept { return state_->name; }

published publication::commit() { return state_->commit(); }

void publication::move_to(const root& other, std::string_view name) {
  state& s = *state_;
  if (s.done) throw error(errc::internal, quoted_name(s.name) + " was published already");
  state target;
  target.aim(other, name);
  struct stat here, there;
  if (::fstat(s.stage.fd(), &here) != 0 || ::fstat(target.dir.get(), &there) != 0) throw_write_error(errno, name);
  if (here.st_dev != there.st_dev) {
    target.options = s.options;
    target.external = s.external;
    target.bytes = s.bytes;
    std::swap(target.stage, s.stage);
    try {
      target.restage(staging::kind::unnamed_if_possible);
    } catch (...) {
      std::swap(target.stage, s.stage);
      throw;
    }
    s.stage = std::move(target.stage);
  }
  s.options.on_conflict = on_conflict::number;
  s.dir = std::move(target.dir);
  s.name = std::move(target.name);
  s.folder = std::move(target.folder);
  s.last = std::move(target.last);
  s.failed = false;
}

published publication::rescue(const root& recovery, std::string_view name) {
  if (state_->failed) {
    throw error(errc::invalid_argument, quoted_name(state_->name) + " is not complete: a write to it failed; move_to "
                                                                    "another folder and write the rest instead");
  }
  move_to(recovery, name);
  return commit();
}

} // namespace weir::files
