#pragma once

#include <coroutine>
#include <iterator>
#include <source_location>
#include <type_traits>
#include <utility>

namespace weir::detail {

/// Walks through what a source gives one by one: `for (auto i = co_await source.begin(); i != source.end();
/// co_await ++i) use(*i);`. `Ask()(source)` is the awaiter for the next element: a std::optional, or a pointer, that is
/// empty at the end.
template <class Source, class Ask>
class async_iterator {
  using awaiter = std::invoke_result_t<Ask, Source&>;
  using element = decltype(std::declval<awaiter&>().await_resume());

  class asking {
   public:
    explicit asking(Source& source) : inner_(Ask()(source)) {}
    bool await_ready() const noexcept { return inner_.await_ready(); }
    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> waiter,
                       std::source_location at = std::source_location::current()) {
      return inner_.await_suspend(waiter, at);
    }

   protected:
    awaiter inner_;
  };

 public:
  struct [[nodiscard]] first : asking {
    explicit first(Source& from) : asking(from), source(from) {}
    async_iterator await_resume() { return async_iterator(source, this->inner_.await_resume()); }
    Source& source;
  };
  struct [[nodiscard]] step : asking {
    step(Source& from, async_iterator& i) : asking(from), iterator(i) {}
    void await_resume() { iterator.now_ = this->inner_.await_resume(); }
    async_iterator& iterator;
  };

  step operator++() { return step(*source_, *this); }
  auto& operator*() noexcept { return *now_; }
  auto* operator->() noexcept { return &*now_; }
  friend bool operator==(const async_iterator& i, std::default_sentinel_t) noexcept { return !i.now_; }

 private:
  async_iterator(Source& source, element now) : source_(&source), now_(std::move(now)) {}

  Source* source_;
  element now_;
};

} // namespace weir::detail
