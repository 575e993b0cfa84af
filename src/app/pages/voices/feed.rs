//! Sound that plays while it comes. Source: <https://www.w3.org/TR/media-source-2/>.

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
};

use js_sys::{Array, Function, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, MediaSource, MediaSourceReadyState, ReadableStream, ReadableStreamDefaultReader,
    SourceBuffer, Url, window,
};

/// What plays sound while it comes.
pub(super) struct Feed {
    url: String,
    line: Rc<Line>,
}

/// Sound that has come to its end.
pub(super) struct All {
    pub(super) sound: Blob,
    /// The player has got all that came.
    pub(super) played: bool,
    /// Nobody has stopped it, and nothing has cut it off.
    pub(super) complete: bool,
}

/// The pieces on their way to the player, which takes one after the other.
struct Line {
    kind: String,
    source: MediaSource,
    /// Goes on, when the player takes the source and whenever it has taken a piece.
    called: OnceCell<Function>,
    buffer: RefCell<Option<SourceBuffer>>,
    pieces: Array,
    /// The piece that the player gets next.
    next: Cell<u32>,
    /// No piece follows.
    ended: Cell<bool>,
    /// The player takes no more: its memory is full, or it does not understand what came.
    broken: Cell<bool>,
}

impl Feed {
    /// Nothing where the browser plays this media type as a whole only.
    pub(super) fn new(kind: &str) -> Option<Self> {
        // Some browsers do not know the word.
        Reflect::has(&window()?.into(), &"MediaSource".into()).ok().filter(|known| *known)?;
        if !MediaSource::is_type_supported(kind) {
            return None;
        }
        let source = MediaSource::new().ok()?;
        let url = Url::create_object_url_with_source(&source).ok()?;
        let line = Rc::new(Line {
            kind: kind.to_owned(),
            source,
            called: OnceCell::new(),
            buffer: RefCell::new(None),
            pieces: Array::new(),
            next: Cell::new(0),
            ended: Cell::new(false),
            broken: Cell::new(false),
        });
        let goes_on = Rc::clone(&line);
        let called = Closure::<dyn Fn()>::new(move || goes_on.go_on()).into_js_value();
        let called = line.called.get_or_init(|| called.unchecked_into());
        line.source.set_onsourceopen(Some(called));
        Some(Self { url, line })
    }

    /// What a player plays.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Hands on what comes, as long as it is to go on.
    pub(super) async fn follow(
        self,
        stream: &ReadableStream,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<All, JsValue> {
        let reader: ReadableStreamDefaultReader = stream.get_reader().dyn_into()?;
        let line = &self.line;
        let complete = loop {
            if !goes_on() {
                // Ends the call at the provider. That it has ended by itself meanwhile is no harm.
                let _ = JsFuture::from(reader.cancel()).await;
                break false;
            }
            let Ok(read) = JsFuture::from(reader.read()).await else { break false };
            if Reflect::get(&read, &"done".into())?.is_truthy() {
                break true;
            }
            line.pieces.push(&Reflect::get(&read, &"value".into())?);
            line.go_on();
        };
        let kind = BlobPropertyBag::new();
        kind.set_type(&line.kind);
        let sound = Blob::new_with_u8_array_sequence_and_options(&line.pieces, &kind)?;
        // Now the pieces may go.
        line.ended.set(true);
        line.go_on();
        let played = !line.broken.get();
        Ok(All { sound, played, complete })
    }
}

impl Line {
    /// Makes the place where the pieces go, once a player has taken the source.
    fn listen(&self) {
        match self.source.add_source_buffer(&self.kind) {
            Ok(buffer) => {
                buffer.set_onupdateend(self.called.get());
                *self.buffer.borrow_mut() = Some(buffer);
            }
            Err(_) => self.broken.set(true),
        }
    }

    /// Gives the player the next piece, if it is ready for one.
    fn go_on(&self) {
        if self.broken.get() || self.source.ready_state() != MediaSourceReadyState::Open {
            return;
        }
        if self.buffer.borrow().is_none() {
            self.listen();
        }
        let buffer = self.buffer.borrow().clone();
        let Some(buffer) = buffer.filter(|buffer| !buffer.updating()) else { return };
        let next = self.next.get();
        if next < self.pieces.length() {
            let piece: Uint8Array = self.pieces.get(next).unchecked_into();
            match buffer.append_buffer_with_array_buffer_view(&piece) {
                Ok(()) => self.next.set(next + 1),
                Err(_) => self.broken.set(true),
            }
        } else if self.ended.get() {
            // What it has is played to its end. Nothing is left to hand on.
            let _ = self.source.end_of_stream();
            self.pieces.set_length(0);
        }
    }
}
