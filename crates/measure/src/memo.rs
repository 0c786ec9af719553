//! What several metrics compute alike, made once per input.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anomalyst_core::Result;

type Made = HashMap<(TypeId, String), Arc<dyn Any + Send + Sync>>;

/// Values by type and key.
#[derive(Debug, Default)]
pub(crate) struct Memo(Mutex<Made>);

impl Memo {
    /// The value of this type and key, made if it is not there yet. Nothing is locked while it is made.
    pub(crate) fn shared<T: Send + Sync + 'static>(
        &self,
        key: impl Into<String>,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let key = (TypeId::of::<T>(), key.into());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.and_then(|value| value.downcast::<T>().ok()) {
            return Ok(known);
        }
        let made = Arc::new(make()?);
        let kept: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(&made);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kept);
        Ok(made)
    }
}
