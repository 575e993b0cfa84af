use leptos::prelude::*;

/// The number of a form as it is shown now. What is ordered with it and arrives twice, because the button was pressed
/// twice or the answer was lost, is one order.
#[component]
pub fn FormNumber() -> impl IntoView {
    // Without this, Firefox puts the number of the page before a reload back.
    view! { <input type="hidden" name="once" value=number() autocomplete="off" /> }.into_any()
}

#[cfg(feature = "ssr")]
fn number() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Nobody has to guess it; it must differ from the user's other forms of a day.
#[cfg(not(feature = "ssr"))]
fn number() -> String {
    [(); 2].map(|()| js_sys::Math::random().to_string()).join("-")
}
