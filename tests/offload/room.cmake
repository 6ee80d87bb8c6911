# sandbox_work_test.cpp decodes pictures inside the sandbox, which the decoders know nothing of.
target_link_libraries(offload_test PRIVATE weir_media)
