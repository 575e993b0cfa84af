use std::ops::Range;

use crate::model::scraper::RESULTS_SHOWN;

/// Rows of a part: as many as arrive at once.
pub(super) const PART: usize = RESULTS_SHOWN;

/// Parts that are drawn beyond what is in sight, on either side.
const BEYOND: usize = 2;

/// Which parts of a long list are drawn, and how much room the others take, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    drawn: Range<usize>,
    pub(super) above: i32,
    pub(super) below: i32,
}

impl Window {
    /// The beginning of a list.
    pub(super) fn first() -> Self {
        Self { drawn: 0..1 + BEYOND, above: 0, below: 0 }
    }

    /// What to draw while the list is scrolled to `top` and `sight` of it is to be seen. The height of a part that was
    /// never drawn is 0 or absent; it is taken for as high as the others are.
    pub(super) fn around(heights: &[i32], parts: usize, top: i32, sight: i32) -> Self {
        let known: Vec<_> = heights.iter().take(parts).filter(|height| **height > 0).collect();
        let count = i32::try_from(known.len()).unwrap_or(i32::MAX).max(1);
        let usual = known.into_iter().sum::<i32>() / count;
        let height = |part: usize| heights.get(part).copied().filter(|height| *height > 0).unwrap_or(usual);
        let room = |parts: Range<usize>| parts.map(height).sum::<i32>();
        let mut end = 0;
        let ends: Vec<_> = (0..parts)
            .map(|part| {
                end += height(part);
                end
            })
            .collect();
        // The first part that ends below the upper edge, and the first that ends below the lower one.
        let first = ends.partition_point(|end| *end <= top).min(parts.saturating_sub(1));
        let last = ends.partition_point(|end| *end < top.saturating_add(sight)).min(parts.saturating_sub(1));
        let drawn = first.saturating_sub(BEYOND)..(last + 1 + BEYOND).min(parts.max(1));
        Self { above: room(0..drawn.start), below: room(drawn.end.min(parts)..parts), drawn }
    }

    /// The parts to draw, of as many as there are.
    pub(super) fn parts(self, parts: usize) -> Range<usize> {
        self.drawn.start.min(parts)..self.drawn.end.min(parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_in_sight_is_drawn_and_the_rest_is_room() {
        let heights = vec![1_000; 20];
        let top = Window::around(&heights, 20, 0, 600);
        assert_eq!((top.clone().parts(20), top.above, top.below), (0..3, 0, 17_000));
        let middle = Window::around(&heights, 20, 10_500, 600);
        assert_eq!((middle.clone().parts(20), middle.above, middle.below), (8..14, 8_000, 6_000));
        let end = Window::around(&heights, 20, 19_400, 600);
        assert_eq!((end.clone().parts(20), end.above, end.below), (17..20, 17_000, 0));
        // A part that has just arrived was never drawn.
        let grown = Window::around(&heights, 21, 19_400, 600);
        assert_eq!((grown.clone().parts(21), grown.below), (17..21, 0));
        // A list that became short shows what it has.
        assert_eq!(Window::around(&heights, 1, 10_500, 600).parts(1), 0..1);
        assert_eq!(Window::first().parts(0), 0..0);
    }

    proptest! {
        #[test]
        fn nothing_in_sight_is_missing_and_few_parts_are_drawn(
            heights in prop::collection::vec(400..4_000_i32, 1..200), at in 0.0..1.0_f64, sight in 200..2_000_i32,
        ) {
            let whole: i32 = heights.iter().sum();
            #[expect(clippy::cast_possible_truncation, reason = "a place within it")]
            let top = (f64::from((whole - sight).max(0)) * at) as i32;
            let window = Window::around(&heights, heights.len(), top, sight);
            let drawn = window.clone().parts(heights.len());
            let room: i32 = heights[drawn.clone()].iter().sum();
            prop_assert_eq!(window.above + room + window.below, whole);
            prop_assert!(window.above <= top && (window.above + room >= top + sight || drawn.end == heights.len()));
            prop_assert!(drawn.len() <= 2 * BEYOND + 1 + 2_000 / 400 + 1);
        }
    }
}
