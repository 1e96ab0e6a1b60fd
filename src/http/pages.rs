//! Which path is answered with what. Other methods than GET and HEAD are 405, other paths 404 (RFC 9110 §15.5.5, §15.5.6).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{metrics, text};
use crate::bridge::Admission;
use crate::run::board::{Ailment, Board};

/// All pages of a bridge.
pub(super) fn router(board: Arc<Board>) -> Router {
    Router::new().route("/metrics", get(figures)).route("/healthz", get(health)).route("/readyz", get(readiness)).with_state(board)
}

async fn figures(State(board): State<Arc<Board>>) -> Response {
    match metrics::page(board) {
        Ok(page) => ([(CONTENT_TYPE, text::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], page).into_response(),
        // Writing into memory does not fail.
        Err(std::fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether the process does what it is there for; a process manager starts it anew when not.
async fn health(State(board): State<Arc<Board>>) -> Response {
    match board.ailment() {
        None => line(true, "alive"),
        Some(Ailment::Dead(worker)) => line(false, &format!("media worker {worker} has died")),
        Some(Ailment::Unwoken(worker)) => line(false, &format!("media worker {worker} has legs and has not woken for seconds")),
        Some(Ailment::Unturned) => line(false, "the control task has not turned for seconds"),
    }
}

/// Whether a new call would be let in; whoever spreads calls over several bridges passes this one over when not.
async fn readiness(State(board): State<Arc<Board>>) -> Response {
    match board.admission() {
        Admission::Open => line(true, "ready"),
        Admission::Full => line(false, "full: as many calls as there may be"),
        Admission::Overloaded => line(false, "overloaded: every media worker is near its budget"),
        Admission::Stopping => line(false, "stopping"),
    }
}

fn line(well: bool, text: &str) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, headers, format!("{text}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::ControlFigures;
    use crate::run::board::WorkerDesk;

    async fn said(answer: Response) -> (u16, String) {
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn it_is_ready_when_a_new_call_would_be_let_in_and_says_why_when_not() {
        let board = Board::new(1, Arc::default());
        for (admission, status, begin) in [
            (Admission::Open, 200, "ready"),
            (Admission::Full, 503, "full"),
            (Admission::Overloaded, 503, "overloaded"),
            (Admission::Stopping, 503, "stopping"),
        ] {
            board.turn(&ControlFigures { admission, ..ControlFigures::NONE });
            let (found, text) = said(readiness(State(board.clone())).await).await;
            assert_eq!(found, status);
            assert!(text.starts_with(begin) && text.ends_with('\n'), "{text}");
        }
    }

    #[tokio::test]
    async fn a_dead_worker_is_named() {
        let board = Board::new(2, Arc::default());
        assert_eq!(said(health(State(board.clone())).await).await, (200, "alive\n".to_owned()));
        drop(WorkerDesk::new(board.clone(), 1));
        assert_eq!(said(health(State(board)).await).await, (503, "media worker 1 has died\n".to_owned()));
    }
}
