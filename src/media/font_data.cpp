#include <media/font.hpp>

// The assembler copies the font file (path from room.cmake) into the read-only data.
__asm__(".pushsection .rodata.weir_slate_font, \"a\", @progbits\n"
        ".balign 16\n"
        "weir_slate_font_begin:\n"
        ".incbin \"" WEIR_SLATE_FONT "\"\n"
        "weir_slate_font_end:\n"
        ".popsection\n");

extern "C" {
extern const unsigned char weir_slate_font_begin[] __attribute__((visibility("hidden")));
extern const unsigned char weir_slate_font_end[] __attribute__((visibility("hidden")));
}

namespace weir::media::detail {

std::span<const unsigned char> font_data() noexcept { return {weir_slate_font_begin, weir_slate_font_end}; }

} // namespace weir::media::detail
