target_link_libraries(weir_media PRIVATE fmt::fmt)

# The font of the slate cards becomes part of the library: no font file is needed at run time.
find_file(WEIR_SLATE_FONT DejaVuSans.ttf
          PATHS /usr/share/fonts/truetype/dejavu /usr/share/fonts/dejavu /usr/share/fonts/TTF
                /usr/share/fonts/dejavu-sans-fonts
          NO_DEFAULT_PATH DOC "DejaVuSans.ttf, embedded for the slate cards")
if(NOT WEIR_SLATE_FONT)
  message(FATAL_ERROR "DejaVuSans.ttf was not found: apt-get install fonts-dejavu-core, "
                      "or set -DWEIR_SLATE_FONT=/path/to/DejaVuSans.ttf")
endif()
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/media/font_data.cpp PROPERTIES
  COMPILE_DEFINITIONS WEIR_SLATE_FONT="${WEIR_SLATE_FONT}" OBJECT_DEPENDS ${WEIR_SLATE_FONT})
