#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir::media::detail {

/// The embedded TrueType file.
std::span<const unsigned char> font_data() noexcept;

/// How much of each pixel is covered by text, 0..255.
struct coverage {
  coverage(int w, int h) : width(w), height(h), values(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  std::uint8_t* row(int y) noexcept {
    return values.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
  const std::uint8_t* row(int y) const noexcept {
    return values.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  }
  int width;
  int height;
  std::vector<std::uint8_t> values;
};

/// The embedded font: widths in font units, which scale with the size exactly, and glyphs as coverage.
/// Not thread-safe: every card makes its own.
class font {
 public:
  font();
  ~font();
  font(const font&) = delete;
  font& operator=(const font&) = delete;

  /// Font units per em: a font unit is size_px / units_per_em pixels.
  int units_per_em() const noexcept { return units_per_em_; }
  int ascender() const noexcept { return ascender_; }
  int descender() const noexcept { return descender_; } ///< below the base line: negative

  /// The pen's way from `before` (0: none) over `c`, kerning included, in font units.
  int advance(char32_t before, char32_t c);
  std::int64_t width(std::u32string_view text);

  /// Adds a line of text with its pen at (x, baseline); what lies outside of `target` is not drawn.
  void draw(coverage& target, std::u32string_view text, double size_px, double x, double baseline);

 private:
  struct library;
  struct glyph {
    unsigned index;
    int advance;
  };
  const glyph& find(char32_t c);

  std::unique_ptr<library> library_;
  std::unordered_map<char32_t, glyph> glyphs_;
  int units_per_em_ = 0;
  int ascender_ = 0;
  int descender_ = 0;
};

} // namespace weir::media::detail
