#include "http/connection.hpp"

#include <weir/http/responder.hpp>

#include <utility>

namespace weir::http {

task<void> responder::send(response answer) { return to_.send(std::move(answer)); }
task<void> responder::begin(int status, headers fields) { return to_.begin(status, std::move(fields)); }
task<void> responder::write(std::string_view piece) { return to_.write(piece); }
task<void> responder::finish() { return to_.finish(); }
void responder::cancel_on_disconnect(bool on) { to_.cancel_on_disconnect(on); }
bool responder::client_has_closed() const noexcept { return to_.hung_up(); }
bool responder::has_begun() const noexcept { return to_.has_begun(); }
std::stop_token responder::draining() const noexcept { return to_.draining(); }

} // namespace weir::http
