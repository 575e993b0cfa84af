//! The browser's half: microphone, `MediaRecorder`, and an `AnalyserNode` for the level.

use std::{cell::RefCell, rc::Rc, time::Duration};

use js_sys::{Array, Date, Reflect};
use leptos::{html, leptos_dom::helpers::IntervalHandle, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AnalyserNode, AudioContext, BlobEvent, DataTransfer, File, HtmlFormElement, HtmlInputElement,
    MediaRecorder, MediaStream, MediaStreamConstraints, MediaStreamTrack, Url,
};

use super::{LONGEST, State, Trouble};

/// How often level and time are looked at.
const TICK: Duration = Duration::from_millis(100);
/// Bytes of a file that tell its kind.
const HEAD: f64 = 16.0;

/// What a recording is made of. Dropped, it lets the microphone go.
struct Recording {
    recorder: MediaRecorder,
    stream: MediaStream,
    context: Option<AudioContext>,
    ticking: Option<IntervalHandle>,
    _heard: Closure<dyn FnMut(BlobEvent)>,
    _stopped: Closure<dyn FnMut()>,
}

impl Drop for Recording {
    fn drop(&mut self) {
        // A recorder that is stopped says so later, when nobody is left to hear it.
        self.recorder.set_ondataavailable(None);
        self.recorder.set_onstop(None);
        if let Some(ticking) = self.ticking.take() {
            ticking.clear();
        }
        for track in self.stream.get_tracks() {
            if let Ok(track) = track.dyn_into::<MediaStreamTrack>() {
                track.stop();
            }
        }
        if let Some(context) = &self.context {
            // It closes by itself with the page.
            let _ = context.close();
        }
    }
}

/// The recording that is under way, and where it is told.
#[derive(Clone, Copy)]
pub(super) struct Take {
    running: StoredValue<Option<Recording>, LocalStorage>,
    state: RwSignal<State>,
    level: RwSignal<u32>,
    seconds: RwSignal<u32>,
    file: NodeRef<html::Input>,
}

impl Take {
    pub(super) fn new(
        state: RwSignal<State>,
        level: RwSignal<u32>,
        seconds: RwSignal<u32>,
        file: NodeRef<html::Input>,
    ) -> Self {
        Self { running: StoredValue::new_local(None), state, level, seconds, file }
    }

    pub(super) fn begin(self) {
        spawn_local(async move {
            let begun = match microphone().await {
                // The page was left while the browser asked.
                Ok(stream) if self.state.try_get_untracked() != Some(State::Asking) => {
                    stop_tracks(&stream);
                    return;
                }
                Ok(stream) => self.record(stream).map_err(|_| Trouble::Failed),
                Err(trouble) => Err(trouble),
            };
            match begun {
                Ok(recording) => {
                    self.running.try_set_value(Some(recording));
                    self.level.try_set(0);
                    self.seconds.try_set(0);
                    self.state.try_set(State::Recording);
                }
                Err(trouble) => drop(self.state.try_set(State::Trouble(trouble))),
            }
        });
    }

    pub(super) fn end(self) {
        let stop = |running: &Option<Recording>| {
            if let Some(running) = running {
                // One that has stopped already is no harm.
                let _ = running.recorder.stop();
            }
        };
        self.running.try_with_value(stop);
    }

    fn record(self, stream: MediaStream) -> Result<Recording, JsValue> {
        let recorder = MediaRecorder::new_with_media_stream(&stream)?;
        let pieces = Rc::new(RefCell::new(Array::new()));
        let heard = Closure::<dyn FnMut(BlobEvent)>::new({
            let pieces = Rc::clone(&pieces);
            move |event: BlobEvent| {
                if let Some(piece) = event.data() {
                    pieces.borrow().push(&piece);
                }
            }
        });
        recorder.set_ondataavailable(Some(heard.as_ref().unchecked_ref()));
        let began = Date::now();
        let stopped = Closure::<dyn FnMut()>::new(move || self.finish(&pieces.borrow(), began));
        recorder.set_onstop(Some(stopped.as_ref().unchecked_ref()));
        recorder.start()?;
        // Without a level it records all the same.
        let meter = analyser(&stream).ok();
        let (context, analyser) = meter.unzip();
        let tick = move || {
            let seconds = elapsed(began);
            self.seconds.try_set(seconds);
            if let Some(analyser) = &analyser {
                self.level.try_set(level(analyser));
            }
            if seconds >= LONGEST {
                self.end();
            }
        };
        let ticking = set_interval_with_handle(tick, TICK).ok();
        Ok(Recording { recorder, stream, context, ticking, _heard: heard, _stopped: stopped })
    }

