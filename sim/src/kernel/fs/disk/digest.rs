//! A digest of the whole disk, to compare the states that two exits left.
//! It resists no adversary, and leaves out inode numbers and times, which differ without meaning.

use super::Disk;
use super::content::Content;
use super::inode::Node;
use super::number::{InodeId, ROOT};
use super::page::{PAGE, PAGE_BYTES, Page};

/// The first digits of pi, made odd: constants with nothing up the sleeve.
const LANES: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345];

/// Folds the full product of two words into one.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ LANES[0]) * u128::from(b ^ LANES[1]);
    (product as u64) ^ ((product >> 64) as u64)
}

struct Digest {
    lanes: [u64; 2],
}

impl Digest {
    fn word(&mut self, word: u64) {
        let [one, two] = self.lanes;
        self.lanes = [mix(one.rotate_left(23) ^ word, two | 1), mix(two.rotate_left(41), word ^ one)];
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }
}

/// The two states of the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Visible,
    Durable,
}

impl Disk {
    /// A digest of the durable state: names, kinds, permission bits, link
    /// targets, sizes, bytes. A hole and a page of zeros are the same.
    pub fn durable_digest(&self) -> u128 {
        self.digest(State::Durable)
    }

    /// The same of the state that the running system sees by name.
    pub fn visible_digest(&self) -> u128 {
        self.digest(State::Visible)
    }

    fn digest(&self, state: State) -> u128 {
        let mut digest = Digest { lanes: LANES };
        self.digest_inode(ROOT, state, &mut digest);
        (u128::from(digest.lanes[0]) << 64) | u128::from(digest.lanes[1])
    }

    fn digest_inode(&self, inode: InodeId, state: State, digest: &mut Digest) {
        let node = self.inode(inode).unwrap_or_else(|_| panic!("an entry leads to inode {inode}, which was freed"));
        digest.word(u64::from(node.kind().mode_bits() | node.mode));
        match &node.node {
            Node::File(content) => content.digest(state, digest),
            Node::Symlink(target) => digest.bytes(target),
            Node::Device(device) => digest.word(device.rdev()),
            Node::Socket | Node::Pseudo(_) => {}
            Node::Directory(directory) => {
                let entries = if state == State::Visible { &directory.entries } else { &directory.durable };
                digest.word(entries.len() as u64);
                for (name, entry) in entries {
                    digest.bytes(name);
                    self.digest_inode(entry.inode, state, digest);
                }
            }
        }
    }
}

impl Content {
    fn digest(&self, state: State, digest: &mut Digest) {
        let size = if state == State::Visible { self.size } else { self.durable_size };
        digest.word(size);
        let mut put = |index: u64, page: &Page| {
            let within = (size - index * PAGE).min(PAGE_BYTES as u64) as usize;
            if page[..within].iter().any(|byte| *byte != 0) {
                digest.word(index);
                digest.bytes(&page[..within]);
            }
        };
        let end = size.div_ceil(PAGE);
        if state == State::Visible || self.is_durable() {
            self.pages.range(..end).for_each(|(&index, page)| put(index, page));
            return;
        }
        let mut indices: Vec<u64> = self.pages.range(..end).map(|(&index, _)| index).collect();
        indices.extend(self.dirty.range(..end).map(|(&index, _)| index));
        indices.extend(self.lost.range(..end).map(|(&index, _)| index));
        indices.sort_unstable();
        indices.dedup();
        for index in indices {
            if let Some(page) = self.durable_page(index) {
                put(index, page);
            }
        }
    }
}
