// A reference as bytes and back: what a baseline file holds of it (docs/formats/baseline.md).
//
// Only what cannot be computed again is written; cells, cumulative counts and the pieces of score
// maps follow from it, so that what is read equals what was written in every bit. `keeps_gaps` and
// `hash` are not written: the one follows from the configuration, the other from the file.
//
// Thread rule: pure. Allocation rule: by the reference. Failure rule: false for bytes that no
// writer here made.
#pragma once

#include "core/byte_stream.h"
#include "windows/reference.h"

namespace driftd {

void write_reference(ByteWriter& out, const Reference& reference);
[[nodiscard]] bool read_reference(ByteReader& in, Reference& out);

}  // namespace driftd
