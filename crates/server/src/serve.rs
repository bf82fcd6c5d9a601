//! Puts the parts together to a running server, and takes them down again in order.

use crate::access::{self, Gate};
use crate::access_metrics;
use crate::administration::{administration, serve_socket};
use crate::audit;
use crate::banner::Banner;
use crate::listen::listen;
use crate::scrub_metrics;
use crate::storage_metrics::StorageMetrics;
use crate::stores::Stores;
use crate::telemetry::Form;
use crate::tls::Certificates;
use crate::wiring::{body_pace, redirect_policy, server_settings, trusted_proxies};
use anyhow::Context;
use prometheus_client::registry::Registry as MetricsRegistry;
use roadstead_api::administration::Administration;
use roadstead_api::{
    Access, AdminState, AppState, AuditLog, Bound, HttpMetrics, Stopper, Tls, bind, bind_admin,
};
use roadstead_config::Config;
use roadstead_registry::{Background, RandomIds, Registry};
use std::net::TcpListener;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Every metric's name begins with this.
const METRICS_PREFIX: &str = "roadstead";

/// Serves until `stop` is cancelled and the requests in flight have ended, or the time that the
/// configuration gives them. The addresses are taken first: they are the usual mistake, and taking
/// them changes nothing on the disk.
pub(crate) async fn run_server(
    config: &Config,
    form: Form,
    background: &Background,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let certificates = Certificates::open(config).await?;
    let public = listen(config.listen, "--listen")?;
    let admin = config.admin.listen;
    let admin = admin
        .map(|address| listen(address, "the setting admin.listen"))
        .transpose()?;
    let mut metrics = MetricsRegistry::with_prefix(METRICS_PREFIX);
    let observer = Arc::new(StorageMetrics::register(&mut metrics));
    let mut stores = Stores::open(config, Some(observer)).await?;
    tokio::select! {
        ready = stores.prepare() => ready?,
        () = stop.cancelled() => return stores.close().await,
    }
    let tls = certificates.as_ref().map(Certificates::tls);
    if let Some(certificates) = certificates {
        certificates.start_watching(background)?;
    }
    let sockets = Sockets { public, admin, tls };
    let served = tokio::select! {
        served = serve(config, form, background, sockets, metrics, &stores, stop) => served,
        // Requests in flight are given up: what they would write is refused already.
        reason = stores.lost() => return Err(reason),
    };
    served.and(stores.close().await)
}

/// The addresses that are taken already, and what secures the first.
struct Sockets {
    public: TcpListener,
    admin: Option<TcpListener>,
    tls: Option<Tls>,
}

/// Serves a store that is ready, until `stop`.
async fn serve(
    config: &Config,
    form: Form,
    background: &Background,
    sockets: Sockets,
    mut metrics: MetricsRegistry,
    stores: &Stores,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let registry = stores.registry(config, background);
    let passwords = access::passwords()?;
    scrub_metrics::register(&mut metrics, &registry);
    let gate = Gate::open(config, stores, &passwords).await?;
    let audit = audit::start(&config.audit, &stores.clock, &mut metrics, background)?;
    if let Some(authenticator) = &gate.authenticator {
        access_metrics::register(&mut metrics, authenticator, &passwords);
    }
    let administration = administration(config, stores, &registry, &gate, passwords, audit.clone());
    let rights = Rights {
        access: gate.access.clone(),
        audit,
        // Where nobody has a name, nobody administers over the network.
        administration: (!config.access.is_open()).then(|| Arc::clone(&administration)),
    };
    let listeners = Listeners::new(config, &registry, metrics, rights, sockets)?;
    registry.start_maintenance();
    registry.start_scrub();
    stores.start_maintenance(background);
    gate.start_maintenance(background);
    serve_socket(config, administration, background);
    let banner = Banner {
        listen: listeners.public.address(),
        admin: listeners.admin.as_ref().map(Bound::address),
        storage: &config.storage,
        is_open: config.access.is_open(),
        is_secure: config.tls.is_on(),
    };
    banner.show(form);
    listeners.run(stop).await?;
    let limit = config.timeouts.shutdown;
    let finished = tokio::time::timeout(limit.as_duration(), background.shutdown()).await;
    if finished.is_err() {
        tracing::warn!("work behind the requests did not end in {limit}");
    }
    Ok(())
}

/// Who may use the registry, and administer it.
struct Rights {
    access: Access,
    audit: AuditLog,
    administration: Option<Arc<Administration>>,
}

/// What answers on the two addresses.
struct Listeners {
    public: Bound,
    admin: Option<Bound>,
}

impl Listeners {
    fn new(
        config: &Config,
        registry: &Registry,
        mut metrics: MetricsRegistry,
        rights: Rights,
        Sockets { public, admin, tls }: Sockets,
    ) -> anyhow::Result<Self> {
        let state = AppState {
            registry: registry.clone(),
            access: rights.access,
            audit: rights.audit,
            administration: rights.administration,
            metrics: Arc::new(HttpMetrics::register(&mut metrics, registry)),
            ids: Arc::new(RandomIds),
            proxies: trusted_proxies(config),
            redirect: redirect_policy(config),
            pace: body_pace(config),
        };
        let public = bind(public, server_settings(config, tls), state)
            .context("cannot start the listener of the registry")?;
        let state = AdminState {
            registry: registry.clone(),
            metrics: Arc::new(metrics),
        };
        let admin = admin
            .map(|listener| bind_admin(listener, state))
            .transpose();
        Ok(Self {
            public,
            admin: admin.context("cannot start the admin listener")?,
        })
    }

    /// Serves until `stop`. The admin listener answers until the last request has ended.
    async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let public_stopper = self.public.stopper();
        let admin_stopper = self.admin.as_ref().map(Bound::stopper);
        let admin = async {
            match self.admin {
                Some(admin) => admin.run().await,
                None => Ok(()),
            }
        };
        let stopping = async {
            stop.cancelled().await;
            public_stopper.finish().await;
        };
        // A listener that ends by itself ends the other one, too.
        let public = async {
            let ended = self.public.run().await;
            stop.cancel();
            if let Some(admin) = &admin_stopper {
                Stopper::finish(admin).await;
            }
            ended
        };
        let (public, admin, ()) = tokio::join!(public, admin, stopping);
        public.context("the listener of the registry failed")?;
        admin.context("the admin listener failed")
    }
}
