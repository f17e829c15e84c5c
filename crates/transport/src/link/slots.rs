//! Slots of which each link has one to itself.
//!
//! The links of a part are divided into buckets by their hash, and each bucket has a seed that takes
//! its links to slots that are free: *hash and displace*, as in section 2 of ["Hash, displace, and
//! compress"](https://doi.org/10.1007/978-3-642-04128-0_61) by Belazzougui, Botelho and Dietzfelbinger.

use core::cmp::Reverse;
use std::sync::Arc;

use super::entry::Entry;

pub(super) type Slots = Arc<[Option<Entry>]>;

/// A link with the hash of its key.
pub(super) struct Hashed {
    pub(super) hash: u64,
    pub(super) entry: Entry,
}

/// A number below `len`, as `fraction` is one below 2^32.
pub(super) fn scale(fraction: u32, len: usize) -> usize {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    usize::try_from((u64::from(fraction) * len) >> u32::BITS).unwrap_or_default()
}

/// The slot, out of `slots`, that a seed takes a hash to.
pub(super) fn slot(hash: u64, seed: u8, slots: usize) -> usize {
    // Odd, so that nothing is lost; each bit of a hash or a seed has a say in the upper half.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    const MIX: u64 = 0xd6e8_feb8_6659_fd93;
    let mixed = (hash ^ u64::from(seed).wrapping_mul(SPREAD)).wrapping_mul(MIX);
    let [.., a, b, c, d] = mixed.to_le_bytes();
    scale(u32::from_le_bytes([a, b, c, d]), slots)
}

/// Puts the links of a part into slots, and their seeds among all others. Returns how many slots
/// further than its own a link is at most: none, unless no seeds were found.
pub(super) fn arrange(
    mut links: Vec<Hashed>,
    bucket: impl Fn(u64) -> usize,
    seeds: &mut [u8],
) -> (Slots, usize) {
    links.sort_unstable_by_key(|link| bucket(link.hash));
    let mut buckets: Vec<_> = links
        .chunk_by(|link, next| bucket(link.hash) == bucket(next.hash))
        .collect();
    // The largest first: they need the most room.
    buckets.sort_by_key(|links| Reverse(links.len()));
    let with_spare = |divisor| links.len() + links.len() / divisor + 1;
    let (len, chosen) = [8, 4, 2, 1]
        .map(with_spare)
        .into_iter()
        .find_map(|len| Some((len, choose(&buckets, len)?)))
        .unwrap_or_else(|| (with_spare(1), vec![0; buckets.len()]));

    for (links, chosen) in buckets.iter().zip(chosen) {
        let bucket = links.first().map(|link| bucket(link.hash));
        if let Some(seed) = bucket.and_then(|bucket| seeds.get_mut(bucket)) {
            *seed = chosen;
        }
    }

    let mut slots = vec![None; len];
    let mut reach = 0;
    for Hashed { hash, entry } in links {
        let seed = seeds.get(bucket(hash)).copied().unwrap_or_default();
        let own = slot(hash, seed, len);
        let mut numbers = (own..len).chain(0..own);
        let is_free = |number| slots.get(number).is_some_and(Option::is_none);
        let distance = numbers.position(is_free).unwrap_or_default();
        reach = reach.max(distance);
        if let Some(slot) = slots.get_mut((own + distance) % len) {
            *slot = Some(entry);
        }
    }
    (slots.into(), reach)
}

/// A seed for each bucket, by which no two links have the same of `len` slots, if there are such.
fn choose(buckets: &[&[Hashed]], len: usize) -> Option<Vec<u8>> {
    let mut is_taken = vec![false; len];
    let mut numbers = Vec::new();
    let mut fitting = |links: &&[Hashed]| {
        let seed = (0..=u8::MAX).find(|seed| {
            numbers.clear();
            links.iter().all(|link| {
                let number = slot(link.hash, *seed, len);
                let is_free = is_taken.get(number) == Some(&false) && !numbers.contains(&number);
                numbers.push(number);
                is_free
            })
        })?;
        for number in &numbers {
            if let Some(is_taken) = is_taken.get_mut(*number) {
                *is_taken = true;
            }
        }
        Some(seed)
    };
    buckets.iter().map(&mut fitting).collect()
}
