#include "fakes/fault_proxy/proxy.hpp"

#include "fakes/fault_proxy/acceptor.hpp"
#include "fakes/fault_proxy/connection.hpp"

namespace weir::fakes {

struct fault_proxy::state {
  ledger book;
  std::mutex mutex;
  net::upstream_address upstream;
  // Last: its threads use the others.
  net::acceptor accepting;

  explicit state(net::upstream_address to)
      : upstream(std::move(to)), accepting([this](net::stream& client, int number) {
          net::connection(client, number,
                          {.book = book,
                           .life = accepting.life(),
                           .upstream =
                               [this] {
                                 const std::lock_guard lock(mutex);
                                 return upstream;
                               },
                           .refuse_for = [this](milliseconds time) { accepting.refuse_for(time); }})
              .run();
        }) {}
};

fault_proxy::fault_proxy(int upstream_port, std::vector<rule> rules)
    : fault_proxy("127.0.0.1", upstream_port, std::move(rules)) {}

fault_proxy::fault_proxy(std::string upstream_host, int upstream_port, std::vector<rule> rules)
    : state_(std::make_unique<state>(net::upstream_address{std::move(upstream_host), upstream_port})) {
  state_->book.set_rules(std::move(rules));
}

fault_proxy::~fault_proxy() = default;

int fault_proxy::port() const { return state_->accepting.port(); }

std::string fault_proxy::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port()).append(path);
}

void fault_proxy::set_rules(std::vector<rule> rules) { state_->book.set_rules(std::move(rules)); }

void fault_proxy::set_upstream(std::string host, int port) {
  const std::lock_guard lock(state_->mutex);
  state_->upstream = {std::move(host), port};
}

void fault_proxy::reset() {
  state_->book.reset();
  state_->accepting.forget_connections();
}

void fault_proxy::refuse_for(milliseconds time) { state_->accepting.refuse_for(time); }

std::vector<journal_entry> fault_proxy::journal() const { return state_->book.journal(); }

std::size_t fault_proxy::count(std::string_view path_regex, std::string_view method) const {
  return state_->book.count(path_regex, method);
}

std::size_t fault_proxy::max_in_flight(std::string_view path_regex) const {
  return state_->book.max_in_flight(path_regex);
}

int fault_proxy::connections() const { return state_->accepting.connections(); }

} // namespace weir::fakes
