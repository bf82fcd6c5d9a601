//! The second listener, for operators and their machines: health and metrics.

use crate::server::Bound;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use prometheus_client::encoding::text;
use roadstead_registry::Registry;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tracing::warn;

/// How long the storage may take to answer before the registry counts as not ready.
const READY_TIMEOUT: Duration = Duration::from_secs(5);
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the admin listener tells about.
#[derive(Clone)]
pub struct AdminState {
    /// Asked whether its storage answers.
    pub registry: Registry,
    /// Every metric of the process.
    pub metrics: Arc<prometheus_client::registry::Registry>,
}

impl std::fmt::Debug for AdminState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AdminState")
    }
}

/// Makes the admin server of a listener: `/healthz`, `/readyz` and `/metrics`, for anybody who
/// reaches it. Nothing is served before it runs, which needs a Tokio runtime.
///
/// # Errors
/// What the system says of the listener.
pub fn bind_admin(listener: TcpListener, state: AdminState) -> io::Result<Bound> {
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(state.clone()))
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
            .route("/metrics", web::get().to(metrics))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    Ok(Bound::new(address, server))
}

/// Answers as long as the process does.
async fn healthz() -> HttpResponse {
    text_answer(StatusCode::OK, "ok\n")
}

/// Answers 200 while the storage does.
async fn readyz(state: Data<AdminState>) -> HttpResponse {
    match timeout(READY_TIMEOUT, state.registry.check()).await {
        Ok(Ok(())) => text_answer(StatusCode::OK, "ready\n"),
        Ok(Err(error)) => {
            warn!(%error, "storage does not answer, so the registry is not ready");
            text_answer(StatusCode::SERVICE_UNAVAILABLE, "storage does not answer\n")
        }
        Err(_) => {
            warn!("storage does not answer in time, so the registry is not ready");
            text_answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "storage does not answer in time\n",
            )
        }
    }
}

/// Writes all metrics as `OpenMetrics` text, which Prometheus reads.
async fn metrics(state: Data<AdminState>) -> HttpResponse {
    let mut body = String::new();
    match text::encode(&mut body, &state.metrics) {
        Ok(()) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, OPEN_METRICS))
            .body(body),
        Err(error) => {
            warn!(%error, "failed to write the metrics");
            text_answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                "metrics cannot be written\n",
            )
        }
    }
}

fn text_answer(status: StatusCode, text: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(ContentType::plaintext())
        .body(text)
}
