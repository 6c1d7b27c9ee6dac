#include "sinks/webhook_signature.h"

#include <array>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/check.h"

namespace driftd {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a NUL
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

}  // namespace

Result<std::string> decode_webhook_secret(std::string_view secret) {
  constexpr std::string_view kPrefix = "whsec_";
  if (secret.starts_with(kPrefix)) secret.remove_prefix(kPrefix.size());
  // Some tools leave the padding out, which OpenSSL insists on.
  std::string padded(secret);
  while (padded.size() % 4 != 0) padded += '=';
  const std::size_t padding = padded.size() - (padded.find_last_not_of('=') + 1);
  std::string key(padded.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(key.data()), bytes_of(padded),
                                     static_cast<int>(padded.size()));
  if (secret.empty() || length < 0 || padding > 2) {
    return fail(ErrorCode::invalid_config,
                "the webhook's secret is not base64; make one with: "
                "echo \"whsec_$(openssl rand -base64 24)\"");
  }
  key.resize(static_cast<std::size_t>(length) - padding);
  return key;
}

std::string sign_webhook(std::string_view key, std::string_view id, std::int64_t timestamp,
                         std::string_view body) {
  const std::string signed_text = fmt::format("{}.{}.{}", id, timestamp, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(signed_text),
           signed_text.size(), digest.data(), &length);
  DRIFTD_CHECK(made != nullptr);
  return "v1," + base64({reinterpret_cast<const char*>(digest.data()), length});
}

bool verify_webhook(std::string_view key, std::string_view id, std::int64_t timestamp,
                    std::string_view body, std::string_view header, TimeMs now) {
  const std::int64_t age = now / 1'000 - timestamp;
  if (age > kSignatureToleranceSeconds || age < -kSignatureToleranceSeconds) return false;
  const std::string expected = sign_webhook(key, id, timestamp, body);
  bool fits = false;
  while (!header.empty()) {
    const std::string_view signature = header.substr(0, header.find(' '));
    header.remove_prefix(std::min(header.size(), signature.size() + 1));
    fits |= signature.size() == expected.size() &&
            CRYPTO_memcmp(signature.data(), expected.data(), expected.size()) == 0;
  }
  return fits;
}

}  // namespace driftd
