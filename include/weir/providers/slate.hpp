#pragma once

#include <weir/files/root.hpp>
#include <weir/media/decoding.hpp>
#include <weir/providers/provider.hpp>

#include <functional>
#include <memory>
#include <string>

namespace weir::providers {

/// What the embedded provider works with.
struct slate_provider_options {
  /// Gives the folder that keeps its jobs and their results; asked for at the first use, off the loop's start.
  std::function<task<files::root>()> folder;
  std::string ffmpeg = "ffmpeg"; ///< the program that encodes videos
  std::size_t max_renders = 1;   ///< videos that are encoded at once, and pictures that are drawn
  /// Says how reference pictures are decoded; asked for at each. Empty: the defaults of decoding_options.
  std::function<media::decoding_options()> decoding;
};

/// The embedded provider: pictures are rendered slates of the prompt, videos are animatics made from the prompt's card
/// and the reference image. It needs no key and no network, and costs nothing.
/// Jobs are files in its folder: they survive a crash, and several processes may share them; one of them renders.
std::unique_ptr<provider> make_slate(slate_provider_options options);

} // namespace weir::providers
