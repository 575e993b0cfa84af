use leptos::prelude::*;

/// The pictograms. Each stands beside words and is hidden from assistive technology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Done, open, accepted.
    Check,
    /// Refused, closed.
    Cross,
    /// Needs attention.
    Alert,
    /// Empty, not begun.
    Circle,
    /// Waiting for a point in time.
    Clock,
    /// Cannot be opened.
    Lock,
    /// Stopped by somebody.
    Pause,
    /// Busy; turns unless the user prefers reduced motion.
    Spinner,
    /// Leads on.
    Arrow,
    /// Leads to another site.
    Outside,
    /// News.
    Bell,
    /// The shield of Keyward.
    Shield,
}

impl Mark {
    /// The path in a box of 16 × 16, drawn as a line.
    const fn path(self) -> &'static str {
        match self {
            Self::Check => "M3.5 8.5l3 3 6-7",
            Self::Cross => "M4.5 4.5l7 7M11.5 4.5l-7 7",
            Self::Alert => "M8 3.5v5.5M8 12v.01",
            Self::Circle => "M8 3.75a4.25 4.25 0 1 0 0 8.5a4.25 4.25 0 1 0 0-8.5",
            Self::Clock => "M8 2.75a5.25 5.25 0 1 0 0 10.5a5.25 5.25 0 1 0 0-10.5M8 5v3.25l2 1.25",
            Self::Lock => "M4 7.5h8v5.5h-8zM5.75 7.5v-2a2.25 2.25 0 0 1 4.5 0v2",
            Self::Pause => "M6 4.5v7M10 4.5v7",
            Self::Spinner => "M8 3a5 5 0 1 1-4.33 2.5",
            Self::Arrow => "M3 8h9.5M9 4.5L12.5 8L9 11.5",
            Self::Outside => "M6.5 4H4v8h8V9.5M9 3.5h3.5V7M12.25 3.75L7.5 8.5",
            Self::Bell => {
                "M3.5 11.5h9c-1-1-1.25-2-1.25-4.25a3.25 3.25 0 0 0-6.5 0c0 2.25-.25 3.25-1.25 4.25M6.75 13.5h2.5"
            }
            Self::Shield => {
                "M8 1.5l5 1.75v4.25c0 3.25-2 5.75-5 7c-3-1.25-5-3.75-5-7V3.25zM8 5.75a1.35 1.35 0 1 0 0 2.7a1.35 1.35 0 1 0 0-2.7M8 8.5v2.25"
            }
        }
    }
}

/// A pictogram of the size of the text around it.
#[component]
pub fn Icon(
    /// Which one.
    mark: Mark,
) -> impl IntoView {
    let class = if mark == Mark::Spinner { "icon icon-spin" } else { "icon" };
    view! {
        <svg class=class viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
            <path d=mark.path() />
        </svg>
    }
}
