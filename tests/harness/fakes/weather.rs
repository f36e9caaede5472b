//! What the cluster does to the agent's requests at the moment, whichever they are: webhooks, quotas, rights.

use std::time::Duration;

use muster_model::Reason;
use muster_model::effect::{Effect, Outcome};

/// Conditions that last until somebody ends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weather {
    /// An admission webhook refuses every new object.
    pub deny_create: bool,
    /// An admission webhook refuses every delete.
    pub deny_delete: bool,
    /// An admission webhook does not answer, and its `failurePolicy` is `Fail`.
    pub webhook_down: bool,
    /// An admission webhook takes this long.
    pub slow: Option<Duration>,
    /// A quota lets no new object in.
    pub quota: bool,
    /// The agent's rights were taken away.
    pub revoked: bool,
}

impl Weather {
    /// The answer to an effect that the weather does not let through. `exists`: the object is there.
    #[must_use]
    pub fn refusal(&self, effect: &Effect, exists: bool) -> Option<Outcome> {
        let creates = matches!(effect, Effect::Apply { .. }) && !exists;
        let deletes = matches!(effect, Effect::Delete { .. });
        let found = [
            (self.revoked, Reason::Forbidden, 403, "not allowed"),
            (
                self.webhook_down && !matches!(effect, Effect::Probe { .. }),
                Reason::WebhookFailed,
                500,
                "the webhook did not answer",
            ),
            (
                self.deny_create && creates || self.deny_delete && deletes,
                Reason::WebhookDenied,
                403,
                "the webhook says no",
            ),
            (
                self.quota && creates,
                Reason::QuotaExceeded,
                403,
                "the quota is exhausted",
            ),
        ];
        let (_, reason, code, message) = found.into_iter().find(|(refuses, ..)| *refuses)?;
        Some(Outcome::Failed {
            reason,
            code,
            message: message.to_owned(),
            retry_after: None,
        })
    }
}
