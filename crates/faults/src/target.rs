//! The target: a process that serves, and records what it ran.

use core::num::NonZeroUsize;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::task::JoinSet;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_nats::serve::{Accepted, handler};
use wrpc_middleware_nats::{Incoming, Options, Outgoing};
use wrpc_middleware_testing::process::hear;
use wrpc_middleware_transport::Paths;
use wrpc_transport::Index as _;

use crate::connect;
use crate::speech::{Counts, Said, Told};
use crate::work::{self, Gates};

/// How the target behaves.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The servers, the first one preferred
    #[arg(long, value_delimiter = ',', required = true)]
    servers: Vec<String>,
    /// Where to record calls, a line for each that is run
    #[arg(long)]
    record: PathBuf,
    /// As many calls are run at a time
    #[arg(long)]
    max_running: Option<NonZeroUsize>,
    /// So many bytes of parameters are held for a call
    #[arg(long)]
    max_buffered: Option<usize>,
}

/// Serves until the harness ends.
///
/// # Errors
///
/// The servers can't be reached, or what is told is not understood.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let mut told = hear();
    let record = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&args.record)
        .context("can't open the record")?;
    let mut options = Options::new().id(work::TARGET);
    if let Some(calls) = args.max_running {
        options = options.max_running(calls);
    }
    if let Some(bytes) = args.max_buffered {
        options = options.max_buffered(usize::MAX, bytes);
    }
    let client = connect::own(&args.servers, options).await?;
    let work = Arc::new(Work {
        record,
        gates: Gates::default(),
    });
    let mut serving = JoinSet::new();
    for func in work::FUNCTIONS {
        let work = Arc::clone(&work);
        let service = handler(move |call: Accepted| {
            let work = Arc::clone(&work);
            async move { work.run(func, call).await }
        });
        let paths = match func {
            work::STREAM => work::stream_paths(),
            _ => Paths::default(),
        };
        let served = client.serve_service(work::INSTANCE, func, paths, service);
        serving.spawn(served.await?);
    }
    client.round_trip().await?;
    Said::Ready.say();
    while let Some(line) = told.recv().await {
        match Told::parse(&line).with_context(|| format!("told `{line}`"))? {
            Told::Go { func } => work.gates.open(func),
            Told::Count => {
                Said::Counted(Counts::of(client.calls(), client.buffered())).say();
            }
            Told::Call { .. } => anyhow::bail!("a target makes no calls"),
        }
    }
    Ok(())
}

/// What all calls share.
struct Work {
    record: File,
    gates: Gates,
}

impl Work {
    /// Runs a call as long as it is wanted.
    async fn run(&self, func: &str, (context, results, params): Accepted) -> Result<(), RpcError> {
        context.run(self.serve(func, results, params)).await?
    }

    async fn serve(&self, func: &str, results: Outgoing, params: Incoming) -> Result<(), RpcError> {
        let served = self.try_serve(func, results, params).await;
        served.map_err(RpcError::classify)
    }

    async fn try_serve(
        &self,
        func: &str,
        mut results: Outgoing,
        params: Incoming,
    ) -> anyhow::Result<()> {
        let mut items = match func {
            work::STREAM => Some((params.index(&[0])?, results.index(&[0])?)),
            _ => None,
        };
        let mut params = BufReader::new(params);
        let mut id = String::new();
        params.read_line(&mut id).await?;
        let id = id.trim_end();
        // In the file before anything is answered: a process that is killed loses nothing of it.
        (&self.record).write_all(format!("{id}\n").as_bytes())?;
        let mut rest = Vec::new();
        if matches!(func, work::HOLD | work::GIVE | work::STREAM) {
            params.read_to_end(&mut rest).await?;
        }
        Said::Begun { id: id.into() }.say();
        if let Some((arriving, leaving)) = items.take() {
            results.write_u8(0).await?;
            results.shutdown().await?;
            return self.exchange(id, arriving, leaving).await;
        }
        match func {
            work::GIVE => {
                results.write_all(&work::pattern(work::HALF)).await?;
                results.flush().await?;
                self.gates.pass(func).await;
                results.write_all(&work::pattern(work::HALF)).await?;
            }
            work::FLOOD => {
                self.gates.pass(func).await;
                results.write_all(&work::pattern(work::FLOOD_LEN)).await?;
            }
            work::HOLD | work::TAKE | work::SWALLOW | work::OCCUPY => self.gates.pass(func).await,
            _ => {}
        }
        params.read_to_end(&mut rest).await?;
        anyhow::ensure!(
            func != work::TAKE || rest == work::halves(),
            "the parameters are not what was sent"
        );
        results.write_all(work::answer(id).as_bytes()).await?;
        results.shutdown().await?;
        Ok(())
    }

    /// Answers the first item of a stream, and then its end.
    async fn exchange(
        &self,
        id: &str,
        mut arriving: Incoming,
        mut leaving: Outgoing,
    ) -> anyhow::Result<()> {
        let mut item = vec![0; work::HALF];
        arriving.read_exact(&mut item).await?;
        leaving.write_all(&item).await?;
        leaving.flush().await?;
        self.gates.pass(work::STREAM).await;
        item.clear();
        arriving.read_to_end(&mut item).await?;
        anyhow::ensure!(
            item == work::pattern(work::HALF),
            "the items are not what was sent"
        );
        leaving.write_all(work::answer(id).as_bytes()).await?;
        leaving.shutdown().await?;
        Ok(())
    }
}
