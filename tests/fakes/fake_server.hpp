#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::fakes {

/// Runs weir-fake-openai as a child process for the length of a test and talks to its control routes by plain blocking
/// sockets. The child ends with this object, and also when this process dies in any way (its stdin then closes).
/// Thread-safety: calls on one object one after the other; many objects at once are fine.
class fake_openai {
 public:
  /// Starts the program with these arguments (docs/fake-openai.md) and waits for its address.
  /// Fails: std::runtime_error with what the program wrote when it did not come up.
  explicit fake_openai(std::vector<std::string> arguments = {});
  ~fake_openai();
  fake_openai(const fake_openai&) = delete;
  fake_openai& operator=(const fake_openai&) = delete;

  /// Returns "http://127.0.0.1:PORT/v1".
  const std::string& base_url() const { return base_url_; }
  /// Returns "http://127.0.0.1:PORT".
  std::string origin() const { return base_url_.substr(0, base_url_.size() - 3); }
  int port() const { return port_; }
  int pid() const { return pid_; }

  /// Returns the JSON text of GET /_fake/journal and GET /_fake/bought.
  std::string journal() const { return call("GET", "/_fake/journal"); }
  std::string bought() const { return call("GET", "/_fake/bought"); }
  /// Returns the JSON text with the SHA-256 that the content of this video has.
  std::string checksum(std::string_view video_id) const;
  /// Replaces the fault plan: an array of texts or objects; {"add": [...]} adds to it.
  /// Fails: std::runtime_error with the reason.
  void set_faults(std::string_view json_text) const { call("POST", "/_fake/faults", json_text); }
  /// Forgets jobs, files, journal, purchases and faults.
  void reset() const { call("POST", "/_fake/reset"); }

  /// One blocking request over a connection of its own. Returns the body.
  /// Fails: std::runtime_error for anything but status 200.
  std::string call(std::string_view method, std::string_view path, std::string_view body = {}) const;

 private:
  void read_address(int from);
  void end() noexcept;

  int pid_ = -1, stdin_ = -1, port_ = 0;
  std::string base_url_;
};

} // namespace weir::fakes
