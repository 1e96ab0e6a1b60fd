//! G.711 (ITU-T G.711, A-law and µ-law). To be written.

/// A-law, one octet a sample.
pub fn encode_alaw(_samples: &[i16], _out: &mut [u8]) {
    todo!()
}
/// µ-law, one octet a sample.
pub fn encode_ulaw(_samples: &[i16], _out: &mut [u8]) {
    todo!()
}
/// A-law, one octet a sample.
pub fn decode_alaw(_octets: &[u8], _out: &mut [i16]) {
    todo!()
}
/// µ-law, one octet a sample.
pub fn decode_ulaw(_octets: &[u8], _out: &mut [i16]) {
    todo!()
}
