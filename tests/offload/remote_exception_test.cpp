#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/offload/detail/exception_codec.hpp>
#include <weir/offload/remote_exception.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <any>
#include <filesystem>
#include <fstream>
#include <functional>
#include <new>
#include <optional>
#include <regex>
#include <variant>

namespace studio {

/// Registered, with data of its own.
class out_of_paint : public std::runtime_error {
 public:
  out_of_paint(std::string colour, int litres)
      : std::runtime_error("no more " + colour), colour_(std::move(colour)), litres_(litres) {}
  const std::string& colour() const { return colour_; }
  int litres() const { return litres_; }

 private:
  std::string colour_;
  int litres_;
};
/// Registered, with its text alone.
class late : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};
/// Registered, no std::exception.
struct code {
  int number;
};
/// Registered and final.
class last_word final : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// Not registered.
class unheard : public std::out_of_range {
 public:
  using std::out_of_range::out_of_range;
};
/// Not registered, derived from a registered class.
class very_late : public late {
 public:
  using late::late;
};
class foreign_category : public std::error_category {
  const char* name() const noexcept override { return "foreign"; }
  std::string message(int) const override { return "a foreign trouble"; }
};

} // namespace studio

template <>
struct weir::codec<studio::out_of_paint> {
  static void encode(encoder& out, const studio::out_of_paint& e) {
    out.put(e.colour());
    out.put(e.litres());
  }
  static studio::out_of_paint decode(decoder& in) {
    auto colour = in.get<std::string>();
    return studio::out_of_paint(std::move(colour), in.get<int>());
  }
};

namespace {

[[maybe_unused]] const bool registered =
    weir::register_exception<studio::out_of_paint>() && weir::register_exception<studio::late>() &&
    weir::register_exception<studio::code>() && weir::register_exception<studio::last_word>();

template <class Throw>
std::vector<std::byte> encoded(Throw what) {
  weir::encoder out;
  try {
    what();
    ADD_FAILURE() << "nothing was thrown";
  } catch (...) {
    weir::detail::encode_current_exception(out, "paint_wall", {"here", "there"});
  }
  return {out.bytes().begin(), out.bytes().end()};
}
void throw_from(std::span<const std::byte> bytes) {
  weir::decoder in(bytes);
  const std::exception_ptr made = weir::detail::decode_exception(in);
  in.finish();
  std::rethrow_exception(made);
}

/// Throws with `what`, sends it there and back, and returns what is caught as exactly an E with a report.
template <class E, class Throw>
weir::detail::rebuilt<E> back_as(Throw what) {
  std::string text;
  try {
    what();
  } catch (const std::exception& e) {
    text = e.what();
  } catch (...) {}
  try {
    throw_from(encoded(what));
  } catch (const E& e) {
    if constexpr (std::is_polymorphic_v<E>) {
      EXPECT_EQ(typeid(e), typeid(weir::detail::rebuilt<E>)) << typeid(e).name();
    }
    if constexpr (std::is_base_of_v<std::exception, E>) EXPECT_STREQ(e.what(), text.c_str());
    const auto& whole = static_cast<const weir::detail::rebuilt<E>&>(e);
    if constexpr (std::is_polymorphic_v<E>) {
      EXPECT_EQ(dynamic_cast<const weir::remote_report*>(&e), &whole);
    }
    EXPECT_EQ(whole.text(), text);
    EXPECT_EQ(whole.function(), "paint_wall");
    EXPECT_EQ(whole.worker(), ::getpid());
    EXPECT_EQ(whole.trace(), (std::vector<std::string>{"here", "there"}));
    return whole;
  }
  throw std::runtime_error("nothing came back");
}
template <class E>
void expect_itself(E thrown) {
  back_as<E>([&] { throw thrown; });
}
template <class Throw>
weir::remote_exception back_unknown(Throw what) {
  try {
    throw_from(encoded(what));
  } catch (const weir::remote_exception& e) {
    return e;
  } catch (...) {
    ADD_FAILURE() << "came back as another type";
  }
  return weir::remote_exception({});
}

} // namespace

