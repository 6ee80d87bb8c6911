#include "offload/process/connection.hpp"

#include "offload/process/role.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace weir::detail {

connection::connection(std::uint64_t number, launched_zygote started,
                       std::function<void(const zygote_reply&, packet&)> on_reply, std::function<void()> on_loss)
    : number_(number), zygote_(std::move(started)), on_reply_(std::move(on_reply)), on_loss_(std::move(on_loss)) {
  output_ = std::make_unique<output_pipe>(std::move(zygote_.output), [this](std::string_view p) { said_.add(p); });
  watch_ = std::make_unique<quiet_watch>(zygote_.socket.get(), [this] { listen(); });
}

void connection::listen() {
  const auto alive = alive_;
  while (*alive && !lost_ && one_message()) {}
}

bool connection::one_message() {
  zygote_reply reply;
  packet got = receive_packet(zygote_.socket.get(), std::as_writable_bytes(std::span(&reply, 1)));
  if (got.size == -EAGAIN) return false;
  if (got.size != sizeof reply || reply.magic != zygote_reply::the_magic) {
    lose();
    return false;
  }
  if (reply.what == zygote_says::hello) {
    ready_ = reply.module == name_function(reinterpret_cast<const void*>(&weir_zygote_main)).module;
    other_program_ = !ready_;
    if (ready_)
      settled_.set();
    else
      lose();
  } else {
    const auto call = on_reply_; // kept: it may destroy this
    call(reply, got);
  }
  return true;
}

void connection::lose() {
  if (lost_) return;
  abandon();
  const auto call = on_loss_;
  call();
}

void connection::abandon() noexcept {
  if (lost_) return;
  lost_ = true;
  watch_->stop();
  ::syscall(SYS_pidfd_send_signal, zygote_.pidfd.get(), SIGKILL, nullptr, 0);
  settled_.set();
}

std::string connection::obituary() {
  if (output_) output_->drain(output_tail::max_bytes);
  if (other_program_) return "worker processes: /proc/self/exe is another program than this one";
  std::string text = "worker processes: the process that forks them ended";
  if (!ready_) text += " before it was ready";
  if (const std::string said = said_.text(); !said.empty()) text += "; it said: " + said;
  return text;
}

} // namespace weir::detail
