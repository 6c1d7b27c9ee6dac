// For loops that are worth being compiled twice: for the baseline and for AVX2, between which the
// processor chooses at start-up. AVX2 comes without FMA, so that both versions round alike.
//
// A sanitizer may ask for the choice to be known before the first call; there is one version then.
// Thread, allocation and failure rule: none, an attribute.
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define DRIFTD_WIDE_VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define DRIFTD_WIDE_VECTORS
#endif
