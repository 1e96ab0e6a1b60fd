//! Jitter buffer: orders packets and measures arrival. To be written.
