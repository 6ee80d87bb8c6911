# What the provider says of itself in User-Agent.
target_compile_definitions(weir_providers PRIVATE WEIR_VERSION="${PROJECT_VERSION}")
