#include <weir/core/error.hpp>

#include <ft2build.h>
#include <media/font.hpp>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include <algorithm>
#include <cmath>

namespace weir::media::detail {

struct font::library {
  ~library() {
    if (face) FT_Done_Face(face);
    if (handle) FT_Done_FreeType(handle);
  }
  FT_Library handle = nullptr;
  FT_Face face = nullptr;
};

font::font() : library_(std::make_unique<library>()) {
  const auto data = font_data();
  if (FT_Init_FreeType(&library_->handle) != 0 ||
      FT_New_Memory_Face(library_->handle, data.data(), static_cast<FT_Long>(data.size()), 0, &library_->face) != 0)
    throw error(errc::internal, "the embedded font cannot be read");
  units_per_em_ = library_->face->units_per_EM;
  ascender_ = library_->face->ascender;
  descender_ = library_->face->descender;
}

font::~font() = default;

const font::glyph& font::find(char32_t c) {
  const auto [at, fresh] = glyphs_.try_emplace(c);
  if (fresh) {
    // Glyph 0, a box, stands for every character that the font lacks.
    at->second.index = FT_Get_Char_Index(library_->face, c);
    FT_Fixed advance = 0;
    if (FT_Load_Glyph(library_->face, at->second.index, FT_LOAD_NO_SCALE) == 0)
      advance = library_->face->glyph->metrics.horiAdvance;
    at->second.advance = static_cast<int>(advance);
  }
  return at->second;
}

int font::advance(char32_t before, char32_t c) {
  const glyph& now = find(c);
  if (before == 0) return now.advance;
  const unsigned index = now.index;
  const int plain = now.advance;
  FT_Vector kerning{};
  FT_Get_Kerning(library_->face, find(before).index, index, FT_KERNING_UNSCALED, &kerning);
  return plain + static_cast<int>(kerning.x);
}

std::int64_t font::width(std::u32string_view text) {
  std::int64_t sum = 0;
  char32_t before = 0;
  for (char32_t c : text) {
    sum += advance(before, c);
    before = c;
  }
  return sum;
}

void font::draw(coverage& target, std::u32string_view text, double size_px, double x, double baseline) {
  FT_Face face = library_->face;
  if (FT_Set_Char_Size(face, 0, static_cast<FT_F26Dot6>(std::lround(size_px * 64)), 72, 72) != 0) return;
  const double scale = size_px / units_per_em_;
  char32_t before = 0;
  for (char32_t c : text) {
    // Kerning moves the glyph itself, so the pen takes it before drawing and the plain advance after.
    const int plain = find(c).advance;
    x += (advance(before, c) - plain) * scale;
    before = c;
    if (FT_Load_Glyph(face, find(c).index, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) == 0 &&
        face->glyph->format == FT_GLYPH_FORMAT_OUTLINE) {
      const double left = std::floor(x);
      const double base = std::floor(baseline);
      FT_Outline_Translate(&face->glyph->outline, std::lround((x - left) * 64), -std::lround((baseline - base) * 64));
      if (FT_Render_Glyph(face->glyph, FT_RENDER_MODE_NORMAL) == 0) {
        const FT_Bitmap& bitmap = face->glyph->bitmap;
        const int column = static_cast<int>(left) + face->glyph->bitmap_left;
        const int line = static_cast<int>(base) - face->glyph->bitmap_top;
        const int first = std::max(0, -column);
        const int last = std::min(static_cast<int>(bitmap.width), target.width - column);
        for (int y = std::max(0, -line); y < std::min(static_cast<int>(bitmap.rows), target.height - line); ++y) {
          const unsigned char* from = bitmap.buffer + std::ptrdiff_t{y} * bitmap.pitch;
          std::uint8_t* to = target.row(line + y) + column;
          for (int i = first; i < last; ++i) to[i] = static_cast<std::uint8_t>(std::min(255, to[i] + from[i]));
        }
      }
    }
    x += plain * scale;
  }
}

} // namespace weir::media::detail
