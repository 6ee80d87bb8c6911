#include "exception_forms.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/offload/detail/exception_codec.hpp>
#include <weir/offload/remote_exception.hpp>

#include <cxxabi.h>
#include <unistd.h>

#include <concepts>
#include <cstdlib>
#include <memory>

namespace weir {

static std::string sentence(const remote_report::fields& all) {
  return all.text.empty() ? all.type : all.type + ": " + all.text;
}

remote_exception::remote_exception(fields all) : std::runtime_error(sentence(all)), remote_report(std::move(all)) {}

namespace detail {

namespace {

constexpr std::string_view cancelled_name = "weir::cancelled";

std::string cut(std::string text) {
  if (text.size() > remote_report::max_text_bytes) text.resize(remote_report::max_text_bytes);
  return text;
}

/// The text of the exception being handled, where it has one.
std::string text_of_current() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (const std::string& text) {
    return text;
  } catch (const char* text) {
    return text != nullptr ? text : "";
  } catch (int number) {
    return std::to_string(number);
  } catch (long number) {
    return std::to_string(number);
  } catch (unsigned number) {
    return std::to_string(number);
  } catch (unsigned long number) {
    return std::to_string(number);
  } catch (...) {
    return {};
  }
}

/// What the exception being handled is nested around; null where nothing.
std::exception_ptr cause_of_current() {
  try {
    throw;
  } catch (const std::nested_exception& e) {
    return e.nested_ptr();
  } catch (...) {
    return nullptr;
  }
}

/// The report of the exception being handled, if it came from another worker.
const remote_report* report_of_current() {
  try {
    throw;
  } catch (const remote_report& report) {
    return &report; // part of the exception, which the caller handles
  } catch (...) {
    return nullptr;
  }
}

std::string name_of_current(std::optional<exception_form>& form) {
  const std::type_info* thrown = abi::__cxa_current_exception_type();
  std::string name = "an exception of another language";
  if (thrown != nullptr) form = form_of(*thrown, name);
  return name;
}

void add_chain(std::vector<remote_cause>& chain, std::exception_ptr cause) {
  while (cause && chain.size() < remote_report::max_causes) {
    try {
      std::rethrow_exception(cause);
    } catch (...) {
      if (const remote_report* other = report_of_current()) {
        chain.push_back({other->type(), other->text()});
        for (const remote_cause& further : other->chain())
          if (chain.size() < remote_report::max_causes) chain.push_back(further);
      } else {
        std::optional<exception_form> form;
        std::string name = name_of_current(form);
        chain.push_back({cut(std::move(name)), cut(text_of_current())});
      }
      cause = cause_of_current();
    }
  }
}

} // namespace

std::string readable_name(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  return status == 0 && name ? name.get() : mangled;
}

void encode_current_exception(encoder& out, std::string_view function, std::vector<std::string> trace) {
  std::optional<exception_form> form;
  remote_report::fields report;
  report.type = name_of_current(form);
  if (const remote_report* other = report_of_current()) {
    report = other->all(); // relayed: what happened first is what counts
  } else {
    report.type = cut(std::move(report.type));
    report.text = cut(text_of_current());
    add_chain(report.chain, cause_of_current());
    report.function = cut(std::string(function));
    report.worker = ::getpid();
    if (trace.size() > remote_report::max_trace_lines) trace.resize(remote_report::max_trace_lines);
    for (std::string& line : trace) report.trace.push_back(cut(std::move(line)));
  }
  std::byte room[512];
  encoder payload(room);
  std::string name;
  if (form && form->encode(payload))
    name = readable_name(form->types.front()->name());
  else if (report.type == cancelled_name)
    name = cancelled_name;
  if (name.empty()) payload.rewind(0);
  out.put(report);
  out.put(name);
  out.write_length(payload.size_bytes());
  out.write(payload.bytes().data(), payload.size_bytes());
}

std::exception_ptr decode_exception(decoder& in) {
  const decoder::level here(in, "the exception", "a part");
  auto report = in.get<remote_report::fields>();
  if (report.chain.size() > remote_report::max_causes) in.fail("the chain of causes", "is too long");
  if (report.trace.size() > remote_report::max_trace_lines) in.fail("the trace", "is too long");
  const auto name = in.get<std::string>();
  const std::size_t size = in.read_length("the rest", 1, 0);
  decoder payload(in.take(size, "the rest"));
  if (name == cancelled_name) return std::make_exception_ptr(cancelled());
  if (const auto form = form_named(name)) {
    std::exception_ptr made = form->decode(payload, std::move(report));
    payload.finish();
    return made;
  }
  return std::make_exception_ptr(remote_exception(std::move(report)));
}

} // namespace detail
} // namespace weir
