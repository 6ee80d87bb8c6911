#pragma once

#include <weir/providers/image.hpp>
#include <weir/studio/studio.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace weir::studio {

/// A place for a result, made before it is paid for: the name is checked, the folder is writable, the file is open.
/// A name's extension is corrected to what the bytes are ("a.jpg" that holds a PNG becomes "a.png"); one that is no
/// media extension is refused.
class saving {
 public:
  /// `asked` is the name that the user gave, or empty; `fallback` is the default name, with its extension.
  /// Fails: as files::publication::reserve; errc::invalid_argument for an extension that no media file has.
  static task<saving> reserve(call& run, media_kind kind, std::string asked, std::string fallback);

  saving(saving&&) noexcept;
  saving& operator=(saving&&) noexcept;
  ~saving();

  /// Takes the bytes, on pool threads. `paid`: where the disk is full it goes on in the recovery folder; else it fails.
  providers::byte_sink sink(bool paid);
  /// For results that can be had again: fails where the disk is full instead.
  files::publication& target() noexcept;
  /// The same place as what a download writes into.
  http::download_target& download() noexcept;

  /// Publishes. `paid`: what cannot be published is kept in the recovery folder, and the error names it.
  task<produced_file> publish(bool paid);
  /// The name in the recovery folder, where `publish` had to keep it there; else empty.
  const std::string& recovered() const noexcept;

 private:
  struct state;
  explicit saving(std::shared_ptr<state> s) noexcept;
  std::shared_ptr<state> state_;
};

/// Returns the usual extension of `mime_type`, without the dot ("png", "mp4"); empty where it is none of ours.
std::string_view extension_of(std::string_view mime_type) noexcept;
/// Returns the MIME type by a file's first bytes: PNG, JPEG, WebP, MP4, WebM; else application/octet-stream.
std::string_view mime_of_bytes(std::span<const std::byte> head) noexcept;

} // namespace weir::studio
