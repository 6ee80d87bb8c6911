# A worker process is the program once more; it has to notice that before main (src/offload/process/main_hook.cpp).
# --undefined lets GNU ld find a main that lies in a library, such as GoogleTest's, wherever that stands in the line.
target_link_options(weir_offload INTERFACE
                    "$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:LINKER:--wrap=main>"
                    "$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:LINKER:--undefined=main>")
