//! How a writer closes its upload: with the bytes that it has, or by finding that another closed it.

use super::finish::{FINISH, Identity};
use super::writer::Writer;
use crate::{Kind, Result, StorageError};

impl Writer {
    /// Makes the object appear; returns its length.
    pub(super) async fn finish(&mut self) -> Result<u64> {
        self.settle(FINISH).await?;
        if !self.has_grown
            && let Some(length) = self.was_finished().await?
        {
            return Ok(length);
        }
        match self.load(FINISH).await {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::NotFound => {
                return self.join_finished(error).await;
            }
            Err(error) => return Err(error),
        }
        let length = self.length();
        if self.state.upload.is_none() {
            let bytes = std::mem::take(&mut self.buffer).freeze();
            // Without bytes of its own it writes exactly what any other writer from here does.
            let tail = self.state.tail.as_ref().filter(|_| !self.has_grown);
            let own = || format!("{}-{:032x}", self.epoch, rand::random::<u128>());
            let writer = tail.map_or_else(own, |tail| tail.name.clone());
            self.requests(FINISH).put_object(bytes, &writer).await?;
        } else {
            self.finish_parts(length).await?;
        }
        self.replace_present_tail();
        self.delete_replaced_tails(FINISH);
        Ok(length)
    }

    /// Tells the length where all bytes lie under the key already: they were read back.
    async fn was_finished(&self) -> Result<Option<u64>> {
        if self.state.base.is_none() || self.state.upload.is_some() {
            return Ok(None);
        }
        let Some(identity) = Identity::of_state(&self.state) else {
            return Ok(None);
        };
        let is_there = self.requests(FINISH).was_finished(&identity).await?;
        Ok(is_there.then_some(identity.length))
    }

    async fn finish_parts(&mut self, length: u64) -> Result<()> {
        let kept = Identity::of_state(&self.state).filter(|_| !self.has_grown);
        let sent = async {
            if !self.buffer.is_empty() {
                self.send_part(FINISH).await?;
                self.settle(FINISH).await?;
            }
            self.requests(FINISH).complete(&self.state, length).await
        };
        match (sent.await, kept) {
            (Ok(_), _) => Ok(()),
            (Err(error), Some(kept)) if error.kind() == Kind::NotFound => {
                if self.requests(FINISH).was_finished(&kept).await? {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Joins a finish that another process made of the same bytes.
    async fn join_finished(&self, error: StorageError) -> Result<u64> {
        let kept = Identity::of_state(&self.state).filter(|_| !self.has_grown);
        match kept {
            Some(kept) if self.requests(FINISH).was_finished(&kept).await? => Ok(kept.length),
            _ => Err(error),
        }
    }
}
