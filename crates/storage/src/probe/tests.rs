//! The probe on a store that holds the contract and on stores that do not.

use super::{Ability, Serving, Verdict, probe};
use crate::clock::{Clock, MachineClock};
use crate::decorators::fault::{Fault, FaultPlan, FaultyData, FaultyRecords};
use crate::drivers::memory::{MemoryData, MemoryRecords};
use crate::{
    Condition, Entry, Kind, Operation, Outcome, Page, Read, RecordStore, Result, Timestamp,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

fn clock() -> Arc<dyn Clock> {
    Arc::new(MachineClock::new())
}

#[tokio::test]
async fn a_store_that_holds_the_contract_is_complete_and_left_clean() {
    let (records, data) = (MemoryRecords::new(clock()), MemoryData::new(clock()));
    let found = probe(&records, &data).await;
    assert!(found.is_complete(), "\n{found}");
    assert_eq!(found.serving(), Some(Serving::Many));
    assert_eq!(records.list("", None, 10).await.unwrap(), Page::default());

    let table = found.to_string();
    assert_eq!(table.lines().count(), found.trials().len());
    let column = |line: &str| line.find("  ").is_some_and(|at| at == 2) && line.starts_with("ok");
    assert!(table.lines().all(column), "\n{table}");
    assert!(table.contains("put 8 times at once where nothing may be there  1 of 8 applied"));
}

/// A store that ignores what this says it ignores.
struct Careless {
    inner: MemoryRecords,
    ignores: Ability,
}

#[async_trait]
impl RecordStore for Careless {
    async fn get(&self, key: &str) -> Result<Read> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Outcome> {
        let ignored = self.ignores == Ability::ConditionalPut;
        self.inner
            .put(key, bytes, if ignored { Condition::Any } else { condition })
            .await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<Outcome> {
        if self.ignores == Ability::ConditionalDelete {
            // As some servers do: they answer a refusal and delete all the same.
            let _ = self.inner.delete(key, Condition::Any).await?;
            return Ok(Outcome::Conflict);
        }
        self.inner.delete(key, condition).await
    }

    async fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        if self.ignores != Ability::OrderedList {
            return self.inner.list(prefix, start_after, limit).await;
        }
        let mut entries = self.inner.list(prefix, None, 1000).await?.entries;
        entries.sort_by_key(|entry: &Entry| entry.key.to_lowercase());
        Ok(Page {
            entries,
            more: false,
        })
    }

    async fn now(&self) -> Result<Timestamp> {
        self.inner.now().await
    }
}

#[tokio::test]
async fn each_carelessness_is_found_and_no_other() {
    let all = [
        Ability::ReadWrite,
        Ability::ConditionalPut,
        Ability::ConditionalDelete,
        Ability::OrderedList,
        Ability::Data,
    ];
    for ignores in [
        Ability::ConditionalPut,
        Ability::ConditionalDelete,
        Ability::OrderedList,
    ] {
        let records = Careless {
            inner: MemoryRecords::new(clock()),
            ignores,
        };
        let found = probe(&records, &MemoryData::new(clock())).await;
        assert!(!found.is_complete());
        for ability in all {
            assert_eq!(
                found.has(ability),
                ability != ignores,
                "{ability:?}\n{found}"
            );
        }
        assert!(found.to_string().contains("FAIL"));
        match found.serving().unwrap() {
            Serving::Alone(trial) => assert_eq!(trial.ability, ignores),
            Serving::Refused(trial) => {
                assert_eq!(trial.ability, Ability::OrderedList);
                assert_eq!(ignores, Ability::OrderedList);
            }
            Serving::Many => panic!("{ignores:?} was not found"),
        }
    }
}

#[tokio::test]
async fn an_error_or_a_lost_answer_is_not_taken_for_a_store_without_conditions() {
    for skip in 0..30 {
        for fault in [
            Fault::Fail(Kind::Unavailable),
            Fault::UnknownApplied,
            Fault::UnknownUnapplied,
        ] {
            let plan = FaultPlan::new();
            plan.nth_on(Operation::Put, "", skip, fault.clone());
            let records = FaultyRecords::new(MemoryRecords::new(clock()), plan);
            let found = probe(&records, &MemoryData::new(clock())).await;
            let serving = found.serving().unwrap();
            assert!(
                !matches!(serving, Serving::Alone(_)),
                "put {skip}, {fault:?}\n{found}"
            );
        }
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_reported_and_not_a_panic() {
    let plan = FaultPlan::new();
    for operation in [Operation::Get, Operation::Put, Operation::Begin] {
        plan.always(operation, Fault::Fail(Kind::Unavailable));
    }
    let records = FaultyRecords::new(MemoryRecords::new(clock()), Arc::clone(&plan));
    let data = FaultyData::new(MemoryData::new(clock()), plan);
    let found = probe(&records, &data).await;
    assert!(
        found
            .trials()
            .iter()
            .all(|trial| trial.verdict == Verdict::Unclear),
        "\n{found}"
    );
    assert!(found.to_string().contains("a fault that was asked for"));
    assert!(matches!(found.serving(), Some(Serving::Refused(_))));
}

#[tokio::test]
async fn data_that_comes_back_otherwise_is_found() {
    let plan = FaultPlan::new();
    plan.once(Operation::Read, Fault::SpoilByte(5));
    let data = FaultyData::new(MemoryData::new(clock()), plan);
    let found = probe(&MemoryRecords::new(clock()), &data).await;
    assert!(!found.has(Ability::Data), "\n{found}");
    assert!(found.to_string().contains("other bytes"));
}
