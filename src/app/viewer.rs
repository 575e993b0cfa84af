//! Who looks at the page.

use leptos::{prelude::*, server::ServerActionError};
use leptos_router::hooks::use_query_map;

use crate::{
    api::{
        auth::{Login, Logout, Register, me},
        installation::installation,
    },
    model::{
        error::AppError,
        page::{Installation, Me},
    },
};

/// Who is signed in, and the actions that change it. Lives above the pages, so that signing in on one page
/// changes the frame around all of them.
#[derive(Clone, Copy)]
pub struct Viewer {
    /// Who is signed in.
    pub me: Resource<Result<Option<Me>, AppError>>,
    /// How the installation is set up.
    pub installation: Resource<Result<Installation, AppError>>,
    /// Signs in.
    pub login: ServerAction<Login>,
    /// Opens an account and signs in.
    pub register: ServerAction<Register>,
    /// Signs out.
    pub logout: ServerAction<Logout>,
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
    let (login, register, logout) = (ServerAction::new(), ServerAction::new(), ServerAction::new());
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
        me: Resource::new(move || changes.get(), |_| me()),
        installation: Resource::new(|| (), |()| installation()),
        login,
        register,
        logout,
        changes,
    };
    provide_context(viewer);
    viewer
}
