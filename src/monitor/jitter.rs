//! What spreads checks.

use std::sync::{
    LazyLock,
    atomic::{AtomicU32, Ordering},
};

/// A number from 0 to 1, for spreading checks. Each is the golden ratio further than the last, so that the next checks of
/// keys that are checked one after the other lie apart evenly, where random numbers would bring some together. Processes
/// begin in different places; without a random source they do not.
pub fn jitter() -> f64 {
    const STEP: u32 = 0x9E37_79B9;
    static PLACE: LazyLock<AtomicU32> = LazyLock::new(|| {
        let mut bytes = [0; 4];
        let _ = getrandom::fill(&mut bytes);
        AtomicU32::new(u32::from_le_bytes(bytes))
    });
    f64::from(PLACE.fetch_add(STEP, Ordering::Relaxed)) / f64::from(u32::MAX)
}
