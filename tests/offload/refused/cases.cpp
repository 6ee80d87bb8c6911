// Every marked line must be refused by the compiler with the words after "refused:", and in the same breath with each
// text after a bar. refused.py compiles this file.
#include <weir/core/unique_fd.hpp>
#include <weir/offload/detail/process_call.hpp>

#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <thread>

namespace {

struct job_with_pointer {
  int size;
  char* memory;
};
struct holds_job {
  int id;
  std::vector<job_with_pointer> jobs;
};
struct base {
  int a;
};
struct derived : base {
  int b;
};
union either {
  int a;
  float b;
};
struct shape {
  virtual ~shape() = default;
};
struct bits {
  unsigned a : 3;
  unsigned b : 5;
};
struct refers {
  const int& to;
};
struct many {
  int f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25,
      f26, f27, f28, f29, f30, f31, f32, f33;
};
class closed {
 public:
  int get() const { return value_; }

 private:
  int value_ = 0;
};
struct counts_up {
  int next() { return ++value; }
  int value = 0;
};

template <class T>
void takes(T) {}
template <class T>
T gives() {
  throw 0;
}
void second_is_bad(int, const char*) {}
void third_is_bad(int, int, holds_job) {}
void writes_back(std::vector<int>&) {}
void writes_text_back(std::string&) {}
int one_number(int) { return 0; }

template <class F, class... Args>
void call(F, Args&&...) {
  weir::detail::process_call<F, Args...>::explain();
}

template <class T>
void send(T&& value) {
  call(takes<std::decay_t<T>>, std::forward<T>(value));
}

} // namespace

void refused() {
  int number = 0;
  send(&number);                          // refused: a raw pointer cannot be sent | parameter_number<1>, int *
  call(second_is_bad, 1, "text");         // refused: a raw pointer cannot be sent | parameter_number<2>, const char *
  call(third_is_bad, 1, 2, holds_job{});  // refused: a raw pointer | parameter_number<3>, (anonymous namespace)::holds_job, char *
  send(&one_number);                      // refused: a pointer to a function or member cannot be sent
  send(std::string_view("text"));         // refused: Use std::string / std::vector
  send(std::span<int>());                 // refused: the memory that it looks at does not exist in the worker
  send(std::shared_ptr<int>());           // refused: a std::shared_ptr or std::weak_ptr cannot be sent
  send(std::weak_ptr<int>());             // refused: a std::shared_ptr or std::weak_ptr cannot be sent
  send(std::ref(number));                 // refused: a reference (std::ref
  call(takes<refers>, refers{number});    // refused: a reference member
  call([number](int more) { return number + more; }, 1);      // refused: captures cannot be sent to a worker process: pass them as arguments
  call([&number] { ++number; });                              // refused: captures cannot be sent to a worker process
  call(std::function<int(int)>(one_number), 1);               // refused: captures cannot be sent to a worker process
  send([](int) {});                       // refused: a lambda or std::function cannot be sent as a value
  call(takes<std::mutex*>, nullptr);      // refused: a raw pointer cannot be sent
  call(gives<std::unique_ptr<std::mutex>>);     // refused: makes threads meet cannot be sent | the_result
  call(gives<std::atomic<int>*>);         // refused: a raw pointer cannot be sent | the_result
  call(gives<std::optional<std::thread>>);      // refused: makes threads meet | std::thread
  send(weir::unique_fd());                // refused: a descriptor of this process means nothing in the worker
  call(takes<FILE*>, stdout);             // refused: a descriptor of this process means nothing in the worker
  call(writes_back, std::vector<int>());  // refused: takes a parameter by reference to non-const | <1UL, std::vector<int> &>
  call(gives<std::string_view>);          // refused: Use std::string / std::vector | the_result
  call(gives<const char*>);               // refused: a raw pointer cannot be sent | the_result
  send(derived{});                        // refused: a struct with a base class cannot be sent
  send(either{});                         // refused: a union cannot be sent
  send(std::unique_ptr<shape>());         // refused: class with virtual functions
  send(bits{});                           // refused: bit-field
  send(many{});                           // refused: more than 32 fields
  send(closed());                         // refused: it is no struct of public fields
  call(one_number);                       // refused: another number of arguments
  call(one_number, std::string("seven")); // refused: cannot be converted to the function's parameter | <1UL, std::
  call([](auto& changed) { ++changed; }, 1);  // refused: cannot be called with these arguments
  call(&counts_up::next, counts_up());    // refused: a member function cannot run
  call(weir::detail::constant_function<&writes_text_back>(), "text");  // refused: reference to non-const
  weir::encoder().put(std::string_view("text"));  // refused: Use std::string / std::vector | a_value
}

// Nothing is said about these.
void fine() {
  call(one_number, 1);
  call(one_number, 1.5);
  call(takes<std::string>, "text");
  call(takes<std::unique_ptr<int>>, std::make_unique<int>(1));
  call([](const std::vector<int>& all, std::string) { return all; }, std::vector<int>(), "text");
  call([](auto a) { return a; }, 1);
  call(weir::detail::constant_function<&one_number>(), 1);
}
