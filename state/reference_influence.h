// How much of what a model predicts goes with each of its columns, on its own reference: what a
// shift of the column may do to the model.
//
// For a score or value the correlation ratio (eta squared: Fisher 1925, Statistical Methods for
// Research Workers, section 45) of the predictions' ranks over the column's decile bins or
// categories; for classes tau of Goodman and Kruskal (1954), J. Am. Stat. Assoc. 49, which is the
// same ratio of class indicators. Both corrected for the number of groups (Kelley 1935, PNAS 21),
// from 0 (none) to 1 (the prediction follows from the column). It is a share of explained variance,
// not a cause: what two correlated columns explain is counted for both. Pure. Cannot fail.
#pragma once

#include "core/model.h"
#include "state/column_file.h"
#include "windows/reference.h"

namespace driftd {

// Fills `SeriesReference::influence` of the features; left empty where the reference has no
// predictions or all are the same.
void measure_influence(const ColumnFile& file, const ModelSchema& model, Reference& reference);

}  // namespace driftd