TEST(remote_exception, the_library_s_classes_come_back_as_themselves) {
  expect_itself(std::logic_error("a"));
  expect_itself(std::domain_error("b"));
  expect_itself(std::invalid_argument("c"));
  expect_itself(std::length_error("d"));
  expect_itself(std::out_of_range("e"));
  expect_itself(std::runtime_error("f"));
  expect_itself(std::range_error("g"));
  expect_itself(std::overflow_error("h"));
  expect_itself(std::underflow_error(""));
  expect_itself(std::exception());
  expect_itself(std::bad_exception());
  expect_itself(std::bad_alloc());
  expect_itself(std::bad_array_new_length());
  expect_itself(std::bad_cast());
  expect_itself(std::bad_typeid());
  expect_itself(std::bad_function_call());
  expect_itself(std::bad_weak_ptr());
  back_as<std::bad_variant_access>([] { std::get<int>(std::variant<int, bool>(true)); });
  back_as<std::bad_optional_access>([] { static_cast<void>(std::optional<int>().value()); });
  back_as<std::bad_any_cast>([] { static_cast<void>(std::any_cast<int>(std::any(true))); });
}

TEST(remote_exception, codes_and_paths_come_back) {
  const auto full = back_as<std::system_error>(
      [] { throw std::system_error(std::make_error_code(std::errc::no_space_on_device), "writing"); });
  EXPECT_EQ(full.code(), std::errc::no_space_on_device);
  const auto moved =
      back_as<std::filesystem::filesystem_error>([] { std::filesystem::rename("not/here.png", "nor/there.png"); });
  EXPECT_EQ(moved.path1(), "not/here.png");
  EXPECT_EQ(moved.path2(), "nor/there.png");
  EXPECT_EQ(moved.code(), std::errc::no_such_file_or_directory);
  const auto pattern = back_as<std::regex_error>([] { std::regex broken("("); });
  EXPECT_EQ(pattern.code(), std::regex_constants::error_paren);
  const auto stream = back_as<std::ios_base::failure>([] { // the library throws a class of its own
    std::ifstream file;
    file.exceptions(std::ios::failbit);
    file.open("not/here");
  });
  EXPECT_EQ(stream.code(), std::io_errc::stream);
  const auto ours = back_as<weir::error>([] { throw weir::error(weir::errc::remote, "no").with_status(503); });
  EXPECT_EQ(ours.code(), weir::errc::remote);
  EXPECT_EQ(ours.status(), 503);
}

TEST(remote_exception, cancelled_stays_cancelled) {
  EXPECT_THROW(throw_from(encoded([] { throw weir::cancelled(); })), weir::cancelled);
}

TEST(remote_exception, registered_classes_come_back_as_themselves) {
  const auto paint = back_as<studio::out_of_paint>([] { throw studio::out_of_paint("blue", 3); });
  EXPECT_EQ(paint.colour(), "blue");
  EXPECT_EQ(paint.litres(), 3);
  EXPECT_EQ(paint.type(), "studio::out_of_paint");
  expect_itself(studio::late("too late"));
  EXPECT_EQ(back_as<studio::code>([] { throw studio::code{7}; }).number, 7);
  try {
    throw_from(encoded([] { throw studio::last_word("bye"); }));
    ADD_FAILURE();
  } catch (const studio::last_word& e) {
    EXPECT_STREQ(e.what(), "bye");
  }
}

TEST(remote_exception, unknown_classes_are_not_cut_down) {
  const auto unknown = back_unknown([] { throw studio::unheard("hm"); });
  EXPECT_EQ(unknown.type(), "studio::unheard");
  EXPECT_EQ(unknown.text(), "hm");
  EXPECT_STREQ(unknown.what(), "studio::unheard: hm");
  EXPECT_EQ(back_unknown([] { throw studio::very_late("x"); }).type(), "studio::very_late");
  static const studio::foreign_category foreign;
  const auto code = back_unknown([] { throw std::system_error(1, foreign, "doing"); });
  EXPECT_EQ(code.type(), "std::system_error");
  EXPECT_EQ(code.text(), "doing: a foreign trouble");
}

