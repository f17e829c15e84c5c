//! Changing a bucket.

use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::stream::StorageType;
use wrpc_middleware_transport::link::Interface;

use super::{Bucket, BucketError, MAX_VALUE};
use crate::{Entry, Id, Key};

/// How a bucket is made.
#[derive(Clone, Debug)]
#[must_use = "options do nothing by themselves"]
pub struct CreateOptions {
    replicas: usize,
    history: u8,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self {
            replicas: 1,
            history: 5,
        }
    }
}

impl CreateOptions {
    /// One replica, on disk, with the last five revisions of each link.
    pub fn new() -> Self {
        Self::default()
    }

    /// On how many servers of a cluster the bucket is kept: 1, 3 or 5. With three, one may fail.
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// How many revisions of each link NATS keeps, for `nats kv history`. At least one.
    pub fn history(mut self, revisions: u8) -> Self {
        self.history = revisions.max(1);
        self
    }
}

impl Bucket {
    /// Makes the bucket, if there is none. Says whether there was none.
    ///
    /// # Errors
    ///
    /// NATS has no JetStream, refuses the bucket, or has one of that name with other settings
    /// and may not be asked for it.
    pub async fn create(&self, options: &CreateOptions) -> Result<bool, BucketError> {
        match self.open().await {
            Ok(_) => return Ok(false),
            Err(BucketError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        let context = async_nats::jetstream::new(self.connection().clone());
        let config = kv::Config {
            bucket: self.name().to_string(),
            description: "Links of wRPC components: who may call what".to_owned(),
            history: options.history.into(),
            storage: StorageType::File,
            num_replicas: options.replicas,
            max_value_size: i32::try_from(MAX_VALUE).unwrap_or(i32::MAX),
            ..kv::Config::default()
        };
        let created = context.create_key_value(config).await;
        created
            .map(|_| true)
            .map_err(|error| BucketError::classify(self.name(), error))
    }

    /// Puts a link, in the place of one with the same source, name and interface. Returns its
    /// revision.
    ///
    /// # Errors
    ///
    /// The link is none, there is no such bucket, or NATS does not take it.
    pub async fn put(&self, entry: &Entry) -> Result<u64, BucketError> {
        let value = self.value(entry)?;
        let store = self.open().await?;
        let put = store.put(entry.key(), value).await;
        put.map_err(|error| BucketError::classify(self.name(), error))
    }

    /// Removes the link with this source, name and interface, whatever value it has. Says whether
    /// there was one.
    ///
    /// # Errors
    ///
    /// There is no such bucket, or NATS does not answer.
    pub async fn remove(
        &self,
        source: &Id,
        name: &str,
        interface: &Interface,
    ) -> Result<bool, BucketError> {
        let key = Key::new(source, name, interface);
        let failed = |error: async_nats::Error| BucketError::classify(self.name(), error);
        let store = self.open().await?;
        let found = store.entry(key.as_str()).await;
        let there = found
            .map_err(|error| failed(error.into()))?
            .is_some_and(|found| found.operation == kv::Operation::Put);
        if there {
            let removed = store.delete(&key).await;
            removed.map_err(|error| failed(error.into()))?;
        }
        Ok(there)
    }

    pub(super) async fn open(&self) -> Result<Store, BucketError> {
        let context = async_nats::jetstream::new(self.connection().clone());
        let store = context.get_key_value(self.name.as_str()).await;
        store.map_err(|error| BucketError::classify(&self.name, error))
    }

    pub(super) fn value(&self, entry: &Entry) -> Result<bytes::Bytes, BucketError> {
        entry.check()?;
        let json = serde_json::to_vec(entry).map_err(|source| BucketError::Other {
            bucket: self.name.clone(),
            source: source.into(),
        })?;
        Ok(json.into())
    }
}
