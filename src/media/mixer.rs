//! The sum of a meeting: mix-minus for speakers, one shared mix for all others. To be written.
