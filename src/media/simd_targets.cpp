// Which instructions this processor has, for Highway's dispatch. The same two functions are in libhwy; but Debian's
// libhwy 1.0.3 also measures the resolution of the clock in a static initializer, which costs every start of a program
// that links it some 3 ms of processor time, and nothing else of it is needed here. Linkers take these first.
#include <hwy/targets.h>

#if HWY_ARCH_X86

namespace hwy {

std::int64_t SupportedTargets() {
  static const std::int64_t found = [] {
    __builtin_cpu_init();
    std::int64_t targets = HWY_ENABLED_BASELINE;
    const bool ssse3 = __builtin_cpu_supports("ssse3");
    // Highway's target of that name includes AES and carry-less multiplication, and each next one the one before.
    const bool sse4 = ssse3 && __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2") &&
                      __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
    const bool avx2 = sse4 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                      __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("f16c");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd") &&
                        __builtin_cpu_supports("avx512bw");
    if (ssse3) targets |= HWY_SSSE3;
    if (sse4) targets |= HWY_SSE4;
    if (avx2) targets |= HWY_AVX2;
    if (avx512) targets |= HWY_AVX3;
    return targets;
  }();
  return found;
}

ChosenTarget& GetChosenTarget() {
  static ChosenTarget chosen;
  return chosen;
}

} // namespace hwy

#endif
