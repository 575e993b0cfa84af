use std::sync::{Arc, Mutex};

/// A part of a view that follows signals.
///
/// `view!` does this by itself to a closure that is written inside it, but not to one that has a name: that stays a
/// type of its own, with code of its own for each thing a view can do.
pub fn part<T: 'static>(part: impl FnMut() -> T + Send + 'static) -> Arc<Mutex<dyn FnMut() -> T + Send>> {
    Arc::new(Mutex::new(part))
}
