//! Who looks at the page.

use leptos::{prelude::*, server::ServerActionError};
use leptos_router::hooks::use_query_map;

use crate::{
    api::{
        auth::{Login, Logout, Register, WhoAmI},
        installation::AskInstallation,
        wire::ask,
    },
    app::{asked::Asked, post::Post},
    model::page::{Installation, Me},
};

/// Who is signed in, and the actions that change it. Lives above the pages, so that signing in on one page
/// changes the frame around all of them.
#[derive(Clone, Copy)]
pub struct Viewer {
    /// Who is signed in.
    pub me: Asked<Option<Me>>,
    /// How the installation is set up.
    pub installation: Asked<Installation>,
    /// Signs in.
    pub login: Post<()>,
    /// Opens an account and signs in.
    pub register: Post<()>,
    /// Signs out.
    pub logout: Post<()>,
    changes: RwSignal<u32>,
}

impl Viewer {
    /// Asks again who is signed in, because somebody else has changed it. Redraws the frame.
    pub fn ask_again(self) {
        self.changes.update(|count| *count += 1);
    }
}

/// Provides the [`Viewer`]. Belongs inside the router.
pub fn provide_viewer() -> Viewer {
    // The router hands the error of a plain form post to the pages only; these actions live above them.
    let query = use_query_map().get_untracked();
    if let (Some(path), Some(error)) = (query.get_str("__path"), query.get_str("__err")) {
        provide_context(ServerActionError::new(path, error));
    }
    let (login, register, logout) = (Post::to::<Login>(), Post::to::<Register>(), Post::to::<Logout>());
    let changes = RwSignal::new(0_u32);
    // Only a success changes who is signed in; asking again after a failure would redraw the form.
    Effect::new(move |_| {
        let changed = matches!(&*login.value().read(), Some(Ok(())))
            || matches!(&*register.value().read(), Some(Ok(())))
            || matches!(&*logout.value().read(), Some(Ok(())));
        if changed {
            changes.update(|count| *count += 1);
        }
    });
    let viewer = Viewer {
        me: Asked::for_each(move || changes.get().to_string(), || ask(WhoAmI {})),
        installation: Asked::once(|| ask(AskInstallation {})),
        login,
        register,
        logout,
        changes,
    };
    provide_context(viewer);
    viewer
}
