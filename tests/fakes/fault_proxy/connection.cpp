#include "fakes/fault_proxy/connection.hpp"

#include "fakes/fault_proxy/sha256.hpp"

#include <poll.h>

#include <cerrno>

namespace weir::fakes::net {

connection::~connection() { drop_both(); }

void connection::run() {
  while (wait_for_request()) {
    const auto text = client_.read_head();
    if (!text) return;
    const auto request = head::parse(*text);
    if (!request) return;
    if (!serve(*request)) return;
  }
}

bool connection::wait_for_request() {
  if (client_.buffered() || !upstream_) return true;
  pollfd both[] = {{client_.fd(), POLLIN, 0}, {upstream_->fd(), POLLIN, 0}};
  while (::poll(both, 2, -1) < 0 && errno == EINTR) continue;
  if (!both[1].revents) return true;
  // Nothing was asked: the upstream closes an idle connection.
  client_.finish();
  return false;
}

bool connection::serve(const head& request) {
  const auto authorization = request.get("Authorization");
  const ledger::ticket t = around_.book.begin({.connection = number_,
                                               .method = request.method(),
                                               .target = request.target(),
                                               .authorization_sha256 = authorization ? sha256(*authorization) : ""});
  const action& a = t.act;
  const auto shape = body_of_request(request);
  bool on = false;
  if (!shape || !around_.life.sleep_for(a.delay)) {
    on = false;
  } else if (a.refuse_for) {
    around_.refuse_for(*a.refuse_for);
  } else if (a.losing == action::lose::before_forwarding) {
    around_.book.finish(t.id);
    client_.reset();
  } else {
    on = a.answer ? answer(request, *shape, t) : forward(request, *shape, t);
  }
  around_.book.finish(t.id);
  if (a.refuse_for) client_.reset();
  return on;
}

bool connection::answer(const head& request, body_shape shape, const ledger::ticket& t) {
  const bool waits = request.lists("Expect", "100-continue") && shape.how != framing::none;
  const bool early = shape.how != framing::none && (t.act.before_body || waits);
  if (!early) {
    body_reader body(client_, shape);
    std::uint64_t bytes = 0;
    for (piece p; body.next(p); bytes += p.raw.size())
      if (const std::size_t rate = t.act.request_bytes_per_second)
        around_.life.sleep_for(milliseconds(p.raw.size() * 1000 / rate));
    around_.book.change(t.id, [&](journal_entry& e) { e.request_bytes = bytes; });
    if (!body.complete()) return false;
  }
  const auto r = answering(client_, around_.book, t, around_.life).own(*t.act.answer, request.method() == "HEAD");
  return after(early && r == answering::result::kept ? answering::result::must_close : r);
}

bool connection::forward(const head& request, body_shape shape, const ledger::ticket& t) {
  if (!upstream_) {
    const upstream_address to = around_.upstream();
    upstream_ = std::make_unique<stream>(around_.life, to.host, to.port);
    if (!upstream_->open()) {
      client_.reset();
      return false;
    }
  }
  around_.book.change(t.id, [](journal_entry& e) { e.forwarded = true; });
  if (!upstream_->send(request.text())) {
    close_as_upstream_did();
    return false;
  }
  if (shape.how != framing::none) {
    pumping_ = true;
    pump_ = std::thread([this, shape, &t] {
      pump(shape, t);
      pumping_ = false;
    });
  }
  const bool on = relay_answer(request, t);
  on ? join_pump() : drop_both();
  return on;
}

void connection::pump(body_shape shape, const ledger::ticket& t) {
  body_reader body(client_, shape);
  bool alive = true;
  for (piece p; body.next(p);) {
    around_.book.change(t.id, [&](journal_entry& e) { e.request_bytes += p.raw.size(); });
    // What the upstream does not take any more is read all the same: an early answer must not be lost to a reset.
    alive = alive && upstream_->send_paced(p.raw, t.act.request_bytes_per_second);
  }
  if (!body.complete()) upstream_->cut();
}

void connection::wait_for_answer() {
  if (upstream_->buffered()) return;
  pollfd both[] = {{upstream_->fd(), POLLIN, 0}, {client_.fd(), POLLRDHUP, 0}};
  for (;;) {
    // The end of the client's side counts when all that it sent before has gone on.
    const bool pumping = pumping_;
    const int ready = ::poll(both, pumping ? 1 : 2, pumping ? 10 : -1);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    if (!both[0].revents) upstream_->end_writing();
    return;
  }
}

std::optional<head> connection::read_answer(const ledger::ticket& t) {
  for (;;) {
    wait_for_answer();
    const auto text = upstream_->read_head();
    auto h = text ? head::parse(*text) : std::nullopt;
    if (!h || h->status() / 100 != 1) return h;
    if (t.act.losing == action::lose::nothing && !client_.send(*text)) return std::nullopt;
  }
}

bool connection::relay_answer(const head& request, const ledger::ticket& t) {
  auto h = read_answer(t);
  const auto shape = h ? body_of_answer(*h, request.method()) : std::nullopt;
  if (!shape) {
    around_.book.finish(t.id);
    close_as_upstream_did();
    return false;
  }
  around_.book.change(t.id, [&](journal_entry& e) { e.upstream_status = h->status(); });
  body_reader body(*upstream_, *shape);
  if (t.act.losing == action::lose::after_forwarding) {
    body.skip_all();
    around_.book.finish(t.id);
    reset_client();
    return false;
  }
  const auto r = answering(client_, around_.book, t, around_.life).relay(*h, *shape, body);
  if (r == answering::result::must_close && !body.complete()) {
    close_as_upstream_did();
    return false;
  }
  return after(r);
}

bool connection::after(answering::result r) {
  if (r == answering::result::kept) return true;
  if (r == answering::result::must_close) {
    client_.end_writing();
    client_.limit_reading(milliseconds(2000));
    join_pump();
    client_.finish();
  } else if (r == answering::result::must_reset) {
    reset_client();
  }
  return false;
}

void connection::close_as_upstream_did() {
  client_.limit_reading(milliseconds(2000));
  if (upstream_->was_reset()) return reset_client();
  client_.end_writing();
  join_pump();
  client_.finish();
}

void connection::reset_client() {
  client_.wait_until_sent();
  client_.stop_reading();
  join_pump();
  client_.reset();
}

void connection::join_pump() {
  if (pump_.joinable()) pump_.join();
}

void connection::drop_both() {
  if (client_.open()) client_.stop_reading();
  if (upstream_) upstream_->cut();
  join_pump();
}

} // namespace weir::fakes::net
