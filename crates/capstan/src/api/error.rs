//! A failure as status code and JSON.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::types::Failure;

/// What went wrong, for the one who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of failure.
    pub kind: Kind,
    /// What went wrong: lower case, the object first.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request makes no sense.
    BadRequest,
    /// What it speaks about does not exist.
    NotFound,
    /// It cannot be done in the present state.
    Conflict,
    /// The gateway or its disk is at fault.
    Internal,
}

impl Problem {
    /// Returns a problem of this kind.
    pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
            hint: None,
        }
    }

    /// Returns the same problem with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, error) = match self.kind {
            Kind::BadRequest => (StatusCode::BAD_REQUEST, "bad_request"),
            Kind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Kind::Conflict => (StatusCode::CONFLICT, "conflict"),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let failure = Failure {
            error: error.to_owned(),
            message: self.message,
            hint: self.hint,
        };
        (status, Json(failure)).into_response()
    }
}
