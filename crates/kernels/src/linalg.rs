//! Decompositions of symmetric and rectangular matrices.
