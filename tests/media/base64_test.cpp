#include <weir/core/error.hpp>
#include <weir/media/base64.hpp>

#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <media/base64_simd.hpp>

#include <random>
#include <string>
#include <vector>

namespace {

using weir::errc;
using weir::media::base64_decode;
using weir::media::base64_decoder;
using weir::media::base64_encode;

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The plain reading of RFC 4648: six bits after the other. The oracle for everything below.
std::string plain_encode(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text += alphabet[bits >> (count - 6) & 63];
  }
  if (count != 0) text += alphabet[bits << (6 - count) & 63];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

std::string decode_in_chunks(std::string_view text, std::size_t chunk) {
  std::string bytes;
  base64_decoder decoder;
  for (std::size_t at = 0; at < text.size(); at += chunk)
    decoder.decode(text.substr(at, chunk), [&](std::string_view block) { bytes += block; });
  decoder.finish();
  EXPECT_EQ(decoder.decoded_bytes(), bytes.size());
  return bytes;
}

// The message of the refusal; a test failure where nothing is refused.
std::string refusal(std::string_view text, std::size_t chunk = 1 << 20) {
  try {
    decode_in_chunks(text, chunk);
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), errc::corrupt);
    return e.what();
  }
  ADD_FAILURE() << "accepted: " << text.substr(0, 80);
  return {};
}

TEST(base64, vectors_of_rfc_4648) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(base64, agrees_with_the_plain_reading_for_all_lengths) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size <= 300; ++size) {
    const std::string bytes = random_bytes(random, size);
    const std::string text = plain_encode(bytes);
    ASSERT_EQ(base64_encode(bytes), text) << size;
    ASSERT_EQ(base64_decode(text), bytes) << size;
  }
}

TEST(base64, chunking_never_matters) {
  std::mt19937 random(2);
  for (std::size_t size = 0; size <= 300; ++size) {
    const std::string bytes = random_bytes(random, size);
    const std::string text = plain_encode(bytes);
    for (std::size_t chunk = 1; chunk <= text.size() + 1; ++chunk)
      ASSERT_EQ(decode_in_chunks(text, chunk), bytes) << size << " in pieces of " << chunk;
  }
}

TEST(base64, big_input_with_and_without_line_breaks) {
  std::mt19937 random(3);
  const std::string bytes = random_bytes(random, 1'000'003);
  const std::string text = plain_encode(bytes);
  EXPECT_TRUE(base64_encode(bytes) == text);
  EXPECT_TRUE(base64_decode(text) == bytes);
  for (std::size_t line : {1, 4, 63, 64, 76, 1000}) {
    std::string lines;
    for (std::size_t at = 0; at < text.size(); at += line) lines += text.substr(at, line) + "\r\n";
    EXPECT_TRUE(base64_decode(lines) == bytes) << line;
    EXPECT_TRUE(decode_in_chunks(lines, 16384) == bytes) << line;
  }
}