    /// Makes a file of what was heard, and lets the microphone go.
    fn finish(self, pieces: &Array, began: f64) {
        let seconds = elapsed(began);
        let state = match self.keep(pieces) {
            Ok(url) => State::Done { url, seconds },
            Err(_) => State::Trouble(Trouble::Failed),
        };
        self.state.try_set(state);
        // Later: this runs inside of what is dropped.
        let running = self.running;
        set_timeout(move || drop(running.try_set_value(None)), Duration::ZERO);
    }

    fn keep(self, pieces: &Array) -> Result<String, JsValue> {
        let file = File::new_with_blob_sequence(pieces, "recording")?;
        let input = self.file.try_get_untracked().flatten().ok_or(JsValue::NULL)?;
        let transfer = DataTransfer::new()?;
        transfer.items().add_with_file(&file)?;
        input.set_files(transfer.files().as_ref());
        Url::create_object_url_with_blob(&file)
    }
}

fn elapsed(since: f64) -> u32 {
    ((Date::now() - since) / 1_000.0) as u32
}

async fn microphone() -> Result<MediaStream, Trouble> {
    let devices = window().navigator().media_devices().map_err(|_| Trouble::NotHere)?;
    // Where pages may not record, there is none.
    if devices.is_undefined() {
        return Err(Trouble::NotHere);
    }
    let wish = MediaStreamConstraints::new();
    wish.set_audio(&JsValue::TRUE);
    let asked = devices.get_user_media_with_constraints(&wish).map_err(|error| trouble(&error))?;
    let stream = JsFuture::from(asked).await.map_err(|error| trouble(&error))?;
    stream.dyn_into().map_err(|_| Trouble::Failed)
}

fn trouble(error: &JsValue) -> Trouble {
    let name = Reflect::get(error, &JsValue::from_str("name")).ok().and_then(|name| name.as_string());
    match name.as_deref() {
        Some("NotAllowedError" | "SecurityError") => Trouble::Denied,
        Some("NotFoundError" | "OverconstrainedError") => Trouble::NoMicrophone,
        _ => Trouble::Failed,
    }
}

fn stop_tracks(stream: &MediaStream) {
    for track in stream.get_tracks() {
        if let Ok(track) = track.dyn_into::<MediaStreamTrack>() {
            track.stop();
        }
    }
}

fn analyser(stream: &MediaStream) -> Result<(AudioContext, AnalyserNode), JsValue> {
    let context = AudioContext::new()?;
    let analyser = context.create_analyser()?;
    context.create_media_stream_source(stream)?.connect_with_audio_node(&analyser)?;
    Ok((context, analyser))
}

/// How far the sound swings, in per cent.
fn level(analyser: &AnalyserNode) -> u32 {
    let mut samples = [128_u8; 1_024];
    analyser.get_byte_time_domain_data(&mut samples);
    let swing = samples.iter().map(|sample| sample.abs_diff(128)).max().unwrap_or_default();
    u32::from(swing) * 100 / 128
}

/// The first bytes and the size of every file of a form.
pub(in crate::app::pages::voices) async fn heads(form: &HtmlFormElement) -> Vec<(Vec<u8>, usize)> {
    let mut heads = Vec::new();
    let Ok(inputs) = form.query_selector_all("input[type=file]") else { return heads };
    for input in (0..inputs.length()).filter_map(|index| inputs.item(index)) {
        let files = input.dyn_into::<HtmlInputElement>().ok().and_then(|input| input.files());
        let Some(files) = files else { continue };
        for file in (0..files.length()).filter_map(|index| files.item(index)) {
            heads.push((head(&file).await.unwrap_or_default(), file.size() as usize));
        }
    }
    heads
}

async fn head(file: &File) -> Option<Vec<u8>> {
    let start = file.slice_with_f64_and_f64(0.0, HEAD).ok()?;
    let buffer = JsFuture::from(start.array_buffer()).await.ok()?;
    Some(js_sys::Uint8Array::new(&buffer).to_vec())
}
