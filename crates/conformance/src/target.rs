//! The kit's own target, over any [`Serve`].

use core::future::pending;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use wrpc_transport::{Index as _, Serve};

use crate::erased::{Incoming, Outgoing};
use crate::function::{Function, INSTANCE, STREAM, STREAMED};
use crate::value::{ErrorValue, Read, Value, encode, error_values, read};

/// The beginning of a value: `ok`, the length 1,048,576 as LEB128, and a byte.
const BEGUN: [u8; 5] = [0, 0x80, 0x80, 0x40, b'x'];

/// How often [`Function::Drip`] sends a byte.
const DRIP: Duration = Duration::from_millis(5);

/// What the functions of the target ran, in order.
type Runs = Vec<&'static str>;

/// Serves every function until it is dropped.
pub(crate) struct Target {
    serving: JoinSet<()>,
    runs: watch::Receiver<Runs>,
    released: watch::Sender<()>,
}

impl Target {
    pub(crate) async fn start<S: Serve>(server: &S) -> anyhow::Result<Self> {
        let (record, runs) = watch::channel(Runs::new());
        let record = Arc::new(record);
        let released = watch::Sender::new(());
        let mut serving = JoinSet::new();
        for function in Function::SERVED {
            let paths: Arc<[Box<[Option<usize>]>]> = function
                .param_streams()
                .iter()
                .map(|path| Box::from(path.as_slice()))
                .collect();
            let calls = server.serve(INSTANCE, function.name(), paths).await;
            let mut calls = Box::pin(calls.with_context(|| function.name())?);
            let (record, release) = (Arc::clone(&record), released.subscribe());
            serving.spawn(async move {
                let mut running = JoinSet::new();
                while let Some(call) = calls.next().await {
                    // A call that arrives broken ends here.
                    let Ok((_, outgoing, incoming)) = call else {
                        continue;
                    };
                    record.send_modify(|runs| runs.push(function.name()));
                    let call = (Outgoing::new(outgoing), Incoming::new(incoming));
                    let mut release = release.clone();
                    running.spawn(async move {
                        tokio::select! {
                            // A handler that fails drops its call, as any does.
                            _ = handle(function, call.0, call.1) => {}
                            _ = release.changed() => {}
                        }
                    });
                    while running.try_join_next().is_some() {}
                }
            });
        }
        Ok(Self {
            serving,
            runs,
            released,
        })
    }

    /// How often `function` was called.
    pub(crate) fn runs(&self, function: Function) -> usize {
        let runs = self.runs.borrow();
        runs.iter().filter(|name| **name == function.name()).count()
    }

    /// Serves nothing any more, and drops the calls that run.
    pub(crate) async fn stop(mut self) {
        self.serving.shutdown().await;
    }

    /// Drops the calls that run.
    pub(crate) fn release(&self) {
        self.released.send_replace(());
    }
}

async fn handle(
    function: Function,
    mut outgoing: Outgoing,
    mut incoming: Incoming,
) -> anyhow::Result<()> {
    let name = match read::<String>(&mut incoming).await {
        Read::Value(name) => name,
        Read::Failed(error) => return Err(error.into()),
        Read::Undecodable(error) => return Err(error),
        Read::Ended => bail!("no parameters"),
    };
    match function {
        Function::Echo | Function::EchoLarge => {
            outgoing.write_all(&encode::<Value>(Ok(name))?).await?;
            outgoing.shutdown().await?;
        }
        Function::Fail => {
            let value = error_value(&name).context("the name of an error")?;
            outgoing.write_all(&encode::<Value>(Err(value))?).await?;
            outgoing.shutdown().await?;
        }
        Function::Notify | Function::Finish => outgoing.shutdown().await?,
        Function::Relay => {
            let (mut there, mut back) = (incoming.index(&[STREAM])?, outgoing.index(&[STREAM])?);
            outgoing.write_all(&encode::<Value>(Ok(name))?).await?;
            outgoing.shutdown().await?;
            let mut bytes = vec![0; STREAMED];
            there.read_exact(&mut bytes).await?;
            back.write_all(&bytes).await?;
            back.shutdown().await?;
        }
        Function::Hold => pending().await,
        Function::Drip => {
            outgoing.write_all(&BEGUN).await?;
            loop {
                outgoing.flush().await?;
                sleep(DRIP).await;
                outgoing.write_all(b"x").await?;
            }
        }
        Function::Stall => {
            let mut back = outgoing.index(&[STREAM])?;
            outgoing.write_all(&encode::<Value>(Ok(name))?).await?;
            outgoing.shutdown().await?;
            back.write_all(b"x").await?;
            back.flush().await?;
            pending::<()>().await;
        }
        Function::Abandon => bail!("abandoned"),
        Function::AbandonMidway => {
            outgoing.write_all(&BEGUN).await?;
            outgoing.flush().await?;
            bail!("abandoned");
        }
        Function::Garbage => {
            outgoing.write_all(&[7; 16]).await?;
            outgoing.shutdown().await?;
        }
        Function::Truncate => {
            outgoing.write_all(&BEGUN).await?;
            outgoing.shutdown().await?;
        }
        Function::Unserved | Function::Invalid => {
            return Err(io::Error::from(io::ErrorKind::Unsupported).into());
        }
    }
    Ok(())
}

/// The `rpc-error` whose message is `name`.
fn error_value(name: &str) -> Option<ErrorValue> {
    error_values().find(|(_, _, message)| message == name)
}
