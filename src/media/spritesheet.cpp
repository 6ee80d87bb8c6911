#include <weir/core/error.hpp>
#include <weir/media/animatic.hpp>

#include <fmt/format.h>
#include <media/zoom_frames.hpp>

#include <algorithm>
#include <cmath>

namespace weir::media {

namespace {

constexpr std::uint64_t max_sheet_side = 16384;

void check_card(const rgb_image& card) {
  if (card.empty() || card.pixels.size() != std::size_t{card.width} * card.height * 3)
    throw error(errc::invalid_argument, "the card has no pixels");
}

void check_size(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0 || width > max_sheet_side || height > max_sheet_side)
    throw error(errc::invalid_argument, fmt::format("pictures of a film may have 1 to {} pixels a side, not {}x{}",
                                                    max_sheet_side, width, height));
}

std::uint32_t scaled(std::uint32_t side, std::uint32_t to, std::uint32_t from) {
  return std::max(1U, static_cast<std::uint32_t>(std::lround(static_cast<double>(side) * to / from)));
}

} // namespace

rgb_image animatic_frame(const rgb_image& card, double part, std::uint32_t width, std::uint32_t height) {
  check_card(card);
  check_size(width, height);
  const auto box = detail::camera_box(card.width, card.height, std::clamp(part, 0.0, 1.0));
  return detail::crop_resize(card, box, width, height);
}

rgb_image animatic_thumbnail(const rgb_image& card, std::uint32_t max_side) {
  check_card(card);
  check_size(max_side, max_side);
  const std::uint32_t side = std::max(card.width, card.height);
  if (side <= max_side) return card;
  const detail::source_box all{0, 0, static_cast<double>(card.width), static_cast<double>(card.height)};
  return detail::crop_resize(card, all, scaled(card.width, max_side, side), scaled(card.height, max_side, side));
}

rgb_image animatic_spritesheet(const rgb_image& card, std::uint32_t columns, std::uint32_t rows,
                               std::uint32_t cell_width) {
  check_card(card);
  check_size(cell_width, 1);
  const std::uint32_t cell_height = scaled(card.height, cell_width, card.width);
  check_size(std::uint64_t{columns} * cell_width, std::uint64_t{rows} * cell_height);
  rgb_image sheet{columns * cell_width, rows * cell_height, {}};
  sheet.pixels.resize(std::size_t{sheet.width} * sheet.height * 3);
  const std::uint32_t cells = columns * rows;
  for (std::uint32_t i = 0; i < cells; ++i) {
    const double part = cells > 1 ? static_cast<double>(i) / (cells - 1) : 0;
    const rgb_image cell = animatic_frame(card, part, cell_width, cell_height);
    for (std::uint32_t y = 0; y < cell_height; ++y)
      std::copy_n(cell.row(y), std::size_t{cell_width} * 3,
                  sheet.row(i / columns * cell_height + y) + std::size_t{i % columns} * cell_width * 3);
  }
  return sheet;
}

} // namespace weir::media
