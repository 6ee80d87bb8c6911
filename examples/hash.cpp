// A function that computes, on a thread: two of them use two cores. Any plain function will do; here a digest.
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace {

/// FNV-1a, 64 bits (Fowler, Noll, Vo): standing in for a digest that takes its time.
std::uint64_t compute_hash(const std::string& data) {
  std::uint64_t hash = 14695981039346656037u;
  for (const unsigned char byte : data) hash = (hash ^ byte) * 1099511628211u;
  return hash;
}

weir::task<bool> example() {
  const std::string payload(4 << 20, 'w');
  const auto [one, two] = co_await weir::gather(weir::run_in_threadpool(compute_hash, "some large payload"),
                                                weir::run_in_threadpool(compute_hash, std::cref(payload)));
  std::printf("%016llx %016llx\n", static_cast<unsigned long long>(one), static_cast<unsigned long long>(two));
  co_return one == compute_hash("some large payload") && two == compute_hash(payload);
}

} // namespace

int main() { return weir::run(example()) ? 0 : 1; }
