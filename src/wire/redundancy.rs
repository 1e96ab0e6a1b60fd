//! Redundant audio (RFC 2198): a packet that carries older sound again beside its own.
//!
//! Only taken apart here; nothing is sent so. What the blocks hold is not known here.

use arrayvec::ArrayVec;

/// Most blocks taken from a packet: three generations of redundancy and the packet's own sound. Nobody sends more, and each costs work.
pub const BLOCKS: usize = 4;

/// One block of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block<'a> {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// How much older than the packet's timestamp it is, in its units; 0 for the packet's own sound.
    pub age: u32,
    /// Octets.
    pub payload: &'a [u8],
}

/// The blocks of a payload: the packet's own sound last (RFC 2198 §3), of the others those nearest to it. Empty if the headers
/// promise more than there is.
pub fn blocks(payload: &[u8]) -> ArrayVec<Block<'_>, BLOCKS> {
    read(payload).unwrap_or_default()
}

fn read(payload: &[u8]) -> Option<ArrayVec<Block<'_>, BLOCKS>> {
    // §3: headers of four octets as long as the first bit is set, then one of one octet, then the blocks in the same order.
    let mut headers = payload;
    let mut older = 0usize;
    let own = loop {
        match *headers.first()? {
            first if first & 0x80 == 0 => break first,
            _ => {
                headers = headers.get(4..)?;
                older += 1;
            }
        }
    };
    let mut data = headers.get(1..)?;
    let mut blocks = ArrayVec::new();
    for (at, header) in payload.chunks_exact(4).take(older).enumerate() {
        let word = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        // §3: F 1 bit, payload type 7, timestamp offset 14, length 10.
        let length = (word & 0x3ff) as usize;
        let (octets, rest) = data.split_at_checked(length)?;
        data = rest;
        if older - at < BLOCKS && length > 0 {
            blocks.push(Block { payload_type: (word >> 24 & 0x7f) as u8, age: word >> 10 & 0x3fff, payload: octets });
        }
    }
    blocks.push(Block { payload_type: own, age: 0, payload: data });
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of an older block.
    fn header(payload_type: u8, age: u32, length: u32) -> [u8; 4] {
        (0x8000_0000 | u32::from(payload_type) << 24 | age << 10 | length).to_be_bytes()
    }

    #[test]
    fn a_packet_with_two_older_blocks_is_taken_apart() {
        let mut payload = Vec::new();
        payload.extend(header(8, 320, 3));
        payload.extend(header(0, 160, 2));
        payload.extend([8, 1, 2, 3, 4, 5, 6, 7]);
        let expected = [
            Block { payload_type: 8, age: 320, payload: &[1, 2, 3] },
            Block { payload_type: 0, age: 160, payload: &[4, 5] },
            Block { payload_type: 8, age: 0, payload: &[6, 7] },
        ];
        assert_eq!(blocks(&payload)[..], expected);
    }

    #[test]
    fn of_many_blocks_the_nearest_are_taken() {
        let mut payload = Vec::new();
        for age in (1..=6).rev() {
            payload.extend(header(8, age * 160, 1));
        }
        payload.push(8);
        payload.extend([6, 5, 4, 3, 2, 1, 0]);
        let taken: Vec<_> = blocks(&payload).iter().map(|block| (block.age, block.payload.to_vec())).collect();
        assert_eq!(taken, [(480, vec![3]), (320, vec![2]), (160, vec![1]), (0, vec![0])]);
    }

    #[test]
    fn headers_that_promise_too_much_give_nothing() {
        for payload in [&[][..], &[0x88], &header(8, 160, 3), &[&header(8, 160, 3)[..], &[8, 1, 2]].concat(), &[0xff; 40]] {
            assert!(blocks(payload).is_empty(), "{payload:?}");
        }
        assert_eq!(blocks(&[8])[..], [Block { payload_type: 8, age: 0, payload: &[] }]);
    }

    proptest::proptest! {
        #[test]
        fn no_octets_make_it_panic(payload: Vec<u8>) {
            let taken: usize = blocks(&payload).iter().map(|block| block.payload.len()).sum();
            proptest::prop_assert!(taken <= payload.len());
        }
    }
}
