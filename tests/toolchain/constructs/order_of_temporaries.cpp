// Temporaries of an awaiting expression live to its end and go in reverse order.
#include "../kit.hpp"

namespace kit::order_of_temporaries {

struct mark : counted {
  explicit mark(char c) : letter(c) { note(c); }
  ~mark() { note(static_cast<char>(letter - 'a' + 'A')); }
  mark(const mark&) = delete;
  char letter;
};

int with(const mark&, int n) { return n; }

task<int> take(const mark& first, const mark& second) {
  co_await pause{};
  note('!');
  co_return first.letter + second.letter;
}

task<bool> body() {
  co_await take(mark('a'), mark('b'));
  note(';');
  EXPECT(trail() == "ab!BA;");
  int got = with(mark('c'), co_await later(1));
  note(';');
  EXPECT(got == 1 && trail() == "cC;");
  {
    const mark& longer = mark(static_cast<char>(co_await later(int('d'))));
    co_await pause{};
    note(longer.letter);
  }
  EXPECT(trail() == "ddD");
  mark last('e');
  mark('f'), co_await pause{}, mark('g');
  EXPECT(trail() == "efgGF");
  co_return true;
}

const construct here("order_of_temporaries", body);

} // namespace kit::order_of_temporaries
