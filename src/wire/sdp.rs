//! SDP (RFC 8866): lossless and line-based. What is not understood is kept; what is missing is no reason to refuse. To be written.
