//! The only clocks, sockets, threads and randomness. To be written.
