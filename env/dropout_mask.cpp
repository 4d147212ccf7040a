#include "env/dropout_mask.h"

#include <algorithm>
#include <array>
#include <cmath>

// The same integer arithmetic for every instruction set, so the clones give the same bits. Sanitizers run
// before the resolver of clones could.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VEER_MASK_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VEER_MASK_CLONES
#endif

namespace veer {
namespace {

constexpr std::size_t side_by_side =
    32;  ///< blocks computed side by side; 16 would be unrolled into scalar code
constexpr std::size_t group = 8 * side_by_side;  ///< mask values they give

/// One group: 32 blocks of Philox side by side, which the compiler turns into vector code.
VEER_MASK_CLONES void fill_group(const StepKey& key, std::uint32_t first_block, std::uint32_t threshold,
                                 float keep, float* out) noexcept {
  std::uint32_t c0[side_by_side];
  std::uint32_t c1[side_by_side];
  std::uint32_t c2[side_by_side];
  std::uint32_t c3[side_by_side];
  for (std::size_t i = 0; i < side_by_side; ++i) {
    c0[i] = static_cast<std::uint32_t>(key.episode);
    c1[i] = static_cast<std::uint32_t>(key.episode >> 32);
    c2[i] = key.step;
    c3[i] = (static_cast<std::uint32_t>(Stream::dropout) << 24) |
            ((first_block + static_cast<std::uint32_t>(i)) & 0xFFFFFFU);
  }
  auto k0 = static_cast<std::uint32_t>(key.seed);
  auto k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < side_by_side; ++i) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * c0[i];
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * c2[i];
      c0[i] = static_cast<std::uint32_t>(product1 >> 32) ^ c1[i] ^ k0;
      c2[i] = static_cast<std::uint32_t>(product0 >> 32) ^ c3[i] ^ k1;
      c1[i] = static_cast<std::uint32_t>(product1);
      c3[i] = static_cast<std::uint32_t>(product0);
    }
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  const std::uint32_t* words[4] = {c0, c1, c2, c3};
  for (std::size_t w = 0; w < 4; ++w) {
    for (std::size_t i = 0; i < side_by_side; ++i) {
      out[2 * w * side_by_side + i] = (words[w][i] & 0xFFFFU) < threshold ? 0.0F : keep;
      out[(2 * w + 1) * side_by_side + i] = (words[w][i] >> 16) < threshold ? 0.0F : keep;
    }
  }
}

}  // namespace

void fill_dropout_mask(const StepKey& key, std::uint32_t first_block, float rate,
                       std::span<float> mask) noexcept {
  const auto threshold = static_cast<std::uint32_t>(std::lround(static_cast<double>(rate) * 65536.0));
  const auto keep = static_cast<float>(65536.0 / (65536.0 - std::min(threshold, 65535U)));
  std::size_t done = 0;
  for (; done + group <= mask.size(); done += group, first_block += side_by_side) {
    fill_group(key, first_block, threshold, keep, mask.data() + done);
  }
  if (done < mask.size()) {
    std::array<float, group> last;
    fill_group(key, first_block, threshold, keep, last.data());
    std::copy_n(last.begin(), mask.size() - done, mask.begin() + static_cast<std::ptrdiff_t>(done));
  }
}

}  // namespace veer
