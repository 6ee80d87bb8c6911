#pragma once

#include "fakes/fault_proxy/ledger.hpp"
#include "fakes/fault_proxy/message.hpp"

namespace weir::fakes::net {

/// Sends one answer to a client as an action wants it, and keeps the journal's entry.
class answering {
 public:
  enum class result {
    /// The connection may serve the next request.
    kept,
    /// All was sent, and the connection must be closed in order.
    must_close,
    must_reset,
    /// The client has left.
    over,
  };

  answering(stream& client, ledger& book, const ledger::ticket& t, lifeline& life)
      : client_(client), book_(book), ticket_(t), life_(life) {}

  /// The proxy's own answer.
  result own(const own_answer& what, bool head_only);
  /// The upstream's answer: `body` is read to its end.
  result relay(head h, body_shape shape, body_reader& body);

 private:
  void change_head(head& h, body_shape shape);
  /// False: nothing more may be sent, and ended_ says why.
  bool send_head(const head& h, bool last);
  bool send_body(std::string_view bytes, bool last);
  bool cut_is_due() const;
  void carry_out_cut();
  void finish();

  stream& client_;
  ledger& book_;
  const ledger::ticket& ticket_;
  lifeline& life_;
  result ended_ = result::over;
  std::uint64_t counted_ = 0, body_bytes_ = 0;
};

/// Returns the head of an answer, with its Content-Length.
head head_of(const own_answer& what);

} // namespace weir::fakes::net
