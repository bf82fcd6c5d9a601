//! Counters and histograms of the requests.
//!
//! A request touches atomics that were looked up once, never a map: the series of each route,
//! method and status is resolved when it first occurs.

use super::collector::Collected;
use super::labels::{MethodLabel, RouteLabel};
use super::refusals::Refusals;
use super::uploads::OpenUploads;
use crate::error::ApiError;
use actix_web::http::header::HeaderMap;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry as MetricsRegistry, Unit};
use roadstead_registry::Registry;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

/// The statuses that answers have; any other goes the slow way.
const STATUSES: [u16; 22] = [
    200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 408, 413, 414, 415, 416, 429, 431, 499,
    500, 503, 507,
];

/// Upper bounds of the histogram's buckets, in seconds: from a cached HEAD to an hour's upload.
const BUCKETS: [f64; 18] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    15.0, 60.0, 300.0, 3600.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

type Series = [[[OnceLock<Counter>; STATUSES.len()]; MethodLabel::COUNT]; RouteLabel::ALL.len()];

/// The metrics of the registry's own listener. One for the process, shared by all workers.
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    series: Box<Series>,
    durations: [Histogram; RouteLabel::ALL.len()],
    received: Counter,
    sent: Counter,
    open_requests: Gauge,
    receiving: Gauge,
    refusals: Refusals,
}

impl fmt::Debug for HttpMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpMetrics")
            .finish_non_exhaustive()
    }
}

impl HttpMetrics {
    /// Makes the metrics and names them in `registry`:
    /// `http_requests` by route, method and status (499: the client left before the answer),
    /// `http_request_duration_seconds` by route, from the head of the request to the last byte of
    /// the answer, `http_received_bytes`, `http_sent_bytes` (bodies only), `http_open_requests`,
    /// `http_receiving_blobs`, the blob uploads that take bytes right now, `tokens_issued`, `denials`
    /// by reason, `open_uploads`, the upload sessions of `source`, and what its collector did, `gc_…`.
    #[must_use]
    pub fn register(registry: &mut MetricsRegistry, source: &Registry) -> Self {
        registry.register_collector(Box::new(OpenUploads::new(source.clone())));
        registry.register_collector(Box::new(Collected::new(source.clone())));
        Self::of_requests(registry)
    }

    fn of_requests(registry: &mut MetricsRegistry) -> Self {
        let requests = Family::<RequestLabels, Counter>::default();
        registry.register("http_requests", "Requests that ended", requests.clone());

        let by_route =
            Family::<RouteLabels, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the last byte of its answer",
            Unit::Seconds,
            by_route.clone(),
        );
        let durations = RouteLabel::ALL.map(|route| {
            by_route.get_or_create_owned(&RouteLabels {
                route: route.as_str(),
            })
        });

        let received = Counter::default();
        registry.register_with_unit(
            "http_received",
            "Bytes of request bodies",
            Unit::Bytes,
            received.clone(),
        );
        let sent = Counter::default();
        registry.register_with_unit(
            "http_sent",
            "Bytes of answers' bodies",
            Unit::Bytes,
            sent.clone(),
        );
        let open_requests = Gauge::default();
        registry.register(
            "http_open_requests",
            "Requests without their whole answer yet",
            open_requests.clone(),
        );
        let receiving = Gauge::default();
        registry.register(
            "http_receiving_blobs",
            "Blob uploads that take bytes right now",
            receiving.clone(),
        );

        let series = Box::new(std::array::from_fn(|_| {
            std::array::from_fn(|_| std::array::from_fn(|_| OnceLock::new()))
        }));
        Self {
            requests,
            series,
            durations,
            received,
            sent,
            open_requests,
            receiving,
            refusals: Refusals::register(registry),
        }
    }

    pub(crate) fn request_began(&self) {
        self.open_requests.inc();
    }

    pub(crate) fn request_ended(
        &self,
        route: RouteLabel,
        method: MethodLabel,
        status: u16,
        duration: Duration,
    ) {
        self.open_requests.dec();
        self.durations[route.index()].observe(duration.as_secs_f64());
        let labels = || RequestLabels {
            route: route.as_str(),
            method: method.as_str(),
            status,
        };
        match STATUSES.iter().position(|&known| known == status) {
            Some(index) => {
                let counter = &self.series[route.index()][method.index()][index];
                counter
                    .get_or_init(|| self.requests.get_or_create_owned(&labels()))
                    .inc();
            }
            None => {
                self.requests.get_or_create(&labels()).inc();
            }
        }
    }

    /// Counts a token that was made.
    pub(crate) fn token_issued(&self) {
        self.refusals.token_issued();
    }

    /// Counts an error, if it is one of who may do what.
    pub(crate) fn refused(&self, error: &ApiError, headers: &HeaderMap) {
        self.refusals.refused(error, headers);
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.received.inc_by(bytes);
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.sent.inc_by(bytes);
    }

    /// Counts a blob upload as receiving for as long as the guard lives.
    pub(crate) fn receiving(&self) -> Receiving<'_> {
        self.receiving.inc();
        Receiving(&self.receiving)
    }
}

/// A blob upload that takes bytes.
pub(crate) struct Receiving<'a>(&'a Gauge);

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    fn text(registry: &MetricsRegistry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    }

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let mut registry = MetricsRegistry::default();
        let metrics = HttpMetrics::of_requests(&mut registry);
        for status in [200, 200, 418] {
            metrics.request_began();
            metrics.request_ended(
                RouteLabel::Blob,
                MethodLabel::Get,
                status,
                Duration::from_millis(3),
            );
        }
        metrics.sent(7);

        let text = text(&registry);

        assert!(
            text.contains("http_requests_total{route=\"blob\",method=\"GET\",status=\"200\"} 2"),
            "{text}"
        );
        assert!(
            text.contains("http_requests_total{route=\"blob\",method=\"GET\",status=\"418\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("http_request_duration_seconds_count{route=\"blob\"} 3"),
            "{text}"
        );
        assert!(text.contains("http_sent_bytes_total 7"), "{text}");
        assert!(text.contains("http_open_requests 0"), "{text}");
    }

    #[test]
    fn an_upload_counts_while_it_receives() {
        let mut registry = MetricsRegistry::default();
        let metrics = HttpMetrics::of_requests(&mut registry);

        let receiving = metrics.receiving();
        assert!(text(&registry).contains("http_receiving_blobs 1"));
        drop(receiving);
        assert!(text(&registry).contains("http_receiving_blobs 0"));
    }
}