TEST(remote_exception, anything_can_be_thrown) {
  const auto number = back_unknown([] { throw 7; });
  EXPECT_EQ(number.type(), "int");
  EXPECT_EQ(number.text(), "7");
  EXPECT_STREQ(back_unknown([] { throw "literally"; }).text().c_str(), "literally");
  EXPECT_STREQ(back_unknown([] { throw std::string("text"); }).text().c_str(), "text");
  struct odd {};
  const auto strange = back_unknown([] { throw odd(); });
  EXPECT_NE(strange.type().find("odd"), std::string::npos);
  EXPECT_EQ(strange.text(), "");
}

TEST(remote_exception, chains_are_told) {
  const auto nested = [] {
    try {
      try {
        throw studio::unheard("innermost");
      } catch (...) {
        std::throw_with_nested(std::runtime_error("middle"));
      }
    } catch (...) {
      std::throw_with_nested(std::invalid_argument("outer"));
    }
  };
  const auto outer = back_as<std::invalid_argument>(nested); // no matter what the nesting wrapped around it
  EXPECT_EQ(outer.type(), "std::invalid_argument");
  ASSERT_EQ(outer.chain().size(), 2U);
  EXPECT_EQ(outer.chain()[0].type, "std::runtime_error");
  EXPECT_EQ(outer.chain()[0].text, "middle");
  EXPECT_EQ(outer.chain()[1].type, "studio::unheard");
  EXPECT_EQ(outer.chain()[1].text, "innermost");
  struct deep {
    static void dig(int levels) {
      try {
        if (levels == 0) throw std::runtime_error("bottom");
        dig(levels - 1);
      } catch (...) {
        std::throw_with_nested(std::runtime_error(std::to_string(levels)));
      }
    }
  };
  EXPECT_EQ(back_as<std::runtime_error>([] { deep::dig(40); }).chain().size(), weir::remote_report::max_causes);
}

TEST(remote_exception, a_relayed_exception_keeps_its_first_report) {
  const auto bytes = encoded([] { throw studio::out_of_paint("red", 1); });
  weir::encoder again;
  try {
    throw_from(bytes);
  } catch (...) {
    weir::detail::encode_current_exception(again, "another function");
  }
  try {
    throw_from(again.bytes());
    ADD_FAILURE();
  } catch (const studio::out_of_paint& e) {
    EXPECT_EQ(e.colour(), "red");
    EXPECT_EQ(dynamic_cast<const weir::remote_report&>(e).function(), "paint_wall");
    EXPECT_EQ(dynamic_cast<const weir::remote_report&>(e).type(), "studio::out_of_paint");
  }
  weir::encoder unknown_again;
  try {
    throw_from(encoded([] { throw studio::unheard("hm"); }));
  } catch (...) {
    weir::detail::encode_current_exception(unknown_again, "another function");
  }
  try {
    throw_from(unknown_again.bytes());
    ADD_FAILURE();
  } catch (const weir::remote_exception& e) {
    EXPECT_STREQ(e.what(), "studio::unheard: hm");
  }
}

TEST(remote_exception, long_texts_are_cut) {
  const auto e = back_unknown([] { throw std::string(1 << 20, 'x'); });
  EXPECT_EQ(e.text().size(), weir::remote_report::max_text_bytes);
}

TEST(remote_exception, damaged_reports_are_refused) {
  const auto whole = encoded(
      [] { throw std::filesystem::filesystem_error("opening", "a", "b", std::make_error_code(std::errc::io_error)); });
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    try {
      throw_from(part);
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), weir::errc::corrupt);
    } catch (...) {
      ADD_FAILURE() << size << " bytes were enough";
    }
  }
  // Every byte of it changed: never anything but a std::exception or cancelled.
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int change : {1, 0x7f, 0x80, 0xff}) {
      auto damaged = whole;
      damaged[at] ^= static_cast<std::byte>(change);
      EXPECT_THROW(throw_from(damaged), std::exception);
    }
  }
  // More causes than may be.
  weir::encoder out;
  weir::remote_report::fields report;
  report.chain.resize(weir::remote_report::max_causes + 1);
  out.put(report);
  out.put(std::string());
  out.write_length(0);
  try {
    throw_from(out.bytes());
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), weir::errc::corrupt);
  }
  // An errc that does not exist.
  auto ours = encoded([] { throw weir::error(weir::errc::timeout, "t"); });
  ours[ours.size() - 8] = std::byte{99};
  try {
    throw_from(ours);
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), weir::errc::corrupt);
  }
}
