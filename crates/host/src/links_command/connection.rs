//! Where the links of a command are.

use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Event, ServerError};
use wrpc_middleware::links::bucket::Contents;
use wrpc_middleware::links::{Bucket, BucketError, BucketName};
use wrpc_middleware::nats::{Client, Options};

use super::LinksCommandError;
use crate::cli::PlaceArgs;
use crate::error::Error;
use crate::links::{Links, LinksArg};

/// A bucket over a connection.
pub(super) struct Connected {
    pub(super) bucket: Bucket,
    /// What the server has refused last.
    violation: Arc<Mutex<Option<String>>>,
    _client: Client,
}

impl PlaceArgs {
    /// The bucket, if it is one.
    pub(super) fn bucket(&self) -> Option<&BucketName> {
        match &self.links {
            LinksArg::Bucket(name) => Some(name),
            LinksArg::File(_) => None,
        }
    }

    /// Connects to the bucket that `command` needs.
    pub(super) async fn connect(&self, command: &'static str) -> Result<Connected, Error> {
        let name = self
            .bucket()
            .ok_or(LinksCommandError::NeedsBucket(command))?;
        let violation = Arc::<Mutex<Option<String>>>::default();
        let noted = Arc::clone(&violation);
        let note = move |event: &Event| {
            if let Event::ServerError(ServerError::Other(text)) = event {
                *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
            }
        };
        let options = Options::new().keepalive(None);
        let connected = self.nats.connect_noting("wrpc-host links", options, note);
        let client = connected.await?;
        Ok(Connected {
            bucket: Bucket::new(client.nats().clone(), name.clone()),
            violation,
            _client: client,
        })
    }

    /// All links, from wherever they are.
    pub(super) async fn read(&self, command: &'static str) -> Result<Links, Error> {
        if let LinksArg::File(path) = &self.links {
            return Ok(Links::read(path)?);
        }
        let connected = self.connect(command).await?;
        let read = connected.bucket.read().await;
        let Contents {
            links, malformed, ..
        } = read.map_err(|error| connected.explain(error))?;
        for bad in malformed {
            tracing::warn!("malformed entry, which permits nothing: {bad}");
        }
        Ok(links)
    }
}

impl Connected {
    /// What the server said in the meantime explains why it did not answer.
    pub(super) fn explain(&self, source: BucketError) -> LinksCommandError {
        let violation = self.violation.lock();
        let violation = violation.unwrap_or_else(PoisonError::into_inner).take();
        match (violation, source) {
            (Some(violation), source @ BucketError::NoAnswer(_)) => {
                LinksCommandError::NotPermitted { violation, source }
            }
            (_, source) => LinksCommandError::Bucket { source },
        }
    }
}
