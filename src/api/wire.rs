//! How calls and answers travel.
//!
//! What is generic here exists once for each server function in what every browser loads, so it is kept short:
//! the request itself is one function for all of them.

use std::{future::Future, pin::Pin};

use http::Method;
use leptos::server_fn::{
    Bytes, ContentType, Decodes, Encodes, Format, FormatType, Http, Protocol, ServerFn,
    client::{Client, browser::BrowserClient},
    codec::{FromReq, FromRes, IntoReq, IntoRes, Post, PostUrl},
    redirect::call_redirect_hook,
    request::{ClientReq, browser::BrowserRequest},
    response::ClientRes,
    server::Server,
};
use serde::{
    Serialize,
    de::{DeserializeOwned, Error as _},
};

use crate::model::error::{AppError, ErrorCode};

/// How server functions are called: url-encoded arguments, answers in JSON.
pub struct Rpc;

/// What the server's half of [`Rpc`] is made of.
type Whole = Http<PostUrl, Post<JsonText>>;

impl<I, O, C, S> Protocol<I, O, C, S, AppError> for Rpc
where
    I: IntoReq<PostUrl, C::Request, AppError> + FromReq<PostUrl, S::Request, AppError> + Send,
    O: IntoRes<Post<JsonText>, S::Response, AppError>
        + FromRes<Post<JsonText>, C::Response, AppError>
        + DeserializeOwned
        + Send,
    C: Client<AppError>,
    S: Server<AppError>,
{
    const METHOD: Method = Method::POST;

    fn run_server<F, Fut>(
        request: S::Request,
        server_fn: F,
    ) -> impl Future<Output = Result<S::Response, AppError>> + Send
    where
        F: Fn(I) -> Fut + Send,
        Fut: Future<Output = Result<O, AppError>> + Send,
    {
        let answer = <Whole as Protocol<I, O, C, S, AppError>>::run_server(request, server_fn);
        // Whatever went wrong, arguments that cannot be read included.
        #[cfg(feature = "ssr")]
        let answer = async move { answer.await.map_err(super::error::with_status) };
        answer
    }

    async fn run_client(path: &str, input: I) -> Result<O, AppError> {
        let request = input.into_req(path, JsonText::CONTENT_TYPE)?;
        read(&answer::<C>(request).await?)
    }
}

/// Calls a server function: what it answers, in JSON. On the server it is run in place.
pub fn ask<S>(call: S) -> Answer
where
    S: ServerFn<Error = AppError, Client = BrowserClient> + Serialize + 'static,
    S::Output: Serialize,
{
    #[cfg(feature = "ssr")]
    return Box::pin(async move { serde_json::to_string(&call.run_body().await?).map_err(|_| unreadable()) });
    #[cfg(not(feature = "ssr"))]
    match IntoReq::<PostUrl, _, _>::into_req(call, S::PATH, JsonText::CONTENT_TYPE) {
        Ok(request) => answer::<BrowserClient>(request),
        Err(error) => Box::pin(async { Err(error) }),
    }
}

/// Posts a form to a server function: the url-encoded fields in, the answer's JSON out.
pub fn post(path: &str, fields: String) -> Answer {
    match BrowserRequest::try_new_post(path, PostUrl::CONTENT_TYPE, JsonText::CONTENT_TYPE, fields) {
        Ok(request) => answer::<BrowserClient>(request),
        Err(error) => Box::pin(async { Err(error) }),
    }
}

/// The JSON of an answer, on its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<String, AppError>> + Send>>;

fn answer<C: Client<AppError>>(request: C::Request) -> Answer
where
    C::Request: Send,
{
    Box::pin(async move {
        let response = C::send(request).await?;
        let (status, location) = (response.status(), response.location());
        let redirected = (300..400).contains(&status) || response.has_redirect();
        let body = response.try_into_string().await?;
        if (400..600).contains(&status) {
            return Err(read(&body).unwrap_or_else(|error| error));
        }
        if redirected {
            call_redirect_hook(&location);
        }
        Ok(body)
    })
}

/// Reads an answer.
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T, AppError> {
    serde_json::from_str(json).map_err(|_| unreadable())
}

/// The error of an answer that is not what was asked for.
pub fn unreadable() -> AppError {
    AppError::new(ErrorCode::Transport)
}

/// JSON, read as text. `server_fn` reads its own encoding from bytes, while resources are read from text; one
/// reader for both keeps half of the reading code out of what every browser loads.
pub struct JsonText;

impl ContentType for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for JsonText {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for JsonText {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_string(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for JsonText {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        serde_json::from_str(str::from_utf8(&bytes).map_err(serde_json::Error::custom)?)
    }
}
