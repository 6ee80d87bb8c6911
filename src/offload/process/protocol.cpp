#include "offload/process/protocol.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::detail {

void zygote_reply::set_text(std::string_view words) noexcept {
  const std::size_t size = std::min(words.size(), sizeof text - 1);
  std::memcpy(text, words.data(), size);
  text[size] = 0;
}

std::string zygote_reply::words() const { return {text, ::strnlen(text, sizeof text)}; }

int send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> fds) noexcept {
  alignas(cmsghdr) char room[CMSG_SPACE((max_worker_fds + 2) * sizeof(int))] = {};
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    if (fds.size() > max_worker_fds + 2) return EINVAL;
    message.msg_control = room;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

packet receive_packet(int socket, std::span<std::byte> room) {
  alignas(cmsghdr) char control[CMSG_SPACE((max_worker_fds + 2) * sizeof(int))] = {};
  iovec data{room.data(), room.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  packet got;
  do {
    got.size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got.size < 0 && errno == EINTR);
  if (got.size < 0) {
    got.size = -errno;
    return got;
  }
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; at + CMSG_LEN(sizeof(int)) <= head->cmsg_len; at += sizeof(int)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(head) + at, sizeof fd);
      got.fds.emplace_back(fd);
    }
  }
  if (message.msg_flags & MSG_TRUNC) got.size = -EMSGSIZE;
  if (message.msg_flags & MSG_CTRUNC) {
    got.fds.clear();
    got.fds_lost = true;
  }
  return got;
}

} // namespace weir::detail