TEST(base64, blocks_are_bounded_and_the_sink_may_throw) {
  base64_decoder decoder;
  const std::string text(400'000, 'A');
  std::size_t most = 0;
  decoder.decode(text, [&](std::string_view block) { most = std::max(most, block.size()); });
  EXPECT_LE(most, base64_decoder::block_bytes);
  EXPECT_GT(most, base64_decoder::block_bytes / 2);
  base64_decoder other;
  EXPECT_THROW(other.decode(text, [](std::string_view) { throw std::length_error("full"); }), std::length_error);
}

// Every byte value at every place of a text longer than two of the widest vectors: the vector kernel and the plain
// reading must agree on what a character means and on what is refused, and the offset must be exact.
TEST(base64, every_byte_at_every_place) {
  const std::string good = plain_encode(std::string(150, 'w'));
  for (int value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool digit = alphabet.find(c) != std::string_view::npos;
    const bool space = value == ' ' || value == '\t' || value == '\n' || value == '\f' || value == '\r';
    for (std::size_t place = 0; place < good.size(); ++place) {
      std::string text = good;
      if (space)
        text.insert(place, 1, c);
      else
        text[place] = c;
      if (space) {
        ASSERT_EQ(base64_decode(text), std::string(150, 'w')) << value << " at " << place;
      } else if (digit) {
        ASSERT_EQ(plain_encode(base64_decode(text)), text) << value << " at " << place;
      } else if (value != '=') {
        ASSERT_NE(refusal(text).find("at offset " + std::to_string(place) + ":"), std::string::npos) << value;
      } else if (place + 1 < good.size()) {
        refusal(text);
      }
    }
  }
}

TEST(base64, refuses_what_is_not_exactly_base64) {
  for (std::size_t chunk : {1, 2, 3, 1000}) {
    EXPECT_NE(refusal("Zg=", chunk).find("3 of 4"), std::string::npos);
    EXPECT_NE(refusal("Zg", chunk).find("2 of 4"), std::string::npos);
    EXPECT_NE(refusal("Z", chunk).find("1 of 4"), std::string::npos);
    EXPECT_NE(refusal("=", chunk).find("offset 0"), std::string::npos);
    EXPECT_NE(refusal("Z===", chunk).find("offset 1"), std::string::npos);
    EXPECT_NE(refusal("Zg==Zg==", chunk).find("offset 4"), std::string::npos);
    EXPECT_NE(refusal("Zg===", chunk).find("offset 4"), std::string::npos);
    EXPECT_NE(refusal("Zg=g", chunk).find("offset 3"), std::string::npos);
    EXPECT_NE(refusal("Zh==", chunk).find("bits are set"), std::string::npos);
    EXPECT_NE(refusal("Zm9=", chunk).find("bits are set"), std::string::npos);
    EXPECT_NE(refusal("Zm9v-m8=", chunk).find("byte 0x2D"), std::string::npos);
    EXPECT_NE(refusal("Zm9v_m8=", chunk).find("byte 0x5F"), std::string::npos);
    EXPECT_NE(refusal(std::string_view("Zm9\0", 4), chunk).find("byte 0x00"), std::string::npos);
    EXPECT_NE(refusal("Zm9v\xC3\xA9==", chunk).find("byte 0xC3"), std::string::npos);
  }
  const std::string padded_inside = std::string(200, 'A') + "AA==" + std::string(200, 'A');
  EXPECT_NE(refusal(padded_inside).find("offset 204"), std::string::npos);
  EXPECT_EQ(base64_decode(" Z g = = \n"), "f");
}

TEST(base64, kernels_stay_inside_their_bounds) {
  std::mt19937 random(4);
  for (std::size_t size = 0; size <= 300; ++size) {
    for (std::size_t room : {std::size_t{0}, std::size_t{63}, std::size_t{64}, std::size_t{100}, std::size_t{400}}) {
      // Heap blocks of the exact size: the address sanitizer sees one byte too many.
      const std::vector<char> text(size, 'Q');
      std::vector<char> out(room, '#');
      const auto decoded = weir::media::detail::base64_decode_bulk(text.data(), size, out.data(), room);
      EXPECT_EQ(decoded.read % 4, 0U);
      EXPECT_EQ(decoded.read / 4 * 3, decoded.written);
      EXPECT_LE(decoded.read, size);
      EXPECT_LE(decoded.written, room);
      const auto encoded = weir::media::detail::base64_encode_bulk(text.data(), size, out.data(), room);
      EXPECT_EQ(encoded.read / 3 * 4, encoded.written);
      EXPECT_LE(encoded.written, room);
    }
  }
}

// The machine's best instruction set is what the other tests use; here every lower one that was compiled in.
TEST(base64, every_instruction_set_agrees) {
  const auto supported = hwy::SupportedTargets();
  std::mt19937 random(5);
  const std::string bytes = random_bytes(random, 1000);
  const std::string text = plain_encode(bytes);
  std::string broken = text;
  broken[777] = '*';
  for (std::int64_t bit = 1; bit > 0 && bit <= supported; bit <<= 1) {
    if ((supported & bit) == 0) continue;
    hwy::SetSupportedTargetsForTest(bit);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      const auto part = std::string_view(bytes).substr(0, size);
      ASSERT_EQ(base64_encode(part), plain_encode(part)) << hwy::TargetName(bit);
      ASSERT_EQ(base64_decode(plain_encode(part)), part) << hwy::TargetName(bit);
    }
    EXPECT_NE(refusal(broken).find("offset 777"), std::string::npos) << hwy::TargetName(bit);
    EXPECT_EQ(weir::media::detail::find_string_special(text + "\""), text.size());
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(base64, finds_what_a_json_string_may_not_hold) {
  for (std::size_t size = 0; size <= 200; ++size) {
    std::string text(size, 'x');
    ASSERT_EQ(weir::media::detail::find_string_special(text), size);
    for (int value = 0; value < 256; ++value) {
      const bool special = value < 0x20 || value == '"' || value == '\\';
      for (std::size_t place : {std::size_t{0}, size / 2, size - 1}) {
        if (place >= size) continue;
        text[place] = static_cast<char>(value);
        ASSERT_EQ(weir::media::detail::find_string_special(text), special ? place : size) << value;
        text[place] = 'x';
      }
    }
  }
}

} // namespace
