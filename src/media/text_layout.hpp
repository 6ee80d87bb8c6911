#pragma once

#include <media/font.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weir::media::detail {

/// Decodes at most `max_characters` of `utf8` for drawing: broken sequences become U+FFFD (one for each maximal
/// subpart, Unicode 15 section 3.9), line ends become line feeds, other blanks become one space, control and invisible
/// formatting characters go. Cut text ends with an ellipsis.
std::u32string drawable_text(std::string_view utf8, std::size_t max_characters);

/// Lines of text at one size.
struct text_block {
  std::vector<std::u32string> lines;
  double size_px = 0;
  double line_px = 0;
};

struct text_box {
  double width = 0;
  double height = 0;
  double min_px = 0; ///< text that does not fit at this size is cut with an ellipsis
  double max_px = 0;
};

/// Breaks `text` into lines and finds the largest size at which they fit. Words are kept whole unless that would cost
/// half of the size. The lines are made about equally long. Without room for one line there are no lines.
text_block fit_text(font& face, std::u32string_view text, const text_box& box);

/// Returns `text`, or, where it does not fit or `goes_on` in the next line that nobody will see, as much of it as
/// `width_px` holds together with an ellipsis; empty where not even that fits.
std::u32string cut_line(font& face, std::u32string_view text, double size_px, double width_px, bool goes_on = false);

} // namespace weir::media::detail
