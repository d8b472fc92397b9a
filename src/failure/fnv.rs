//! FNV-1a of 64 bits, for checksums and folder names. It is the same on every machine, but it is not collision-resistant.

/// The hash of these bytes.
pub(crate) fn fnv(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The hash of all bytes so far, whose hash is `sum`, and of these.
pub(crate) fn fnv_of(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().copied().fold(sum, step)
}

fn step(sum: u64, byte: u8) -> u64 {
    (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_published_vectors() {
        assert_eq!(fnv([]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(*b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv(*b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(fnv_of(fnv(*b"foo"), b"bar"), fnv(*b"foobar"));
    }
}
