//! What pages read from the server before they show.
//!
//! A resource of Leptos brings its whole machinery once for each type it may hold. So all pages have resources
//! of one type, which hold an answer's JSON as it came; it is read where it is used.

use std::{
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
};

use leptos::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    api::wire::{self, Answer},
    model::error::AppError,
};

/// What was asked for, on its way or there.
pub struct Asked<T> {
    answer: Resource<Result<Box<RawValue>, AppError>>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Asked<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Asked<T> {}

impl<T: DeserializeOwned> Asked<T> {
    /// Asks once.
    pub fn once(ask: impl Fn() -> Answer + Send + Sync + 'static) -> Self {
        Self::for_each(String::new, ask)
    }

    /// Asks, and again whenever `about` changes.
    pub fn for_each(
        about: impl Fn() -> String + Send + Sync + 'static,
        ask: impl Fn() -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self { answer: resource(Box::new(about), Box::new(ask)), kind: PhantomData }
    }

    /// The answer, once it is there.
    pub fn get(self) -> Option<Result<T, AppError>> {
        self.answer.get().map(read)
    }

    /// The same, without following it.
    pub fn get_untracked(self) -> Option<Result<T, AppError>> {
        self.answer.get_untracked().map(read)
    }

    /// Asks again.
    pub fn refetch(self) {
        self.answer.refetch();
    }
}

impl<T: DeserializeOwned + 'static> Asked<Option<T>> {
    /// What was asked for while the service was closed is asked for again once it is open. Called by what shows it.
    pub fn again_when_open(self) {
        Effect::new(move |_| {
            if matches!(self.get_untracked(), Some(Ok(None))) {
                self.refetch();
            }
        });
    }
}

type About = Box<dyn Fn() -> String + Send + Sync>;
type Ask = Box<dyn Fn() -> Answer + Send + Sync>;

fn resource(about: About, ask: Ask) -> Resource<Result<Box<RawValue>, AppError>> {
    Resource::new(about, move |_| {
        let answer = ask();
        async move { RawValue::from_string(answer.await?).map_err(|_| wire::unreadable()) }
    })
}

fn read<T: DeserializeOwned>(answer: Result<Box<RawValue>, AppError>) -> Result<T, AppError> {
    wire::read(answer?.get())
}

impl<T: DeserializeOwned + 'static> IntoFuture for Asked<T> {
    type Output = Result<T, AppError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let answer = self.answer.into_future();
        Box::pin(async move { read(answer.await) })
    }
}
