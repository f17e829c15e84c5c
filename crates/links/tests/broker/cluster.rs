//! Three servers that share one bucket, and a host on each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_nats::ServerAddr;
use tokio::task::JoinSet;
use wrpc_middleware_links::bucket::CreateOptions;
use wrpc_middleware_links::{Bucket, LiveLinks};
use wrpc_middleware_nats::{Client, ConnectOptions, Options, connect};
use wrpc_middleware_transport::RpcErrorKind;

use crate::support::links::{becomes, bucket, put, remove, watch};
use crate::support::peers::{Target, call, caller};
use wrpc_middleware_testing::cluster::Cluster;
use wrpc_middleware_testing::wait::{guard, until};

/// The servers, this one first.
fn servers(cluster: &Cluster, first: usize) -> Vec<ServerAddr> {
    let urls = cluster.urls_from(first).into_iter();
    urls.map(|url| url.parse().unwrap()).collect()
}

/// A component that is connected to one of them, and finds the others when that is gone.
async fn component(cluster: &Cluster, first: usize, id: &str) -> Client {
    let servers = servers(cluster, first);
    let options = ConnectOptions::new(servers.as_slice())
        .client(Options::new().id(id).prefix("default"))
        .nats(async_nats::ConnectOptions::retain_servers_order);
    let client = guard("a client", connect(options)).await.unwrap();
    let port = client.nats().server_info().port;
    assert_eq!(port, cluster.server(first).port());
    client
}

/// A bucket on all of them.
async fn bucket_of(cluster: &Cluster) -> Bucket {
    let options = async_nats::ConnectOptions::new().retain_servers_order();
    let nats = options.connect(servers(cluster, 1)).await.unwrap();
    let bucket = bucket(nats);
    until("the cluster to have a leader", async || {
        let options = CreateOptions::new().replicas(3);
        bucket.create(&options).await.is_ok()
    })
    .await;
    bucket
}

/// Puts or removes as soon as the bucket has a leader.
async fn insist(what: &str, mut change: impl AsyncFnMut() -> bool) {
    until(what, async || change().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_the_hosts_of_all_servers_and_the_loss_of_one_loses_none() {
    let mut cluster = Cluster::start(3).await;
    let bucket = bucket_of(&cluster).await;
    let target = component(&cluster, 2, "target").await;
    let _target = Target::start(&target).await;
    let mut hosts: Vec<(Client, LiveLinks)> = Vec::new();
    for first in 0..3 {
        let client = component(&cluster, first, "client").await;
        let own = Bucket::new(client.nats().clone(), bucket.name().clone());
        hosts.push((client, watch(&own)));
    }
    for _ in 0..5 {
        put(&bucket, "client", "target").await;
        for (_, links) in &hosts {
            becomes(links, "client", Some("target")).await;
        }
        remove(&bucket, "client").await;
        for (_, links) in &hosts {
            becomes(links, "client", None).await;
        }
    }
    put(&bucket, "client", "target").await;

    // Load on all of them.
    let over = Arc::new(AtomicBool::new(false));
    let answered: Vec<_> = hosts
        .iter()
        .map(|_| Arc::<AtomicUsize>::default())
        .collect();
    let mut callers = JoinSet::new();
    for ((client, links), answered) in hosts.iter().zip(&answered) {
        becomes(links, "client", Some("target")).await;
        let stack = caller(client, "client", links.clone());
        let (over, answered) = (Arc::clone(&over), Arc::clone(answered));
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                match call(&stack, "echo", b"x".to_vec()).await {
                    Ok(answer) => {
                        assert_eq!(answer, b"x");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    // Its connection was lost, or the way to the target is not known yet.
                    Err(error) => {
                        let kind = error.kind();
                        let lost = [RpcErrorKind::Transport, RpcErrorKind::TargetUnavailable];
                        assert!(lost.contains(&kind), "{error}");
                        tokio::task::yield_now().await;
                    }
                }
            }
        });
    }
    let go_on = async |what: &str| {
        let before: Vec<_> = answered.iter().map(|n| n.load(Ordering::Relaxed)).collect();
        until(what, async || {
            let mut pairs = answered.iter().zip(&before);
            pairs.all(|(now, before)| now.load(Ordering::Relaxed) > before + 100)
        })
        .await;
    };
    go_on("calls on all hosts").await;
    cluster.server_mut(0).kill();
    go_on("calls on all hosts without a server").await;
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = guard("the callers", callers.join_next()).await {
        ended.unwrap();
    }
    // Two of three are enough for changes, too.
    let gone = crate::support::links::entry("client", "target");
    insist("a removal", async || {
        let removed = bucket.remove(&gone.source, &gone.name, &gone.interface);
        removed.await.is_ok()
    })
    .await;
    for (_, links) in &hosts {
        becomes(links, "client", None).await;
    }
    insist("a put", async || bucket.put(&gone).await.is_ok()).await;
    for (_, links) in &hosts {
        becomes(links, "client", Some("target")).await;
        assert!(links.status().failure.is_none());
    }
}
