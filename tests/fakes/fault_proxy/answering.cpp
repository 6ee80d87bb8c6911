#include "fakes/fault_proxy/answering.hpp"

#include "fakes/fault_proxy/reason.hpp"

#include <algorithm>
#include <ctime>

namespace weir::fakes::net {

namespace {

using cut = action::cut;

void shift_date(head& h, std::chrono::seconds by) {
  std::tm parts{};
  const auto text = h.get("Date");
  if (!text || !::strptime(text->c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts)) return;
  const std::time_t moved = ::timegm(&parts) + by.count();
  char out[64];
  ::gmtime_r(&moved, &parts);
  h.replace("Date", std::string_view(out, std::strftime(out, sizeof out, "%a, %d %b %Y %H:%M:%S GMT", &parts)));
}

void change_length(head& h, std::int64_t by) {
  const auto text = h.get("Content-Length");
  if (!text) return;
  h.replace("Content-Length", std::to_string(std::max<std::int64_t>(std::stoll(*text) + by, 0)));
}

} // namespace

head head_of(const own_answer& what) {
  head h("HTTP/1.1 " + std::to_string(what.status) + " " + reason(what.status));
  if (!what.content_type.empty() && what.status != 204 && what.status != 304) h.add("Content-Type", what.content_type);
  if (what.status != 204 && what.status != 304) h.add("Content-Length", std::to_string(what.body.size()));
  for (const auto& [name, value] : what.headers) h.add(name, value);
  return h;
}

void answering::change_head(head& h, body_shape shape) {
  const action& a = ticket_.act;
  if (a.shift_date.count() != 0) shift_date(h, a.shift_date);
  for (const header_change& c : a.headers) {
    switch (c.what) {
    case header_change::kind::add:
      h.add(c.name, c.value);
      break;
    case header_change::kind::remove:
      h.remove(c.name);
      break;
    case header_change::kind::replace:
      h.replace(c.name, c.value);
      break;
    }
  }
  change_length(h, a.length_change);
  if (!a.drop_length || shape.how == framing::none) return;
  h.remove("Content-Length");
  h.remove("Transfer-Encoding");
  h.replace("Connection", "close");
}

bool answering::cut_is_due() const {
  return ticket_.act.cutting != cut::none && counted_ >= ticket_.act.cut_after_bytes;
}

void answering::carry_out_cut() {
  if (ticket_.act.cutting == cut::stall) {
    client_.wait_until_gone();
    ended_ = result::over;
  } else {
    ended_ = ticket_.act.cutting == cut::close ? result::must_close : result::must_reset;
  }
  finish();
}

void answering::finish() {
  book_.change(ticket_.id, [&](journal_entry& e) { e.response_bytes = body_bytes_; });
  book_.finish(ticket_.id);
}

bool answering::send_head(const head& h, bool last) {
  const action& a = ticket_.act;
  book_.change(ticket_.id, [&](journal_entry& e) { e.status = h.status(); });
  std::string text = h.text();
  const bool in_head = a.cutting != cut::none && a.cut_counts_head && a.cut_after_bytes < text.size();
  if (in_head) text.resize(a.cut_after_bytes);
  if (a.cut_counts_head) counted_ += text.size();
  if (last && !cut_is_due()) finish();
  if (!client_.send(text)) return false;
  if (!cut_is_due()) return true;
  carry_out_cut();
  return false;
}

bool answering::send_body(std::string_view bytes, bool last) {
  const action& a = ticket_.act;
  if (a.cutting != cut::none)
    bytes = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), a.cut_after_bytes - counted_));
  counted_ += bytes.size();
  body_bytes_ += bytes.size();
  std::string_view tail;
  if (last && !cut_is_due() && a.response_bytes_per_second > 0 && !bytes.empty()) {
    // The entry is finished before the last byte goes out, not before the seconds that the others take.
    tail = bytes.substr(bytes.size() - 1);
    bytes.remove_suffix(1);
  }
  if (!tail.empty() && !client_.send_paced(bytes, a.response_bytes_per_second)) return false;
  if (last && !cut_is_due()) finish();
  if (!client_.send_paced(tail.empty() ? bytes : tail, a.response_bytes_per_second)) return false;
  if (!cut_is_due()) return true;
  carry_out_cut();
  return false;
}

answering::result answering::own(const own_answer& what, bool head_only) {
  const action& a = ticket_.act;
  if (!life_.sleep_for(a.delay_response)) return result::over;
  head h = head_of(what);
  const bool empty = head_only || what.body.empty() || what.status == 204 || what.status == 304;
  change_head(h, {empty ? framing::none : framing::length, what.body.size()});
  if (!send_head(h, empty)) return ended_;
  if (!empty && !send_body(what.body, true)) return ended_;
  const bool ends = a.close_after_answer || (!empty && (a.drop_length || a.length_change > 0));
  return ends ? result::must_close : result::kept;
}

answering::result answering::relay(head h, body_shape shape, body_reader& body) {
  const action& a = ticket_.act;
  if (!life_.sleep_for(a.delay_response)) return result::over;
  const bool upstream_closes = h.lists("Connection", "close") || shape.how == framing::until_close ||
                               (h.http_1_0() && !h.lists("Connection", "keep-alive"));
  change_head(h, shape);
  if (!send_head(h, shape.how == framing::none)) return ended_;
  const bool bare = a.drop_length && shape.how == framing::chunked;
  for (piece p; body.next(p);)
    if (!send_body(bare ? p.payload() : p.raw, p.last)) return ended_;
  finish();
  const bool ends = a.close_after_answer || (shape.how != framing::none && (a.drop_length || a.length_change > 0));
  return ends || upstream_closes || !body.complete() ? result::must_close : result::kept;
}

} // namespace weir::fakes::net
