//! Bringing what is known of a bucket up to date.

use tokio::time::Instant;

use super::content::Content;
use super::reader::{Reader, StreamState};
use super::{BucketError, BucketName};

/// From how many missing messages on any replica is asked for them, many at a time. Fewer come from
/// the leader, one by one: it has them for certain.
const MANY: u64 = 8;

/// How often a bucket may turn out to be another one while it is read.
const ROUNDS: usize = 4;

/// Reads what is missing. Returns when the leader was asked for its state: `content` has all that
/// was there by then.
///
/// If this fails or is dropped, `content` may have a part of what is new, and its changes.
pub(super) async fn sync(
    bucket: &BucketName,
    reader: &mut Reader,
    content: &mut Option<Content>,
) -> Result<Instant, BucketError> {
    for _ in 0..ROUNDS {
        let asked = Instant::now();
        let state = reader.state().await?;
        let complete = match content {
            Some(known) if known.continues_as(&state) => {
                catch_up(reader, known, &state).await?;
                known.verify(&state)
            }
            _ => false,
        };
        if complete {
            return Ok(asked);
        }
        // What was known is of another bucket, or of what is not there any more: nothing of it
        // counts, not even where the new one has something malformed.
        let mut fresh = Content::new(&state);
        catch_up(reader, &mut fresh, &state).await?;
        let complete = fresh.verify(&state);
        *content = Some(fresh);
        if complete {
            return Ok(asked);
        }
    }
    Err(BucketError::Unsteady(bucket.clone()))
}

async fn catch_up(
    reader: &mut Reader,
    content: &mut Content,
    state: &StreamState,
) -> Result<(), BucketError> {
    let mut replicas = true;
    while let Some(missing) = state.last.checked_sub(content.applied())
        && missing > 0
    {
        let next = content.applied() + 1;
        if replicas && missing > MANY {
            let batch = reader.batch(next).await?;
            replicas = !batch.is_empty();
            for found in batch {
                content.apply(found);
            }
        } else if let Some(found) = reader.next(next).await? {
            content.apply(found);
        } else {
            content.skip_to(state.last);
        }
    }
    Ok(())
}
