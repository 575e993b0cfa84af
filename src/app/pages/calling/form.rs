use leptos::prelude::*;

use crate::{
    api::calling::PlaceCall,
    app::{
        links::with_query,
        pages::work::{about, in_address, mind},
        post::{Post, PostForm},
        ui::{BusyButton, ButtonKind, ErrorNotice, FieldErrorText, FormNumber, TextField},
    },
    model::{
        calling::{CallRequest, LANGUAGES, MESSAGE_MAX, NumberView},
        ids::CallId,
        service::ServiceId,
    },
};

/// The id of the form, for the focus.
const FORM: &str = "call-form";
/// The id of the message about the whole form.
const MESSAGE: &str = "call-message";

/// Countries on offer for numbers without country code. Any other is written with its code.
const COUNTRIES: [(&str, &str); 34] = [
    ("AR", "Argentina (+54)"),
    ("AU", "Australia (+61)"),
    ("AT", "Austria (+43)"),
    ("BE", "Belgium (+32)"),
    ("BR", "Brazil (+55)"),
    ("CA", "Canada (+1)"),
    ("CL", "Chile (+56)"),
    ("CZ", "Czechia (+420)"),
    ("DK", "Denmark (+45)"),
    ("FI", "Finland (+358)"),
    ("FR", "France (+33)"),
    ("DE", "Germany (+49)"),
    ("GR", "Greece (+30)"),
    ("HU", "Hungary (+36)"),
    ("IN", "India (+91)"),
    ("IE", "Ireland (+353)"),
    ("IL", "Israel (+972)"),
    ("IT", "Italy (+39)"),
    ("JP", "Japan (+81)"),
    ("MX", "Mexico (+52)"),
    ("NL", "Netherlands (+31)"),
    ("NZ", "New Zealand (+64)"),
    ("NO", "Norway (+47)"),
    ("PL", "Poland (+48)"),
    ("PT", "Portugal (+351)"),
    ("RO", "Romania (+40)"),
    ("SG", "Singapore (+65)"),
    ("ZA", "South Africa (+27)"),
    ("ES", "Spain (+34)"),
    ("SE", "Sweden (+46)"),
    ("CH", "Switzerland (+41)"),
    ("TR", "Türkiye (+90)"),
    ("GB", "United Kingdom (+44)"),
    ("US", "United States (+1)"),
];

/// The page with the form filled in as for this call. What was said in it stays out of the address.
pub(super) fn again_path(id: CallId) -> String {
    with_query(ServiceId::Calling.path(), [("again", id.to_string().as_str())])
}

/// Places a call. Its page follows by itself. What the address gives is filled in.
#[component]
pub(super) fn CallForm(
    /// The numbers that can call.
    callers: Vec<NumberView>,
    /// The call that is to be placed once more.
    request: Option<CallRequest>,
) -> impl IntoView {
    let place = Post::to::<PlaceCall>();
    let error = Signal::derive(move || place.error());
    mind(place.version(), error, FORM, MESSAGE);
    let [to, from, message, country, language, record] =
        ["to", "from", "message", "country", "language", "record"].map(in_address);
    // What was typed counts more.
    let or_before = |typed: String, before: fn(&CallRequest) -> &str| {
        let before = request.as_ref().map(before).filter(|_| typed.is_empty());
        before.map_or(typed, str::to_owned)
    };
    let (to, from) = (or_before(to, |request| &request.to), or_before(from, |request| &request.from));
    let message = or_before(message, |request| &request.message);
    let language = or_before(language, |request| &request.language);
    let fields = ["to", "country", "from", "message", "language", "record"].map(str::to_owned);
    let said = about(error, "message", "The message");
    let wrong_country = about(error, "country", "The country");
    let wrong_language = about(error, "language", "The language");
    let described = move || if said.read().is_some() { "message-help message-error" } else { "message-help" };
    view! {
        <div id=FORM>
            <PostForm action=place>
                <FormNumber />
                <div class="search-fields">
                    <TextField
                        name="to"
                        label="Call"
                        kind="tel"
                        autocomplete="off"
                        help="With its country code, such as +49 30 901820, or choose the country."
                        value=to
                        error=about(error, "to", "The number")
                    />
                    <div class="field">
                        <label for="country">"Country"</label>
                        <select
                            id="country"
                            name="country"
                            aria-describedby="country-error"
                            aria-invalid=move || wrong_country.read().is_some().then_some("true")
                        >
                            <option value="">"As the number says"</option>
                            {options(&COUNTRIES, &country)}
                        </select>
                        <FieldErrorText id="country-error".to_owned() error=wrong_country />
                    </div>
                    <From callers=callers from=from error=about(error, "from", "The number to call from") />
                    <div class="field">
                        <label for="language">"Language of the message"</label>
                        <select
                            id="language"
                            name="language"
                            aria-describedby="language-error"
                            aria-invalid=move || wrong_language.read().is_some().then_some("true")
                        >
                            {options(&LANGUAGES, &language)}
                        </select>
                        <FieldErrorText id="language-error".to_owned() error=wrong_language />
                    </div>
                </div>
                <div class="field">
                    <label for="message">"Message"</label>
                    <textarea
                        id="message"
                        name="message"
                        rows="4"
                        required
                        maxlength=MESSAGE_MAX.to_string()
                        aria-invalid=move || said.read().is_some().then_some("true")
                        aria-describedby=described
                    >
                        {message}
                    </textarea>
                    <p class="field-help" id="message-help">
                        "Twilio reads it out once to whoever answers, an answering machine included, then hangs up."
                    </p>
                    <FieldErrorText id="message-error".to_owned() error=said />
                </div>
                <label class="check">
                    <input type="checkbox" name="record" checked=!record.is_empty() aria-describedby="record-help" />
                    "Record the call"
                </label>
                <p class="field-help" id="record-help">
                    "The recording stays at Twilio, which charges for it. In many countries whoever is called must be told first."
                </p>
                <ErrorNotice error=error provider="Twilio" fields=fields id=MESSAGE />
                <div class="actions">
                    <BusyButton kind=ButtonKind::Primary busy=place.pending() label="Call" busy_label="Calling…" />
                </div>
            </PostForm>
        </div>
    }
    .into_any()
}

/// The number to call from: one of the account's, or typed where the account told none.
#[component]
fn From(callers: Vec<NumberView>, from: String, error: Signal<Option<String>>) -> impl IntoView {
    if callers.is_empty() {
        return view! {
            <TextField
                name="from"
                label="From"
                kind="tel"
                autocomplete="off"
                help="A number of your Twilio account, such as +12025550142."
                value=from
                error=error
            />
        }
        .into_any();
    }
    let offered = callers
        .into_iter()
        .map(|caller| {
            let selected = caller.number == from;
            let label = match caller.name {
                Some(name) => format!("{}, {name}", caller.number),
                None => caller.number.clone(),
            };
            view! {
                <option value=caller.number selected=selected>
                    {label}
                </option>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <div class="field">
            <label for="from">"From"</label>
            <select
                            id="from"
                            name="from"
                            aria-describedby="from-error"
                            aria-invalid=move || error.read().is_some().then_some("true")
                        >
                {offered}
            </select>
            <FieldErrorText id="from-error".to_owned() error=error />
        </div>
    }
    .into_any()
}

fn options(offered: &'static [(&'static str, &'static str)], chosen: &str) -> AnyView {
    offered
        .iter()
        .map(|(code, label)| {
            view! {
                <option value=*code selected=*code == chosen>
                    {*label}
                </option>
            }
            .into_any()
        })
        .collect_view()
        .into_any()
}
