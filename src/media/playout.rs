//! Play-out: decides how many samples to take, and renders exactly one tick. To be written.
