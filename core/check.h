// An assertion for programmer errors that stays on in release builds.
//
// Never used on user input: a bad event, a bad file or a broken connection is a value (result.h),
// not a bug of ours.
#pragma once

namespace driftd {

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace driftd

#define DRIFTD_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::driftd::check_failed(#expression, __FILE__, __LINE__))
