//! What is stored: a document has a number, a key and, for each of its versions, a text.
//!
//! Keys are made before any clock starts. Texts are slices of one small pool, so that handing them out costs no engine
//! a cache miss or an allocation.

use crate::random::Random;

/// Bytes of a text key.
pub const TEXT_KEY_BYTES: usize = 20;

/// How many different places of the pool a text may start at.
const PLACES: usize = 4096;

/// What the keys of documents are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The document's number, ascending.
    Id,
    /// 20 random letters and digits.
    Text,
}

/// All documents of a run.
pub struct Documents {
    /// The text keys one after the other; `None` where keys are ids.
    keys: Option<String>,
    pool: String,
    value_bytes: usize,
}

impl Documents {
    /// Documents number 0 to `count - 1`.
    pub fn new(kind: KeyKind, count: usize, value_bytes: usize, seed: u64) -> Documents {
        let mut random = Random::new(seed);
        let pool = letters(&mut random, PLACES + value_bytes);
        let keys = (kind == KeyKind::Text).then(|| letters(&mut random, count * TEXT_KEY_BYTES));
        Documents { keys, pool, value_bytes }
    }

    /// What the keys are.
    pub fn key_kind(&self) -> KeyKind {
        if self.keys.is_some() { KeyKind::Text } else { KeyKind::Id }
    }

    /// The key of a document, where keys are texts.
    #[inline]
    pub fn text_key(&self, document: u32) -> Option<&str> {
        let start = document as usize * TEXT_KEY_BYTES;
        self.keys.as_deref().map(|keys| &keys[start..start + TEXT_KEY_BYTES]) // documents are below `count`
    }

    /// Hands the bytes of a document's key to `with`: the text, or the number big-endian, so that memcmp orders them.
    #[inline]
    pub fn with_key<R>(&self, document: u32, with: impl FnOnce(&[u8]) -> R) -> R {
        match self.text_key(document) {
            Some(key) => with(key.as_bytes()),
            None => with(&u64::from(document).to_be_bytes()),
        }
    }

    /// The text of a document after `version` updates.
    #[inline]
    pub fn value(&self, document: u32, version: u32) -> &str {
        let mixed = document.wrapping_mul(0x9e37_79b9).wrapping_add(version.wrapping_mul(0x85eb_ca6b));
        let start = (mixed >> 16) as usize % PLACES;
        &self.pool[start..start + self.value_bytes] // the pool is that much longer than PLACES
    }
}

fn letters(random: &mut Random, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    (0..count).map(|_| char::from(ALPHABET[(random.next() >> 59) as usize])).collect() // 5 bits
}

/// What was read, so that the engines' answers can be compared, and no read can be left out by the compiler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    rows: u64,
    sum: u64,
}

impl Checksum {
    /// Takes in a value: its length, its first and its last eight bytes.
    #[inline]
    pub fn value(&mut self, value: &[u8]) {
        let head = value.first_chunk().map_or_else(|| short(value), |bytes| u64::from_le_bytes(*bytes));
        let tail = value.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.rows += 1;
        self.mix(head ^ tail.rotate_left(17) ^ value.len() as u64);
    }

    /// Takes in a key by its first eight bytes.
    #[inline]
    pub fn key(&mut self, key: &[u8]) {
        self.mix(key.first_chunk().map_or_else(|| short(key), |bytes| u64::from_be_bytes(*bytes)));
    }

    /// Takes in a key that is an id.
    #[inline]
    pub fn id(&mut self, id: u64) {
        self.mix(id);
    }

    /// Takes in that there was no such key.
    #[inline]
    pub fn missing(&mut self) {
        self.mix(1);
    }

    /// Takes in what another thread read; the order of threads does not matter.
    pub fn join(&mut self, other: Checksum) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    #[inline]
    fn mix(&mut self, bits: u64) {
        self.sum = self.sum.rotate_left(5).wrapping_add(bits);
    }
}

fn short(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
}
