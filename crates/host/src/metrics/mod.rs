//! `--metrics`: what is measured, and where it can be scraped.

mod endpoint;

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use metrics::{Gauge, Key, Label, Level, Metadata, Recorder as _, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio_util::task::AbortOnDropHandle;
use wrpc_middleware::links::LiveLinks;
use wrpc_middleware::nats::Client;
use wrpc_middleware::telemetry::metrics::client::ClientMetrics;
use wrpc_middleware::telemetry::metrics::served::ServerMetrics;
use wrpc_middleware::telemetry::metrics::{ConnectionMetrics, DURATION_BUCKETS, MetricsOptions};

use crate::cli::ComponentArgs;
use crate::error::Error;
use crate::links::HostLinks;
use crate::listen::Listener;
use crate::serve::say;

/// How old the proof is that the links of the bucket are these, in seconds, as a gauge; `+Inf`
/// before the first one.
pub const LINKS_AGE: &str = "wrpc_links_age_seconds";
/// The program, as a gauge that is always 1: `id`, `lattice`, `version`.
pub const HOST_INFO: &str = "wrpc_host_info";

/// How often what nobody scrapes is put together: what was measured is kept until then.
const UPKEEP: Duration = Duration::from_secs(5);

/// What is measured by a host, until it is dropped.
#[derive(Debug)]
pub struct Telemetry {
    client: ClientMetrics,
    server: ServerMetrics,
    options: MetricsOptions,
    exported: Option<Exported>,
    tasks: Vec<AbortOnDropHandle<()>>,
}

/// What can be scraped.
#[derive(Clone)]
struct Exported {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    /// The links of a bucket, and their age.
    links: Arc<OnceLock<(LiveLinks, Gauge)>>,
}

impl Telemetry {
    /// Measures nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::new(MetricsOptions::new().off(), None)
    }

    /// Measures, and serves what it measures where the arguments say so.
    ///
    /// # Errors
    ///
    /// The address can't be listened at.
    pub async fn start(args: &ComponentArgs) -> Result<Self, Error> {
        let Some(address) = args.metrics else {
            return Ok(Self::off());
        };
        let listener = Listener::bind(address, "--metrics").await?;
        let buckets = PrometheusBuilder::new().set_buckets(&DURATION_BUCKETS);
        let recorder = buckets.map_err(Error::Recorder)?.build_recorder();
        let exported = Exported {
            handle: recorder.handle(),
            recorder: Arc::new(recorder),
            links: Arc::default(),
        };
        let labels = vec![
            Label::new("id", args.id.as_str().to_owned()),
            Label::new("lattice", args.lattice.as_str().to_owned()),
            Label::new("version", env!("CARGO_PKG_VERSION")),
        ];
        gauge(&exported.recorder, HOST_INFO, "The program", labels).set(1.0);
        let options = MetricsOptions::new().recorder(Arc::clone(&exported.recorder));
        let mut this = Self::new(options, Some(exported.clone()));
        say(&format!("metrics at http://{}/metrics", listener.address()));
        let upkeep = exported.handle.clone();
        this.spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP);
            loop {
                ticks.tick().await;
                upkeep.run_upkeep();
            }
        });
        this.spawn(endpoint::serve(listener, move || exported.render()));
        Ok(this)
    }

    fn new(options: MetricsOptions, exported: Option<Exported>) -> Self {
        Self {
            client: ClientMetrics::new(options.clone()),
            server: ServerMetrics::new(options.clone()),
            options,
            exported,
            tasks: Vec::new(),
        }
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(AbortOnDropHandle::new(tokio::spawn(task)));
    }

    /// Measures the connection of `client`, and the age of `links`, from now on.
    pub fn follow(&mut self, client: &Client, links: &HostLinks) {
        let Some(exported) = &self.exported else {
            return;
        };
        if let HostLinks::Live(links) = links {
            let text = "How long ago the links were last seen to be those of the bucket";
            let age = gauge(&exported.recorder, LINKS_AGE, text, Vec::new());
            // A host has one table.
            let _ = exported.links.set((links.clone(), age));
        }
        let connection = ConnectionMetrics::new(&self.options);
        self.spawn(connection.follow(client.connection_state()));
    }

    /// What is measured of the calls that components make.
    #[must_use]
    pub fn client(&self) -> &ClientMetrics {
        &self.client
    }

    /// What is measured of the calls that components serve.
    #[must_use]
    pub fn server(&self) -> &ServerMetrics {
        &self.server
    }
}

impl Exported {
    /// What there is now, as Prometheus takes it.
    fn render(&self) -> String {
        if let Some((links, gauge)) = self.links.get() {
            gauge.set(links.age().map_or(f64::INFINITY, |age| age.as_secs_f64()));
        }
        self.handle.render()
    }
}

impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exported")
    }
}

fn gauge(
    recorder: &PrometheusRecorder,
    name: &'static str,
    text: &'static str,
    labels: Vec<Label>,
) -> Gauge {
    static METADATA: Metadata<'static> =
        Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
    recorder.describe_gauge(name.into(), Some(Unit::Count), text.into());
    recorder.register_gauge(&Key::from_parts(name, labels), &METADATA)
}
