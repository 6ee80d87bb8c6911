// Input: one byte that picks a type, then bytes of a worker. Whatever they are: a value that survives another journey,
// or an error of kind corrupt; never more memory than the limits allow.

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/offload/codec.hpp>
#include <weir/offload/detail/exception_codec.hpp>
#include <weir/offload/detail/function_name.hpp>
#include <weir/offload/detail/reply.hpp>
#include <weir/offload/remote_exception.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

struct nothing {};
struct item {
  char tag[4];
  std::string name;
  std::array<std::optional<std::int16_t>, 2> sizes;
  std::variant<std::monostate, double, std::vector<std::string>> content;
  bool chosen;
};
struct tree {
  item here;
  std::vector<tree> children;
  std::unique_ptr<tree> next;
};
struct call {
  weir::detail::function_name function;
  std::map<std::string, item> named;
  std::unordered_map<int, std::list<std::u16string>> texts;
  std::set<std::filesystem::path> paths;
  std::vector<std::pair<std::error_code, std::chrono::milliseconds>> codes;
  std::vector<bool> flags;
  std::bitset<13> bits;
  std::vector<nothing> empty;
};

constexpr weir::decode_limits limits{.max_elements = 1U << 14, .max_memory_bytes = 1U << 22};

template <class T>
void journey(std::span<const std::byte> bytes) {
  weir::encoder first;
  try {
    weir::decoder in(bytes, limits);
    first.put(in.get<T>());
  } catch (const weir::error& e) {
    if (e.code() != weir::errc::corrupt) std::abort();
    return;
  }
  // What was accepted is accepted again, to the last byte. (An unordered map may change its order once.)
  weir::decoder in(first.bytes(), limits);
  weir::encoder second;
  second.put(in.get<T>());
  in.finish();
  if (second.size_bytes() != first.size_bytes()) std::abort();
}

void exception_journey(std::span<const std::byte> bytes) {
  weir::encoder again;
  try {
    weir::detail::read_reply<tree>(bytes, limits);
    return;
  } catch (const weir::cancelled&) {
    return;
  } catch (const std::exception& e) {
    if (std::strlen(e.what()) > bytes.size() + 1000) std::abort();
    weir::detail::encode_current_exception(again, "fuzzed");
  } catch (...) {
    std::abort(); // nothing else comes out of a reply
  }
  weir::decoder in(again.bytes());
  if (!weir::detail::decode_exception(in)) std::abort();
  in.finish();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0] % 6) {
  case 0:
    journey<item>(bytes);
    break;
  case 1:
    journey<tree>(bytes);
    break;
  case 2:
    journey<call>(bytes);
    break;
  case 3:
    journey<std::vector<std::vector<std::tuple<std::string, std::deque<double>, long double>>>>(bytes);
    break;
  case 4:
    journey<weir::remote_report::fields>(bytes);
    break;
  default:
    exception_journey(bytes);
  }
  return 0;
}
