//! The configuration: TOML and environment in, checked values out, every fault named at once. To be written.
